//! The types of components that this version has.

use super::old_forms::speak_otlp;
use super::{Component, Kind, Part, Role, Stability};
use crate::components::LoadBalancingExporter;
use crate::components::connectors::{
    CountConnector, ExceptionsConnector, RoutingConnector, ServiceGraphConnector,
    SpanMetricsConnector, SpanMetricsProcessor,
};
use crate::components::{
    AttributesProcessor, BasicAuth, Batch, BearerTokenAuth, DebugExporter, FileExporter,
    FileStorage, FilterProcessor, GroupByAttrs, GroupByTrace, HeadersSetter, HealthCheck,
    JaegerReceiver, KubernetesAttributes, LoggingExporter, LokiExporter, MemoryLimiter,
    MetricsTransform, OtlpGrpcExporter, OtlpHttpExporter, OtlpJsonFileReceiver, OtlpReceiver,
    Pprof, ProbabilisticSampler, PrometheusExporter, PrometheusReceiver,
    PrometheusRemoteWriteExporter, RedactionProcessor, ResourceDetection, ResourceProcessor,
    SpanProcessor, TransformProcessor, ZPages, ZipkinExporter, ZipkinReceiver,
};
use crate::node::Node;
use crate::report::Report;
use crate::setting::{Setting, Shape, settings};
use crate::settings::{Connector, Exporter, Extension, Processor, Receiver};
use crate::tail_sampling::{TailSamplingDocument, resolve};
use serde_json::Value as Json;
use tailweir_core::Signal;

const TRACES: &[Signal] = &[Signal::Traces];
const METRICS: &[Signal] = &[Signal::Metrics];
const LOGS: &[Signal] = &[Signal::Logs];
const TRACES_AND_LOGS: &[Signal] = &[Signal::Traces, Signal::Logs];
const ALL: &[Signal] = &Signal::ALL;

settings! {
    /// Has no options.
    pub(crate) struct NoOptions {}
}

const fn component(
    role: Role,
    name: &'static str,
    old_names: &'static [&'static str],
    signals: &'static [Signal],
    stability: Stability,
) -> Component {
    Component {
        role,
        name,
        old_names,
        signals,
        stability,
    }
}

fn read_as<T: Setting + Default>(
    node: &Node,
    report: &mut Report,
    part: impl FnOnce(T) -> Part,
) -> (Part, Json) {
    let mut settings = T::default();
    settings.read(node, report);
    let written = settings.write();
    (part(settings), written)
}

