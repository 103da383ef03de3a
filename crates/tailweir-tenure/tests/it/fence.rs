//! Two owners of one tenure never export side by side.

use crate::network::{A, B, C, Network, at, tenure, trace};
use proptest::prelude::*;
use std::time::Duration;
use tailweir_core::Moment;
use tailweir_placement::Second;
use tailweir_tenure::Fence;

/// Scenario: an owner's replica falls silent.
/// Guarantees: it exports for one second after it asked what was answered last, and then holds what it has.
#[test]
fn an_owner_without_answers_stops_exporting() {
    let mut network = Network::open();
    network.now = at(5_000);
    network.offer(A, 1, trace(1), at(9)).unwrap();
    network.settle();
    assert!(network.node(A).may_export(at(5_999), tenure(1)));
    assert!(!network.node(A).may_export(at(6_000), tenure(1)));
}

/// Scenario: a replica that answered at 5 s is promoted at once, without a second member.
/// Guarantees: it exports from 6.02 s on.
#[test]
fn a_promoted_owner_waits_for_the_one_before() {
    let mut network = Network::open();
    network.now = at(5_000);
    network.offer(A, 1, trace(1), at(9)).unwrap();
    network.settle();
    network.repair(B, Second::None);
    network.learn_all();
    assert!(!network.node(B).may_export(at(6_019), tenure(1)));
    assert!(network.node(B).may_export(at(6_020), tenure(1)));
    assert!(!network.node(C).may_export(at(9_000), tenure(1)));
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// Scenario: an answer takes any time on its way, and the two clocks run up to 1 % apart.
    /// Guarantees: the owner's time to export is over before its successor's begins.
    #[test]
    fn their_times_do_not_overlap(
        asked in 0_u64..1_000_000, to_replica in 0_u64..60_000, slow_owner in 0.99_f64..1.0,
    ) {
        // In true milliseconds; the owner's clock is slow, so that its second lasts longer.
        let answered = asked + to_replica;
        let mut owner = Fence::new();
        owner.answered(Moment::from_nanos((asked as f64 * slow_owner * 1e6) as u64));
        let successor = Fence::after(Moment::from_millis(answered));
        for true_time in (asked..answered + 1_100).step_by(7) {
            let by_owner = Moment::from_nanos((true_time as f64 * slow_owner * 1e6) as u64);
            let both = owner.is_open(by_owner, true)
                && successor.is_open(Moment::from_millis(true_time), false);
            prop_assert!(!both, "both at {true_time}");
        }
    }
}

/// Scenario: an owner gets a new second member.
/// Guarantees: answers of the former one do not let it export.
#[test]
fn a_new_view_needs_a_new_answer() {
    let mut fence = Fence::new();
    fence.answered(at(100));
    assert!(fence.is_open(at(200), true));
    fence.new_view();
    assert!(!fence.is_open(at(200), true));
    assert!(fence.is_open(at(200) + Duration::ZERO, false));
}
