//! The budget of a `composite` policy: spans a second, shared between its sub-policies.

use crate::rules::Rules;
use tailweir_config::RateAllocation;
use tailweir_core::Moment;

/// What each sub-policy may sample in a second.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct CompositeSettings {
    total: f64,
    shares: Box<[f64]>,
    total_is_a_sum: bool,
}

impl CompositeSettings {
    /// Shares for the sub-policies of these names, in this order. Without a percentage above 0 a
    /// sub-policy gets an equal part.
    pub(crate) fn new(
        total: i64,
        names: &[&str],
        allocation: &[RateAllocation],
        rules: Rules,
    ) -> Self {
        let total = total as f64;
        let percent = |name: &str| {
            let mut given = allocation.iter().rev().filter(|share| share.policy == name);
            given
                .next()
                .map(|share| share.percent)
                .filter(|&percent| percent > 0)
        };
        let share = |name: &&str| match percent(name) {
            Some(percent) => percent as f64 / 100.0 * total,
            None => total / names.len() as f64,
        };
        Self {
            total,
            shares: names.iter().map(share).collect(),
            total_is_a_sum: rules.total_is_a_sum,
        }
    }
}

/// What was sampled in the current second.
#[derive(Debug, Clone)]
pub(crate) struct CompositeCounters {
    total_max: u64,
    shares_max: Box<[u64]>,
    total_is_a_sum: bool,
    second: u64,
    sampled: Box<[u64]>,
}

impl CompositeCounters {
    /// Nothing sampled yet. Budgets are multiplied by `share` and cut to whole spans.
    pub(crate) fn new(settings: &CompositeSettings, share: f64) -> Self {
        Self {
            total_max: (settings.total * share) as u64,
            shares_max: settings
                .shares
                .iter()
                .map(|spans| (spans * share) as u64)
                .collect(),
            total_is_a_sum: settings.total_is_a_sum,
            second: 0,
            sampled: vec![0; settings.shares.len()].into(),
        }
    }

    /// Forgets what was sampled in an earlier second.
    pub(crate) fn turn_to(&mut self, now: Moment) {
        let second = now.nanos() / 1_000_000_000;
        if second != self.second {
            self.second = second;
            self.sampled.fill(0);
        }
    }

    /// Charges a trace to a sub-policy, if its share and the total have room for it.
    pub(crate) fn admits(&mut self, sub_policy: usize, spans: u64) -> bool {
        let own = self.sampled[sub_policy].saturating_add(spans);
        let sum = match self.total_is_a_sum {
            true => self
                .sampled
                .iter()
                .fold(spans, |sum, &count| sum.saturating_add(count)),
            false => own,
        };
        let fits = own <= self.shares_max[sub_policy] && sum <= self.total_max;
        if fits {
            self.sampled[sub_policy] = own;
        }
        fits
    }
}
