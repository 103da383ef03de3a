//! What Kubernetes knows, asked for by the real binary.

use crate::gateway::{Gateway, program, stderr};
use serde_json::{Value, json};
use std::path::Path;
use std::process::Command;
use tailweir_testkit::{HttpSink, Received, Sink, request, span, trace_id};

const LIST: &str = "/api/v1/pods?limit=200";

fn watch(version: u32) -> String {
    format!(
        "/api/v1/pods?watch=true&allowWatchBookmarks=true&resourceVersion={version}&timeoutSeconds=240"
    )
}

fn pod(name: &str, application: &str) -> Value {
    json!({
        "metadata": {
            "name": name, "namespace": "shop", "uid": name, "resourceVersion": "8",
            "labels": { "app": application },
        },
        "status": { "podIP": "127.0.0.1", "startTime": "2026-01-01T00:00:00Z" },
    })
}

fn page(items: &[Value], version: &str, next: &str) -> Vec<u8> {
    let metadata = json!({ "resourceVersion": version, "continue": next });
    let page = json!({ "kind": "PodList", "metadata": metadata, "items": items });
    page.to_string().into_bytes()
}

/// Says where the API is, and that nobody asks.
fn point_to(api: &HttpSink, command: &mut Command, folder: &Path) {
    let file = folder.join("kubeconfig");
    let text = format!(
        "{{apiVersion: v1, kind: Config, current-context: c, clusters: [{{name: c, cluster: {{server: '{}'}}}}], \
         contexts: [{{name: c, context: {{cluster: c, user: u}}}}], users: [{{name: u, user: {{token: s3cret}}}}]}}",
        api.url("")
    );
    std::fs::write(&file, text).unwrap();
    command.env("KUBECONFIG", file);
}

fn configuration(sink: &Sink, options: &str) -> String {
    format!(
        "
receivers: {{otlp: {{protocols: {{grpc: {{endpoint: 127.0.0.1:0}}, http: {{endpoint: 127.0.0.1:0}}}}}}}}
processors:
  k8sattributes:
    auth_type: kubeConfig
    extract: {{metadata: [k8s.pod.name], labels: [{{key: app, tag_name: app}}]}}
    {options}
  k8s_attributes/behind: {{passthrough: true}}
  tail_sampling:
    decision_wait: 10ms
    policies: [{{name: cart, type: string_attribute, string_attribute: {{key: app, values: [cart, desk]}}}}]
exporters: {{otlp: {{endpoint: '{}', tls: {{insecure: true}}}}}}
service:
  telemetry: {{logs: {{encoding: json}}}}
  pipelines: {{traces: {{receivers: [otlp], processors: [k8sattributes, tail_sampling, k8s_attributes/behind], exporters: [otlp]}}}}
",
        sink.endpoint()
    )
}

fn send(gateway: &Gateway, trace: u64) {
    gateway.send(
        request()
            .service("own")
            .span(span(trace_id(trace), 1).named("s")),
    );
}

