//! The `prometheus` exporter: metrics in, a page out.

use crate::harness::{Fixture, HttpAnswer, ask, options, settings};
use flate2::read::GzDecoder;
use http::Method;
use serde_json::json;
use std::io::Read;
use std::net::SocketAddr;
use tailweir_gateway::{Gateway, StartError, Status};

fn yaml(endpoint: &str, options: &str, extensions: &str) -> String {
    format!(
        "
receivers:
  otlp: {{protocols: {{http: {{endpoint: '127.0.0.1:0'}}}}}}
exporters:
  prometheus:
    endpoint: '{endpoint}'
    {options}
{extensions}
  pipelines:
    metrics: {{receivers: [otlp], exporters: [prometheus]}}
"
    )
}

fn plain(options: &str) -> String {
    yaml("127.0.0.1:0", options, "service:")
}

/// Where the page is.
async fn page(fixture: &Fixture) -> SocketAddr {
    address(&fixture.running.status().await)
}

fn address(status: &Status) -> SocketAddr {
    let page = status.pages.first().expect("a page");
    page.address.expect("a TCP port")
}

async fn scrape(address: SocketAddr, headers: &[(&str, &str)]) -> HttpAnswer {
    ask(address, Method::GET, "/metrics", headers, "").await
}

/// Sends a gauge of this name with so many points, each with another attribute.
async fn send(fixture: &Fixture, name: &str, points: usize) {
    let point = |number: usize| {
        json!({
            "attributes": [{"key": "n", "value": {"intValue": number.to_string()}}],
            "timeUnixNano": "1700000000000000000",
            "asInt": number.to_string(),
        })
    };
    let points: Vec<_> = (0..points).map(point).collect();
    let metric = json!({"name": name, "gauge": {"dataPoints": points}});
    let request = json!({"resourceMetrics": [{"scopeMetrics": [{"metrics": [metric]}]}]});
    let headers = [("content-type", "application/json")];
    let answer = fixture
        .http(Method::POST, "/v1/metrics", &headers, request.to_string())
        .await;
    assert_eq!(answer.status, 200, "{answer:?}");
}

fn text(answer: &HttpAnswer) -> String {
    String::from_utf8(answer.body.to_vec()).expect("UTF-8")
}

/// Scenario: metrics are sent over OTLP and scraped as text and as OpenMetrics.
/// Guarantees: an acknowledged point is on the page, and counts as delivered.
///
/// Conforms: exporter `prometheus` | metrics | `endpoint`, text and OpenMetrics | same
#[tokio::test]
async fn what_is_acknowledged_is_on_the_page() {
    let fixture = Fixture::start(&plain("enable_open_metrics: true")).await;
    send(&fixture, "queue.length", 2).await;
    let address = page(&fixture).await;
    let answer = scrape(address, &[]).await;
    assert_eq!(
        answer.header("content-type"),
        Some("text/plain; version=0.0.4; charset=utf-8; escaping=underscores")
    );
    assert!(text(&answer).starts_with("# HELP queue_length \n# TYPE queue_length gauge\n"));
    assert!(text(&answer).contains("n=\"1\",otel_scope_name=\"\""));
    let open = scrape(
        address,
        &[("accept", "application/openmetrics-text;version=1.0.0")],
    )
    .await;
    assert!(text(&open).ends_with("# EOF\n"));
    let status = fixture.running.status().await;
    assert_eq!((status.pages[0].series, status.exporters[0].sent), (2, 2));
    let books = fixture.finish().await;
    assert_eq!(books.signals["metrics"].delivered.items, 2);
}

/// Scenario: a page of several pieces is asked for packed and plain, whole and one family of it.
/// Guarantees: it is the same page, in order, and only what is asked for.
#[tokio::test]
async fn a_large_page_comes_whole_and_packed() {
    let fixture = Fixture::start(&plain("")).await;
    send(&fixture, "large", 3000).await;
    send(&fixture, "small", 1).await;
    let address = page(&fixture).await;
    let plain = scrape(address, &[]).await;
    assert_eq!(plain.header("content-encoding"), None);
    let packed = scrape(address, &[("accept-encoding", "gzip")]).await;
    assert_eq!(packed.header("content-encoding"), Some("gzip"));
    let mut unpacked = String::new();
    GzDecoder::new(packed.body.as_ref())
        .read_to_string(&mut unpacked)
        .expect("whole gzip");
    assert_eq!(unpacked, text(&plain));
    assert_eq!(unpacked.lines().count(), 3000 + 1 + 4);
    let one = ask(address, Method::GET, "/metrics?name%5B%5D=small", &[], "").await;
    assert_eq!(text(&one).lines().count(), 3);
    fixture.finish().await;
}

