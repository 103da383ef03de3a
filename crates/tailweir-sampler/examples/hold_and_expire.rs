//! What holding a span costs, in steady state: memory, time, and under `valgrind` instructions and
//! allocations.
//!
//! ```text
//! hold_and_expire HELD TOTAL [scattered|together|single] [scan]
//! ```
//!
//! Sends `TOTAL` spans of 608 bytes through an engine that holds `HELD` of them. A request has 256
//! spans in two resources and two scopes; a trace has 16 spans in four requests: `scattered` over all
//! contexts, or `together` in one. `single` is one span a request, each a trace. With `scan` the
//! requests are only scanned: the difference is the engine's.

#![expect(
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "it measures and reports"
)]

use std::error::Error;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tailweir_config::{Location, Policy, PolicyKind, TailSampling};
use tailweir_core::{ByteSize, Moment};
use tailweir_otlp::{Scan, ScanLimits};
use tailweir_policy::PolicySet;
use tailweir_sampler::{
    AbandonedTrace, DecidedTrace, DiscardedTrace, Engine, EngineSettings, Sink,
};
use tailweir_testkit::{request, span, trace_id};

const SPAN_BYTES: usize = 608;
const SPANS_PER_REQUEST: usize = 256;
const SPANS_PER_TRACE_AND_REQUEST: usize = 4;
const REQUESTS_PER_TRACE: u64 = 4;

/// Reads what is kept, as an assembler would.
#[derive(Default)]
struct Kept {
    spans: u64,
    bytes: u64,
}

impl Sink for Kept {
    fn kept(&mut self, trace: &DecidedTrace<'_>) {
        self.spans += trace.spans.len() as u64;
        self.bytes += trace
            .spans
            .iter()
            .map(|record| record.span.0.len() as u64)
            .sum::<u64>();
    }
    fn discarded(&mut self, _: &DiscardedTrace<'_>) {}
    fn abandoned(&mut self, _: &AbandonedTrace) {}
}

/// A request whose ids are written anew each time.
struct Template {
    bytes: Vec<u8>,
    spans: Vec<usize>,
    /// By span: which of the traces of the request it belongs to.
    trace_of: Vec<u64>,
    traces: u64,
    requests_per_trace: u64,
}

impl Template {
    fn new(layout: &str) -> Self {
        let (spans, traces) = match layout {
            "single" => (1, 1),
            _ => (
                SPANS_PER_REQUEST,
                SPANS_PER_REQUEST / SPANS_PER_TRACE_AND_REQUEST,
            ),
        };
        let mut builder = request();
        let mut trace_of = Vec::new();
        for n in 0..spans {
            if n % (spans / 4).max(1) == 0 {
                let context = 4 * n / spans;
                if context % 2 == 0 {
                    let instance = format!("instance-{}", context / 2);
                    builder = builder
                        .service("checkout")
                        .resource_attribute("instance", instance);
                    builder = builder.resource_attribute("environment", "e".repeat(600));
                }
                builder = builder.scope(["http", "sql"][context % 2]);
            }
            let padding = "p".repeat(SPAN_BYTES - 106);
            builder = builder.span(
                span(trace_id(0), 0)
                    .child_of(7)
                    .named("POST /api/v1/orders")
                    .ok()
                    .attribute("db.statement", padding),
            );
            let trace = if layout == "scattered" {
                n % traces
            } else {
                n * traces / spans
            };
            trace_of.push(trace as u64);
        }
        let bytes = builder.bytes();
        let mut scan = Scan::new();
        Scan::traces(&bytes, &ScanLimits::default(), &mut scan).expect("a sound request");
        let spans = scan
            .spans
            .iter()
            .map(|entry| entry.body.start as usize)
            .collect();
        assert_eq!(
            scan.spans[0].length(),
            SPAN_BYTES,
            "the span has the size that is claimed"
        );
        let requests_per_trace = if layout == "single" {
            1
        } else {
            REQUESTS_PER_TRACE
        };
        Self {
            bytes,
            spans,
            trace_of,
            traces: traces as u64,
            requests_per_trace,
        }
    }

