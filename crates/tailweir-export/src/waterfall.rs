//! A trace at a glance: its spans as a tree, each with a bar where its time lies.
//!
//! ```text
//! trace 4bf92f3577b34da6a3ce929d0e0e4736  4 spans, 3 services, 1 error, 1.24 s, 2026-11-23 08:35:04 UTC
//! frontend GET /checkout     ━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━ 1.24 s   http.response.status_code=500
//! cart     ├ GetCart          ━━━                           120 ms   db.system.name=redis
//! payment  └ Charge              ━━━━━━━━━━━━━━━━━━━━━━━━━━ 1.08 s   ✗ card declined
//! payment    └ POST /v1/pay        ━━━━━━━━━━━━━━━━━━━━━━━  981 ms   ✗ timeout
//! ```
//!
//! A pure function of the request. Whatever the spans say, a terminal that shows it obeys nothing but
//! our own colours, and the output is bounded.

mod row;
mod tree;

use crate::civil::Civil;
use row::{Layout, Paint, duration_text};
use std::collections::HashSet;
use tailweir_otlp::StatusCode;
use tree::{Placed, Trace};

/// How a waterfall is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WaterfallOptions {
    /// Characters in a line, 40 to 400; what is outside counts as the nearest bound. Default 120.
    pub width: usize,
    /// Whether to use the colours of ANSI terminals. Default false.
    pub colours: bool,
    /// Most spans of a trace that are drawn. Default 200.
    pub spans_max: usize,
    /// Most traces of a request that are drawn. Default 50.
    pub traces_max: usize,
}

impl Default for WaterfallOptions {
    fn default() -> Self {
        Self {
            width: 120,
            colours: false,
            spans_max: 200,
            traces_max: 50,
        }
    }
}

/// The lines of each trace in an `ExportTraceServiceRequest`, in order of first appearance. What is
/// malformed is left out.
///
/// ```
/// use tailweir_export::{WaterfallOptions, waterfall};
///
/// // resource_spans { scope_spans { spans { name: "x" } } }
/// let request = b"\x0a\x07\x12\x05\x12\x03\x2a\x01x";
/// let lines = waterfall(request, &WaterfallOptions::default());
/// assert!(lines[0].starts_with("trace 0000"));
/// assert!(lines[1].contains("x "));
/// ```
#[must_use]
pub fn waterfall(request: &[u8], options: &WaterfallOptions) -> Vec<String> {
    let traces = tree::traces(request);
    let mut lines = Vec::new();
    for trace in traces.iter().take(options.traces_max) {
        if !lines.is_empty() {
            lines.push(String::new());
        }
        draw(trace, options, &mut lines);
    }
    let more = traces.len().saturating_sub(options.traces_max);
    if more > 0 {
        lines.push(format!("… and {more} more traces"));
    }
    lines
}

fn draw(trace: &Trace<'_>, options: &WaterfallOptions, lines: &mut Vec<String>) {
    let paint = Paint::new(options.colours);
    lines.push(headline(trace, paint));
    let placed: Vec<Placed> = tree::placed(trace, options.spans_max);
    let layout = Layout::of(trace, &placed, options.width.clamp(40, 400));
    for place in &placed {
        lines.push(layout.row(trace, place, paint));
    }
    let more = trace.spans.len() - placed.len();
    if more > 0 {
        lines.push(paint.dim(&format!("… and {more} more spans")));
    }
}

fn headline(trace: &Trace<'_>, paint: Paint) -> String {
    let spans = &trace.spans;
    let services: HashSet<&[u8]> = spans.iter().map(|span| span.service).collect();
    let is_error = |code: i32| StatusCode::of(code) == StatusCode::Error;
    let errors = spans
        .iter()
        .filter(|span| is_error(span.view.status().code))
        .count();
    let mut facts = vec![
        counted(spans.len(), "span"),
        counted(services.len(), "service"),
    ];
    if errors > 0 {
        facts.push(counted(errors, "error"));
    }
    facts.push(duration_text(trace.end.saturating_sub(trace.start)));
    facts.push(format!("{} UTC", Civil::of(trace.start).to_seconds()));
    format!(
        "{}  {}",
        paint.strong(&format!("trace {}", trace.id)),
        facts.join(", ")
    )
}

fn counted(count: usize, noun: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {noun}{plural}")
}
