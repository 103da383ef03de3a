//! Feature gates of the Collector 0.161 that mean nothing here: those of its core, and of components that it shares
//! with this version.

/// How far the Collector is with a gate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    /// It may be switched on and off.
    Open,
    /// It is on.
    Stable,
    /// It is off.
    Deprecated,
}

/// Each of them, by id.
pub(super) const IDLE: &[(&str, Stage)] = &[
    ("confmap.enableMergeAppendOption", Stage::Open),
    (
        "connector.servicegraph.legacyLatencyMetricNames",
        Stage::Deprecated,
    ),
    (
        "connector.servicegraph.legacyLatencyUnitMs",
        Stage::Deprecated,
    ),
    ("connector.servicegraph.virtualNode", Stage::Stable),
    ("connector.spanmetrics.excludeResourceMetrics", Stage::Open),
    (
        "connector.spanmetrics.includeCollectorInstanceID",
        Stage::Open,
    ),
    ("connector.spanmetrics.legacyMetricNames", Stage::Open),
    (
        "connector.spanmetrics.useSecondAsDefaultMetricsUnit",
        Stage::Open,
    ),
    ("exporter.file.nativeCompression", Stage::Open),
    (
        "exporter.prometheus.DisableResourceToTelemetryConversion",
        Stage::Open,
    ),
    (
        "exporter.prometheusexporter.DisableAddMetricSuffixes",
        Stage::Open,
    ),
    (
        "exporter.prometheusremotewrite.DisableResourceToTelemetryConversion",
        Stage::Open,
    ),
    (
        "exporter.prometheusremotewritexporter.EnableMultipleWorkers",
        Stage::Open,
    ),
    (
        "exporter.prometheusremotewritexporter.enableSendingRW2",
        Stage::Open,
    ),
    (
        "exporter.prometheusremotewritexporter.removeTopLevelHTTPSettings",
        Stage::Open,
    ),
    (
        "exporter.prometheusremotewritexporter.RetryOn429",
        Stage::Open,
    ),
    ("extension.healthcheck.useComponentStatus", Stage::Open),
    ("filelog.allowFileDeletion", Stage::Open),
    ("filelog.allowHeaderMetadataParsing", Stage::Open),
    ("filelog.mtimeSortType", Stage::Open),
    ("filelog.protobufCheckpointEncoding", Stage::Open),
    ("filelog.requireExplicitTopN", Stage::Open),
    ("filelog.windows.caseInsensitive", Stage::Open),
    ("filter.filterlog.useOTTLBridge", Stage::Open),
    ("filter.filtermetric.useOTTLBridge", Stage::Open),
    ("filter.filterspan.useOTTLBridge", Stage::Open),
    (
        "internal.coreinternal.goldendataset.DontEmitV0DatabaseConventions",
        Stage::Open,
    ),
    (
        "internal.coreinternal.goldendataset.DontEmitV0FaaSConventions",
        Stage::Open,
    ),
    (
        "internal.coreinternal.goldendataset.DontEmitV0HTTPConventions",
        Stage::Open,
    ),
    (
        "internal.coreinternal.goldendataset.DontEmitV0MessagingConventions",
        Stage::Open,
    ),
    (
        "internal.coreinternal.goldendataset.DontEmitV0NetworkConventions",
        Stage::Open,
    ),
    (
        "internal.coreinternal.goldendataset.DontEmitV0RPCConventions",
        Stage::Open,
    ),
    (
        "internal.coreinternal.goldendataset.EmitV1DatabaseConventions",
        Stage::Open,
    ),
    (
        "internal.coreinternal.goldendataset.EmitV1FaaSConventions",
        Stage::Open,
    ),
    (
        "internal.coreinternal.goldendataset.EmitV1HTTPConventions",
        Stage::Open,
    ),
    (
        "internal.coreinternal.goldendataset.EmitV1MessagingConventions",
        Stage::Open,
    ),
    (
        "internal.coreinternal.goldendataset.EmitV1NetworkConventions",
        Stage::Open,
    ),
    (
        "internal.coreinternal.goldendataset.EmitV1RPCConventions",
        Stage::Open,
    ),
    ("logs.assignKeys", Stage::Open),
    ("logs.jsonParserArray", Stage::Open),
    ("ottl.contexts.enableOTelColContext", Stage::Stable),
    ("ottl.PanicDuplicateName", Stage::Stable),
    ("ottl.set.allowNil", Stage::Open),
    ("parser.uri.ecscompliant", Stage::Open),
    ("pdata.useProtoPooling", Stage::Open),
    ("pkg.exporterhelper.queueBatchEnabled", Stage::Open),
    (
        "pkg.translator.jaeger.DontEmitV0HttpConventions",
        Stage::Open,
    ),
    ("pkg.translator.jaeger.EmitV1HttpConventions", Stage::Open),
    (
        "pkg.translator.prometheus.PermissiveLabelSanitization",
        Stage::Open,
    ),
    (
        "pkg.translator.zipkin.DontEmitV0CloudResourceConventions",
        Stage::Open,
    ),
    (
        "pkg.translator.zipkin.DontEmitV0HttpConventions",
        Stage::Open,
    ),
    (
        "pkg.translator.zipkin.DontEmitV0NetworkConventions",
        Stage::Open,
    ),
    (
        "pkg.translator.zipkin.DontEmitV0ScopeConventions",
        Stage::Open,
    ),
    (
        "pkg.translator.zipkin.EmitV1CloudResourceConventions",
        Stage::Open,
    ),
    ("pkg.translator.zipkin.EmitV1HttpConventions", Stage::Open),
    (
        "pkg.translator.zipkin.EmitV1NetworkConventions",
        Stage::Open,
    ),
    ("pkg.translator.zipkin.EmitV1ScopeConventions", Stage::Open),
    ("processor.filter.defaultErrorModeIgnore", Stage::Stable),
    (
        "processor.k8sattributes.DontEmitV0K8sConventions",
        Stage::Open,
    ),
    ("processor.k8sattributes.EmitV1K8sConventions", Stage::Open),
    (
        "processor.k8sattributes.ShareProcessorBetweenPipelines",
        Stage::Open,
    ),
    (
        "processor.k8sattributes.telemetry.disableOldFormatMetrics",
        Stage::Open,
    ),
    (
        "processor.k8sattributes.telemetry.enableNewFormatMetrics",
        Stage::Open,
    ),
    (
        "processor.resourcedetection.consul.prefixMetaAttributes",
        Stage::Open,
    ),
    (
        "processor.resourcedetection.elasticbeanstalk.DontEmitV0DeploymentConventions",
        Stage::Open,
    ),
    (
        "processor.resourcedetection.elasticbeanstalk.EmitV1DeploymentConventions",
        Stage::Open,
    ),
    (
        "processor.tailsamplingprocessor.metricstatcountbytessampled",
        Stage::Open,
    ),
    (
        "processor.tailsamplingprocessor.metricstatcountspanssampled",
        Stage::Open,
    ),
    (
        "processor.tailsamplingprocessor.tailstorageextension",
        Stage::Open,
    ),
    ("processor.transform.defaultErrorModeIgnore", Stage::Stable),
    (
        "receiver.prometheusreceiver.EnableCreatedTimestampZeroIngestion",
        Stage::Open,
    ),
    (
        "receiver.prometheusreceiver.IgnoreScopeInfoMetric",
        Stage::Open,
    ),
    ("service.AllowNoPipelines", Stage::Open),
    ("service.partialReload", Stage::Open),
    ("service.partialReloadReceivers", Stage::Open),
    ("service.profilesSupport", Stage::Open),
    (
        "spanmetrics.statusCodeConvention.useOtelPrefix",
        Stage::Open,
    ),
    ("stanza.synchronousLogEmitter", Stage::Open),
    ("stanza.udp.useStableNetworkAttributes", Stage::Open),
    ("stanza.windows.eventDrivenScraping", Stage::Open),
    ("telemetry.newPipelineTelemetry", Stage::Open),
    ("transform.flatten.logs", Stage::Open),
];
