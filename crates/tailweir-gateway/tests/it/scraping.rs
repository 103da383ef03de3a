//! Pages that are scraped.

use crate::harness::{Fixture, settings};
use opentelemetry_proto::tonic::metrics::v1::{metric::Data, number_data_point::Value};
use std::io::Write;
use tailweir_gateway::Gateway;
use tailweir_testkit::{HttpSink, Sink};

const TEXT: &str = "200 OK\r\ncontent-type: text/plain; version=0.0.4";

/// A gateway that scrapes: `job` is more of its job, `receiver` more of its receiver.
fn scraping(backend: &Sink, job: &str, receiver: &str) -> String {
    format!(
        "
receivers:
  prometheus:
    {receiver}
    config:
      global: {{scrape_interval: 500ms}}
      scrape_configs:
        - {{job_name: shop, {job}}}
exporters:
  otlp: {{endpoint: '{}', tls: {{insecure: true}}, sending_queue: {{enabled: false}}}}
service: {{pipelines: {{metrics: {{receivers: [prometheus], exporters: [otlp]}}}}}}
",
        backend.endpoint()
    )
}

fn targets(pages: &HttpSink) -> String {
    format!("static_configs: [{{targets: ['{}']}}]", pages.address())
}

/// The values of a metric without labels, in order; nothing where it has ended.
fn values(sink: &Sink, name: &str) -> Vec<Option<f64>> {
    let metrics = sink
        .metrics()
        .into_iter()
        .filter(|metric| metric.name == name);
    let points = metrics.flat_map(|metric| match metric.data {
        Some(Data::Gauge(gauge)) => gauge.data_points,
        Some(Data::Sum(sum)) => sum.data_points,
        _ => Vec::new(),
    });
    let value = |value| match value {
        Value::AsDouble(value) => value,
        Value::AsInt(value) => value as f64,
    };
    points.map(|point| point.value.map(value)).collect()
}

/// Scenario: a packed page is scraped, with credentials, a parameter and a header of our own; then the page loses a series,
/// and then it is broken.
/// Guarantees: the target is asked as configured; what its page tells arrives, with `up`; the end of a series arrives;
/// a broken page makes `up` 0 and ends the rest. Nothing is lost, and the books balance.
///
/// Conforms: receiver `prometheus` | metrics | `static_configs`, `params`, `basic_auth`, `http_headers`,
/// `enable_compression`, the interval and the time limit of a scrape | same
#[tokio::test(flavor = "multi_thread")]
async fn what_a_page_tells_arrives() {
    let (backend, pages) = (Sink::start(), HttpSink::start());
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packed
        .write_all(b"# TYPE orders_total counter\norders_total 7\nstock 3\n")
        .unwrap();
    let head = format!("{TEXT}\r\ncontent-encoding: gzip");
    pages.show("/metrics", &head, &packed.finish().unwrap());
    let job = format!(
        "{}, params: {{module: [m]}}, basic_auth: {{username: u, password: p}}, http_headers: {{x-tenant: {{values: [t]}}}}",
        targets(&pages)
    );
    let gateway = Fixture::start(&scraping(&backend, &job, "")).await;
    backend
        .until("the page", |sink| !values(sink, "orders_total").is_empty())
        .await;
    assert_eq!(values(&backend, "orders_total")[0], Some(7.0));
    assert!(values(&backend, "up").contains(&Some(1.0)));
    let asked = pages.posted().remove(0);
    assert_eq!(asked.path, "/metrics?module=m");
    assert_eq!(asked.header("authorization"), Some("Basic dTpw"));
    assert_eq!(asked.header("accept-encoding"), Some("gzip"));
    assert_eq!(asked.header("x-tenant"), Some("t"));
    assert_eq!(
        asked.header("x-prometheus-scrape-timeout-seconds"),
        Some("0.5")
    );
    let accept = asked.header("accept").unwrap();
    assert!(
        accept.starts_with("application/openmetrics-text;version=1.0.0"),
        "{accept}"
    );

    pages.show("/metrics", TEXT, b"stock 3\n");
    backend
        .until("the end of a series", |sink| {
            values(sink, "orders_total").contains(&None)
        })
        .await;
    assert!(!values(&backend, "stock").contains(&None));
    pages.show("/metrics", TEXT, b"stock 3\n{");
    backend
        .until("the end of the page", |sink| {
            values(sink, "stock").contains(&None)
        })
        .await;
    assert!(values(&backend, "up").contains(&Some(0.0)));
    gateway
        .until("the count", |status| {
            let row = &status.scraping[0];
            let told = row.scrapes.iter().filter(|(_, count)| *count > 0);
            let told: Vec<_> = told.map(|(outcome, _)| *outcome).collect();
            row.targets == 1 && told.contains(&"good") && told.contains(&"unreadable")
        })
        .await;
    gateway.finish().await;
}

