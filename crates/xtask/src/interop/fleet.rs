//! A fleet that is being moved: a real Collector beside a Tailweir in each of two tiers, with one configuration for both.
//!
//! Spans of each trace come through both fronts in turns, the deciding one last. The two samplers share the traces: where
//! one front thinks that a trace belongs is where the other sends it too, or the trace is split.

use super::gateway::Sink;
use super::{attribute, configuration, list};
use crate::servers::{OwnProcess, Program, Tailweir, free_addresses, post, until};
use anyhow::{Result, ensure};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;

const TRACES: u64 = 400;
/// Spans of each trace, each in a request of its own.
const SPANS: u64 = 4;
/// One trace in so many fails, and is wanted.
const FAILING: u64 = 5;

/// Sends traces through both fronts, and looks at what both samplers kept.
pub(super) fn run(scratch: &Path, collector: &Program) -> Result<()> {
    let sink = Sink::start(scratch, "fleet")?;
    let fleet = Fleet::start(scratch, collector, sink.address())?;
    for span in 1..=SPANS {
        for half in 0..2 {
            let front = fleet.fronts[((span + half) % 2) as usize];
            let traces = (1..=TRACES).filter(|trace| trace % 2 == half);
            post(front, "/v1/traces", &request(traces, span))?;
        }
    }
    let wanted = TRACES / FAILING * SPANS;
    until("the wanted traces", || {
        Ok(spans(&sink.requests()?) >= wanted)
    })?;
    fleet.end()?;
    let kept = sink.finish()?;
    let by = check(&kept)?;
    println!(
        "fleet: {TRACES} traces through a Collector and a Tailweir in front of one of each: the wanted ones came out whole, {by:?}"
    );
    Ok(())
}

/// Both tiers.
struct Fleet {
    /// Where the fronts take OTLP over HTTP.
    fronts: [SocketAddr; 2],
    tailweirs: [Tailweir; 2],
    _collectors: [OwnProcess; 2],
}

impl Fleet {
    fn start(scratch: &Path, collector: &Program, sink: SocketAddr) -> Result<Self> {
        let samplers: [SocketAddr; 2] = free_addresses()?;
        let fronts: [SocketAddr; 2] = free_addresses()?;
        let admin: [SocketAddr; 2] = free_addresses()?;
        let sampler = |member: usize, name: &str| {
            [
                ("GRPC", samplers[member].to_string()),
                ("NAME", name.to_owned()),
                ("SINK", sink.to_string()),
            ]
        };
        let front = |member: usize| {
            [
                ("HTTP", fronts[member].to_string()),
                ("SAMPLER_OF_COLLECTOR", samplers[0].to_string()),
                ("SAMPLER_OF_TAILWEIR", samplers[1].to_string()),
            ]
        };
        let (tier, first) = ("fleet-sampler.yaml", "fleet-front.yaml");
        let environment = sampler(0, "collector");
        let collected = start_collector(collector, scratch, tier, &environment, samplers[0])?;
        let environment = sampler(1, "tailweir");
        let taken = Tailweir::start(&configuration(tier), &environment, admin[0])?;
        let environment = front(0);
        let collecting = start_collector(collector, scratch, first, &environment, fronts[0])?;
        let taking = Tailweir::start(&configuration(first), &front(1), admin[1])?;
        Ok(Self {
            fronts,
            tailweirs: [taking, taken],
            _collectors: [collecting, collected],
        })
    }

    /// Ends the front before the sampler behind it.
    fn end(self) -> Result<()> {
        self.tailweirs.into_iter().try_for_each(Tailweir::drain)
    }
}

/// Starts a Collector, and waits until it listens.
fn start_collector(
    program: &Program,
    scratch: &Path,
    name: &str,
    environment: &[(&str, String)],
    listens: SocketAddr,
) -> Result<OwnProcess> {
    let mut command = program.command();
    command.arg("--config").arg(configuration(name));
    command.envs(environment.iter().map(|(key, value)| (key, value)));
    let log = scratch.join(format!("{name}.collector.log"));
    let process = OwnProcess::start(&mut command, &log)?;
    let what = format!("the Collector of {name} to listen, see {}", log.display());
    until(&what, || Ok(TcpStream::connect(listens).is_ok()))?;
    Ok(process)
}

/// One span of each of these traces. The last says whether its trace failed.
fn request(traces: impl Iterator<Item = u64>, span: u64) -> Value {
    let spans = traces.map(|trace| {
        let fails = span == SPANS && trace % FAILING == 0;
        json!({"traceId": format!("{trace:032x}"), "spanId": format!("{span:016x}"), "name": "call",
            "startTimeUnixNano": "1000", "endTimeUnixNano": "2000",
            "status": {"code": if fails { 2 } else { 0 }}})
    });
    let spans: Vec<_> = spans.collect();
    json!({"resourceSpans": [{"scopeSpans": [{"spans": spans}]}]})
}

/// The wanted traces are whole, each of one sampler, and nobody else's spans are there; how many each sampler kept.
fn check(requests: &[Value]) -> Result<BTreeMap<String, usize>> {
    let mut kept = BTreeMap::<&str, (BTreeSet<&str>, BTreeSet<&str>)>::new();
    for resource in resources(requests) {
        let by = attribute(&resource["resource"], "kept.by").unwrap_or_default();
        for span in list(&resource["scopeSpans"])
            .iter()
            .flat_map(|scope| list(&scope["spans"]))
        {
            let text = |key: &str| span[key].as_str().unwrap_or_default();
            let (spans, samplers) = kept.entry(text("traceId")).or_default();
            ensure!(spans.insert(text("spanId")), "a span came twice: {span}");
            samplers.insert(by);
        }
    }
    let mut by = BTreeMap::new();
    for (trace, (spans, samplers)) in &kept {
        let is_whole = spans.len() as u64 == SPANS && samplers.len() == 1;
        ensure!(is_whole, "{trace} is split: {spans:?} of {samplers:?}");
        for sampler in samplers {
            *by.entry((*sampler).to_owned()).or_default() += 1;
        }
    }
    let failing = (1..=TRACES).filter(|trace| trace % FAILING == 0);
    let wanted: BTreeSet<_> = failing.map(|trace| format!("{trace:032x}")).collect();
    let arrived: BTreeSet<_> = kept.keys().map(|trace| (*trace).to_owned()).collect();
    ensure!(arrived == wanted, "arrived {arrived:?}\nwanted  {wanted:?}");
    ensure!(by.len() == 2, "one sampler kept all of it: {by:?}");
    Ok(by)
}

fn spans(requests: &[Value]) -> u64 {
    let scopes = resources(requests).flat_map(|resource| list(&resource["scopeSpans"]));
    scopes.map(|scope| list(&scope["spans"]).len() as u64).sum()
}

fn resources(requests: &[Value]) -> impl Iterator<Item = &Value> {
    let all = requests.iter();
    all.flat_map(|request| list(&request["resourceSpans"]))
}
