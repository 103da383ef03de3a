//! `/debug/tracez`: requests and exports with their failures, how long decisions took, and what was warned of.

use super::{PAGES, Shown};
use crate::pages::Page;
use tailweir_gateway::TimesRow;

pub(super) fn page(shown: &Shown<'_>) -> Page {
    let status = &shown.status;
    let mut page = Page::new("tracez", &PAGES);
    let receivers = status.receivers.iter().filter(|row| row.requests > 0);
    page.table(
        "requests",
        &[
            "receiver",
            "transport",
            "signal",
            "requests",
            "accepted items",
            "refused items",
        ],
        receivers.map(|row| {
            let (transport, signal) = (row.transport.to_owned(), row.signal.to_owned());
            let counts = [row.requests, row.accepted, row.refused].map(|it| it.to_string());
            let [requests, accepted, refused] = counts;
            [
                row.receiver.clone(),
                transport,
                signal,
                requests,
                accepted,
                refused,
            ]
        }),
    );
    let exporters = status.exporters.iter().filter(|row| row.exports);
    page.table(
        "exports",
        &[
            "exporter",
            "signal",
            "sent items",
            "failed items",
            "retries",
            "last failure",
        ],
        exporters.map(|row| {
            let counts = [row.sent, row.send_failed, row.retries].map(|it| it.to_string());
            let [sent, failed, retries] = counts;
            let last = row.last_error.clone();
            [
                row.exporter.clone(),
                row.signal.to_owned(),
                sent,
                failed,
                retries,
                last,
            ]
        }),
    );
    for sampler in &status.samplers {
        let place = format!("{} in {}", sampler.processor, sampler.pipeline);
        let times = sampler.times();
        let rows = times.iter().flat_map(times_rows);
        page.table(place, &["time of", "up to", "times"], rows);
    }
    let lines = shown.pages.recent.latest_first().into_iter();
    page.table(
        "recent warnings and errors, the latest first",
        &["time", "level", "what"],
        lines.map(|line| [line.time, line.level.to_owned(), line.text]),
    );
    page
}

/// The buckets in which there is something.
fn times_rows(row: &TimesRow) -> impl Iterator<Item = [String; 3]> {
    let counts = row.counts.iter().filter(|(_, count)| *count > 0);
    counts.map(|(bound, count)| {
        let bound = match bound {
            Some(bound) => format!("{bound} {}", row.unit),
            None => "longer".to_owned(),
        };
        [row.what.to_owned(), bound, count.to_string()]
    })
}