    /// Writes the ids of the `n`th request.
    fn write(&mut self, n: u64) {
        let first = n / self.requests_per_trace * self.traces;
        for (number, &start) in self.spans.iter().enumerate() {
            let trace = trace_id(first + self.trace_of[number]);
            self.bytes[start + 2..start + 18].copy_from_slice(&trace.0);
            let id = ((n << 16) | (number as u64 + 1)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
            self.bytes[start + 20..start + 28].copy_from_slice(&id.to_le_bytes());
        }
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let held: u64 = arguments
        .first()
        .ok_or("how many spans to hold?")?
        .parse()?;
    let total: u64 = arguments.get(1).ok_or("how many spans in all?")?.parse()?;
    let layout = arguments.get(2).map_or("scattered", String::as_str);
    let scan_only = arguments.get(3).is_some_and(|word| word == "scan");
    let mut template = Template::new(layout);
    let spans = template.spans.len() as u64;
    // One request each millisecond.
    let wait = Duration::from_millis(held / spans);
    let mut engine = Engine::new(settings(wait), policies(), 7);
    let all: Vec<u32> = (0..spans as u32).collect();
    let (mut scan, mut kept) = (Scan::new(), Kept::default());
    let mut filled = None;
    for n in 0..total / spans {
        if n == held / spans {
            filled = Some((Instant::now(), cpu()));
        }
        template.write(n);
        Scan::traces(&template.bytes, &ScanLimits::default(), &mut scan)?;
        if !scan_only {
            let now = Moment::from_millis(n);
            engine.append(now, &template.bytes, &scan, &all, &mut kept)?;
            engine.advance(now, &mut kept);
        }
    }
    report(&engine, &kept, filled, total - held);
    Ok(())
}

fn report(engine: &Engine, kept: &Kept, filled: Option<(Instant, Duration)>, spans: u64) {
    let counters = engine.counters();
    let held = counters.held.bytes.max(1) as f64;
    println!(
        "held: {} spans, {}",
        counters.held.spans,
        ByteSize(counters.held.bytes)
    );
    println!("kept: {} spans, {}", kept.spans, ByteSize(kept.bytes));
    println!(
        "memory by account: {:.3} x",
        engine.held_memory().bytes() as f64 / held
    );
    println!("remembered: {}", engine.remembered_memory());
    println!("resident: {:.3} x", resident_bytes() as f64 / held);
    println!("moved: {}", ByteSize(counters.compacted_bytes));
    if let Some((start, cpu_then)) = filled {
        let spent = (cpu() - cpu_then).as_nanos() as f64;
        println!("once full: {:.0} ns of CPU a span", spent / spans as f64);
        println!(
            "           {:.0} ns of time",
            start.elapsed().as_nanos() as f64 / spans as f64
        );
    }
}

fn settings(wait: Duration) -> EngineSettings {
    EngineSettings {
        decision_wait: wait,
        traces_max: usize::MAX,
        memory_budget: ByteSize::mib(16 << 10),
        ..EngineSettings::default()
    }
}

/// Errors, which do not occur, and a tenth of all traces.
fn policies() -> Arc<PolicySet> {
    let policy = |name: &str, kind| Policy {
        name: name.into(),
        at: Location {
            source: "example.yaml".into(),
            line: 1,
            column: 1,
        },
        kind,
    };
    let policies = vec![
        policy(
            "errors",
            PolicyKind::StatusCode {
                status_codes: vec!["ERROR".into()],
            },
        ),
        policy(
            "tenth",
            PolicyKind::Probabilistic {
                hash_salt: String::new(),
                sampling_percentage: 10.0,
            },
        ),
    ];
    let settings = TailSampling {
        policies,
        ..TailSampling::default()
    };
    Arc::new(PolicySet::compile(&settings).expect("sound policies"))
}

fn resident_bytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages: u64 = status
        .split(' ')
        .nth(1)
        .and_then(|word| word.parse().ok())
        .unwrap_or(0);
    pages * 4096
}

/// Time on a processor so far, by the scheduler's own count.
fn cpu() -> Duration {
    let text = std::fs::read_to_string("/proc/self/schedstat").unwrap_or_default();
    let nanos = text
        .split(' ')
        .next()
        .and_then(|word| word.parse().ok())
        .unwrap_or(0);
    Duration::from_nanos(nanos)
}
