//! Leaves out lines that say the same again and again.
//!
//! Messages are constant, so lines are equal when they come from the same place in the code. Of each
//! interval the first few are written, then each n-th.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tailweir_config::LogSampling;
use tokio::time::Instant;
use tracing::callsite::Identifier;
use tracing::subscriber::Interest;
use tracing::{Event, Metadata};
use tracing_subscriber::layer::{Context, Filter};

/// What is written of equal lines.
#[derive(Debug, Clone, Copy)]
struct Rule {
    tick: Duration,
    initial: u64,
    /// 0: none of the others.
    thereafter: u64,
}

/// How often one place in the code has spoken in its interval.
#[derive(Debug, Clone, Copy)]
struct Count {
    since: Instant,
    lines: u64,
}

/// Counts lines by the place that they come from; there are as many as places in the code.
#[derive(Debug)]
pub(super) struct Sampling {
    rule: Option<Rule>,
    counts: Mutex<HashMap<Identifier, Count>>,
}

impl Sampling {
    pub(super) fn of(settings: &LogSampling) -> Self {
        let rule = Rule {
            tick: settings.tick,
            initial: u64::try_from(settings.initial).unwrap_or(0),
            thereafter: u64::try_from(settings.thereafter).unwrap_or(0),
        };
        Self {
            rule: settings.enabled.then_some(rule),
            counts: Mutex::default(),
        }
    }

    fn allows(&self, place: Identifier, now: Instant) -> bool {
        let Some(rule) = self.rule else { return true };
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let count = counts.entry(place).or_insert(Count {
            since: now,
            lines: 0,
        });
        if now.duration_since(count.since) >= rule.tick {
            *count = Count {
                since: now,
                lines: 0,
            };
        }
        count.lines += 1;
        let beyond = count.lines.saturating_sub(rule.initial);
        beyond == 0 || rule.thereafter > 0 && beyond.is_multiple_of(rule.thereafter)
    }
}

impl<S> Filter<S> for Sampling {
    fn enabled(&self, _: &Metadata<'_>, _: &Context<'_, S>) -> bool {
        true
    }

    fn callsite_enabled(&self, _: &'static Metadata<'static>) -> Interest {
        // "Always" would let lines pass without a question for each.
        Interest::sometimes()
    }

    fn event_enabled(&self, event: &Event<'_>, _: &Context<'_, S>) -> bool {
        self.allows(event.metadata().callsite(), Instant::now())
    }
}

#[cfg(test)]
mod tests {
    use super::Sampling;
    use std::time::Duration;
    use tailweir_config::LogSampling;
    use tokio::time::Instant;
    use tracing::callsite::Identifier;

    fn place() -> Identifier {
        Identifier(&NOWHERE)
    }

    static NOWHERE: tracing::callsite::DefaultCallsite =
        tracing::callsite::DefaultCallsite::new(&METADATA);
    static METADATA: tracing::Metadata<'static> = tracing::Metadata::new(
        "nowhere",
        "tailweir",
        tracing::Level::INFO,
        None,
        None,
        None,
        tracing::field::FieldSet::new(&[], Identifier(&NOWHERE)),
        tracing::metadata::Kind::EVENT,
    );

    /// Scenario: one place speaks seven times in an interval and again in the next, where two lines
    /// and then each third are written.
    /// Guarantees: the first two, then each third, and in the next interval the first again.
    #[test]
    fn equal_lines_are_thinned_per_interval() {
        let sampling = Sampling::of(&LogSampling {
            tick: Duration::from_secs(10),
            initial: 2,
            thereafter: 3,
            ..LogSampling::default()
        });
        let start = Instant::now();
        let written: Vec<_> = (0..8).map(|_| sampling.allows(place(), start)).collect();
        assert_eq!(
            written,
            [true, true, false, false, true, false, false, true]
        );
        assert!(sampling.allows(place(), start + Duration::from_secs(10)));
    }

    /// Scenario: sampling is switched off.
    /// Guarantees: every line is written.
    #[test]
    fn without_sampling_every_line_is_written() {
        let sampling = Sampling::of(&LogSampling {
            enabled: false,
            initial: 0,
            ..LogSampling::default()
        });
        assert!((0..50).all(|_| sampling.allows(place(), Instant::now())));
    }
}
