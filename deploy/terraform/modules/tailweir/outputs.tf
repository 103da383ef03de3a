output "namespace" {
  description = "Where everything is."
  value       = helm_release.this.namespace
}

output "release" {
  description = "Name of the release."
  value       = helm_release.this.name
}

output "otlp_grpc_endpoint" {
  description = "Where applications in the cluster send OTLP over gRPC."
  value       = "http://${local.host}:4317"
}

output "otlp_http_endpoint" {
  description = "Where applications in the cluster send OTLP over HTTP."
  value       = "http://${local.host}:4318"
}

output "metrics_service" {
  description = "Headless service of every pod's metrics, port 8888."
  value       = "${local.fullname}-metrics.${var.namespace}.svc"
}

output "otel_env" {
  description = "Variables for an application's container."
  value = {
    OTEL_EXPORTER_OTLP_ENDPOINT = "http://${local.host}:4318"
    OTEL_EXPORTER_OTLP_PROTOCOL = "http/protobuf"
    OTEL_TRACES_SAMPLER         = "parentbased_always_on"
  }
}