/// Scenario: targets that answer with an error, too slowly or not at all, with too long a page, and with one of another
/// encoding.
/// Guarantees: each is down and counted under its reason; none holds another up.
///
/// Conforms: receiver `prometheus` | metrics | `body_size_limit`, `sample_limit`, targets that fail | same
#[tokio::test(flavor = "multi_thread")]
async fn targets_that_fail_are_down() {
    for (head, body, more, outcome) in [
        ("500 Oops", &b""[..], "", "unanswered"),
        (TEXT, &b"a 1\n"[..], ", body_size_limit: 3B", "limited"),
        (TEXT, &b"a 1\nb 2\n"[..], ", sample_limit: 1", "limited"),
        (TEXT, &b"a b\n"[..], "", "unreadable"),
        (
            "200 OK\r\ncontent-encoding: br",
            &b"a 1\n"[..],
            "",
            "unanswered",
        ),
    ] {
        let (backend, pages) = (Sink::start(), HttpSink::start());
        pages.show("/metrics", head, body);
        let job = format!("{}{more}", targets(&pages));
        let gateway = Fixture::start(&scraping(&backend, &job, "")).await;
        backend
            .until("a scrape", |sink| !values(sink, "up").is_empty())
            .await;
        assert_eq!(values(&backend, "up")[0], Some(0.0), "{head}");
        gateway
            .until("the count", |status| {
                let mut counts = status.scraping[0].scrapes.iter();
                counts.any(|(name, count)| *name == outcome && *count > 0)
            })
            .await;
        gateway.finish().await;
    }
}

/// Scenario: a page that redirects, within its server and then to another.
/// Guarantees: the page is found; the other server does not see the credentials.
///
/// Conforms: receiver `prometheus` | metrics | `authorization`, `follow_redirects` | same
#[tokio::test(flavor = "multi_thread")]
async fn credentials_stay_with_the_target() {
    let (backend, pages, other) = (Sink::start(), HttpSink::start(), HttpSink::start());
    pages.show("/metrics", "302 Found\r\nlocation: /here", b"");
    let there = format!("307 There\r\nlocation: {}", other.url("/there"));
    pages.show("/here", &there, b"");
    other.show("/there", TEXT, b"found 1\n");
    let job = format!(
        "{}, authorization: {{credentials: secret}}",
        targets(&pages)
    );
    let gateway = Fixture::start(&scraping(&backend, &job, "")).await;
    backend
        .until("the page", |sink| !values(sink, "found").is_empty())
        .await;
    let own = pages.posted();
    assert!(
        own.iter()
            .all(|it| it.header("authorization") == Some("Bearer secret"))
    );
    assert!(
        other
            .posted()
            .iter()
            .all(|it| it.header("authorization").is_none())
    );
    gateway.finish().await;
}

