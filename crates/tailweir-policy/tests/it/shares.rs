//! Composites of deciders that see a part of all traces.

use crate::fixture::{policy, settings, spans};
use crate::replay;
use tailweir_config::{Compat, PolicyKind, RateAllocation, TailSampling};
use tailweir_core::Moment;
use tailweir_policy::{PolicySet, PolicyState};
use tailweir_testkit::{span, trace_id};

const SIXTEENTH: f64 = 1.0 / 16.0;

/// A composite of sub-policies that want every trace, each with this percentage of the total.
fn composite(compat: Compat, total: i64, percents: &[i64]) -> PolicySet {
    let name = |place: usize| format!("sub-{place}");
    let sub_policy = |place| policy(&name(place), PolicyKind::AlwaysSample);
    let allocation = |(place, &percent)| RateAllocation {
        policy: name(place),
        percent,
    };
    let kind = PolicyKind::Composite {
        max_total_spans_per_second: total,
        policy_order: vec![],
        sub_policies: (0..percents.len()).map(sub_policy).collect(),
        rate_allocation: percents.iter().enumerate().map(allocation).collect(),
    };
    let settings = TailSampling {
        compat,
        ..settings(vec![policy("budget", kind)])
    };
    PolicySet::compile(&settings).expect("a composite that compiles")
}

/// One decider.
struct Decider<'s> {
    set: &'s PolicySet,
    state: PolicyState,
}

impl<'s> Decider<'s> {
    fn new(set: &'s PolicySet, share: f64) -> Self {
        let state = PolicyState::with_share(set, share);
        Self { set, state }
    }

    /// Whether a trace of so many spans is sampled in this second.
    fn samples(&mut self, second: u64, count: u64) -> bool {
        let id = trace_id(1);
        let requests = [spans((1..=count).map(|n| span(id, n)))];
        let (_, traces) = replay::traces(&requests);
        let now = Moment::from_millis(second * 1000);
        let decision = self
            .set
            .decide(&mut self.state, now, &traces[&id].whole(id));
        decision.verdict.is_sampled()
    }
}

/// Scenario: a sixteenth of 100 spans a second, 6.25, and a trace of 10 spans each second for a minute.
/// Guarantees: as many are sampled as the part pays for, although each is larger than it.
#[test]
fn a_trace_larger_than_the_part_of_a_decider_is_paid_for_later() {
    let set = composite(Compat::Tailweir, 100, &[100]);
    let mut shard = Decider::new(&set, SIXTEENTH);
    let sampled = (1..=60).filter(|&second| shard.samples(second, 10)).count();
    assert!((37..=38).contains(&sampled), "{sampled}");
}

/// Scenario: a sixteenth of a composite of 1,000 spans a second, of which a sub-policy may take 20 %; traces
/// of 13 spans come much faster than that for a minute.
/// Guarantees: what is sampled is the part of 60 seconds, and never a whole trace more than the part of the
/// time so far.
#[test]
fn the_parts_of_a_composite_keep_its_rate_under_load() {
    const SPANS: u64 = 13;
    let set = composite(Compat::Tailweir, 1_000, &[20]);
    let mut shard = Decider::new(&set, SIXTEENTH);
    let mut sampled = 0;
    for second in 1..=60 {
        let taken = (0..20).filter(|_| shard.samples(second, SPANS)).count();
        sampled += taken as u64 * SPANS;
        let part = 200.0 * SIXTEENTH * second as f64;
        assert!(sampled as f64 >= part && sampled as f64 <= part + SPANS as f64);
    }
}

/// Scenario: half of a composite of 100 spans a second whose two sub-policies may each take twice
/// that, by both rules.
/// Guarantees: the total bounds what they take in the long run, all together or, as in the Collector,
/// each.
#[test]
fn the_part_of_the_total_bounds_all_sub_policies() {
    for compat in [Compat::Tailweir, Compat::Collector] {
        let set = composite(compat, 100, &[200, 200]);
        let mut shard = Decider::new(&set, 0.5);
        let seconds = (1..=20).flat_map(|second| [second; 30]);
        let sampled = seconds.filter(|&second| shard.samples(second, 7)).count() * 7;
        assert!((1_000..1_007).contains(&sampled), "{sampled}");
    }
}

/// Scenario: traces as large as the whole budget of a sub-policy, and larger by one span, in front of a
/// decider of a sixteenth and of one that sees every trace; then small ones in the same second.
/// Guarantees: each takes the largest that the configuration has room for, and none beyond. Who sees
/// every trace has its whole budget in each second; a sixteenth pays for 16 of them.
#[test]
fn the_largest_trace_is_that_of_the_whole_budget() {
    let set = composite(Compat::Tailweir, 100, &[10]);
    for (share, next) in [(1.0, 101), (SIXTEENTH, 116)] {
        let mut decider = Decider::new(&set, share);
        assert!(!decider.samples(100, 11));
        assert!(decider.samples(100, 10));
        assert!(!decider.samples(100, 1));
        let again = (101..200).find(|&second| decider.samples(second, 10));
        assert_eq!(again, Some(next));
    }
}

/// Scenario: a decider that sees every trace has sampled 6 of 10 spans in a second.
/// Guarantees: it samples 4 more, and no trace of 5: it owes nothing to later seconds.
#[test]
fn who_sees_every_trace_has_whole_spans() {
    let set = composite(Compat::Tailweir, 10, &[100]);
    let mut decider = Decider::new(&set, 1.0);
    assert!(decider.samples(1, 6));
    assert!(!decider.samples(1, 5));
    assert!(decider.samples(1, 4));
    assert!(decider.samples(2, 10));
}

/// Scenario: a decider of a sixteenth of 160 spans has sampled 100 when its share becomes an eighth, 20 a
/// second.
/// Guarantees: it pays on for what it has sampled, at the new rate.
#[test]
fn another_share_does_not_remit_what_is_owed() {
    let set = composite(Compat::Tailweir, 160, &[100]);
    let mut shard = Decider::new(&set, SIXTEENTH);
    assert!(shard.samples(100, 100));
    shard.state = shard.state.succeeding(&set, &set, 0.125);
    let again = (100..200).find(|&second| shard.samples(second, 1));
    assert_eq!(again, Some(105));
}

/// Scenario: a decider of a sixteenth of 160 spans owes 20 when its clock goes back by 50 seconds.
/// Guarantees: that pays for nothing, and seconds count on from the earlier one.
#[test]
fn seconds_that_go_backwards_pay_for_nothing() {
    let set = composite(Compat::Tailweir, 160, &[100]);
    let mut shard = Decider::new(&set, SIXTEENTH);
    assert!(shard.samples(100, 20));
    assert!(!shard.samples(50, 1));
    assert!(!shard.samples(51, 1));
    assert!(shard.samples(52, 1));
}
