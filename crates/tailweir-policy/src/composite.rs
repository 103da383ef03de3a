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

/// What is left of the budgets, for one decider.
#[derive(Debug, Clone)]
pub(crate) struct CompositeCounters {
    shares: Box<[Budget]>,
    /// Of all sub-policies together; nothing where the total bounds each on its own.
    total: Option<Budget>,
    second: u64,
}

impl CompositeCounters {
    /// Nothing charged yet, for a decider that sees this `share` of all traces.
    pub(crate) fn new(settings: &CompositeSettings, share: f64) -> Self {
        let total = settings.total;
        let own = |&spans: &f64| match settings.total_is_a_sum {
            true => Budget::new(spans, share),
            false => Budget::new(spans.min(total), share),
        };
        Self {
            shares: settings.shares.iter().map(own).collect(),
            total: settings.total_is_a_sum.then(|| Budget::new(total, share)),
            second: 0,
        }
    }

    /// Takes over what was charged to the same composite under another share.
    pub(crate) fn inherit(&mut self, other: &Self) {
        self.second = other.second;
        for (budget, known) in self.budgets().zip(other.shares.iter().chain(&other.total)) {
            budget.charged = known.charged;
        }
    }

    /// Brings the budgets of the seconds that passed. Time that goes backwards pays for nothing.
    pub(crate) fn turn_to(&mut self, now: Moment) {
        let second = now.nanos() / 1_000_000_000;
        if second == self.second {
            return;
        }
        let passed = second.saturating_sub(self.second);
        self.budgets().for_each(|budget| budget.renew(passed));
        self.second = second;
    }

    /// Charges a trace to a sub-policy, if its share and the total have room for it.
    pub(crate) fn admits(&mut self, sub_policy: usize, spans: u64) -> bool {
        let (own, total) = (&mut self.shares[sub_policy], &mut self.total);
        let fits = own.has_room(spans) && total.iter().all(|total| total.has_room(spans));
        if fits {
            own.charged += spans as f64;
            total
                .iter_mut()
                .for_each(|total| total.charged += spans as f64);
        }
        fits
    }

    fn budgets(&mut self) -> impl Iterator<Item = &mut Budget> {
        self.shares.iter_mut().chain(&mut self.total)
    }
}

/// Spans a second.
///
/// Who decides about all traces has whole spans and forgets at each second what it charged, as the
/// Collector does. Who decides about a part of them would with the same rule refuse each trace that
/// is larger than its part, so it takes any trace that fits the budget of all, and pays for it in
/// the seconds that follow.
#[derive(Debug, Clone)]
struct Budget {
    is_divided: bool,
    /// Spans of the largest trace that fits the budget of all.
    largest: u64,
    /// The part of this decider.
    each_second: f64,
    /// Spans charged, less what seconds that passed have paid for.
    charged: f64,
}

impl Budget {
    fn new(spans_per_second: f64, share: f64) -> Self {
        Self {
            is_divided: share < 1.0,
            largest: spans_per_second as u64,
            each_second: spans_per_second * share,
            charged: 0.0,
        }
    }

    fn has_room(&self, spans: u64) -> bool {
        match self.is_divided {
            true => spans <= self.largest && self.charged < self.each_second,
            false => self.charged + spans as f64 <= self.largest as f64,
        }
    }

    /// What a second leaves unused is not saved up, only what it lacks is carried on.
    fn renew(&mut self, seconds: u64) {
        self.charged = match self.is_divided {
            true => (self.charged - self.each_second * seconds as f64).max(0.0),
            false => 0.0,
        };
    }
}
