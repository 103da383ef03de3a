//! Edits keep places and bytes.

use super::{AttributeList, NewEntry};
use crate::changed_copy::ChangedCopy;
use crate::encoded_value::EncodedValue;
use crate::view::KeyLengths;

/// Field 9 of a span.
const NUMBER: u32 = 9;
/// `{a: "1"}` as a field of a span.
const A: &[u8] = b"\x4a\x08\x0a\x01a\x12\x03\x0a\x011";
const B: &[u8] = b"\x4a\x08\x0a\x01b\x12\x03\x0a\x012";
const C: &[u8] = b"\x4a\x08\x0a\x01c\x12\x03\x0a\x013";
/// The kind of a span, and its name.
const KIND: &[u8] = b"\x30\x02";
const NAME: &[u8] = b"\x2a\x01x";

fn text(text: &str) -> EncodedValue {
    EncodedValue::string(text.as_bytes())
}

/// The message after an edit; nothing when it is the same.
fn edited(message: &[u8], edit: impl FnOnce(&mut AttributeList<'_>)) -> Option<Vec<u8>> {
    edited_where(message, KeyLengths::ALL, edit)
}

/// The same, with keys of these lengths in the list.
fn edited_where(
    message: &[u8],
    keys: KeyLengths,
    edit: impl FnOnce(&mut AttributeList<'_>),
) -> Option<Vec<u8>> {
    let (mut list, mut copy) = (AttributeList::empty(), ChangedCopy::new(message));
    list.fill(message, NUMBER, keys);
    edit(&mut list);
    let is_changed = list.is_changed();
    list.change(NUMBER, 0, &mut copy);
    let changed = copy.finish();
    assert_eq!(changed.is_some(), is_changed);
    changed
}

/// Scenario: of attributes that stand apart one is removed, one gets another value, and one is added.
/// Guarantees: what stays keeps its place, what is new stands behind the last, and the length is right.
#[test]
fn attributes_keep_their_places() {
    let message = [A, KIND, B, NAME, C, KIND].concat();
    let changed = edited(&message, |list| {
        assert!(list.remove(b"a"));
        list.put(b"b", &text("two"));
        list.put(b"d", &text("4"));
        assert_eq!(list.length(), 10 + 8 + 8);
    });
    let (b, d) = (
        b"\x4a\x0a\x0a\x01b\x12\x05\x0a\x03two",
        b"\x4a\x08\x0a\x01d\x12\x03\x0a\x014",
    );
    let expected = [KIND, b, NAME, C, d, KIND].concat();
    assert_eq!(changed.unwrap(), expected);
}

/// Scenario: an attribute comes and goes, one is put as it is, and one that is not there is removed.
/// Guarantees: that is no change.
#[test]
fn what_ends_as_it_began_is_no_change() {
    let changed = edited(&[A, KIND].concat(), |list| {
        list.put(b"z", &text("9"));
        list.remove(b"z");
        list.put(b"a", &text("1"));
        list.remove(b"b");
    });
    assert_eq!(changed, None);
}

/// Scenario: an attribute is removed and put again, in a message with another field behind it.
/// Guarantees: it stands last of the attributes, before the other field.
#[test]
fn what_comes_back_comes_last() {
    let again = [A, B, C, NAME].concat();
    let changed = edited(&again, |list| {
        list.remove(b"b");
        list.put(b"b", &text("2"));
    });
    assert_eq!(changed.unwrap(), [A, C, B, NAME].concat());
    // Without any, it stands where a field of its number belongs.
    let changed = edited(&[KIND, b"\x7a\x00"].concat(), |list| {
        list.put(b"a", &text("1"));
    });
    assert_eq!(changed.unwrap(), [KIND, A, b"\x7a\x00"].concat());
}

/// Scenario: a value is copied under a new name, and that one under a third; keys and values are encoded
/// in an odd order.
/// Guarantees: each is found and copied.
#[test]
fn values_are_copied() {
    // The value before the key.
    let odd: &[u8] = b"\x4a\x08\x12\x03\x0a\x011\x0a\x01a";
    let changed = edited(odd, |list| {
        let place = list.find(b"b");
        assert!(list.copy_to(place, b"b", b"a"));
        assert!(list.copy_to(None, b"c", b"b"));
        assert!(!list.copy_to(None, b"d", b"e"));
    });
    let (b, c) = (
        b"\x4a\x08\x0a\x01b\x12\x03\x0a\x011",
        b"\x4a\x08\x0a\x01c\x12\x03\x0a\x011",
    );
    assert_eq!(changed.unwrap(), [odd, b, c].concat());
}

/// Scenario: a list is rebuilt twice, in another order and with one that is new.
/// Guarantees: all of it stands where the first attribute stood.
#[test]
fn a_rebuilt_list_stands_together() {
    let message = [KIND, A, NAME, B, C].concat();
    let changed = edited(&message, |list| {
        list.rebuild([NewEntry::Kept(2), NewEntry::Put(b"d", text("4"))]);
        list.rebuild([NewEntry::Kept(1), NewEntry::Kept(0), NewEntry::Kept(0)]);
    });
    let d = b"\x4a\x08\x0a\x01d\x12\x03\x0a\x014";
    assert_eq!(changed.unwrap(), [KIND, d, C, NAME].concat());
}

/// Scenario: a list is filled for keys of two lengths. Attributes with other keys stand before, between and
/// behind those that are asked for, and one with such a key is encoded in an odd order; one attribute is
/// removed, one changed and one added.
/// Guarantees: others are passed over, and the message becomes what it becomes with all of them listed.
#[test]
fn attributes_with_other_keys_are_passed_over() {
    let long: &[u8] = b"\x4a\x0a\x0a\x03abc\x12\x03\x0a\x013";
    let odd: &[u8] = b"\x4a\x0a\x12\x03\x0a\x013\x0a\x03xyz";
    let message = [KIND, long, A, odd, long, NAME, B, long, KIND].concat();
    let edit = |list: &mut AttributeList<'_>| {
        assert!(list.remove(b"a"));
        list.put(b"b", &text("two"));
        list.put(b"dd", &text("4"));
    };
    let keys = KeyLengths::of([&b"a"[..], b"b", b"dd"]);
    let changed = edited_where(&message, keys, |list| {
        assert_eq!(list.iter().filter(|entry| entry.key == b"abc").count(), 0);
        edit(list);
    });
    let d = b"\x4a\x09\x0a\x02dd\x12\x03\x0a\x014";
    let b = b"\x4a\x0a\x0a\x01b\x12\x05\x0a\x03two";
    let expected = [KIND, long, odd, long, NAME, b, long, d, KIND].concat();
    assert_eq!(changed.as_ref(), Some(&expected));
    assert_eq!(changed, edited(&message, edit));
}
