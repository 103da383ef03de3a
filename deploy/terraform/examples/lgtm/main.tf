# In front of Tempo, Loki and Mimir (or Prometheus) in the namespace `monitoring`; metrics of all spans, before sampling.
locals {
  config = yamlencode({
    receivers = { otlp = { protocols = {
      # Clients keep a connection for as long as they may; this spreads them over new gateways.
      grpc = { endpoint = "0.0.0.0:4317", keepalive = { server_parameters = { max_connection_age = "5m", max_connection_age_grace = "30s" } } }
      http = { endpoint = "0.0.0.0:4318" }
    } } }
    processors = {
      batch = {}
      tail_sampling = {
        decision_wait = "10s"
        num_traces    = 1000000
        policies = [
          { name = "errors", type = "status_code", status_code = { status_codes = ["ERROR"] } },
          { name = "slow", type = "latency", latency = { threshold_ms = 500 } },
          { name = "share", type = "probabilistic", probabilistic = { sampling_percentage = 5 } },
        ]
      }
    }
    connectors = { span_metrics = { exemplars = { enabled = true } } }
    exporters = {
      "otlp/tempo"            = { endpoint = "tempo.monitoring.svc:4317", tls = { insecure = true } }
      "otlphttp/loki"         = { endpoint = "http://loki.monitoring.svc:3100/otlp" }
      prometheus_remote_write = { endpoint = "http://mimir.monitoring.svc:9009/api/v1/push" }
    }
    service = { pipelines = {
      traces         = { receivers = ["otlp"], processors = ["tail_sampling", "batch"], exporters = ["otlp/tempo"] }
      "traces/all"   = { receivers = ["otlp"], exporters = ["span_metrics"] }
      "metrics/made" = { receivers = ["span_metrics"], exporters = ["prometheus_remote_write"] }
      metrics        = { receivers = ["otlp"], processors = ["batch"], exporters = ["prometheus_remote_write"] }
      logs           = { receivers = ["otlp"], processors = ["batch"], exporters = ["otlphttp/loki"] }
    } }
  })
}

module "tailweir" {
  source          = "../../modules/tailweir"
  chart           = "${path.module}/../../../helm/tailweir"
  mode            = "cluster"
  config          = local.config
  monitoring      = { scrape = true, alerts = true, dashboards = true }
  instrumentation = true

  network_policy_metrics_from = [{ namespace_labels = { "kubernetes.io/metadata.name" = "monitoring" } }]
}

output "otel_env" {
  description = "Variables for an application's container."
  value       = module.tailweir.otel_env
}
