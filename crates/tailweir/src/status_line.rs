//! The live line at the foot of the terminal.

use crate::status::{Sampler, StatusPage};
use tailweir_core::ByteSize;
use tokio::time::Instant;

/// Makes the line; remembers what the one before said, for rates.
#[derive(Debug, Default)]
pub(crate) struct StatusLinePainter {
    before: Option<(Instant, u64)>,
}

impl StatusLinePainter {
    /// The line for this page.
    pub(crate) fn line(&mut self, page: &StatusPage) -> String {
        let taken = page
            .ledger
            .signals
            .values()
            .map(|books| books.taken.items)
            .sum();
        let rate = self.rate(Instant::now(), taken);
        let traces = page.traces();
        let sum = |of: fn(&Sampler) -> u64| page.samplers.iter().map(of).sum::<u64>();
        let kept: Vec<_> = page
            .samplers
            .iter()
            .flat_map(|sampler| &sampler.policies)
            .map(|policy| format!("{} {}", policy.policy, policy.sampled.traces))
            .collect();
        let mut line = format!(
            "{} | {rate}/s | waiting {} traces, {} | kept {} ({}) | dropped {}",
            page.process.phase,
            sum(|it| it.held.traces),
            ByteSize(traces.held.bytes),
            sum(|it| it.sampled.traces),
            kept.join(", "),
            sum(|it| it.not_sampled.traces + it.dropped.traces),
        );
        let lost = page
            .ledger
            .signals
            .values()
            .map(|books| books.lost_in_all().items);
        match lost.sum::<u64>() {
            0 => {}
            lost => line += &format!(" | LOST {lost}"),
        }
        line
    }

    /// Items a second since the line before.
    fn rate(&mut self, now: Instant, taken: u64) -> u64 {
        let before = self.before.replace((now, taken));
        before.map_or(0, |(then, before)| {
            let seconds = now.duration_since(then).as_secs_f64().max(0.001);
            (taken.saturating_sub(before) as f64 / seconds).round() as u64
        })
    }
}

#[cfg(test)]
mod tests {
    use super::StatusLinePainter;
    use crate::status::{Amount, Books, Policy, Sampler, StatusPage, TraceAmount};

    fn traces(traces: u64) -> TraceAmount {
        TraceAmount {
            traces,
            ..TraceAmount::default()
        }
    }

    fn page() -> StatusPage {
        let mut page = StatusPage::default();
        page.process.phase = "ready".to_owned();
        let held = Amount {
            items: 9,
            bytes: 1536,
        };
        let books = Books {
            held,
            ..Books::default()
        };
        page.ledger.signals.insert("traces".to_owned(), books);
        page.samplers.push(Sampler {
            held: traces(3),
            sampled: traces(2),
            not_sampled: traces(5),
            policies: vec![Policy {
                policy: "errors".to_owned(),
                sampled: traces(2),
                ..Policy::default()
            }],
            ..Sampler::default()
        });
        page
    }

    /// Scenario: traces are held, kept and dropped; then spans are lost.
    /// Guarantees: the line says all of that, and shouts only about the loss.
    #[test]
    fn the_line_says_what_waits_what_was_kept_and_what_is_lost() {
        let mut painter = StatusLinePainter::default();
        let mut page = page();
        assert_eq!(
            painter.line(&page),
            "ready | 0/s | waiting 3 traces, 1.5 KiB | kept 2 (errors 2) | dropped 5"
        );
        let books = page.ledger.signals.entry("traces".to_owned()).or_default();
        let lost = Amount { items: 4, bytes: 1 };
        books.lost.insert("backend".to_owned(), lost);
        assert!(painter.line(&page).ends_with(" | LOST 4"));
    }
}
