//! The closing summary of the demo.

use super::client::Sent;
use crate::status::{Amount, Sampler, StatusPage, TraceAmount};
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
    writeln!(text, "\nWhat became of the demo's traces")?;
    writeln!(
        text,
        "  {:<24} {:>8} {:>10} {:>12}",
        "", "traces", "spans", "bytes"
    )?;
    let dash = || "-".to_owned();
    let mut row = |label: &str, traces: Option<u64>, amount: Amount| {
        let traces = traces.map_or_else(dash, |traces| traces.to_string());
        let bytes = ByteSize(amount.bytes).to_string();
        writeln!(
            text,
            "  {label:<24} {traces:>8} {:>10} {bytes:>12}",
            amount.items
        )
    };
    row("received", Some(sent.traces), books.acknowledged)?;
    let sampling: Vec<_> = after
        .samplers
        .iter()
        .map(|now| decided_since(now, before))
        .collect();
    for sampling in &sampling {
        for policy in &sampling.policies {
            let label = format!("kept by {}", policy.policy);
            row(&label, Some(policy.sampled.traces), amount(policy.sampled))?;
        }
        if sampling.dropped.traces > 0 {
            row(
                "dropped by policy",
                Some(sampling.dropped.traces),
                amount(sampling.dropped),
            )?;
        }
        row(
            "dropped",
            Some(sampling.not_sampled.traces),
            amount(sampling.not_sampled),
        )?;
        row(
            "late, kept with theirs",
            None,
            amount(sampling.late_sampled),
        )?;
        row(
            "late, dropped likewise",
            None,
            amount(sampling.late_not_sampled),
        )?;
    }
    row("sent on", None, books.delivered)?;
    row(
        "held",
        Some(sampling.iter().map(|it| it.held.traces).sum()),
        books.held,
    )?;
    row("lost", None, books.lost_in_all())?;
    if books.refused.items > 0 {
        row("refused, sent again", None, books.refused)?;
    }
    let saved = books.dropped_in_all().bytes;
    let share = match books.acknowledged.bytes {
        0 => 0.0,
        all => saved as f64 * 100.0 / all as f64,
    };
    writeln!(
        text,
        "\n{} ({share:.0} %) did not have to be stored.",
        ByteSize(saved)
    )?;
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

fn amount(of: TraceAmount) -> Amount {
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
