//! Runs and slots are two forms of one table.

use crate::cluster::{cluster, slots};
use proptest::prelude::*;
use tailweir_core::Slot;
use tailweir_placement::{Epoch, Incarnation, Rows, Run, Second, Tenures};

fn tenures(owner: u64) -> Tenures {
    Tenures::first(Epoch(1), Incarnation(owner), Second::None)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    /// Scenario: runs of any lengths that cover the slots.
    /// Guarantees: each slot has the tenures of its run, and the runs come back.
    #[test]
    fn slots_have_what_their_run_has(cuts in prop::collection::btree_set(1_usize..Slot::COUNT, 0..60)) {
        let mut runs = Vec::new();
        let mut first = 0;
        for (number, end) in cuts.into_iter().chain([Slot::COUNT]).enumerate() {
            runs.push(Run {
                first: Slot::new(first).unwrap(),
                slots: (end - first) as u16,
                tenures: tenures(number as u64),
            });
            first = end;
        }
        let rows = Rows::from_runs(runs.clone()).unwrap();
        for run in &runs {
            for offset in 0..usize::from(run.slots) {
                let slot = Slot::new(run.first.index() + offset).unwrap();
                prop_assert_eq!(rows.get(slot), Some(&run.tenures));
            }
        }
        prop_assert_eq!(rows.runs(), &runs[..]);
    }
}

/// Scenario: runs with a gap, an overlap, no slot, or an end before the last slot.
/// Guarantees: they are refused.
#[test]
fn runs_that_do_not_cover_the_slots_once_are_refused() {
    let run = |first, slots| Run {
        first: Slot::new(first).unwrap(),
        slots,
        tenures: tenures(1),
    };
    let whole = Slot::COUNT as u16;
    assert!(Rows::from_runs(vec![run(0, whole)]).is_ok());
    for runs in [
        vec![run(0, 10), run(11, whole - 11)],
        vec![run(0, 10), run(9, whole - 9)],
        vec![run(0, 0), run(0, whole)],
        vec![run(0, 10)],
        vec![run(0, whole), run(9, whole)],
    ] {
        assert!(Rows::from_runs(runs).is_err());
    }
}

/// Scenario: a cluster of three and one of a hundred members.
/// Guarantees: the table has few rows, and they are those that make it again.
#[test]
fn a_table_is_a_few_runs() {
    for (members, most) in [(3, 400), (100, 8_000)] {
        let table = cluster(members, 3, 2);
        let rows = table.rows();
        assert!(rows.runs().len() <= most, "{} runs", rows.runs().len());
        let again = Rows::from_runs(rows.runs().to_vec()).unwrap();
        assert!(slots().all(|slot| again.get(slot) == rows.get(slot)));
    }
}
