variable "name" {
  type        = string
  default     = "tailweir"
  description = "Name of the release."
  validation {
    condition     = can(regex("^[a-z]([-a-z0-9]{0,28}[a-z0-9])?$", var.name))
    error_message = "A name has at most 30 small letters, digits and hyphens, and begins with a letter."
  }
}

variable "namespace" {
  type        = string
  default     = "observability"
  description = "Namespace of everything."
}

variable "create_namespace" {
  type        = bool
  default     = true
  description = "Create the namespace when it is not there."
}

variable "chart" {
  type        = string
  default     = "tailweir"
  description = "Name of the chart in chart_repository, an oci:// address, or a folder."
}

variable "chart_repository" {
  type        = string
  default     = ""
  description = "Repository of the chart; empty for an oci:// address or a folder."
}

variable "chart_version" {
  type        = string
  default     = ""
  description = "Version of the chart; empty for the newest one."
}

variable "timeout_seconds" {
  type        = number
  default     = 600
  description = "Longest time that a change may take. Samplers are replaced one by one."
  validation {
    condition     = var.timeout_seconds >= 60
    error_message = "Less than a minute is too short for a rolling update."
  }
}

variable "mode" {
  type        = string
  default     = "cluster"
  description = "single: one pod does everything; cluster: gateways, samplers and controllers."
  validation {
    condition     = contains(["single", "cluster"], var.mode)
    error_message = "The mode is single or cluster."
  }
}

variable "image" {
  type = object({
    repository = optional(string)
    tag        = optional(string)
    digest     = optional(string)
    pullPolicy = optional(string)
  })
  default     = {}
  description = "The image; what is absent is left to the chart."
}

variable "config" {
  type        = string
  default     = ""
  description = "The Collector's YAML, as text (`file(\"gateway.yaml\")`), whole: nothing is merged into it; empty: the chart's own."
  validation {
    condition     = var.config == "" || can(yamldecode(var.config).service.pipelines)
    error_message = "The configuration is no YAML with service.pipelines."
  }
}

variable "policies" {
  type        = string
  default     = "{}"
  description = "YAML that is merged over the configuration and takes effect without a restart."
  validation {
    condition     = can(keys(yamldecode(var.policies)))
    error_message = "The policies are no YAML mapping."
  }
}

variable "env_from_secrets" {
  type        = list(string)
  default     = []
  description = "Secrets whose keys become variables, for $${env:NAME} in the configuration."
}

variable "drain_time" {
  type        = string
  default     = "30s"
  description = "Longest time that stopping may take."
}

variable "single" {
  type = object({
    cpu    = optional(string, "500m")
    memory = optional(string, "1Gi")
  })
  default     = {}
  description = "Size of the one pod of mode single. Memory is request and limit; CPU has no limit."
}

variable "gateway" {
  type = object({
    replicas = optional(number, 2)
    cpu      = optional(string, "500m")
    memory   = optional(string, "512Mi")
    autoscaling = optional(object({
      type         = optional(string, "none")
      min_replicas = optional(number, 2)
      max_replicas = optional(number, 10)
    }), {})
  })
  default     = {}
  description = "Gateways of mode cluster. Memory is request and limit; CPU has no limit."
  validation {
    condition     = contains(["none", "hpa", "keda"], var.gateway.autoscaling.type)
    error_message = "gateway.autoscaling.type is none, hpa or keda."
  }
}

variable "sampler" {
  type = object({
    replicas = optional(number, 3)
    cpu      = optional(string, "1")
    memory   = optional(string, "4Gi")
    autoscaling = optional(object({
      type         = optional(string, "none")
      min_replicas = optional(number, 3)
      max_replicas = optional(number, 12)
    }), {})
  })
  default     = {}
  description = "Samplers of mode cluster. Memory is request and limit; CPU has no limit."
  validation {
    condition     = contains(["none", "hpa", "keda"], var.sampler.autoscaling.type)
    error_message = "sampler.autoscaling.type is none, hpa or keda."
  }
}

