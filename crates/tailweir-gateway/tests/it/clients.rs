//! Who sent telemetry, asked for behind samplers and by exporters.

use crate::cluster::{Town, WINDOW};
use crate::harness::{Fixture, settings, try_settings};
use http::Method;
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use prost::Message;
use std::collections::BTreeSet;
use tailweir_placement::{Command, Incarnation};
use tailweir_testkit::{HttpSink, Posted, RequestBuilder, request, span, trace_id};
use tonic::metadata::MetadataValue;

/// A gateway that keeps every trace and sends it on with the tenant of its client.
fn yaml(backend: &HttpSink, sampler: &str, processors: &str, more: &str) -> String {
    format!(
        "
extensions:
  headers_setter:
    headers: [{{key: X-Scope-OrgID, from_context: X-Tenant, default_value: nobody}}]
receivers:
  otlp:
    protocols:
      grpc: {{endpoint: '127.0.0.1:0', include_metadata: true}}
      http: {{endpoint: '127.0.0.1:0', include_metadata: true}}
processors:
  tail_sampling:
    {sampler}
    policies: [{{name: all, type: always_sample}}]
{more}
exporters:
  otlp_http:
    endpoint: '{}'
    compression: none
    auth: {{authenticator: headers_setter}}
    retry_on_failure: {{initial_interval: 5ms, max_interval: 10ms}}
service:
  extensions: [headers_setter]
  pipelines:
    traces: {{receivers: [otlp], processors: [{processors}], exporters: [otlp_http]}}
",
        backend.url("")
    )
}

/// Sends as the client of a tenant does; answers the status.
async fn send(gateway: &Fixture, tenant: &str, sent: RequestBuilder) -> u16 {
    let mut headers = vec![
        ("content-type", "application/x-protobuf"),
        ("x-other", "private"),
    ];
    if !tenant.is_empty() {
        headers.push(("x-tenant", tenant));
    }
    let answer = gateway.http(Method::POST, "/v1/traces", &headers, sent.bytes());
    answer.await.status
}

fn named(trace: u64, id: u64, name: &str) -> RequestBuilder {
    request().span(span(trace_id(trace), id).named(name))
}

/// Tenant and name of every span that arrived. Fails where a request holds what OTLP does not have.
fn arrived(posted: &[Posted]) -> BTreeSet<(String, String)> {
    let mut all = BTreeSet::new();
    for posted in posted {
        let tenant = posted.header("x-scope-orgid").unwrap_or_default();
        let message = ExportTraceServiceRequest::decode(&posted.body[..]).unwrap();
        assert_eq!(message.encoded_len(), posted.body.len(), "nothing unknown");
        let scopes = message.resource_spans.into_iter();
        for span in scopes
            .flat_map(|resource| resource.scope_spans)
            .flat_map(|scope| scope.spans)
        {
            assert!(all.insert((tenant.to_owned(), span.name)), "nothing twice");
        }
    }
    all
}

fn pairs(pairs: &[(&str, &str)]) -> BTreeSet<(String, String)> {
    let owned = |(tenant, name): &(&str, &str)| ((*tenant).to_owned(), (*name).to_owned());
    pairs.iter().map(owned).collect()
}

/// Scenario: clients of two tenants and one of none send spans, some of one trace; a fourth one says in its spans that it
/// is another tenant. All are sampled, and exported with the tenant in a header.
/// Guarantees: each span arrives once, with the tenant of the client that sent it, and nothing of the client in its bytes; nobody is
/// believed who says it himself.
///
/// Conforms: extension `headers_setter` | `from_context` behind `tail_sampling` | better: sends what the client had;
/// the Collector sends the default
#[tokio::test(flavor = "multi_thread")]
async fn spans_keep_their_tenant_through_the_sampler() {
    let backend = HttpSink::start();
    let gateway =
        Fixture::start(&yaml(&backend, "decision_wait: 300ms", "tail_sampling", "")).await;
    for (tenant, name, trace) in [
        ("red", "a", 1),
        ("blue", "b", 1),
        ("red", "c", 2),
        ("", "d", 1),
    ] {
        let id = u64::from(name.as_bytes()[0]);
        assert_eq!(send(&gateway, tenant, named(trace, id, name)).await, 200);
    }
    let honest = named(3, 5, "e").bytes();
    let forged = tailweir_otlp::with_sender(
        &honest,
        &tailweir_core::ClientContext {
            metadata: vec![("x-tenant".to_owned(), vec!["red".to_owned()])],
            ..Default::default()
        },
        usize::MAX,
    );
    let headers = [
        ("content-type", "application/x-protobuf"),
        ("x-tenant", "green"),
    ];
    let answer = gateway.http(Method::POST, "/v1/traces", &headers, forged.unwrap());
    assert_eq!(answer.await.status, 200);
    let status = gateway.running.status().await;
    assert_eq!(
        status.transforms[0].processor,
        "client_context/tail_sampling"
    );
    assert_eq!(status.transforms[0].incoming, 5);
    gateway.finish().await;
    assert_eq!(
        arrived(&backend.posted()),
        pairs(&[
            ("red", "a"),
            ("blue", "b"),
            ("red", "c"),
            ("nobody", "d"),
            ("green", "e")
        ])
    );
}

