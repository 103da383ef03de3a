//! What a member reports of a slot.

use tailweir_core::Slot;
use tailweir_placement::{Command, Epoch, MemberName, RoutingTable, TenureId, Weight};
use tailweir_shard::{Consent, Report};

/// Scenario: the spans of a slot are in step, then its logs, said twice by each; then its rows change.
/// Guarantees: the member says so when both have, and again when one of them says it again; what was said of an earlier view is
/// forgotten, and so is what the logs have said, once they are gone.
#[test]
fn a_member_says_what_spans_and_logs_have_said() {
    let mut table = RoutingTable::new(2);
    for name in ["one", "two"] {
        let name = MemberName::new(name).unwrap();
        table.apply(&Command::register(name, "memory:1", "", Weight::ONE));
    }
    table.apply(&Command::Rebalance);
    let slot = Slot::new(5).unwrap();
    let row = *table.tenures(slot).unwrap().current();
    let tenure = TenureId {
        slot,
        created: row.created,
    };
    let in_sync = |view| Report::InSync { tenure, view };
    let mut consent = Consent::default();
    assert!(!consent.say(2, "spans", in_sync(row.view)));
    assert!(!consent.say(2, "spans", in_sync(row.view)));
    assert!(consent.say(2, "logs", in_sync(row.view)));
    assert!(consent.say(2, "spans", in_sync(row.view)));

    let next = Epoch(row.view.0 + 1);
    assert!(!consent.say(2, "logs", in_sync(next)));
    consent.learn(&table);
    assert!(consent.say(2, "logs", in_sync(row.view)), "still the view");
    assert!(
        !consent.say(2, "spans", in_sync(next)),
        "said of a view that is none"
    );

    consent.forget(&"logs");
    assert!(!consent.say(2, "spans", in_sync(row.view)), "logs are gone");
    assert!(
        consent.say(1, "spans", in_sync(row.view)),
        "spans are all there is"
    );
}