variable "controller" {
  type = object({
    replicas      = optional(number, 3)
    storage_class = optional(string, "")
  })
  default     = {}
  description = "Controllers of mode cluster."
  validation {
    condition     = contains([1, 3, 5], var.controller.replicas)
    error_message = "There are 1, 3 or 5 controllers: more than half of them must agree."
  }
}

variable "cluster" {
  type = object({
    id              = optional(string, "")
    replication     = optional(number, 2)
    drain_timeout   = optional(string, "60s")
    tls_source      = optional(string, "csi")
    tls_issuer      = optional(string, "tailweir-peers")
    tls_issuer_kind = optional(string, "Issuer")
    tls_secret      = optional(string, "")
  })
  default     = {}
  description = "How the pods of mode cluster work together and know each other."
  validation {
    condition     = contains([1, 2], var.cluster.replication)
    error_message = "cluster.replication is 1 or 2."
  }
  validation {
    condition     = contains(["csi", "secret", "insecure"], var.cluster.tls_source)
    error_message = "cluster.tls_source is csi, secret or insecure."
  }
  validation {
    condition     = var.cluster.tls_source != "secret" || var.cluster.tls_secret != ""
    error_message = "cluster.tls_source is secret, and cluster.tls_secret is empty."
  }
}

variable "network_policy" {
  type        = bool
  default     = true
  description = "Let only clients to OTLP, only peers to peers, and only network_policy_metrics_from to metrics."
}

variable "network_policy_clients_from" {
  type = list(object({
    namespace_labels = optional(map(string))
    pod_labels       = optional(map(string))
    cidr             = optional(string)
  }))
  default     = []
  description = "Who may send: pods with these labels, in namespaces with these labels (without these: in this one), or addresses; empty: everybody."
  validation {
    condition = alltrue([
      for source in var.network_policy_clients_from :
      source.cidr == null ? source.namespace_labels != null || source.pod_labels != null : source.namespace_labels == null && source.pod_labels == null
    ])
    error_message = "Each of network_policy_clients_from has a cidr, or labels of namespaces or pods, and not both."
  }
  validation {
    condition = alltrue([
      for source in var.network_policy_clients_from : source.cidr == null || can(cidrhost(source.cidr, 0))
    ])
    error_message = "A cidr of network_policy_clients_from is no range such as 10.0.0.0/8."
  }
}

variable "network_policy_metrics_from" {
  type = list(object({
    namespace_labels = optional(map(string))
    pod_labels       = optional(map(string))
    cidr             = optional(string)
  }))
  default     = []
  description = "Who may read metrics, in the same way; empty: everybody in the namespace, so not a Prometheus in another one."
  validation {
    condition = alltrue([
      for source in var.network_policy_metrics_from :
      source.cidr == null ? source.namespace_labels != null || source.pod_labels != null : source.namespace_labels == null && source.pod_labels == null
    ])
    error_message = "Each of network_policy_metrics_from has a cidr, or labels of namespaces or pods, and not both."
  }
  validation {
    condition = alltrue([
      for source in var.network_policy_metrics_from : source.cidr == null || can(cidrhost(source.cidr, 0))
    ])
    error_message = "A cidr of network_policy_metrics_from is no range such as 10.0.0.0/8."
  }
}

variable "monitoring" {
  type = object({
    scrape     = optional(bool, false)
    alerts     = optional(bool, false)
    dashboards = optional(bool, false)
    labels     = optional(map(string), {})
  })
  default     = {}
  description = "ServiceMonitor and PrometheusRule of the Prometheus Operator, and dashboards for Grafana's sidecar."
}

variable "instrumentation" {
  type        = bool
  default     = false
  description = "An Instrumentation of the OpenTelemetry Operator that sends here."
}

variable "extra_values" {
  type        = list(string)
  default     = []
  description = "More values of the chart, as YAML; the last one wins."
}
