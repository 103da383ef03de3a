//! The stack of `deploy/compose` from binaries: two applications without a line of telemetry in them, three
//! Tailweirs that are a cluster, Jaeger in the place of Tempo, Loki, Prometheus.
//!
//! The configuration is that of `deploy/compose`; only addresses and times are laid over it.

use super::configuration;
use super::install::{install_node, install_python};
use crate::root;
use crate::servers::{
    Jaeger, Loki, OwnProcess, Program, Prometheus, Release, Tailweir, empty_folder, exchange,
    free_addresses, is_whole, until,
};
use anyhow::{Context, Result, ensure};
use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

const MEMBERS: usize = 3;
const TENANT: &str = "shop";
/// Most orders until one fails; a tenth of them does.
const ORDERS: usize = 400;

/// Starts it, orders until an order fails, and follows logs, exemplars and traces from backend to backend.
pub(super) fn run(
    scratch: &Path,
    jaeger: &Program,
    loki: &Program,
    prometheus: &Release,
) -> Result<()> {
    let folder = scratch.join("stack");
    empty_folder(&folder)?;
    let jaeger = Jaeger::start(jaeger, &folder.join("jaeger"))?;
    let loki = Loki::start(loki, &folder.join("loki"))?;
    let members = Members::choose()?;
    let prometheus = members.prometheus(&folder, prometheus)?;
    let processes = members.start(&folder, &jaeger, &loki, &prometheus)?;
    let applications = Applications::start(scratch, &folder, &members)?;
    applications.order_until_one_fails()?;
    let log = check_log(&jaeger, &loki)?;
    println!("stack: the log line of a failed order leads from Loki to its whole trace {log}");
    let exemplars = check_exemplars(&jaeger, &prometheus)?;
    println!("stack: {exemplars} exemplars in Prometheus, each leads to its trace");
    check_metrics(&prometheus)?;
    println!("stack: metrics of both applications and of all three members are in Prometheus");
    drop(applications);
    for process in processes {
        // All end at once, so there is nobody to hand anything over to: a second signal says not to wait.
        process.signal("TERM")?;
        process.signal("TERM")?;
    }
    Ok(())
}

/// Where the members of the cluster listen.
struct Members {
    grpc: [SocketAddr; MEMBERS],
    http: [SocketAddr; MEMBERS],
    admin: [SocketAddr; MEMBERS],
    peers: [SocketAddr; MEMBERS],
    prometheus: SocketAddr,
}

impl Members {
    fn choose() -> Result<Self> {
        let [prometheus] = free_addresses()?;
        Ok(Self {
            grpc: free_addresses()?,
            http: free_addresses()?,
            admin: free_addresses()?,
            peers: free_addresses()?,
            prometheus,
        })
    }

    /// A Prometheus with our rules that scrapes them all.
    fn prometheus(&self, folder: &Path, release: &Release) -> Result<Prometheus> {
        let rules = ["recording.yaml", "alerts.yaml"];
        let rules = rules.map(|file| root().join("deploy/prometheus").join(file));
        Prometheus::start(
            release,
            &folder.join("prometheus"),
            self.prometheus,
            &[("tailweir", &self.admin)],
            &rules,
            &["--web.enable-remote-write-receiver"],
        )
    }

    fn start(
        &self,
        folder: &Path,
        jaeger: &Jaeger,
        loki: &Loki,
        prometheus: &Prometheus,
    ) -> Result<Vec<Tailweir>> {
        let peers = self.peers.map(|address| address.to_string());
        let mut processes = Vec::new();
        for (member, peer) in peers.iter().enumerate() {
            let name = format!("tailweir-{}", member + 1);
            let data = folder.join(&name);
            let environment = [
                ("GRPC", self.grpc[member].to_string()),
                ("HTTP", self.http[member].to_string()),
                ("TRACES", jaeger.grpc.to_string()),
                ("LOGS", loki.address.to_string()),
                ("METRICS", prometheus.address.to_string()),
                ("TAILWEIR_CLUSTER_ID", "stack".to_owned()),
                ("TAILWEIR_CLUSTER_NAME", name.clone()),
                ("TAILWEIR_CLUSTER_CONTROLLERS", peers.join(",")),
                ("TAILWEIR_CLUSTER_LISTEN", peer.clone()),
                ("TAILWEIR_CLUSTER_ADVERTISE", peer.clone()),
                ("TAILWEIR_CLUSTER_DATA_DIR", data.display().to_string()),
                ("TAILWEIR_CLUSTER_INSECURE", "true".to_owned()),
            ];
            let arguments = [
                "--config".into(),
                root().join("deploy/compose/gateway.yaml"),
                "--config".into(),
                configuration("stack.yaml"),
            ];
            let admin = self.admin[member];
            processes.push(Tailweir::spawn(&name, arguments, &environment, admin)?);
        }
        for process in &processes {
            process.wait_until_ready()?;
        }
        Ok(processes)
    }
}

/// The shop in Python and the stock in Node.js.
struct Applications {
    shop: SocketAddr,
    _processes: [OwnProcess; 2],
}

