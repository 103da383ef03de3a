//! Makes traces that are hard to sample. Pure: the seed and the time are arguments.
//!
//! The spans of a trace come over several seconds, through all gateways. The root is often last, and what decides the
//! trace too. Most traces are dropped. So a trace that was split, or decided before it was whole, cannot look right.

use super::content::{content_hash, text};
use super::event::TraceKey;
use super::policies::{KEEP_KEY, KEEP_VALUE, Share};
use opentelemetry_proto::tonic::trace::v1::span::{Event, SpanKind};
use opentelemetry_proto::tonic::trace::v1::status::StatusCode;
use opentelemetry_proto::tonic::trace::v1::{Span, Status};
use std::time::Duration;

/// Of a hundred traces, those with a span that failed, and those with the attribute that is asked for.
const FAILING: u32 = 9;
const WANTED: u32 = 6;
/// Spans of a trace, least and most.
const SPANS: (usize, usize) = (2, 9);
const SECOND: u64 = 1_000_000_000;

/// A span and when its service sends it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Planned {
    /// After the first span of its trace.
    pub(super) after: Duration,
    pub(super) gateway: usize,
    pub(super) span: Span,
    pub(super) hash: u64,
    /// Whether the policies keep every trace that has it.
    pub(super) decides: bool,
}

/// A trace, its spans in the order in which they are sent.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct PlannedTrace {
    pub(super) key: TraceKey,
    pub(super) spans: Vec<Planned>,
    pub(super) in_share: bool,
    pub(super) in_later_share: bool,
}

/// How much is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Load {
    pub(super) traces_per_second: u32,
    /// Every span has less filler than this, in bytes.
    pub(super) filler_below: usize,
}

impl Load {
    /// So many traces of spans that are small.
    pub(super) const fn light(traces_per_second: u32) -> Self {
        Self {
            traces_per_second,
            filler_below: 400,
        }
    }
}

/// An endless row of traces. The same seed gives the same traces.
#[derive(Debug)]
pub(super) struct Workload {
    random: fastrand::Rng,
    gateways: usize,
    /// The time over which the spans of a trace come, at most.
    spread: Duration,
    share: Share,
    later_share: Share,
}

impl Workload {
    pub(super) fn new(
        seed: u64,
        gateways: usize,
        spread: Duration,
        share: Share,
        later_share: Share,
    ) -> Self {
        Self {
            random: fastrand::Rng::with_seed(seed),
            gateways,
            spread,
            share,
            later_share,
        }
    }

    /// The next trace, which starts at this time, in nanoseconds of the Unix epoch.
    pub(super) fn next_trace(&mut self, start_nanos: u64, filler_below: usize) -> PlannedTrace {
        let key = TraceKey(self.random.u128(1..));
        let count = self.random.usize(SPANS.0..=SPANS.1);
        let times = self.times(count);
        let root = self.late_place(count);
        let drawn = self.random.u32(0..100);
        let decider = (drawn < FAILING + WANTED).then(|| self.late_place(count));
        let ids: Vec<u64> = (0..count).map(|_| self.random.u64(1..)).collect();
        let mut spans = Vec::with_capacity(count);
        for (index, after) in times.into_iter().enumerate() {
            let parent = (index != root).then_some(ids[root]);
            let filler = self.filler(filler_below);
            let mut span = self.span(key, ids[index], parent, (start_nanos, after), filler);
            let decides = decider == Some(index);
            match decides {
                true if drawn < FAILING => fail(&mut span),
                true => span.attributes.push(text(KEEP_KEY, KEEP_VALUE)),
                false => {}
            }
            spans.push(Planned {
                after,
                gateway: self.random.usize(0..self.gateways),
                hash: content_hash(&span),
                span,
                decides,
            });
        }
        PlannedTrace {
            key,
            spans,
            in_share: self.share.includes(key),
            in_later_share: self.later_share.includes(key),
        }
    }

