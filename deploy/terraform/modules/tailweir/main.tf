locals {
  fullname = var.name == "tailweir" ? "tailweir" : "${var.name}-tailweir"
  host     = "${local.fullname}.${var.namespace}.svc"

  workload = {
    for role, given in { gateway = var.gateway, sampler = var.sampler } : role => {
      replicas                   = given.replicas
      resources = {
        requests = { cpu = given.cpu, memory = given.memory }
        limits   = { memory = given.memory }
      }
      autoscaling = merge({ type = given.autoscaling.type }, {
        minReplicas = given.autoscaling.min_replicas
        maxReplicas = given.autoscaling.max_replicas
      })
    }
  }

  # What is null is left to the chart.
  image = { for key, value in var.image : key => value if value != null }

  # As `from` of a NetworkPolicy has them.
  sources = {
    for key, given in { clientsFrom = var.network_policy_clients_from, metricsFrom = var.network_policy_metrics_from } : key => [
      for source in given : { for field, value in {
        namespaceSelector = source.namespace_labels == null ? null : { matchLabels = source.namespace_labels }
        podSelector       = source.pod_labels == null ? null : { matchLabels = source.pod_labels }
        ipBlock           = source.cidr == null ? null : { cidr = source.cidr }
      } : field => value if value != null }
    ]
  }

  values = merge(
    {
      mode             = var.mode
      fullnameOverride = local.fullname
      image            = local.image
      drainTime        = var.drain_time
      extraEnvFrom     = [for secret in var.env_from_secrets : { secretRef = { name = secret } }]
      policies         = yamldecode(var.policies)
      single = { resources = {
        requests = { cpu = var.single.cpu, memory = var.single.memory }
        limits   = { memory = var.single.memory }
      } }
      gateway = merge(local.workload.gateway, {
        kind = var.cluster.tls_source == "secret" ? "StatefulSet" : "Deployment"
      })
      sampler    = local.workload.sampler
      controller = { replicas = var.controller.replicas, persistence = { storageClassName = var.controller.storage_class } }
      cluster = {
        id           = var.cluster.id
        replication  = var.cluster.replication
        drainTimeout = var.cluster.drain_timeout
        tls = {
          source     = var.cluster.tls_source
          issuer     = { name = var.cluster.tls_issuer, kind = var.cluster.tls_issuer_kind, group = "cert-manager.io" }
          secretName = var.cluster.tls_secret
        }
      }
      networkPolicy = merge({ enabled = var.network_policy }, local.sources)
      monitoring = {
        serviceMonitor = { enabled = var.monitoring.scrape, labels = var.monitoring.labels }
        prometheusRule = { enabled = var.monitoring.alerts, labels = var.monitoring.labels }
        dashboards     = { enabled = var.monitoring.dashboards }
      }
      instrumentation = { enabled = var.instrumentation }
    },
    # It is a whole one, into which nothing of the chart's own is to be merged.
    var.config == "" ? {} : { alternateConfig = yamldecode(var.config) },
  )
}

resource "helm_release" "this" {
  name             = var.name
  namespace        = var.namespace
  create_namespace = var.create_namespace
  repository       = var.chart_repository == "" ? null : var.chart_repository
  chart            = var.chart
  version          = var.chart_version == "" ? null : var.chart_version
  timeout          = var.timeout_seconds
  wait             = true
  # `values` alone: `set` is a block in one version of the provider, and a list in the next.
  values = concat([yamlencode(local.values)], var.extra_values)
}
