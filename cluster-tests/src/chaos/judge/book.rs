//! A history in the order in which the checker asks for it.

use crate::chaos::event::{
    Decision, Event, Fault, Ledger, Memory, Millis, ReceivedSpan, Recovery, Refused, Run, SentSpan,
    Trace, TraceKey,
};
use crate::chaos::verdict::Violation;
use anyhow::{Context, Result};
use std::collections::BTreeMap;

/// Faults this long before and after a trace are told with it.
const AROUND: Millis = 5_000;

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Book<'a> {
    pub(super) run: Run,
    pub(super) traces: BTreeMap<TraceKey, TraceRecord<'a>>,
    pub(super) refusals: Vec<&'a Refused>,
    /// Requests that were given back unsent.
    pub(super) returned: usize,
    pub(super) faults: Vec<&'a Fault>,
    pub(super) decisions: Vec<&'a Decision>,
    pub(super) ledgers: Vec<&'a Ledger>,
    pub(super) memories: Vec<&'a Memory>,
    pub(super) recoveries: Vec<&'a Recovery>,
}

/// All that is known of a trace.
#[derive(Debug, Default)]
pub(super) struct TraceRecord<'a> {
    pub(super) planned: Option<&'a Trace>,
    pub(super) spans: BTreeMap<u64, SpanRecord<'a>>,
}

/// All that is known of a span.
#[derive(Debug, Default)]
pub(super) struct SpanRecord<'a> {
    pub(super) sent: Option<&'a SentSpan>,
    pub(super) received: Vec<&'a ReceivedSpan>,
}

/// What the policies say of a trace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Oracle {
    /// Keep, whatever was late or unanswered.
    Keep,
    /// Drop, whatever was late or unanswered.
    Drop,
    /// It depends on when what decides the trace was held.
    Either,
}

impl<'a> Book<'a> {
    pub(super) fn read(events: &'a [Event]) -> Result<Self> {
        let run = events.iter().find_map(|event| match event {
            Event::Run(run) => Some(run.clone()),
            _ => None,
        });
        let mut book = Self {
            run: run.context("the history does not say what was run")?,
            ..Self::default()
        };
        for event in events {
            book.enter(event);
        }
        Ok(book)
    }

    fn enter(&mut self, event: &'a Event) {
        match event {
            Event::Run(_) | Event::Note { .. } => {}
            Event::Trace(trace) => self.trace(trace.trace).planned = Some(trace),
            Event::Span(sent) => {
                let trace = self.trace(sent.key.trace);
                trace.spans.entry(sent.key.span).or_default().sent = Some(sent);
            }
            Event::Received(received) => {
                let trace = self.trace(received.key.trace);
                let span = trace.spans.entry(received.key.span).or_default();
                span.received.push(received);
            }
            Event::Refused(refused) => self.refusals.push(refused),
            Event::Returned(_) => self.returned += 1,
            Event::Fault(fault) => self.faults.push(fault),
            Event::Decision(decision) => self.decisions.push(decision),
            Event::Ledger(ledger) => self.ledgers.push(ledger),
            Event::Memory(memory) => self.memories.push(memory),
            Event::Recovery(recovery) => self.recoveries.push(recovery),
        }
    }

    fn trace(&mut self, key: TraceKey) -> &mut TraceRecord<'a> {
        self.traces.entry(key).or_default()
    }

    /// Every span that a client sent.
    pub(super) fn sent(&self) -> impl Iterator<Item = &'a SentSpan> {
        let spans = self.traces.values().flat_map(|trace| trace.spans.values());
        spans.filter_map(|span| span.sent)
    }

    /// What the policies say, whichever of the spans that were not acknowledged in time was held.
    ///
    /// A trace is decided `decision_wait` after its first span was held, so not before that time after it was sent.
    /// Policies only keep, so that more spans can turn a trace from dropped to kept, never back.
    pub(super) fn oracle(&self, trace: &TraceRecord<'_>) -> Oracle {
        let Some(planned) = trace.planned else {
            return Oracle::Either;
        };
        let sent = || trace.spans.values().filter_map(|span| span.sent);
        let first = sent().map(|span| span.sent).min().unwrap_or_default();
        let deadline = first + self.run.decision_wait;
        let in_time = |span: &SentSpan| span.acknowledged.is_some_and(|at| at < deadline);
        let (least, most) = if self.run.reloads {
            (
                planned.in_share && planned.in_later_share,
                planned.in_share || planned.in_later_share,
            )
        } else {
            (planned.in_share, planned.in_share)
        };
        if least || sent().any(|span| span.decides && in_time(span)) {
            Oracle::Keep
        } else if most || sent().any(|span| span.decides) {
            Oracle::Either
        } else {
            Oracle::Drop
        }
    }

    /// A violation with what happened to its trace.
    pub(super) fn violation(&self, key: TraceKey, what: String) -> Violation {
        let lines = self.traces.get(&key).map(|trace| self.timeline(key, trace));
        Violation {
            trace: Some(key),
            what,
            timeline: lines.unwrap_or_default(),
        }
    }

    fn timeline(&self, key: TraceKey, trace: &TraceRecord<'_>) -> Vec<String> {
        let mut lines: Vec<(Millis, String)> = Vec::new();
        for (id, span) in &trace.spans {
            lines.extend(span.lines(*id));
        }
        let first = lines.iter().map(|(at, _)| *at).min().unwrap_or_default();
        let last = lines.iter().map(|(at, _)| *at).max().unwrap_or_default();
        let near =
            |fault: &&&Fault| fault.struck <= last + AROUND && fault.healed + AROUND >= first;
        for fault in self.faults.iter().filter(near) {
            let nodes = fault.nodes.join(", ");
            lines.push((fault.struck, format!("{:?} of {nodes} begins", fault.kind)));
            lines.push((fault.healed, format!("{:?} of {nodes} is over", fault.kind)));
        }
        lines.sort();
        let mut lines: Vec<String> = lines
            .into_iter()
            .map(|(at, line)| format!("{:.3} s {line}", at as f64 / 1_000.0))
            .collect();
        let decided = self
            .decisions
            .iter()
            .filter(|decision| decision.trace == key);
        lines.extend(decided.map(|it| {
            let verdict = if it.kept { "kept" } else { "dropped" };
            format!("{} has it {verdict}, in tenure {}", it.node, it.tenure)
        }));
        lines
    }
}

impl SpanRecord<'_> {
    /// The client's word, if it has it.
    pub(super) fn acknowledged(&self) -> Option<Millis> {
        self.sent?.acknowledged
    }

    fn lines(&self, id: u64) -> Vec<(Millis, String)> {
        let mut lines = Vec::new();
        if let Some(sent) = self.sent {
            let decides = if sent.decides { ", decides" } else { "" };
            lines.push((sent.sent, format!("span {id:016x} is sent{decides}")));
            lines.extend(sent.acknowledged.map(|at| {
                let attempts = sent.attempts;
                (
                    at,
                    format!("span {id:016x} is acknowledged, attempt {attempts}"),
                )
            }));
        }
        let received = self.received.iter();
        lines.extend(received.map(|it| (it.at, format!("span {id:016x} is at the backend"))));
        lines
    }
}