/// Scenario: the API forbids to list pods, then answers in two pages; a watch brings a change and says then that its
/// version is gone; the list that is read again has another pod. Spans come at each step.
/// Guarantees: without an answer spans pass as they are, and policies do not see what is not known; with one, policies
/// see labels of the client's pod, as they are at the time, and what is kept says where it came from, also behind the
/// sampler. What is not understood is counted and tried again, and no secret is in the log.
///
/// Conforms: processor `k8s_attributes` | traces | in front of `tail_sampling` | better: policies see what it adds
#[test]
fn policies_see_what_the_api_says() {
    let (api, sink) = (HttpSink::start(), Sink::start());
    let forbidden = br#"{"kind": "Status", "code": 403, "message": "pods is forbidden"}"#;
    api.show("/api/v1/pods", "403 Forbidden", forbidden);
    let configuration = configuration(&sink, "");
    let gateway = Gateway::start_with(&configuration, |command, folder| {
        point_to(&api, command, folder);
    });
    gateway.until("failure", |status| {
        status["kubernetes"][0]["kinds"][0]["failures"].as_u64() >= Some(1)
    });
    send(&gateway, 1);
    gateway.binary.line_with("pods is forbidden");

    let other =
        json!({ "metadata": { "name": "db", "uid": "db" }, "status": { "podIP": "10.9.9.9" } });
    api.show(LIST, "200 OK", &page(&[other], "7", "n"));
    api.show(
        &format!("{LIST}&continue=n"),
        "200 OK",
        &page(&[pod("cart-1", "cart")], "7", ""),
    );
    gateway.until("the pods", |status| {
        status["kubernetes"][0]["is_complete"] == true
    });
    send(&gateway, 2);
    sink.block_until("trace of the cart", |sink| sink.spans().len() == 1);

    let changed = json!({ "type": "MODIFIED", "object": pod("cart-1", "basket") });
    let gone = json!({ "type": "ERROR", "object": { "code": 410 } });
    api.show(LIST, "200 OK", &page(&[pod("desk-1", "desk")], "9", ""));
    api.show(
        &watch(7),
        "200 OK",
        format!("{changed}\n{gone}\n").as_bytes(),
    );
    gateway.until("the other list", |status| {
        status["kubernetes"][0]["kinds"][0]["gone"].as_u64() >= Some(1)
    });
    send(&gateway, 3);
    sink.block_until("trace of the desk", |sink| sink.spans().len() == 2);
    let received: Vec<_> = sink.received().iter().map(|it| format!("{it:?}")).collect();
    assert!(matches!(sink.received()[0], Received::Traces(_)));
    for (received, name) in received.iter().zip(["cart-1", "desk-1"]) {
        for said in [name, "k8s.pod.ip", "127.0.0.1"] {
            assert!(received.contains(said), "{name}: {received}");
        }
    }
    let row = &gateway.status()["kubernetes"][0];
    assert_eq!(
        row["resources"],
        json!([["found", 2], ["unidentified", 0], ["unknown", 1]])
    );
    assert!(
        api.posted()
            .iter()
            .all(|it| it.header("authorization") == Some("Bearer s3cret"))
    );
    gateway.binary.signal(tailweir_testkit::Signal::TERM);
    let (status, lines) = gateway.binary.finish();
    assert!(status.success() && lines.iter().all(|line| !line.text.contains("s3cret")));
}

/// Scenario: pods have to be known before the start, and the API does not say which there are; then there is no API.
/// Guarantees: the process does not start, and says which option has to do with it.
///
/// Conforms: processor `k8s_attributes` | traces | `wait_for_metadata` | same
#[test]
fn a_start_that_needs_the_api_fails_without_it() {
    let (api, sink) = (HttpSink::start(), Sink::start());
    api.show("/api/v1/pods", "500 Oops", b"");
    let folder = tempfile::TempDir::new().unwrap();
    let config = folder.path().join("gateway.yaml");
    let options = "wait_for_metadata: true\n    wait_for_metadata_timeout: 100ms";
    let waits = configuration(&sink, options);
    let alone = waits.replace("auth_type: kubeConfig", "auth_type: serviceAccount");
    for (text, said) in [
        (waits, "wait_for_metadata_timeout"),
        (alone, "service account"),
    ] {
        std::fs::write(&config, text).unwrap();
        let mut command = Command::new(program());
        command
            .args(["--admin", "127.0.0.1:0", "--config"])
            .arg(&config);
        point_to(&api, &mut command, folder.path());
        command.env_remove("KUBERNETES_SERVICE_HOST");
        let ended = command.output().unwrap();
        let told = stderr(&ended);
        assert!(!ended.status.success() && told.contains(said), "{told}");
    }
}

const NODE: &str = "/api/v1/nodes/node-7";
const SYSTEM: &str = "/api/v1/namespaces/kube-system";