/// Scenario: a file of targets lists one, is damaged, and lists another; a rule names the file.
/// Guarantees: the target is scraped, also while the file is damaged, which is counted; when it is gone its series end,
/// `up` too, and the other is scraped.
///
/// Conforms: receiver `prometheus` | metrics | `file_sd_configs` as JSON and YAML | same
#[tokio::test(flavor = "multi_thread")]
async fn targets_in_files_come_and_go() {
    let (backend, pages) = (Sink::start(), HttpSink::start());
    pages.show("/one", TEXT, b"one 1\n");
    pages.show("/two", TEXT, b"two 2\n");
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("targets.json");
    let list = |path: &str| {
        let address = pages.address();
        let text = format!(
            r#"[{{"targets": ["{address}"], "labels": {{"__metrics_path__": "{path}"}}}}]"#
        );
        std::fs::write(&file, text).unwrap();
    };
    list("/one");
    let job = format!(
        "file_sd_configs: [{{files: ['{}/*.json']}}], relabel_configs: [{{source_labels: [__meta_filepath], target_label: file}}]",
        folder.path().display()
    );
    let gateway = Fixture::start(&scraping(&backend, &job, "")).await;
    backend
        .until("the first target", |sink| !values(sink, "one").is_empty())
        .await;
    std::fs::write(&file, "[{targets: 7}]").unwrap();
    gateway
        .until("the mistake", |status| {
            let row = &status.scraping[0];
            row.unreadable_files == 1 && row.targets == 1
        })
        .await;
    list("/two");
    backend
        .until("the second target", |sink| !values(sink, "two").is_empty())
        .await;
    backend
        .until("the end of the first", |sink| {
            values(sink, "one").contains(&None) && values(sink, "up").contains(&None)
        })
        .await;
    assert!(!values(&backend, "two").contains(&None));
    gateway.finish().await;
}

/// Scenario: more targets than a job may have; a target that is none; a last scrape at the end.
/// Guarantees: of too many none is asked, and each is down; what is none is counted; the last scrape arrives.
///
/// Conforms: receiver `prometheus` | metrics | `target_limit`, `scrape_on_shutdown` | same
#[tokio::test(flavor = "multi_thread")]
async fn limits_and_ends_are_kept() {
    let (backend, pages) = (Sink::start(), HttpSink::start());
    pages.show("/metrics", TEXT, b"a 1\n");
    let address = pages.address();
    let job = format!(
        "static_configs: [{{targets: ['{address}', 'localhost:{}']}}], target_limit: 1",
        address.port()
    );
    let gateway = Fixture::start(&scraping(&backend, &job, "")).await;
    backend
        .until("two scrapes", |sink| values(sink, "up").len() > 1)
        .await;
    assert!(values(&backend, "up").iter().all(|up| *up == Some(0.0)));
    assert!(pages.posted().is_empty());
    gateway.finish().await;

    let backend = Sink::start();
    let rule = "relabel_configs: [{source_labels: [__address__], regex: 'none:1', target_label: __address__, replacement: ''}]";
    let job = format!(
        "static_configs: [{{targets: ['{address}', 'none:1']}}], scrape_interval: 1h, {rule}"
    );
    let receiver = "scrape_on_shutdown: true";
    let gateway = Fixture::start(&scraping(&backend, &job, receiver)).await;
    gateway
        .until("the targets", |status| {
            let row = &status.scraping[0];
            (row.targets, row.refused_targets) == (1, 1)
        })
        .await;
    gateway.finish().await;
    assert_eq!(values(&backend, "a"), [Some(1.0)]);
}

/// Scenario: a job whose token stands in a file that is not there.
/// Guarantees: the check names the option of that job, as a file that cannot be read.
#[test]
fn what_cannot_be_read_is_named_with_its_option() {
    let backend = "receivers: {prometheus: {config: {scrape_configs: [{job_name: a, static_configs: [{targets: ['h:1']}]}, {job_name: b, bearer_token_file: /nowhere/token}]}}}
exporters: {nop: }
service: {pipelines: {metrics: {receivers: [prometheus], exporters: [nop]}}}";
    let mistakes = Gateway::check(&settings(backend));
    let [mistake] = &mistakes[..] else {
        panic!("{mistakes:?}");
    };
    assert_eq!(mistake.block, "receivers::prometheus");
    assert_eq!(
        mistake.option,
        "config::scrape_configs::1::authorization::credentials_file"
    );
    assert!(mistake.is_unreadable);
}