    /// When spans are sent: the first at once, the last at the end of the spread in half of all traces.
    fn times(&mut self, count: usize) -> Vec<Duration> {
        let whole = self.spread.as_micros() as u64;
        let span = if self.random.bool() {
            whole
        } else {
            self.random.u64(1..=whole)
        };
        let mut times: Vec<u64> = (1..count).map(|_| self.random.u64(0..=span)).collect();
        times.push(0);
        times.sort_unstable();
        if let Some(last) = times.last_mut() {
            *last = span;
        }
        times.into_iter().map(Duration::from_micros).collect()
    }

    /// The last place in two traces of three, any in the others.
    fn late_place(&mut self, count: usize) -> usize {
        if self.random.u32(0..3) < 2 {
            count - 1
        } else {
            self.random.usize(0..count)
        }
    }

    fn span(
        &mut self,
        trace: TraceKey,
        id: u64,
        parent: Option<u64>,
        (start, after): (u64, Duration),
        filler: String,
    ) -> Span {
        let end = start + after.as_nanos() as u64;
        let mut attributes = vec![
            text("http.route", "/cart/{id}"),
            text("chaos.filler", filler),
        ];
        if self.random.u32(0..4) == 0 {
            attributes.push(text("db.system", "postgresql"));
        }
        Span {
            trace_id: trace.0.to_be_bytes().to_vec(),
            span_id: id.to_be_bytes().to_vec(),
            parent_span_id: parent
                .map(|id| id.to_be_bytes().to_vec())
                .unwrap_or_default(),
            name: format!("step {}", self.random.u32(0..40)),
            kind: SpanKind::Server as i32,
            start_time_unix_nano: start,
            end_time_unix_nano: end.max(start + SECOND / 1_000),
            attributes,
            events: vec![Event {
                time_unix_nano: end,
                name: "checked".to_owned(),
                ..Event::default()
            }],
            flags: 1,
            ..Span::default()
        }
    }

    fn filler(&mut self, below: usize) -> String {
        let length = self.random.usize(0..below.max(1));
        (0..length).map(|_| self.random.alphanumeric()).collect()
    }
}

fn fail(span: &mut Span) {
    span.status = Some(Status {
        message: "no stock".to_owned(),
        code: StatusCode::Error as i32,
    });
}

#[cfg(test)]
mod tests {
    use super::super::policies::Share;
    use super::{PlannedTrace, Workload};
    use std::time::Duration;

    const SPREAD: Duration = Duration::from_secs(3);

    fn traces(seed: u64) -> Vec<PlannedTrace> {
        let share = || Share::of(5.0).unwrap();
        let mut workload = Workload::new(seed, 2, SPREAD, share(), share());
        (0..1_000).map(|_| workload.next_trace(1, 400)).collect()
    }

    /// Scenario: a thousand traces of one seed, twice, and of another.
    /// Guarantees: a seed is one workload.
    #[test]
    fn a_seed_is_one_workload() {
        assert_eq!(traces(3), traces(3));
        assert_ne!(traces(3), traces(4));
    }

    /// Scenario: the same traces.
    /// Guarantees: most are dropped, what decides most of the others comes last, and most come through both gateways.
    #[test]
    fn traces_are_hard_to_sample() {
        let traces = traces(3);
        let decided: Vec<_> = traces.iter().filter_map(decider).collect();
        assert!((100..200).contains(&decided.len()), "{}", decided.len());
        let last = decided.iter().filter(|(place, spans)| place + 1 == *spans);
        assert!(last.count() * 10 > decided.len() * 6);
        let through_both = traces.iter().filter(|trace| {
            let first = trace.spans[0].gateway;
            trace.spans.iter().any(|span| span.gateway != first)
        });
        assert!(through_both.count() > 700);
        let shared = traces.iter().filter(|trace| trace.in_share).count();
        assert!((25..90).contains(&shared), "{shared}");
        assert!(
            traces
                .iter()
                .all(|trace| trace.spans.iter().all(|span| span.after <= SPREAD))
        );
    }

    fn decider(trace: &PlannedTrace) -> Option<(usize, usize)> {
        let place = trace.spans.iter().position(|span| span.decides);
        place.map(|place| (place, trace.spans.len()))
    }
}
