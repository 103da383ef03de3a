//! The status page for people.

use super::{Amount, Books, Exporter, Sampler, StatusPage, TraceAmount};
use std::fmt::{Result, Write};
use std::time::Duration;
use tailweir_core::ByteSize;

/// The page as text.
pub(crate) fn page(status: &StatusPage) -> String {
    let mut text = String::new();
    // Writing to a string cannot fail.
    let _ = write_page(&mut text, status);
    text
}

fn write_page(text: &mut String, status: &StatusPage) -> Result {
    let process = &status.process;
    let uptime = Duration::from_secs(status.uptime_seconds);
    writeln!(
        text,
        "tailweir {}: {}, up {uptime:?}",
        process.version, process.phase
    )?;
    let sources = process.sources.join(", ");
    writeln!(
        text,
        "configuration {sources}, revision {}",
        process.revision
    )?;
    if let Some(refused) = &process.refused {
        writeln!(text, "the last reload was refused: {refused}")?;
    }
    for address in &status.addresses {
        let super::Address {
            receiver,
            transport,
            address,
        } = address;
        writeln!(text, "{receiver} ({transport}) on {address}")?;
    }
    for (signal, books) in &status.ledger.signals {
        write_books(text, signal, books)?;
    }
    for sampler in &status.samplers {
        write_sampler(text, sampler)?;
    }
    write_exporters(text, &status.exporters)
}

fn write_books(text: &mut String, signal: &str, books: &Books) -> Result {
    if books.taken == Amount::default() && books.refused == Amount::default() {
        return writeln!(text, "\n{signal}: none yet");
    }
    writeln!(text, "\n{:<30} {:>12} {:>12}", signal, "items", "bytes")?;
    let mut row = |label: &str, amount: Amount| {
        let bytes = ByteSize(amount.bytes).to_string();
        writeln!(text, "  {label:<28} {:>12} {bytes:>12}", amount.items)
    };
    row("acknowledged", books.acknowledged)?;
    row("taken", books.taken)?;
    row("copied", books.copied)?;
    row("delivered", books.delivered)?;
    for (reason, amount) in books.dropped.iter().filter(|(_, it)| it.items > 0) {
        row(&format!("dropped: {reason}"), *amount)?;
    }
    row("spooled", books.spooled)?;
    row("held", books.held)?;
    if books.handed_over.items > 0 {
        row("handed over", books.handed_over)?;
    }
    for (reason, amount) in books.lost.iter().filter(|(_, it)| it.items > 0) {
        row(&format!("lost: {reason}"), *amount)?;
    }
    row("refused (not taken)", books.refused)
}

fn write_sampler(text: &mut String, sampler: &Sampler) -> Result {
    let name = format!("{} in {}", sampler.processor, sampler.pipeline);
    writeln!(
        text,
        "\n{name:<30} {:>10} {:>12} {:>12}",
        "traces", "spans", "bytes"
    )?;
    let mut row = |label: &str, amount: TraceAmount| {
        let bytes = ByteSize(amount.bytes).to_string();
        let TraceAmount { traces, spans, .. } = amount;
        writeln!(text, "  {label:<28} {traces:>10} {spans:>12} {bytes:>12}")
    };
    row("held", sampler.held)?;
    row("sampled", sampler.sampled)?;
    for policy in &sampler.policies {
        row(&format!("  by {}", policy.policy), policy.sampled)?;
    }
    row("not sampled", sampler.not_sampled)?;
    row("dropped by policy", sampler.dropped)?;
    row("late, sampled", sampler.late_sampled)?;
    row("late, not sampled", sampler.late_not_sampled)
}

fn write_exporters(text: &mut String, exporters: &[Exporter]) -> Result {
    if exporters.is_empty() {
        return Ok(());
    }
    writeln!(
        text,
        "\n{:<30} {:>12} {:>12} {:>12}",
        "exporter", "sent", "failed", "queued"
    )?;
    for exporter in exporters {
        let name = format!("{} ({})", exporter.exporter, exporter.signal);
        let queued = ByteSize(exporter.queue_bytes).to_string();
        let Exporter {
            sent,
            send_failed,
            last_error,
            ..
        } = exporter;
        writeln!(
            text,
            "  {name:<28} {sent:>12} {send_failed:>12} {queued:>12}"
        )?;
        if !last_error.is_empty() {
            writeln!(text, "    last failure: {last_error}")?;
        }
    }
    Ok(())
}
