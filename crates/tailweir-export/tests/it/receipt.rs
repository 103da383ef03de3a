//! Each accepted item is reported once.

use crate::support::Ledger;
use tailweir_export::{Amount, LossReason, Settlement};

fn amount(items: u64, bytes: u64) -> Amount {
    Amount { items, bytes }
}

/// Scenario: receipts are settled, and one is dropped by careless code.
/// Guarantees: each is reported once, the dropped one as lost.
#[test]
fn a_receipt_that_is_dropped_is_lost() {
    let ledger = Ledger::new();
    ledger.receipt(3, 30).delivered();
    ledger.receipt(2, 20).lost(LossReason::QueueFull);
    drop(ledger.receipt(1, 10));
    let reasons = [
        None,
        Some(LossReason::QueueFull),
        Some(LossReason::Abandoned),
    ];
    assert_eq!(ledger.reasons(), reasons);
    assert_eq!(ledger.items(), (3, 3));
}

/// Scenario: a backend rejects a third of the items of one receipt, and more than all of another.
/// Guarantees: the parts sum up to the whole, bytes in proportion; nothing is lost twice.
#[test]
fn rejected_items_are_lost_and_the_others_are_delivered() {
    let ledger = Ledger::new();
    ledger
        .receipt(3, 30)
        .lost_in_part(1, LossReason::RejectedByBackend);
    ledger
        .receipt(3, 30)
        .lost_in_part(9, LossReason::RejectedByBackend);
    ledger
        .receipt(3, 30)
        .lost_in_part(0, LossReason::RejectedByBackend);
    let [part, all, none] = ledger.settlements().try_into().unwrap();
    let rejected = Settlement {
        delivered: amount(2, 20),
        withdrawn: amount(0, 0),
        lost: amount(1, 10),
        reason: Some(LossReason::RejectedByBackend),
    };
    assert_eq!(part, rejected);
    assert_eq!((all.delivered, all.lost), (amount(0, 0), amount(3, 30)));
    assert_eq!((none.delivered, none.reason), (amount(3, 30), None));
}

/// Scenario: a receipt is split for three exporters; in one trial all deliver, in another one loses.
/// Guarantees: it is settled once, after the last: delivered only if all delivered.
#[test]
fn a_split_receipt_is_delivered_when_all_its_ways_are() {
    let ledger = Ledger::new();
    let ways = ledger.receipt(4, 40).split(3);
    for (count, way) in ways.into_iter().enumerate() {
        assert_eq!(ledger.settlements().len(), 0, "after {count} of 3");
        way.delivered();
    }
    assert_eq!(ledger.items(), (4, 0));
    let mut ways = ledger.receipt(4, 40).split(3);
    ways.pop()
        .unwrap()
        .lost_in_part(3, LossReason::RejectedByBackend);
    ways.pop()
        .unwrap()
        .lost_in_part(2, LossReason::RetriesExhausted);
    ways.pop().unwrap().delivered();
    let last = ledger.settlements()[1];
    assert_eq!((last.delivered, last.lost), (amount(0, 0), amount(4, 40)));
    assert_eq!(
        last.reason,
        Some(LossReason::RejectedByBackend),
        "the first reason"
    );
}

/// Scenario: a pipeline without exporters, and one with a single exporter.
/// Guarantees: nobody waits for a settlement that never comes.
#[test]
fn a_receipt_without_ways_is_settled_at_once() {
    let ledger = Ledger::new();
    assert!(ledger.receipt(5, 50).split(0).is_empty());
    assert_eq!(ledger.items(), (5, 0));
    for way in ledger.receipt(5, 50).split(1) {
        way.lost(LossReason::PermanentError);
    }
    assert_eq!(ledger.items(), (5, 5));
}

/// Scenario: a parcel is fanned out and one copy is dropped.
/// Guarantees: the copies share their bytes; the loss of one is the loss of the parcel.
#[test]
fn a_parcel_fans_out_without_copying() {
    let ledger = Ledger::new();
    let parcel = ledger.parcel(2, vec![7; 100]);
    let address = parcel.body.as_ptr();
    let mut copies = parcel.fan_out(2);
    assert!(copies.iter().all(|copy| copy.body.as_ptr() == address));
    copies.pop().unwrap().receipt.delivered();
    drop(copies);
    assert_eq!(ledger.items(), (0, 2));
}

/// Scenario: a receipt of seven items is divided in three, one part of which loses two items.
/// Guarantees: it is settled once, after the last part, and the sums are exact to the byte.
#[test]
fn a_divided_receipt_is_settled_with_the_sum_of_its_parts() {
    let ledger = Ledger::new();
    let parts: [_; 3] = ledger
        .receipt(7, 100)
        .divide(&[1, 2, 4])
        .try_into()
        .unwrap();
    let [first, second, third] = parts;
    assert_eq!(first.amount(), amount(1, 14));
    assert_eq!(third.amount(), amount(4, 58));
    third.delivered();
    second.lost(LossReason::RetriesExhausted);
    assert_eq!(ledger.settlements().len(), 0);
    first.delivered();
    let [settlement] = ledger.settlements().try_into().unwrap();
    assert_eq!(
        (settlement.delivered, settlement.lost),
        (amount(5, 72), amount(2, 28))
    );
    assert_eq!(settlement.reason, Some(LossReason::RetriesExhausted));
    assert!(ledger.receipt(3, 30).divide(&[]).is_empty());
    assert_eq!(ledger.items(), (8, 2));
}

/// Scenario: of three ways of a receipt one delivers, one loses an item, and one leaves all out because nobody wants it.
/// Guarantees: the original's sender is asked by each way; the parts still sum up to the whole.
#[test]
fn what_is_left_out_on_one_way_counts_as_withdrawn() {
    let ledger = Ledger::new();
    let [first, second, third] = ledger.receipt(4, 40).split(3).try_into().unwrap();
    assert!(first.is_wanted());
    ledger.want_nothing();
    assert!(!third.is_wanted());
    first.delivered();
    second.lost_in_part(1, LossReason::RejectedByBackend);
    third.withdrawn();
    let [settlement] = ledger.settlements().try_into().unwrap();
    let whole = Settlement {
        delivered: amount(0, 0),
        withdrawn: amount(3, 30),
        lost: amount(1, 10),
        reason: Some(LossReason::RejectedByBackend),
    };
    assert_eq!(settlement, whole);
}
