//! The closing summary of the demo.

use super::client::Sent;
use crate::status::{Amount, Books, Sampler, StatusPage, TraceAmount};
use std::fmt::Write;
use tailweir_core::ByteSize;

/// What happened between two status pages, in words and numbers.
pub(super) fn summary(sent: Sent, before: &StatusPage, after: &StatusPage) -> String {
    let mut text = String::new();
    // Writing to a string cannot fail.
    let _ = write_summary(&mut text, sent, before, after);
    text
}

fn write_summary(
    text: &mut String,
    sent: Sent,
    before: &StatusPage,
    after: &StatusPage,
) -> std::fmt::Result {
    let books = after.traces().since(&before.traces());
    let sampling: Vec<_> = after
        .samplers
        .iter()
        .map(|now| decided_since(now, before))
        .collect();
    let mut rows = vec![Row::new("received", Some(sent.traces), books.acknowledged)];
    sampling.iter().for_each(|it| decided(it, &mut rows));
    let held = sampling.iter().map(|it| it.held.traces).sum();
    rows.push(Row::new("sent on", None, books.delivered));
    rows.push(Row::new("held", Some(held), books.held));
    rows.push(Row::new("lost", None, books.lost_in_all()));
    if books.refused.items > 0 {
        rows.push(Row::new("refused, sent again", None, books.refused));
    }
    writeln!(text, "\nWhat became of the demo's traces")?;
    let (label, traces, spans, bytes) = ("", "traces", "spans", "bytes");
    writeln!(text, "  {label:<24} {traces:>8} {spans:>10} {bytes:>12}")?;
    rows.iter().try_for_each(|row| row.write(text))?;
    closing(text, &books)
}

/// A line of the table.
struct Row {
    label: String,
    /// Nothing where they are not counted.
    traces: Option<u64>,
    amount: Amount,
}

impl Row {
    fn new(label: impl Into<String>, traces: Option<u64>, amount: Amount) -> Self {
        Self {
            label: label.into(),
            traces,
            amount,
        }
    }

    fn of_traces(label: impl Into<String>, amount: TraceAmount) -> Self {
        Self::new(label, Some(amount.traces), spans_of(amount))
    }

    fn write(&self, text: &mut String) -> std::fmt::Result {
        let traces = self.traces.map(|traces| traces.to_string());
        let traces = traces.as_deref().unwrap_or("-");
        let bytes = ByteSize(self.amount.bytes).to_string();
        let (label, spans) = (&self.label, self.amount.items);
        writeln!(text, "  {label:<24} {traces:>8} {spans:>10} {bytes:>12}")
    }
}

/// What one processor did with the traces.
fn decided(sampling: &Sampler, rows: &mut Vec<Row>) {
    rows.extend(sampling.policies.iter().map(|policy| {
        let label = format!("kept by {}", policy.policy);
        Row::of_traces(label, policy.sampled)
    }));
    if sampling.dropped.traces > 0 {
        rows.push(Row::of_traces("dropped by policy", sampling.dropped));
    }
    rows.push(Row::of_traces("dropped", sampling.not_sampled));
    let late = [
        ("late, kept with theirs", sampling.late_sampled),
        ("late, dropped likewise", sampling.late_not_sampled),
    ];
    rows.extend(late.map(|(label, amount)| Row::new(label, None, spans_of(amount))));
}

/// What was saved, and whether all is accounted for.
fn closing(text: &mut String, books: &Books) -> std::fmt::Result {
    let saved = books.dropped_in_all().bytes;
    let share = match books.acknowledged.bytes {
        0 => 0.0,
        all => saved as f64 * 100.0 / all as f64,
    };
    let saved = ByteSize(saved);
    writeln!(text, "\n{saved} ({share:.0} %) did not have to be stored.")?;
    match books.imbalance() {
        0 => writeln!(
            text,
            "The books balance: received = sent on + dropped + held + lost."
        ),
        spans => writeln!(
            text,
            "Other traffic is moving: {spans} spans are between two books."
        ),
    }
}

fn spans_of(of: TraceAmount) -> Amount {
    Amount {
        items: of.spans,
        bytes: of.bytes,
    }
}

/// The decisions of one processor since the page before.
fn decided_since(now: &Sampler, before: &StatusPage) -> Sampler {
    let same = |it: &&Sampler| it.processor == now.processor && it.pipeline == now.pipeline;
    let Some(before) = before.samplers.iter().find(same) else {
        return now.clone();
    };
    let mut since = now.clone();
    since.sampled = now.sampled.since(before.sampled);
    since.not_sampled = now.not_sampled.since(before.not_sampled);
    since.dropped = now.dropped.since(before.dropped);
    since.late_sampled = now.late_sampled.since(before.late_sampled);
    since.late_not_sampled = now.late_not_sampled.since(before.late_not_sampled);
    for policy in &mut since.policies {
        if let Some(before) = before.policies.iter().find(|it| it.policy == policy.policy) {
            policy.sampled = policy.sampled.since(before.sampled);
            policy.dropped = policy.dropped.since(before.dropped);
        }
    }
    since
}