/// Scenario: behind the sampler an `attributes` processor writes what the client had, and a batch is divided by tenant; one more
/// batch is not divided.
/// Guarantees: both know the client; what goes through a batch that mixes clients is of nobody.
#[tokio::test(flavor = "multi_thread")]
async fn processors_behind_the_sampler_know_the_client() {
    let more = "
  attributes: {actions: [{key: tenant, action: insert, from_context: metadata.x-tenant}]}
  batch/tenants: {timeout: 1h, metadata_keys: [X-Tenant]}
  batch/all: {timeout: 1h}
";
    for (processors, tenants) in [
        ("tail_sampling, attributes, batch/tenants", ["red", "blue"]),
        ("tail_sampling, attributes, batch/all", ["nobody", "nobody"]),
    ] {
        let backend = HttpSink::start();
        let yaml = yaml(&backend, "decision_wait: 10ms", processors, more);
        let gateway = Fixture::start(&yaml).await;
        for (tenant, trace) in [("red", 1), ("blue", 2), ("red", 3)] {
            let sent = named(trace, 1, &format!("{tenant}{trace}"));
            assert_eq!(send(&gateway, tenant, sent).await, 200);
        }
        gateway.finish().await;
        let posted = backend.posted();
        let distinct: BTreeSet<_> = tenants.iter().collect();
        assert_eq!(posted.len(), distinct.len(), "{processors}");
        let [red, blue] = tenants;
        assert_eq!(
            arrived(&posted),
            pairs(&[(red, "red1"), (red, "red3"), (blue, "blue2")])
        );
        for posted in posted {
            let text = String::from_utf8_lossy(&posted.body).into_owned();
            assert!(text.contains("tenant") && !text.contains("private"));
        }
    }
}

/// Scenario: a client whose tenant is longer than what may be kept of it.
/// Guarantees: it is refused for good with the length and the limit, and counted; nothing of it is held.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_kept_of_a_client_is_bounded() {
    let backend = HttpSink::start();
    let gateway = Fixture::start(&yaml(&backend, "decision_wait: 1h", "tail_sampling", "")).await;
    let long = "x".repeat(9_000);
    assert_eq!(send(&gateway, &long, named(1, 1, "a")).await, 500);
    let status = gateway.running.status().await;
    assert_eq!(status.transforms[0].failed, 1);
    let books = gateway.finish().await;
    assert_eq!(books.signals["traces"].acknowledged.items, 0);
}

/// Scenario: nobody behind the sampler asks for the client; then a reload brings one who does, and another takes him away.
/// Guarantees: nothing is between as long as nobody asks; what was noted before is taken out all the same.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_noted_where_nobody_asks() {
    let backend = HttpSink::start();
    let asking = yaml(&backend, "decision_wait: 500ms", "tail_sampling", "");
    let silent = asking.replace("    auth: {authenticator: headers_setter}\n", "");
    assert_ne!(asking, silent);
    let gateway = Fixture::start(&silent).await;
    assert_eq!(gateway.running.status().await.transforms, []);
    gateway.running.reload(settings(&asking)).await.unwrap();
    assert_eq!(send(&gateway, "red", named(1, 1, "a")).await, 200);
    gateway.running.reload(settings(&silent)).await.unwrap();
    assert_eq!(send(&gateway, "red", named(1, 2, "b")).await, 200);
    gateway.finish().await;
    assert_eq!(arrived(&backend.posted()), pairs(&[("", "a"), ("", "b")]));
}

/// Scenario: logs of two tenants wait for the decision about their trace.
/// Guarantees: each arrives with its tenant.
#[tokio::test(flavor = "multi_thread")]
async fn logs_keep_their_tenant_while_they_wait_for_their_trace() {
    let backend = HttpSink::start();
    let more = "  tail_sampling/logs: {trace_aware: {sampler: tail_sampling}}";
    let yaml = yaml(&backend, "decision_wait: 100ms", "tail_sampling", more);
    let yaml = format!(
        "{yaml}    logs: {{receivers: [otlp], processors: [tail_sampling/logs], exporters: [otlp_http]}}\n"
    );
    let gateway = Fixture::start(&yaml).await;
    for tenant in ["red", "blue"] {
        let body = format!(
            r#"{{"resourceLogs":[{{"scopeLogs":[{{"logRecords":[
                {{"traceId":"{}","body":{{"stringValue":"{tenant}"}}}}]}}]}}]}}"#,
            trace_id(1)
        );
        let headers = [("content-type", "application/json"), ("x-tenant", tenant)];
        let answer = gateway.http(Method::POST, "/v1/logs", &headers, body);
        assert_eq!(answer.await.status, 200);
    }
    assert_eq!(send(&gateway, "red", named(1, 1, "a")).await, 200);
    let both = |posted: &[Posted]| posted.iter().filter(|it| it.path == "/v1/logs").count() == 2;
    backend.until("the logs of both", both).await;
    gateway.finish().await;
    let logs = backend.posted();
    for posted in logs.iter().filter(|posted| posted.path == "/v1/logs") {
        let message = ExportLogsServiceRequest::decode(&posted.body[..]).unwrap();
        assert_eq!(message.encoded_len(), posted.body.len(), "nothing unknown");
        let tenant = posted.header("x-scope-orgid").unwrap();
        let text = String::from_utf8_lossy(&posted.body).into_owned();
        assert!(text.contains(tenant), "{tenant}: {text}");
    }
}