/// Each type, in order of the reference.
pub(crate) static PRESENT: &[Kind] = &[
    Kind {
        component: component(Role::Receiver, "otlp", &[], ALL, Stability::Stable),
        shape: OtlpReceiver::shape,
        read: |node, _, report| {
            read_as(node, report, |settings| {
                Part::Receiver(Receiver::Otlp(Box::new(settings)))
            })
        },
    },
    Kind {
        component: component(
            Role::Receiver,
            "otlp_json_file",
            &["otlpjsonfile"],
            ALL,
            Stability::Beta,
        ),
        shape: OtlpJsonFileReceiver::shape,
        read: |node, _, report| {
            read_as(node, report, |settings| {
                Part::Receiver(Receiver::Files(Box::new(settings)))
            })
        },
    },
    Kind {
        component: component(Role::Receiver, "zipkin", &[], TRACES, Stability::Beta),
        shape: ZipkinReceiver::shape,
        read: |node, _, report| {
            read_as(node, report, |settings| {
                Part::Receiver(Receiver::Zipkin(Box::new(settings)))
            })
        },
    },
    Kind {
        component: component(Role::Receiver, "jaeger", &[], TRACES, Stability::Beta),
        shape: JaegerReceiver::shape,
        read: |node, _, report| {
            read_as(node, report, |settings| {
                Part::Receiver(Receiver::Jaeger(Box::new(settings)))
            })
        },
    },
    Kind {
        component: component(Role::Receiver, "prometheus", &[], METRICS, Stability::Beta),
        shape: PrometheusReceiver::shape,
        read: |node, _, report| {
            read_as(node, report, |settings| {
                Part::Receiver(Receiver::Prometheus(Box::new(settings)))
            })
        },
    },
    Kind {
        component: component(Role::Receiver, "nop", &[], ALL, Stability::Stable),
        shape: NoOptions::shape,
        read: |node, _, report| read_as(node, report, |_: NoOptions| Part::Receiver(Receiver::Nop)),
    },
    Kind {
        component: component(
            Role::Processor,
            "tail_sampling",
            &[],
            TRACES_AND_LOGS,
            Stability::Stable,
        ),
        shape: TailSamplingDocument::shape,
        read: |node, overrides, report| {
            let mut document = TailSamplingDocument::default();
            document.read(node, report);
            if let Some(aware) = document.trace_aware {
                let written = serde_json::json!({"trace_aware": aware.write()});
                return (
                    Part::Processor(Processor::TraceAware(Box::new(aware))),
                    written,
                );
            }
            let settings = resolve(&document, node, overrides, report);
            document.compat = settings.compat;
            document.write_threshold = Some(settings.write_threshold);
            document.record_policy = Some(settings.record_policy);
            document.consistent_probability = settings.consistent_probability;
            let part = Part::Processor(Processor::TailSampling(Box::new(settings)));
            (part, document.write())
        },
    },
    Kind {
        component: component(Role::Processor, "batch", &[], ALL, Stability::Stable),
        shape: Batch::shape,
        read: |node, _, report| {
            read_as(node, report, |settings| {
                Part::Processor(Processor::Batch(settings))
            })
        },
    },
    Kind {
        component: component(
            Role::Processor,
            "memory_limiter",
            &[],
            ALL,
            Stability::Stable,
        ),
        shape: MemoryLimiter::shape,
        read: |node, _, report| {
            read_as(node, report, |settings| {
                Part::Processor(Processor::MemoryLimiter(settings))
            })
        },
    },
    Kind {
        component: component(Role::Processor, "attributes", &[], ALL, Stability::Beta),
        shape: AttributesProcessor::shape,
        read: |node, _, report| {
            let part = |settings| Part::Processor(Processor::Attributes(Box::new(settings)));
            read_as(node, report, part)
        },
    },
    Kind {
        component: component(Role::Processor, "resource", &[], ALL, Stability::Beta),
        shape: ResourceProcessor::shape,
        read: |node, _, report| {
            read_as(node, report, |settings| {
                Part::Processor(Processor::Resource(settings))
            })
        },
    },
    Kind {
        component: component(Role::Processor, "transform", &[], ALL, Stability::Beta),
        shape: TransformProcessor::shape,
        read: |node, _, report| {
            let part = |settings| Part::Processor(Processor::Transform(Box::new(settings)));
            read_as(node, report, part)
        },
    },
    Kind {
        component: component(Role::Processor, "span", &[], TRACES, Stability::Beta),
        shape: SpanProcessor::shape,
        read: |node, _, report| {
            let part = |settings| Part::Processor(Processor::Span(Box::new(settings)));
            read_as(node, report, part)
        },
    },
    Kind {
        component: component(Role::Processor, "filter", &[], ALL, Stability::Beta),
        shape: FilterProcessor::shape,
        read: |node, _, report| {
            let part = |settings| Part::Processor(Processor::Filter(Box::new(settings)));
            read_as(node, report, part)
        },
    },
    Kind {
        component: component(Role::Processor, "redaction", &[], ALL, Stability::Beta),
        shape: RedactionProcessor::shape,
        read: |node, _, report| {
            let part = |settings| Part::Processor(Processor::Redaction(Box::new(settings)));
            read_as(node, report, part)
        },
    },
    Kind {
        component: component(
            Role::Processor,
            "resource_detection",
            &["resourcedetection"],
            ALL,
            Stability::Beta,
        ),
        shape: ResourceDetection::shape,
        read: |node, _, report| {
            let part = |settings| Part::Processor(Processor::ResourceDetection(Box::new(settings)));
            read_as(node, report, part)
        },
    },
    Kind {
        component: component(
            Role::Processor,
            "k8s_attributes",
            &["k8sattributes"],
            ALL,
            Stability::Beta,
        ),
        shape: KubernetesAttributes::shape,
        read: |node, _, report| {
            let part =
                |settings| Part::Processor(Processor::KubernetesAttributes(Box::new(settings)));
            read_as(node, report, part)
        },
    },
    Kind {
        component: component(
            Role::Processor,
            "metrics_transform",
            &["metricstransform"],
            METRICS,
            Stability::Beta,
        ),
        shape: MetricsTransform::shape,
        read: |node, _, report| {
            let part = |settings| Part::Processor(Processor::MetricsTransform(settings));
            read_as(node, report, part)
        },
    },
    Kind {
        component: component(
            Role::Processor,
            "groupbyattrs",
            &["group_by_attrs"],
            ALL,
            Stability::Beta,
        ),
        shape: GroupByAttrs::shape,
        read: |node, _, report| {
            let part = |settings| Part::Processor(Processor::GroupByAttrs(settings));
            read_as(node, report, part)
        },
    },
    Kind {
        component: component(
            Role::Processor,
            "probabilistic_sampler",
            &[],
            TRACES_AND_LOGS,
            Stability::Beta,
        ),
        shape: ProbabilisticSampler::shape,
        read: |node, _, report| {
            let part = |settings| Part::Processor(Processor::ProbabilisticSampler(settings));
            read_as(node, report, part)
        },
    },
    Kind {
        component: component(
            Role::Processor,
            "group_by_trace",
            &["groupbytrace"],
            TRACES,
            Stability::Beta,
        ),
        shape: GroupByTrace::shape,
        read: |node, _, report| {
            let part = |settings| Part::Processor(Processor::GroupByTrace(settings));
            read_as(node, report, part)
        },
    },
    Kind {
        component: component(Role::Processor, "spanmetrics", &[], TRACES, Stability::Old),
        shape: SpanMetricsProcessor::shape,
        read: |node, _, report| {
            let part = |settings| Part::Processor(Processor::SpanMetrics(Box::new(settings)));
            read_as(node, report, part)
        },
    },
    Kind {
        component: component(
            Role::Exporter,
            "otlp_grpc",
            &["otlp"],
            ALL,
            Stability::Stable,
        ),
        shape: OtlpGrpcExporter::shape,
        read: |node, _, report| {
            read_as(node, report, |settings| {
                Part::Exporter(Exporter::OtlpGrpc(Box::new(settings)))
            })
        },
    },
    Kind {
        component: component(
            Role::Exporter,
            "otlp_http",
            &["otlphttp"],
            ALL,
            Stability::Stable,
        ),
        shape: OtlpHttpExporter::shape,
        read: |node, _, report| {
            read_as(node, report, |settings| {
                Part::Exporter(Exporter::OtlpHttp(Box::new(settings)))
            })
        },
    },
    Kind {
        component: component(
            Role::Exporter,
            "load_balancing",
            &["loadbalancing"],
            ALL,
            Stability::Beta,
        ),
        shape: LoadBalancingExporter::shape,
        read: |node, _, report| {
            read_as(node, report, |settings| {
                Part::Exporter(Exporter::LoadBalancing(Box::new(settings)))
            })
        },
    },
    Kind {
        component: component(Role::Exporter, "debug", &[], ALL, Stability::Stable),
        shape: DebugExporter::shape,
        read: |node, _, report| {
            read_as(node, report, |settings| {
                Part::Exporter(Exporter::Debug(settings))
            })
        },
    },
    Kind {
        component: component(Role::Exporter, "file", &[], ALL, Stability::Beta),
        shape: FileExporter::shape,
        read: |node, _, report| {
            read_as(node, report, |settings| {
                Part::Exporter(Exporter::File(settings))
            })
        },
    },
    Kind {
        component: component(Role::Exporter, "nop", &[], ALL, Stability::Stable),
        shape: NoOptions::shape,
        read: |node, _, report| read_as(node, report, |_: NoOptions| Part::Exporter(Exporter::Nop)),
    },
    Kind {
        component: component(Role::Exporter, "prometheus", &[], METRICS, Stability::Beta),
        shape: PrometheusExporter::shape,
        read: |node, overrides, report| {
            let mut settings = PrometheusExporter::default();
            settings.read(node, report);
            settings.compat = overrides.compat.unwrap_or(settings.compat);
            let written = settings.write();
            let part = Part::Exporter(Exporter::Prometheus(Box::new(settings)));
            (part, written)
        },
    },
    Kind {
        component: component(
            Role::Exporter,
            "prometheus_remote_write",
            &["prometheusremotewrite"],
            METRICS,
            Stability::Beta,
        ),
        shape: PrometheusRemoteWriteExporter::shape,
        read: |node, _, report| {
            let part =
                |settings| Part::Exporter(Exporter::PrometheusRemoteWrite(Box::new(settings)));
            read_as(node, report, part)
        },
    },
    Kind {
        component: component(Role::Exporter, "zipkin", &[], TRACES, Stability::Beta),
        shape: ZipkinExporter::shape,
        read: |node, _, report| {
            read_as(node, report, |settings| {
                Part::Exporter(Exporter::Zipkin(Box::new(settings)))
            })
        },
    },
    Kind {
        component: component(Role::Exporter, "loki", &[], LOGS, Stability::Old),
        shape: LokiExporter::shape,
        read: |node, _, report| {
            read_as(node, report, |settings| {
                Part::Exporter(Exporter::Loki(Box::new(settings)))
            })
        },
    },
    Kind {
        component: component(Role::Exporter, "logging", &[], ALL, Stability::Old),
        shape: LoggingExporter::shape,
        read: |node, _, report| {
            let part = |settings: LoggingExporter| Part::Exporter(Exporter::Debug(settings.debug));
            read_as(node, report, part)
        },
    },
    Kind {
        component: component(Role::Exporter, "jaeger", &[], TRACES, Stability::Old),
        shape: OtlpGrpcExporter::shape,
        read: |node, _, report| {
            let mut settings = OtlpGrpcExporter::default();
            settings.read(node, report);
            speak_otlp(&mut settings, node, report);
            let written = settings.write();
            (
                Part::Exporter(Exporter::OtlpGrpc(Box::new(settings))),
                written,
            )
        },
    },
    Kind {
        component: component(Role::Connector, "forward", &[], ALL, Stability::Stable),
        shape: NoOptions::shape,
        read: |node, _, report| {
            read_as(node, report, |_: NoOptions| {
                Part::Connector(Connector::Forward)
            })
        },
    },
    Kind {
        component: component(Role::Connector, "routing", &[], ALL, Stability::Beta),
        shape: RoutingConnector::shape,
        read: |node, _, report| {
            read_as(node, report, |settings| {
                Part::Connector(Connector::Routing(settings))
            })
        },
    },
    Kind {
        component: component(
            Role::Connector,
            "span_metrics",
            &["spanmetrics"],
            &[Signal::Traces, Signal::Metrics],
            Stability::Beta,
        ),
        shape: SpanMetricsConnector::shape,
        read: |node, _, report| {
            let part = |settings| Part::Connector(Connector::SpanMetrics(Box::new(settings)));
            read_as(node, report, part)
        },
    },
    Kind {
        component: component(
            Role::Connector,
            "service_graph",
            &["servicegraph"],
            &[Signal::Traces, Signal::Metrics],
            Stability::Beta,
        ),
        shape: ServiceGraphConnector::shape,
        read: |node, _, report| {
            let part = |settings| Part::Connector(Connector::ServiceGraph(Box::new(settings)));
            read_as(node, report, part)
        },
    },
    Kind {
        component: component(Role::Connector, "count", &[], ALL, Stability::Beta),
        shape: CountConnector::shape,
        read: |node, _, report| {
            let part = |settings| Part::Connector(Connector::Count(Box::new(settings)));
            read_as(node, report, part)
        },
    },
    Kind {
        component: component(Role::Connector, "exceptions", &[], ALL, Stability::Beta),
        shape: ExceptionsConnector::shape,
        read: |node, _, report| {
            read_as(node, report, |settings| {
                Part::Connector(Connector::Exceptions(settings))
            })
        },
    },
    Kind {
        component: component(Role::Extension, "health_check", &[], &[], Stability::Stable),
        shape: HealthCheck::shape,
        read: |node, _, report| {
            let part = |settings| Part::Extension(Extension::HealthCheck(Box::new(settings)));
            read_as(node, report, part)
        },
    },
    Kind {
        component: component(
            Role::Extension,
            "basicauth",
            &["basic_auth"],
            &[],
            Stability::Stable,
        ),
        shape: BasicAuth::shape,
        read: |node, _, report| {
            read_as(node, report, |settings| {
                Part::Extension(Extension::BasicAuth(settings))
            })
        },
    },
    Kind {
        component: component(
            Role::Extension,
            "bearertokenauth",
            &["bearer_token_auth"],
            &[],
            Stability::Stable,
        ),
        shape: BearerTokenAuth::shape,
        read: |node, _, report| {
            read_as(node, report, |settings| {
                Part::Extension(Extension::BearerTokenAuth(settings))
            })
        },
    },
    Kind {
        component: component(Role::Extension, "headers_setter", &[], &[], Stability::Beta),
        shape: HeadersSetter::shape,
        read: |node, _, report| {
            let part = |settings| Part::Extension(Extension::HeadersSetter(Box::new(settings)));
            read_as(node, report, part)
        },
    },
    Kind {
        component: component(Role::Extension, "file_storage", &[], &[], Stability::Beta),
        shape: FileStorage::shape,
        read: |node, _, report| {
            let part = |settings| Part::Extension(Extension::FileStorage(Box::new(settings)));
            read_as(node, report, part)
        },
    },
    Kind {
        component: component(Role::Extension, "zpages", &[], &[], Stability::Beta),
        shape: ZPages::shape,
        read: |node, _, report| {
            let part = |settings| Part::Extension(Extension::ZPages(Box::new(settings)));
            read_as(node, report, part)
        },
    },
    Kind {
        component: component(Role::Extension, "pprof", &[], &[], Stability::Beta),
        shape: Pprof::shape,
        read: |node, _, report| {
            let part = |settings| Part::Extension(Extension::Pprof(Box::new(settings)));
            read_as(node, report, part)
        },
    },
    Kind {
        component: component(
            Role::Extension,
            "memory_ballast",
            &[],
            &[],
            Stability::Accepted,
        ),
        shape: || Shape::Any,
        read: |node, _, _| absent(node),
    },
];

fn absent(node: &Node) -> (Part, Json) {
    let written = match node.to_json() {
        Json::Null => Json::Object(serde_json::Map::new()),
        written => written,
    };
    (Part::Extension(Extension::Absent), written)
}
