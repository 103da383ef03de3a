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