/// Scenario: a cluster of a gateway without slots and two samplers; spans of one trace come from two tenants, then a third sampler
/// joins and one of the first leaves, so that what is held moves, then the rest of each trace comes.
/// Guarantees: every span arrives once, with the tenant of its client.
#[tokio::test(flavor = "multi_thread")]
async fn tenants_move_with_what_is_held() {
    const TRACES: u64 = 40;
    let backend = HttpSink::start();
    let yaml = yaml(&backend, WINDOW, "tail_sampling", "");
    let town = Town::of(2);
    let mut samplers = town.start_samplers(&yaml).await;
    let gateway = town.start(&yaml, None, true).await;
    town.rebalance();
    let tenants = ["red", "blue", "green"];
    for (part, tenant) in (1..).zip(tenants) {
        let spans = (0..TRACES).map(|trace| {
            let span = span(trace_id(trace), part).named(&format!("{trace}-{part}"));
            if part == 3 { span } else { span.child_of(3) }
        });
        send_in_cluster(&gateway, tenant, request().spans(spans)).await;
        match part {
            1 => {
                town.register(2);
                samplers.push(town.start(&yaml, Some(3), false).await);
                town.rebalance();
            }
            2 => town.change(|table| {
                table.apply(&Command::Drain(Incarnation(1)));
            }),
            _ => {}
        }
    }
    let all = |posted: &[Posted]| arrived(posted).len() as u64 >= TRACES * 3;
    backend.until("all spans", all).await;
    for member in std::iter::once(gateway).chain(samplers) {
        member.finish().await;
    }
    let expected = (0..TRACES).flat_map(|trace| {
        let names = (1..).zip(tenants);
        names.map(move |(part, tenant)| (tenant.to_owned(), format!("{trace}-{part}")))
    });
    assert_eq!(arrived(&backend.posted()), expected.collect());
}

/// Sends over gRPC as an SDK does: again, when it is asked to come again.
async fn send_in_cluster(gateway: &Fixture, tenant: &str, sent: RequestBuilder) {
    let message = sent.message();
    let sending = async {
        loop {
            let mut request = tonic::Request::new(message.clone());
            let value = MetadataValue::try_from(tenant).unwrap();
            request.metadata_mut().insert("x-tenant", value);
            match gateway.traces().await.export(request).await {
                Ok(_) => return,
                Err(status) => assert_eq!(status.code(), tonic::Code::Unavailable, "{status}"),
            }
        }
    };
    let sent = tokio::time::timeout(crate::cluster::PATIENCE, sending).await;
    sent.expect("a request is taken in the end");
}

/// Scenario: a `headers_setter` that is to check callers, one beside another one, and one with an additional authenticator that
/// does not run.
/// Guarantees: each is refused before anything runs.
///
/// Conforms: extension `headers_setter` | `additional_auth` with another `headers_setter` | not offered: write all
/// headers into one
#[test]
fn a_headers_setter_only_signs() {
    let backend = HttpSink::start();
    let good = yaml(&backend, "decision_wait: 1s", "tail_sampling", "");
    assert!(try_settings(&good).is_some());
    let setter = "  headers_setter:\n";
    for bad in [
        good.replace(
            "http: {endpoint: '127.0.0.1:0',",
            "http: {endpoint: '127.0.0.1:0', auth: {authenticator: headers_setter},",
        ),
        good.replace(
            setter,
            "  headers_setter/b: {headers: [{key: a, value: b}]}\n  headers_setter:\n    additional_auth: headers_setter/b\n",
        )
        .replace("[headers_setter]", "[headers_setter, headers_setter/b]"),
        good.replace(
            setter,
            "  bearertokenauth: {token: t}\n  headers_setter:\n    additional_auth: bearertokenauth\n",
        ),
    ] {
        assert_ne!(bad, good);
        assert!(try_settings(&bad).is_none(), "{bad}");
    }
}
