//! The stored form of changes.

use super::Change;
use crate::codec;
use std::fmt::Write as _;

/// One of each, in the order of their numbers.
fn each() -> Vec<Change> {
    vec![
        Change::Form { copies: 2 },
        Change::AllocateId,
        Change::Register {
            name: "sampler-0".to_owned(),
            address: "10.0.0.1:4319".to_owned(),
            zone: "a".to_owned(),
            weight: 3,
        },
        Change::Renew(7),
        Change::Expire(vec![1, 300]),
        Change::Rebalance,
        Change::Drain(7),
        Change::Evacuate(300),
        Change::Remove("c".to_owned()),
        Change::InSync(vec![(16_383, 5, 9)]),
        Change::Exchange(vec![(0, 1, 70_000)]),
        Change::Clear(vec![(1, 2, 3), (4, 5, 6)]),
        Change::Forget(vec![(8, 9)]),
        Change::Policies("processors:\n".to_owned()),
        Change::ProposePolicies {
            text: "processors:\n".to_owned(),
            base: 3,
        },
    ]
}

/// Scenario: one of each change is written.
/// Guarantees: the bytes are those of the golden file, so a log is read by the next version; and they are read back.
#[test]
fn the_stored_form_is_pinned() {
    let mut written = String::new();
    for change in each() {
        let record = codec::encode(&change).unwrap();
        let hex: String = record.iter().map(|byte| format!("{byte:02x}")).collect();
        writeln!(written, "{hex} {change}").unwrap();
        assert_eq!(codec::decode::<Change>(&record).unwrap(), change);
    }
    assert_eq!(written, include_str!("golden.txt"));
}

/// Scenario: changes of the table become commands, and these changes again.
/// Guarantees: nothing is lost on the way; what cannot be is refused and does not panic.
#[test]
fn changes_of_the_table_are_its_commands() {
    for change in each() {
        if let Some(command) = change.command().unwrap() {
            assert_eq!(Change::from(&command), change);
        }
    }
    Change::Remove("a b".to_owned()).command().unwrap_err();
    Change::Clear(vec![(16_384, 0, 0)]).command().unwrap_err();
}
