//! Targets of the `prometheus` receiver in a cluster: each is scraped by one member.

use crate::cluster::{PATIENCE, Town};
use crate::harness::Fixture;
use crate::streams::finish;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use tailweir_gateway::ScrapeRow;
use tailweir_testkit::{HttpSink, Posted, Sink};

/// So many that nobody has none by chance.
const TARGETS: usize = 40;
const TEXT: &str = "200 OK\r\ncontent-type: text/plain; version=0.0.4";

/// What scrapes the targets, and says in a header who it is.
fn yaml(backend: &Sink, pages: &HttpSink, name: &str) -> String {
    let address = pages.address();
    let targets = (0..TARGETS).map(|number| {
        format!("{{targets: ['{address}'], labels: {{__metrics_path__: '/{number}', number: '{number}'}}}}")
    });
    let targets: Vec<_> = targets.collect();
    format!(
        "
receivers:
  nop:
  prometheus:
    config:
      global: {{scrape_interval: 500ms}}
      scrape_configs:
        - job_name: shop
          http_headers: {{x-name: {{values: ['{name}']}}}}
          static_configs: [{}]
processors: {{tail_sampling: {{policies: [{{name: all, type: always_sample}}]}}}}
exporters:
  nop:
  otlp: {{endpoint: '{}', tls: {{insecure: true}}, sending_queue: {{enabled: false}}}}
service:
  pipelines:
    traces: {{receivers: [nop], processors: [tail_sampling], exporters: [nop]}}
    metrics: {{receivers: [prometheus], exporters: [otlp]}}
",
        targets.join(", "),
        backend.endpoint()
    )
}

async fn row(member: &Fixture) -> ScrapeRow {
    member.running.status().await.scraping.remove(0)
}

/// Waits until these members share all targets, and nobody else does.
async fn until_shared(members: &[Fixture]) {
    let looking = async {
        loop {
            let mut rows = Vec::new();
            for member in members {
                rows.push(row(member).await);
            }
            let own: u64 = rows.iter().map(|row| row.targets).sum();
            let all = |row: &ScrapeRow| {
                let is_whole = row.targets + row.targets_elsewhere == TARGETS as u64;
                is_whole && row.sharers == members.len() as u64
            };
            if own == TARGETS as u64 && rows.iter().all(all) {
                return;
            }
            tokio::task::yield_now().await;
        }
    };
    let shared = tokio::time::timeout(PATIENCE, looking).await;
    assert!(shared.is_ok(), "the targets are not shared");
}

/// Who asks for each target from now on, until each was asked for three times.
async fn owners(pages: &HttpSink) -> BTreeMap<String, String> {
    let seen = pages.posted().len();
    let looking = async {
        loop {
            let asked = pages.posted();
            let mut by_path = BTreeMap::<&str, Vec<&Posted>>::new();
            for posted in &asked[seen..] {
                by_path.entry(&posted.path).or_default().push(posted);
            }
            if by_path.len() == TARGETS && by_path.values().all(|asked| asked.len() >= 3) {
                let owner = |(path, asked): (&&str, &Vec<&Posted>)| {
                    let names: BTreeSet<_> = asked.iter().map(|it| it.header("x-name")).collect();
                    assert_eq!(names.len(), 1, "{path} is asked for by {names:?}");
                    (
                        (*path).to_owned(),
                        asked[0].header("x-name").unwrap().to_owned(),
                    )
                };
                return by_path.iter().map(owner).collect();
            }
            tokio::task::yield_now().await;
        }
    };
    let owners = tokio::time::timeout(PATIENCE, looking).await;
    owners.expect("each target is asked for")
}

/// Points of `stock` that say that it has ended.
fn ends(backend: &Sink) -> usize {
    let metrics = backend.metrics().into_iter();
    let stock = metrics.filter(|metric| metric.name == "stock");
    let points = stock.flat_map(|metric| match metric.data {
        Some(Data::Gauge(gauge)) => gauge.data_points,
        _ => Vec::new(),
    });
    points.filter(|point| point.value.is_none()).count()
}

async fn start(town: &Arc<Town>, yaml: &str, incarnation: Option<u64>) -> Fixture {
    town.start(yaml, incarnation, incarnation.is_none()).await
}

/// Scenario: three gateways without slots have the same forty targets, which a server on loopback answers for; one of them leaves, and
/// another comes.
/// Guarantees: each target is asked for by one of them, each of which has some; those of the one that leaves are taken over and no other
/// moves; the one that comes takes some, and no other moves; no series is said to have ended.
///
/// Conforms: receiver `prometheus` | metrics | targets of several gateways in a cluster | better: shared without a
/// target allocator, each scraped by one
#[tokio::test(flavor = "multi_thread")]
async fn each_target_is_scraped_by_one_member() {
    let (backend, pages) = (Sink::start(), HttpSink::start());
    for number in 0..TARGETS {
        pages.show(&format!("/{number}"), TEXT, b"stock 3\n");
    }
    let town = Town::of(2);
    let plain = yaml(&backend, &pages, "sampler");
    let samplers = [
        start(&town, &plain, Some(1)).await,
        start(&town, &plain, Some(2)).await,
    ];
    town.rebalance();
    let mut gateways = Vec::new();
    for name in ["a", "b", "c"] {
        gateways.push(start(&town, &yaml(&backend, &pages, name), None).await);
    }
    until_shared(&gateways).await;
    let first = owners(&pages).await;
    for gateway in &gateways {
        assert!(
            row(gateway).await.targets > 0,
            "all have a share: {first:?}"
        );
    }

    gateways.pop().unwrap().finish().await;
    until_shared(&gateways).await;
    let second = owners(&pages).await;
    for (target, owner) in &first {
        assert!(
            second[target] == *owner || owner == "c",
            "{first:?} {second:?}"
        );
        assert_ne!(second[target], "c");
    }

    gateways.push(start(&town, &yaml(&backend, &pages, "d"), None).await);
    until_shared(&gateways).await;
    let third = owners(&pages).await;
    for (target, owner) in &second {
        assert!(
            third[target] == *owner || third[target] == "d",
            "{second:?} {third:?}"
        );
    }
    assert_eq!(ends(&backend), 0);
    finish(gateways.into_iter().chain(samplers)).await;
}
