# One pod: for a first look, a small cluster, or a test.
variable "image" {
  type        = map(string)
  default     = {}
  description = "The image; what is absent is left to the chart."
}

variable "config" {
  type        = string
  default     = ""
  description = "The Collector's YAML; empty: the chart's own."
}

module "tailweir" {
  source         = "../../modules/tailweir"
  chart          = "${path.module}/../../../helm/tailweir"
  mode           = "single"
  image          = var.image
  config         = var.config
  network_policy = false
  single         = { cpu = "100m", memory = "256Mi" }
}

output "otel_env" {
  description = "Variables for an application's container."
  value       = module.tailweir.otel_env
}
