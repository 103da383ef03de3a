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
    condition     = !can(yamldecode(helm_release.this.values[0]).config)
    error_message = "Without a configuration the chart's own holds."
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
    condition     = yamldecode(helm_release.this.values[0]).config.service.pipelines.traces.receivers[0] == "otlp"
    error_message = "The configuration is not there."
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
