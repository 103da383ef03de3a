//! Types of components of the Collector that this version does not have.

use super::Role;

/// What to use instead of a component of the Collector; nothing when nobody has it.
pub(super) fn instead(role: Role, name: &str) -> Option<&'static str> {
    let groups = groups(role);
    groups.iter().find(|(_, names)| names.contains(&name)).map(|(sentence, _)| *sentence)
}

/// The names of all such types.
pub(super) fn names(role: Role) -> impl Iterator<Item = &'static str> {
    groups(role).iter().flat_map(|(_, names)| names.iter().copied())
}

type Group = (&'static str, &'static [&'static str]);

fn groups(role: Role) -> &'static [Group] {
    match role {
        Role::Receiver => RECEIVERS,
        Role::Processor => PROCESSORS,
        Role::Exporter => EXPORTERS,
        Role::Connector => CONNECTORS,
        Role::Extension => EXTENSIONS,
    }
}

const RECEIVERS: &[Group] = &[
    (
        "let a Collector receive it and send OTLP here",
        &[
            "jaeger", "zipkin", "opencensus", "kafka", "prometheus", "prometheus_simple",
            "prometheus_remote_write", "prometheusremotewrite", "carbon", "statsd", "skywalking",
            "collectd", "datadog", "signalfx", "splunk_hec", "sapm", "wavefront", "loki", "otelarrow",
            "otel_arrow", "faro", "influxdb", "solace", "pulsar", "rabbitmq", "google_cloud_pubsub",
            "googlecloudpubsub", "awsxray", "awsfirehose", "awscontainerinsightreceiver",
            "awsecscontainermetrics", "aws_s3", "awss3", "azureeventhub", "azure_event_hub",
            "azureblob", "azuremonitor", "azure_monitor", "cloudflare", "cloudfoundry", "webhookevent",
            "mezmo", "fluentforward", "fluent_forward", "syslog", "tcplog", "tcp_log", "udplog",
            "udp_log", "snmp", "simpleprometheus", "vcr", "yanggrpc", "netflow", "github", "gitlab",
            "nsxt", "purefa", "purefb", "libhoney", "stef", "otlpjsonfile", "otlp_json_file",
            "receiver_creator", "namedpipe", "k8s_events", "k8sobjects", "k8s_objects",
        ],
    ),
    (
        "it belongs on the host or node: let a Collector agent collect there and send OTLP here",
        &[
            "filelog", "file_log", "hostmetrics", "host_metrics", "journald", "windowseventlog",
            "windows_event_log", "windowsperfcounters", "windowsservice", "kubeletstats",
            "kubelet_stats", "docker_stats", "podman_stats", "k8s_cluster", "k8slog", "filestats",
            "activedirectoryds", "systemd", "chrony", "iis", "sshcheck", "httpcheck", "http_check",
            "tlscheck", "tcpcheck", "osquery", "ntp", "pprof", "ebpf_profiler",
        ],
    ),
    (
        "let a Collector scrape the server and send OTLP here",
        &[
            "aerospike", "apache", "apachespark", "bigip", "couchdb", "elasticsearch", "expvar",
            "flinkmetrics", "haproxy", "icmpcheck", "jmx", "kafkametrics", "kafka_metrics", "memcached",
            "mongodb", "mongodbatlas", "mysql", "nginx", "oracledb", "postgresql", "redis",
            "redfish", "riak", "saphana", "sqlquery", "sql_query", "sqlserver", "snowflake",
            "splunkenterprise", "vcenter", "zookeeper", "googlecloudspanner", "googlecloudmonitoring",
            "ciscoos", "envoyals", "rabbitmqmetrics", "huaweicloudces", "tencentcloud", "intel_pmu",
        ],
    ),
];

const PROCESSORS: &[Group] = &[
    (
        "it is not in this version; let a Collector in front of the gateway do it, or remove it",
        &[
            "filter", "transform", "redaction", "span", "groupbyattrs", "group_by_attrs",
            "probabilistic_sampler", "cumulativetodelta", "cumulative_to_delta", "deltatocumulative",
            "delta_to_cumulative", "deltatorate", "delta_to_rate", "metricstransform",
            "metrics_transform", "metricsgeneration", "metrics_generation", "experimental_metricsgeneration",
            "interval", "metricstarttime", "metric_start_time", "logdedup", "log_dedup", "logstransform",
            "schema", "unroll", "geoip", "geo_ip", "lookup", "remotetap", "remote_tap", "sumologic",
            "coralogix", "datadog", "isolationforest", "drain", "spanpruning", "dnslookup", "dns_lookup",
            "cardinality_guardian", "queuebatch", "queue_batch", "ratelimit", "elastictrace",
            "elasticinframetrics", "adaptive_tail_sampling", "dynamic_sampling",
        ],
    ),
    (
        "it looks at the host or pod it runs in: let a Collector agent there do it",
        &[
            "k8sattributes", "k8s_attributes", "resourcedetection", "resource_detection", "docker",
        ],
    ),
    (
        "`tail_sampling` holds traces together already: remove it",
        &["groupbytrace", "group_by_trace"],
    ),
    (
        "the Collector no longer has it; its connector is not in this version: let a Collector in \
         front make these metrics",
        &["spanmetrics", "servicegraph"],
    ),
    ("the Collector no longer has it: remove it", &["queued_retry", "routing", "memory_ballast"]),
];

const EXPORTERS: &[Group] = &[
    (
        "most such backends take OTLP: use `otlp_http` or `otlp_grpc` with their endpoint, or send \
         OTLP to a Collector that has this exporter",
        &[
            "alertmanager", "alibabacloud_logservice", "awscloudwatchlogs", "awsemf", "awskinesis",
            "aws_kinesis", "awss3", "aws_s3", "awsxray", "aws_xray", "azureblob", "azure_blob",
            "azuredataexplorer", "azure_data_explorer", "azuremonitor", "azure_monitor", "bmchelix",
            "carbon", "cassandra", "clickhouse", "coralogix", "datadog", "dataset", "doris",
            "dynatrace", "elasticsearch", "elastic", "faro", "googlecloud", "google_cloud",
            "googlecloudpubsub", "google_cloud_pubsub", "googlecloudstorage", "google_cloud_storage",
            "googlemanagedprometheus", "google_managed_prometheus", "honeycomb", "honeycombmarker",
            "honeycomb_marker", "influxdb", "instana", "kafka", "kinetica", "logicmonitor", "logzio",
            "mezmo", "nats", "newrelic", "observiq", "opencensus", "opensearch", "otelarrow",
            "otel_arrow", "parquet", "prometheusremotewrite", "prometheus_remote_write", "pulsar",
            "rabbitmq", "sapm", "sematext", "sentry", "signalfx", "skywalking", "solarwinds",
            "splunk_hec", "stef", "sumologic", "syslog", "tencentcloud_logservice", "tinybird",
            "topcheck", "wavefront", "zipkin", "apmstats", "f5cloud", "jaeger_thrift", "tanzuobservability",
            "datasetexporter", "databricks", "vmwaretas",
        ],
    ),
    (
        "this version is one gateway: run one, or put a Collector with `load_balancing` in front",
        &["loadbalancing", "load_balancing"],
    ),
    ("use several exporters in the pipeline, each with its own queue", &["failover"]),
];

const CONNECTORS: &[Group] = &[
    (
        "it is not in this version; let a Collector in front of the gateway make these metrics, from \
         all spans and not from the kept ones alone",
        &[
            "spanmetrics", "span_metrics", "servicegraph", "service_graph", "count", "exceptions",
            "sum", "signaltometrics", "signal_to_metrics", "datadog", "grafanacloud", "metricsaslogs",
            "slowsql", "spanmetricsconnector",
        ],
    ),
    (
        "it is not in this version; use several pipelines, or a Collector behind the gateway",
        &[
            "routing", "failover", "roundrobin", "round_robin", "otlpjson", "otlp_json", "ottl",
        ],
    ),
];

const EXTENSIONS: &[Group] = &[
    (
        "queues and traces are held in memory in this version: remove it, and `storage` with it",
        &[
            "file_storage", "db_storage", "redis_storage", "pebble_tail_storage", "storage",
            "azure_blob_storage",
        ],
    ),
    (
        "of the authenticators there are `basicauth` and `bearertokenauth`",
        &[
            "oidc", "oauth2client", "oauth2_client", "sigv4auth", "sigv4_auth", "asapclient",
            "asap_client", "azureauth", "azure_auth", "googleclientauth", "google_client_auth",
            "headers_setter", "apikeyauth", "authz", "cfgarden", "spiffe",
        ],
    ),
    (
        "it is not in this version: remove it",
        &[
            "opamp", "remotetap", "remote_tap", "jaegerremotesampling", "jaeger_remote_sampling",
            "http_forwarder", "httpforwarder", "ack", "sumologic", "datadog", "host_observer",
            "docker_observer", "ecs_observer", "ecs_task_observer", "k8s_observer", "kafka_observer",
            "cfgarden_observer", "k8s_leader_elector", "awsproxy", "aws_proxy", "healthcheckv2",
            "health_check_v2", "solarwindsapmsettings", "googlecloudlogentry_encoding",
            "json_log_encoding", "jaeger_encoding", "otlp_encoding", "text_encoding", "zipkin_encoding",
            "avro_log_encoding", "aws_logs_encoding", "azure_encoding", "skywalking_encoding",
            "memory_limiter", "encoding", "pathprefix", "bearerkubernetes",
        ],
    ),
];
