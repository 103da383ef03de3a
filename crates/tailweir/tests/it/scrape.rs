//! A page that is scraped, and shown again.

use crate::gateway::Gateway;
use serde_json::Value;
use tailweir_testkit::{HttpSink, http_get};

const PAGE: &str = "# TYPE orders counter
# HELP orders Orders so far.
orders_total{shop=\"a\"} 7
# TYPE took histogram
took_bucket{le=\"1.0\"} 2
took_bucket{le=\"+Inf\"} 3
took_count 3
took_sum 4.5
# EOF
";

/// What the process shows for Prometheus.
fn page(status: &Value) -> String {
    let address = status["pages"][0]["address"].as_str().expect("an address");
    http_get(address.parse().expect("an address"), "/metrics").body
}

/// Scenario: the binary scrapes a page of OpenMetrics twice a second, rewrites a label, and shows what it has on a page of its
/// own; then the target breaks.
/// Guarantees: the series of the page are on ours, with job, instance and the label, and the target is up; when it is
/// broken it is down, and its series are gone.
#[test]
fn a_scraped_page_is_shown_again() {
    let target = HttpSink::start();
    let head = "200 OK\r\ncontent-type: application/openmetrics-text; version=1.0.0";
    target.show("/metrics", head, PAGE.as_bytes());
    let configuration = format!(
        "
receivers:
  otlp: {{protocols: {{grpc: {{endpoint: 127.0.0.1:0}}, http: {{endpoint: 127.0.0.1:0}}}}}}
  prometheus:
    config:
      scrape_configs:
        - job_name: shops
          scrape_interval: 500ms
          static_configs: [{{targets: ['{}']}}]
          metric_relabel_configs:
            - {{source_labels: [shop], regex: '(.+)', target_label: place, replacement: 'shop-$$1'}}
exporters: {{prometheus: {{endpoint: '127.0.0.1:0'}}}}
service:
  telemetry: {{logs: {{encoding: json}}}}
  pipelines: {{metrics: {{receivers: [otlp, prometheus], exporters: [prometheus]}}}}
",
        target.address()
    );
    let gateway = Gateway::start(&configuration, []);
    let status = gateway.until("the series", |status| {
        page(status).contains("orders_total{")
    });
    let shown = page(&status);
    let line = |start: &str| {
        let found = shown.lines().find(|line| line.starts_with(start));
        found
            .unwrap_or_else(|| panic!("no {start}\n{shown}"))
            .to_owned()
    };
    let orders = line("orders_total{");
    let instance = format!("instance=\"{}\"", target.address());
    for part in [
        &*instance,
        "job=\"shops\"",
        "place=\"shop-a\"",
        "shop=\"a\"",
    ] {
        assert!(orders.contains(part), "no {part}: {orders}");
    }
    assert!(orders.ends_with(" 7"), "{orders}");
    assert!(line("took_bucket{").contains("le=\"1\""));
    assert!(line("up{").ends_with(" 1"));
    target.show("/metrics", "500 Oops", b"");
    gateway.until("the end", |status| {
        let shown = page(status);
        let up = shown.lines().find(|line| line.starts_with("up{"));
        up.is_some_and(|up| up.ends_with(" 0")) && !shown.contains("orders_total{")
    });
    let status = gateway.status();
    assert_eq!(status["scraping"][0]["targets"], 1);
    assert_eq!(status["imbalance"], 0);
}
