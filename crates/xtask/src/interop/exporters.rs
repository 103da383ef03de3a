//! Exporters of an SDK that send to Zipkin and to Jaeger, against a gateway that takes their spans.

use super::gateway::Pair;
use super::install::install_exporters;
use super::{attribute, list};
use crate::servers::free_addresses;
use crate::{output, root};
use anyhow::{Result, ensure};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

/// How many exporters there are.
const EXPORTERS: usize = 5;

/// Runs all exporters and holds what arrives against what they sent.
pub(super) fn run(scratch: &Path) -> Result<()> {
    let python = install_exporters(scratch)?;
    let addresses: [_; 4] = free_addresses()?;
    let names = ["ZIPKIN", "JAEGER_GRPC", "JAEGER_HTTP", "JAEGER_AGENT"];
    let servers: Vec<_> = names
        .into_iter()
        .zip(addresses.map(|address| address.to_string()))
        .collect();
    let pair = Pair::start_with(scratch, "exporters", "exporters.yaml", &servers)?;
    let mut program = Command::new(python.join("bin/python"));
    program.arg(root().join("crates/xtask/interop/python/exporters.py"));
    program.envs(servers.iter().map(|(name, address)| (name, address)));
    // Its generated messages are older than the library wants.
    program.env("PROTOCOL_BUFFERS_PYTHON_IMPLEMENTATION", "python");
    let printed = output(&mut program)?;
    let sent = printed.lines().map(serde_json::from_str);
    let sent: Vec<Value> = sent.collect::<Result<_, _>>()?;
    let sink = pair.finish()?;
    check(&sent, &sink)?;
    println!(
        "exporters for Zipkin and Jaeger: the failing trace of each of {EXPORTERS} came out whole"
    );
    Ok(())
}

/// Each failing trace came out with both of its spans, under the name of its exporter; no other did.
fn check(sent: &[Value], requests: &[Value]) -> Result<()> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let failing = sent.iter().filter(|trace| trace["kind"] == "failing");
    let wanted: BTreeMap<_, _> = failing
        .map(|trace| (text(&trace["trace_id"]), text(&trace["exporter"])))
        .collect();
    ensure!(wanted.len() == EXPORTERS, "the exporters sent {sent:?}");
    let mut arrived = BTreeMap::<(String, String), BTreeSet<String>>::new();
    let resources = requests
        .iter()
        .flat_map(|request| list(&request["resourceSpans"]));
    for resource in resources {
        let service = attribute(&resource["resource"], "service.name").unwrap_or_default();
        let scopes = list(&resource["scopeSpans"]).iter();
        for span in scopes.flat_map(|scope| list(&scope["spans"])) {
            let trace = (text(&span["traceId"]), service.to_owned());
            arrived
                .entry(trace)
                .or_default()
                .insert(text(&span["name"]));
        }
    }
    let names = BTreeSet::from(["charge card".to_owned(), "checkout".to_owned()]);
    let wanted: BTreeMap<_, _> = wanted
        .into_iter()
        .map(|trace| (trace, names.clone()))
        .collect();
    ensure!(arrived == wanted, "arrived {arrived:?}\nwanted  {wanted:?}");
    Ok(())
}
