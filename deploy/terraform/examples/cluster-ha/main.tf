# Three zones, two copies of every span, certificates from cert-manager, watched by the Prometheus Operator.
module "tailweir" {
  source = "../../modules/tailweir"
  chart  = "${path.module}/../../../helm/tailweir"
  mode   = "cluster"
  config = file("${path.module}/../../../examples/gateway.yaml")

  gateway    = { autoscaling = { type = "hpa", min_replicas = 3, max_replicas = 12 } }
  sampler    = { replicas = 6, cpu = "2", memory = "8Gi" }
  controller = { replicas = 3 }
  cluster    = { id = "production", tls_source = "csi", tls_issuer = "tailweir-peers" }
  monitoring = { scrape = true, alerts = true, dashboards = true, labels = { release = "prometheus" } }

  # Where Prometheus is. The page of metrics that gateway.yaml has is scraped beside those of Tailweir itself.
  network_policy_metrics_from = [{ namespace_labels = { "kubernetes.io/metadata.name" = "monitoring" } }]
  extra_values                = [yamlencode({ extraPorts = [{ name = "pages", port = 8889, metrics = true }] })]
}

output "otlp_grpc_endpoint" {
  description = "Where applications send OTLP over gRPC."
  value       = module.tailweir.otlp_grpc_endpoint
}