fn detecting(sink: &Sink, options: &str) -> String {
    format!(
        "
receivers: {{otlp: {{protocols: {{grpc: {{endpoint: 127.0.0.1:0}}, http: {{endpoint: 127.0.0.1:0}}}}}}}}
processors:
  resourcedetection:
    detectors: [env, k8snode]
    k8snode: {{auth_type: kubeConfig, node_from_env_var: MY_NODE}}
    {options}
exporters: {{otlp: {{endpoint: '{}', tls: {{insecure: true}}}}}}
service:
  telemetry: {{logs: {{encoding: json}}}}
  pipelines: {{traces: {{receivers: [otlp], processors: [resourcedetection], exporters: [otlp]}}}}
",
        sink.endpoint()
    )
}

fn named(name: &str, uid: &str) -> Vec<u8> {
    json!({ "kind": "PartialObjectMetadata", "metadata": { "name": name, "uid": uid } })
        .to_string()
        .into_bytes()
}

/// Scenario: the API says what the node of this process is, and of its cluster; then it forbids the latter; then all.
/// Guarantees: spans say which node they came through, each answer was asked for by one who says who it is, and what may not be
/// read is left out and told, without a secret.
///
/// Conforms: processor `resource_detection` | traces | `detectors: [k8s_api]` (`k8snode`) | same
#[test]
fn a_process_finds_out_which_node_it_runs_on() {
    let (api, sink) = (HttpSink::start(), Sink::start());
    api.show(NODE, "200 OK", &named("node-7", "u-node"));
    api.show(SYSTEM, "200 OK", &named("kube-system", "u-cluster"));
    let forbidden = br#"{"kind": "Status", "code": 403, "message": "it is forbidden"}"#;
    let all = ["k8s.node.name", "node-7", "u-node", "u-cluster"];
    for (forbid, found) in [
        (None, &all[..]),
        (Some(SYSTEM), &all[..3]),
        (Some(NODE), &[]),
    ] {
        if let Some(path) = forbid {
            api.show(path, "403 Forbidden", forbidden);
        }
        let gateway = Gateway::start_with(&detecting(&sink, ""), |command, folder| {
            point_to(&api, command, folder);
            command.env("MY_NODE", "node-7");
        });
        if forbid.is_some() {
            gateway.binary.line_with("it is forbidden");
        }
        let before = sink.spans().len();
        send(&gateway, 1);
        sink.block_until("the span", |sink| sink.spans().len() > before);
        let received = format!("{:?}", sink.received().last());
        for word in all {
            assert_eq!(
                received.contains(word),
                found.contains(&word),
                "{word}: {received}"
            );
        }
        gateway.binary.signal(tailweir_testkit::Signal::TERM);
        let (status, lines) = gateway.binary.finish();
        assert!(status.success() && lines.iter().all(|line| !line.text.contains("s3cret")));
    }
    let asked = api.posted();
    assert!(
        asked.len() >= 5
            && asked
                .iter()
                .all(|it| it.header("authorization") == Some("Bearer s3cret"))
    );
}

/// Scenario: the variable with the node's name is not set, or has what is no name; the API fails where it must not.
/// Guarantees: the process does not start, and says why.
#[test]
fn a_start_that_needs_its_node_fails_without_it() {
    let (api, sink) = (HttpSink::start(), Sink::start());
    api.show(NODE, "500 Oops", b"");
    let folder = tempfile::TempDir::new().unwrap();
    let config = folder.path().join("gateway.yaml");
    std::fs::write(&config, detecting(&sink, "fail_on_missing_metadata: true")).unwrap();
    for (node, said) in [
        (None, "the variable MY_NODE has no name of a node"),
        (
            Some("../secrets"),
            "the variable MY_NODE has no name of a node",
        ),
        (Some("node-7"), "500"),
    ] {
        let mut command = Command::new(program());
        command
            .args(["--admin", "127.0.0.1:0", "--config"])
            .arg(&config);
        point_to(&api, &mut command, folder.path());
        command.env_remove("MY_NODE");
        command.envs(node.map(|node| ("MY_NODE", node)));
        let ended = command.output().unwrap();
        let told = stderr(&ended);
        assert!(!ended.status.success() && told.contains(said), "{told}");
    }
}
