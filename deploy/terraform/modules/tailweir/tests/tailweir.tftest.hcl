mock_provider "helm" {}

variables {
  chart = "../../../helm/tailweir"
}

run "defaults_are_a_cluster" {
  command = plan
  assert {
    condition     = yamldecode(helm_release.this.values[0]).mode == "cluster"
    error_message = "The default is a cluster."
  }
  assert {
    condition     = yamldecode(helm_release.this.values[0]).controller.replicas == 3
    error_message = "A cluster has three controllers."
  }
  assert {
    condition     = output.otlp_grpc_endpoint == "http://tailweir.observability.svc:4317"
    error_message = "The endpoint is ${output.otlp_grpc_endpoint}."
  }
  assert {
    condition     = !can(yamldecode(helm_release.this.values[0]).alternateConfig)
    error_message = "Without a configuration the chart's own holds."
  }
  assert {
    condition     = jsonencode(yamldecode(helm_release.this.values[0]).networkPolicy) == jsonencode({ enabled = true, clientsFrom = [], metricsFrom = [] })
    error_message = "The default is a network policy that the chart fills in."
  }
}

run "a_configuration_reaches_the_chart" {
  command = plan
  variables {
    name             = "edge"
    mode             = "single"
    config           = "service: {pipelines: {traces: {receivers: [otlp], exporters: [debug]}}}"
    policies         = "processors: {tail_sampling: {decision_wait: 20s}}"
    env_from_secrets = ["backend"]
  }
  assert {
    condition     = yamldecode(helm_release.this.values[0]).alternateConfig.service.pipelines.traces.receivers[0] == "otlp"
    error_message = "The configuration is not there."
  }
  assert {
    condition     = !can(yamldecode(helm_release.this.values[0]).config)
    error_message = "The configuration would be merged into the chart's own."
  }
  assert {
    condition     = yamldecode(helm_release.this.values[0]).policies.processors.tail_sampling.decision_wait == "20s"
    error_message = "The policies are not there."
  }
  assert {
    condition     = yamldecode(helm_release.this.values[0]).extraEnvFrom[0].secretRef.name == "backend"
    error_message = "The secret is not referred to."
  }
  assert {
    condition     = output.otel_env.OTEL_EXPORTER_OTLP_ENDPOINT == "http://edge-tailweir.observability.svc:4318"
    error_message = "The variables name another release."
  }
}

run "certificates_from_a_secret_need_known_names" {
  command = plan
  variables {
    cluster = { tls_source = "secret", tls_secret = "peers" }
  }
  assert {
    condition     = yamldecode(helm_release.this.values[0]).gateway.kind == "StatefulSet"
    error_message = "Pods of a Deployment have names that nobody knows before."
  }
}

run "sources_are_those_of_a_network_policy" {
  command = plan
  variables {
    network_policy_metrics_from = [
      { namespace_labels = { "kubernetes.io/metadata.name" = "monitoring" }, pod_labels = { app = "prometheus" } },
      { pod_labels = {} },
    ]
    network_policy_clients_from = [{ cidr = "10.0.0.0/8" }, { cidr = "fd00::/8" }]
  }
  assert {
    condition = jsonencode(yamldecode(helm_release.this.values[0]).networkPolicy.metricsFrom) == jsonencode([
      {
        namespaceSelector = { matchLabels = { "kubernetes.io/metadata.name" = "monitoring" } }
        podSelector       = { matchLabels = { app = "prometheus" } }
      },
      { podSelector = { matchLabels = {} } },
    ])
    error_message = "Who may read metrics is not as Kubernetes wants it."
  }
  assert {
    condition = jsonencode(yamldecode(helm_release.this.values[0]).networkPolicy.clientsFrom) == jsonencode([
      { ipBlock = { cidr = "10.0.0.0/8" } },
      { ipBlock = { cidr = "fd00::/8" } },
    ])
    error_message = "Who may send is not as Kubernetes wants it."
  }
}

run "what_has_no_variable_passes" {
  command = plan
  variables {
    extra_values = ["{listenHost: '[::]', sampler: {persistence: {enabled: true}}}"]
  }
  assert {
    condition     = yamldecode(helm_release.this.values[1]).sampler.persistence.enabled
    error_message = "More values do not reach the chart."
  }
}

run "a_source_that_says_nothing_is_refused" {
  command = plan
  variables {
    network_policy_metrics_from = [{}]
  }
  expect_failures = [var.network_policy_metrics_from]
}

run "addresses_with_labels_are_refused" {
  command = plan
  variables {
    network_policy_clients_from = [{ cidr = "10.0.0.0/8", pod_labels = { app = "shop" } }]
  }
  expect_failures = [var.network_policy_clients_from]
}

run "addresses_that_are_none_are_refused" {
  command = plan
  variables {
    network_policy_clients_from = [{ cidr = "10.0.0.0" }]
    network_policy_metrics_from = [{ cidr = "everywhere" }]
  }
  expect_failures = [var.network_policy_clients_from, var.network_policy_metrics_from]
}

run "even_controllers_are_refused" {
  command = plan
  variables {
    controller = { replicas = 2 }
  }
  expect_failures = [var.controller]
}

run "a_configuration_without_pipelines_is_refused" {
  command = plan
  variables {
    config = "receivers: {}"
  }
  expect_failures = [var.config]
}

run "a_secret_without_a_name_is_refused" {
  command = plan
  variables {
    cluster = { tls_source = "secret" }
  }
  expect_failures = [var.cluster]
}

run "an_unknown_mode_is_refused" {
  command = plan
  variables {
    mode = "both"
  }
  expect_failures = [var.mode]
}