/// Scenario: requests for other paths and with other methods.
/// Guarantees: each gets its own answer, and nothing of the page.
///
/// Conforms: exporter `prometheus` | metrics | `response_headers` | same
#[tokio::test]
async fn only_the_page_is_served() {
    let fixture = Fixture::start(&plain("response_headers: {x-gateway: 'yes'}")).await;
    send(&fixture, "g", 1).await;
    let address = page(&fixture).await;
    let missing = ask(address, Method::GET, "/", &[], "").await;
    assert_eq!(missing.status, 404);
    assert_eq!(missing.header("x-gateway"), Some("yes"));
    let posted = ask(address, Method::POST, "/metrics", &[], "").await;
    assert_eq!(
        (posted.status, posted.header("allow")),
        (405, Some("GET, HEAD"))
    );
    let head = ask(address, Method::HEAD, "/metrics", &[], "").await;
    assert_eq!((head.status, head.body.len()), (200, 0));
    fixture.finish().await;
}

/// Scenario: the page is for those who have the token.
/// Guarantees: nobody else sees it.
///
/// Conforms: exporter `prometheus` | metrics | `auth` | same
#[tokio::test]
async fn a_page_may_ask_for_credentials() {
    let extensions = "extensions: {bearertokenauth: {token: s3cret}}\n\
         service:\n  extensions: [bearertokenauth]";
    let auth = "auth: {authenticator: bearertokenauth}";
    let fixture = Fixture::start(&yaml("127.0.0.1:0", auth, extensions)).await;
    let address = page(&fixture).await;
    assert_eq!(scrape(address, &[]).await.status, 401);
    let allowed = scrape(address, &[("authorization", "Bearer s3cret")]).await;
    assert_eq!(allowed.status, 200);
    fixture.finish().await;
}

/// Scenario: more series than `max_series` come.
/// Guarantees: new ones are refused and booked as lost; what is there goes on.
///
/// Conforms: exporter `prometheus` | metrics | `max_series` | only here: a bound on series (500,000) and their
/// memory; new ones beyond are refused, counted and booked as lost
#[tokio::test]
async fn series_are_bounded() {
    let fixture = Fixture::start(&plain("max_series: 2")).await;
    send(&fixture, "g", 5).await;
    send(&fixture, "g", 2).await;
    let status = fixture.running.status().await;
    assert_eq!(status.pages[0].series, 2);
    assert_eq!(status.pages[0].troubles["series_limit"], 3);
    let books = fixture.finish_with_losses().await;
    let row = &books.signals["metrics"];
    assert_eq!((row.delivered.items, row.lost_items()), (4, 3));
}

/// Scenario: the exporter's options change while it runs, on the same port.
/// Guarantees: the page is there again at once, as the new options say.
#[tokio::test]
async fn a_reload_keeps_the_port() {
    let fixture = Fixture::start(&plain("")).await;
    let address = page(&fixture).await;
    let changed = yaml(&address.to_string(), "namespace: shop", "service:");
    let receiver = fixture.http.expect("a receiver");
    let changed = changed.replace(
        "http: {endpoint: '127.0.0.1:0'}",
        &format!("http: {{endpoint: '{receiver}'}}"),
    );
    fixture
        .running
        .reload(settings(&changed))
        .await
        .expect("a reload");
    send(&fixture, "g", 1).await;
    let answer = scrape(address, &[]).await;
    assert!(
        text(&answer).contains("# TYPE shop_g gauge"),
        "{}",
        text(&answer)
    );
    fixture.finish().await;
}

/// Scenario: the port of the page is taken.
/// Guarantees: the gateway does not start, and says why.
#[tokio::test]
async fn a_taken_port_is_an_error() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let endpoint = taken.local_addr().expect("an address").to_string();
    let yaml = yaml(&endpoint, "", "service:");
    let Err(error) = Gateway::start(settings(&yaml), options()).await else {
        panic!("it started");
    };
    assert!(matches!(error, StartError::Bind { .. }), "{error}");
    assert!(
        error.to_string().contains("prometheus cannot listen"),
        "{error}"
    );
}
