//! A real Prometheus beside a cluster: it scrapes the pages of all members while spans come through each of them, and one of them
//! leaves.
//!
//! Each series is to have one writer, the exact count of all members, and no reset when its slot moves.

use super::configuration;
use crate::servers::{Prometheus, Release, Tailweir, empty_folder, free_addresses, now, post};
use anyhow::Result;
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::path::Path;

const MEMBERS: usize = 3;
/// Services whose spans come.
const SERVICES: usize = 20;
/// Spans of each of them in a request.
const SPANS: usize = 2;
const CALLS: &str = "traces_span_metrics_calls_total";

/// Runs it with this Prometheus.
pub(super) fn run(scratch: &Path, release: &Release) -> Result<()> {
    let folder = scratch.join("cluster-pages");
    empty_folder(&folder)?;
    let http: [SocketAddr; MEMBERS] = free_addresses()?;
    let pages: [SocketAddr; MEMBERS] = free_addresses()?;
    let mut members = start(&folder, &http, &pages)?;
    let [address] = free_addresses()?;
    let prometheus = Prometheus::start(
        release,
        &folder.join("prometheus"),
        address,
        &[("tailweir", &pages)],
        &[],
        &[],
    )?;
    for member in http {
        post(member, "/v1/traces", &spans())?;
    }
    let each = MEMBERS * SPANS;
    check(&prometheus, each)?;
    println!("cluster pages: {SERVICES} series of three members, each once, each {each}");

    if let Some(member) = members.pop() {
        member.drain()?;
    }
    for member in &http[..MEMBERS - 1] {
        post(*member, "/v1/traces", &spans())?;
    }
    let each = each + (MEMBERS - 1) * SPANS;
    check(&prometheus, each)?;
    println!("cluster pages: a member left; the same series are {each}, and none was reset");
    for member in members {
        // All end at once, so there is nobody to hand anything over to: a second signal says not to wait.
        member.signal("TERM")?;
        member.signal("TERM")?;
    }
    Ok(())
}

fn start(
    folder: &Path,
    http: &[SocketAddr; MEMBERS],
    pages: &[SocketAddr; MEMBERS],
) -> Result<Vec<Tailweir>> {
    let admin: [SocketAddr; MEMBERS] = free_addresses()?;
    let peers: [SocketAddr; MEMBERS] = free_addresses()?;
    let peers = peers.map(|address| address.to_string());
    let mut members = Vec::new();
    for (number, peer) in peers.iter().enumerate() {
        let name = format!("member-{number}");
        let environment = [
            ("HTTP", http[number].to_string()),
            ("PAGE", pages[number].to_string()),
            ("TAILWEIR_CLUSTER_ID", "pages".to_owned()),
            ("TAILWEIR_CLUSTER_NAME", name.clone()),
            ("TAILWEIR_CLUSTER_CONTROLLERS", peers.join(",")),
            ("TAILWEIR_CLUSTER_LISTEN", peer.clone()),
            ("TAILWEIR_CLUSTER_ADVERTISE", peer.clone()),
            (
                "TAILWEIR_CLUSTER_DATA_DIR",
                folder.join(&name).display().to_string(),
            ),
            ("TAILWEIR_CLUSTER_INSECURE", "true".to_owned()),
        ];
        let arguments = ["--config".into(), configuration("cluster_pages.yaml")];
        members.push(Tailweir::spawn(
            &name,
            arguments,
            &environment,
            admin[number],
        )?);
    }
    for member in &members {
        member.wait_until_ready()?;
    }
    Ok(members)
}

/// Some spans of each service, of traces that were never sent before.
fn spans() -> Value {
    let start = now();
    let attribute = |key: &str, text: String| json!({"key": key, "value": {"stringValue": text}});
    let resource = |service: usize| {
        let span = |number: usize| {
            json!({
                "traceId": format!("{:032x}", start + (service * SPANS + number) as u128),
                "spanId": format!("{:016x}", number + 1),
                "name": "call",
                "kind": 2,
                "startTimeUnixNano": start.to_string(),
                "endTimeUnixNano": (start + 1_000_000).to_string(),
            })
        };
        let attributes = [
            attribute("service.name", format!("shop-{service}")),
            attribute("service.instance.id", "one".to_owned()),
        ];
        let spans: Vec<Value> = (0..SPANS).map(span).collect();
        json!({"resource": {"attributes": attributes}, "scopeSpans": [{"spans": spans}]})
    };
    let resources: Vec<Value> = (0..SERVICES).map(resource).collect();
    json!({ "resourceSpans": resources })
}

/// Each series is there once, with this value, and was never reset; no scrape was refused a sample.
fn check(prometheus: &Prometheus, each: usize) -> Result<()> {
    prometheus.until(&format!("count({CALLS})"), &SERVICES.to_string())?;
    prometheus.until(&format!("min({CALLS})"), &each.to_string())?;
    prometheus.until(&format!("max({CALLS})"), &each.to_string())?;
    prometheus.until(&format!("sum(resets({CALLS}[10m]))"), "0")?;
    let series = format!("count(count_over_time({CALLS}[10m]))");
    prometheus.until(&series, &SERVICES.to_string())
}
