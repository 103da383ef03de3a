//! Pieces of work of a known size, to be counted from outside.

use crate::member::{Members, Pair};
use crate::valgrind;
use crate::window::{Window, five_policies, ids, policy};
use crate::workload::{SPANS, rounds};
use anyhow::{Result, bail};
use std::sync::Arc;
use tailweir_config::{Dimension, SpanMetricsConnector};
use tailweir_connect::{Exemplars, Now, SpanMetrics};
use tailweir_core::{Moment, Slot};
use tailweir_otlp::{Assembler, Scan, ScanLimits, Split};

/// Types of policies whose cost is counted, each beside a window without policies.
const POLICIES: &[&str] = &[
    "always_sample",
    "latency",
    "numeric_attribute",
    "string_attribute",
    "string_attribute_regex",
    "boolean_attribute",
    "status_code",
    "trace_state",
    "trace_flags",
    "span_count",
    "probabilistic",
    "rate_limiting",
    "bytes_limiting",
    "ottl_condition",
];

/// Rounds to encode: few, because encoding them is counted too before it is subtracted.
const ROUNDS: usize = 4;

/// Two copies, and letters that stay in memory.
const PLAIN: Pair = Pair {
    copies: 2,
    by_wire: false,
};

/// Does one kind of work for this many requests.
pub(crate) fn perform(kind: &str, requests: u64) -> Result<()> {
    match kind {
        "copy" => each_request(requests, |body| {
            std::hint::black_box(body);
            Ok(())
        }),
        "scan" => {
            let mut scan = Scan::new();
            each_request(requests, |body| {
                Ok(Scan::traces(body, &ScanLimits::default(), &mut scan)?)
            })
        }
        "split" => split(requests),
        "span_metrics" => span_metrics(requests),
        "members" => members(requests, PLAIN),
        "members_one_copy" => members(requests, Pair { copies: 1, ..PLAIN }),
        "members_by_wire" => members(
            requests,
            Pair {
                by_wire: true,
                ..PLAIN
            },
        ),
        "window" => window(&five_policies(), requests),
        "window_bare" => window(&[], requests),
        _ => match policy(kind) {
            Some(policy) => window(&[policy], requests),
            None => bail!("there is no work called {kind}"),
        },
    }
}

fn each_request(requests: u64, mut work: impl FnMut(&[u8]) -> Result<()>) -> Result<()> {
    let rounds = rounds(ROUNDS);
    for request in 0..requests {
        let template = &rounds[request as usize / 4 % rounds.len()][request as usize % 4];
        work(&template.with_ids(&ids(request / 4)))?;
    }
    Ok(())
}

/// Scans a request and cuts it into four.
fn split(requests: u64) -> Result<()> {
    let (mut scan, mut split, mut out) = (Scan::new(), Split::new(), Vec::new());
    let mut assembler = Assembler::new();
    each_request(requests, |body| {
        Scan::traces(body, &ScanLimits::default(), &mut scan)?;
        split.assign(&scan.spans, 4, |span| {
            Slot::of(span.head.trace_id, 0).index() % 4
        });
        for group in 0..4 {
            out.clear();
            let parts = split
                .group(group)
                .iter()
                .map(|&number| scan.part(body, &scan.spans[number as usize]));
            assembler.assemble(parts, &mut out);
        }
        Ok(())
    })
}

/// Counts the spans of a request by two of their attributes, before a sampler.
fn span_metrics(requests: u64) -> Result<()> {
    let dimension = |name: &str| Dimension {
        name: name.to_owned(),
        ..Dimension::default()
    };
    let settings = SpanMetricsConnector {
        dimensions: vec![
            dimension("http.route"),
            dimension("http.response.status_code"),
        ],
        ..SpanMetricsConnector::default()
    };
    let mut metrics = SpanMetrics::new(&settings, "bench", 1)?;
    let now = Now {
        moment: Moment::ZERO,
        unix_nanos: 0,
    };
    each_request(requests, |body| {
        metrics.consume(now, body, Exemplars::Undecided);
        Ok(())
    })
}

/// A window of 4,096 spans: filled first, so that every request also causes decisions.
fn window(policies: &[tailweir_config::PolicyKind], requests: u64) -> Result<()> {
    let held = 4_096;
    let mut window = Window::new(&Arc::new(rounds(ROUNDS)), policies, held)?;
    window.fill(held)?;
    (0..requests).try_for_each(|_| window.step())
}

/// The same at two members of a cluster, each of which owns half of the slots.
fn members(requests: u64, pair: Pair) -> Result<()> {
    // Timers are no part of what a span costs: as many spans a second as a real sampler has.
    let held = 262_144;
    let mut members = Members::new(&Arc::new(rounds(ROUNDS)), &five_policies(), held, pair)?;
    members.fill(held)?;
    (0..requests).try_for_each(|_| members.step())
}

/// What a span costs, by the difference between a long and a short run of the same work.
pub(crate) struct Cost {
    /// For the table.
    pub(crate) name: String,
    /// Instructions a span.
    pub(crate) instructions: f64,
    /// Allocations a span.
    pub(crate) allocations: f64,
}

/// Counts every kind of work under valgrind, and tells each as soon as it is known: all take minutes.
pub(crate) fn count_all(mut tell: impl FnMut(&Cost)) -> Result<()> {
    let copy = count("copy")?;
    for (name, kind) in [("scan", "scan"), ("scan, split to 4", "split")] {
        tell(&above(name.into(), &count(kind)?, &copy));
    }
    let name = "span_metrics, 2 dimensions";
    tell(&above(name.into(), &count("span_metrics")?, &copy));
    let bare = count("window_bare")?;
    let name = "scan, insert, expire, no policy";
    tell(&above(name.into(), &bare, &copy));
    let name = "the same with 5 policies, 10 % assembled";
    tell(&above(name.into(), &count("window")?, &copy));
    for (name, kind) in [
        ("members of a cluster, 1 copy", "members_one_copy"),
        ("members of a cluster, 2 copies", "members"),
        ("the same with letters as bytes", "members_by_wire"),
    ] {
        tell(&above(name.into(), &count(kind)?, &copy));
    }
    for kind in POLICIES {
        tell(&above(format!("policy {kind}"), &count(kind)?, &bare));
    }
    Ok(())
}

fn above(name: String, whole: &Cost, part: &Cost) -> Cost {
    Cost {
        name,
        instructions: whole.instructions - part.instructions,
        allocations: whole.allocations - part.allocations,
    }
}

fn count(kind: &str) -> Result<Cost> {
    const SHORT: u64 = 12;
    const LONG: u64 = 44;
    let counts = valgrind::count([SHORT, LONG], SPANS as f64, |requests| {
        vec!["work".into(), kind.into(), requests.to_string()]
    })?;
    Ok(Cost {
        name: kind.into(),
        instructions: counts.instructions,
        allocations: counts.allocations,
    })
}