impl Applications {
    /// Starts both, each with another member of the cluster in front of it.
    fn start(scratch: &Path, folder: &Path, members: &Members) -> Result<Self> {
        let [shop, stock] = free_addresses()?;
        let sources = root().join("deploy/compose");
        let python = install_python(scratch)?;
        let mut command = Command::new(python.join("bin/opentelemetry-instrument"));
        command
            .arg(python.join("bin/python"))
            .arg(sources.join("shop/shop.py"));
        command
            .env("PORT", shop.port().to_string())
            .env("STOCK", format!("http://{stock}"));
        instrument(&mut command, "shop", members.http[0]);
        let shop_process = OwnProcess::start(&mut command, &folder.join("shop.log"))?;
        let node = install_node(scratch)?;
        let program: PathBuf = node.join("stock.js");
        std::fs::copy(sources.join("stock/stock.js"), &program)?;
        let mut command = Command::new("node");
        command.current_dir(&node).args([
            "--require",
            "@opentelemetry/auto-instrumentations-node/register",
        ]);
        command
            .arg(program)
            .env("PORT", stock.port().to_string())
            .env("OTEL_NODE_RESOURCE_DETECTORS", "env,host,os");
        instrument(&mut command, "stock", members.http[1]);
        let stock_process = OwnProcess::start(&mut command, &folder.join("stock.log"))?;
        Ok(Self {
            shop,
            _processes: [shop_process, stock_process],
        })
    }

    fn order_until_one_fails(&self) -> Result<()> {
        until("the shop to be open", || {
            Ok(exchange(self.shop, "GET", "/", &[], b"").is_ok_and(|(status, _)| status == 200))
        })?;
        let mut failed = 0;
        for order in 0..ORDERS {
            let (status, _) = exchange(self.shop, "GET", "/", &[], b"")?;
            failed += usize::from(status == 500);
            // Some more orders, so that each member decides about some that are kept.
            if failed > 9 && order > 60 {
                return Ok(());
            }
        }
        anyhow::bail!("{failed} of {ORDERS} orders failed")
    }
}

/// What `deploy/compose` gives to its applications, and shorter times.
fn instrument(command: &mut Command, service: &str, gateway: SocketAddr) {
    command
        .env("OTEL_EXPORTER_OTLP_ENDPOINT", format!("http://{gateway}"))
        .env("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf")
        .env("OTEL_TRACES_EXPORTER", "otlp")
        .env("OTEL_METRICS_EXPORTER", "otlp")
        .env("OTEL_LOGS_EXPORTER", "otlp")
        .env("OTEL_SERVICE_NAME", service)
        .env("OTEL_PYTHON_LOGGING_AUTO_INSTRUMENTATION_ENABLED", "true")
        .env("OTEL_METRIC_EXPORT_INTERVAL", "1000")
        .env("OTEL_BSP_SCHEDULE_DELAY", "200")
        .env("OTEL_BLRP_SCHEDULE_DELAY", "200");
}

/// Follows the line of a failed order from Loki to Jaeger; the trace.
fn check_log(jaeger: &Jaeger, loki: &Loki) -> Result<String> {
    let lines = loki.until(
        TENANT,
        r#"{service_name="shop"} |~ "order of item .* failed""#,
        1,
    )?;
    let mut checked = String::new();
    for line in &lines {
        let trace = line.labels["trace_id"].as_str();
        let trace = trace.with_context(|| format!("{line:?} names no trace"))?;
        let mut spans = Vec::new();
        until(&format!("trace {trace} to be whole"), || {
            spans = jaeger.spans(trace)?;
            Ok(is_whole(&spans))
        })?;
        let services: BTreeSet<_> = spans
            .iter()
            .map(|span| &span["processID"])
            .map(ToString::to_string)
            .collect();
        ensure!(
            services.len() == 2,
            "{trace} is not of both services: {spans:?}"
        );
        let span = &line.labels["span_id"];
        ensure!(
            spans.iter().any(|it| it["spanID"] == *span),
            "{trace} has no span {span}"
        );
        trace.clone_into(&mut checked);
    }
    Ok(checked)
}

/// Every exemplar leads to a trace; how many there are.
fn check_exemplars(jaeger: &Jaeger, prometheus: &Prometheus) -> Result<usize> {
    let query = r#"{__name__=~"traces_span_metrics_.+"}"#;
    let mut found = Vec::new();
    until("exemplars", || {
        found = prometheus.exemplars(query)?;
        Ok(!found.is_empty())
    })?;
    for exemplar in &found {
        let trace = exemplar["labels"]["trace_id"].as_str();
        let trace = trace.with_context(|| format!("{exemplar} names no trace"))?;
        jaeger.until(trace, 1)?;
    }
    Ok(found.len())
}

/// What the applications measure, what is counted of all their spans, and what the members say of themselves.
fn check_metrics(prometheus: &Prometheus) -> Result<()> {
    for query in [
        r#"count(traces_span_metrics_calls_total{service_name="shop"}) > bool 0"#,
        r#"count(traces_span_metrics_calls_total{service_name="stock"}) > bool 0"#,
        r#"count({__name__=~"http_.+_count", job="shop"}) > bool 0"#,
        r#"count({__name__=~"http_.+_count", job="stock"}) > bool 0"#,
    ] {
        prometheus.until(query, "1")?;
    }
    prometheus.until("sum(tailweir_ready)", "3")?;
    prometheus.until("sum(tailweir_lost_items) or vector(0)", "0")?;
    let firing = prometheus.query(r#"ALERTS{alertstate="firing"}"#)?;
    ensure!(firing.is_empty(), "alerts fire: {firing:?}");
    Ok(())
}
