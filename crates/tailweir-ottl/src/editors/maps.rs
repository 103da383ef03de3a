//! Editors that keep, remove, merge and stringify entries of maps.

use super::entries::{Entries, entries_of};
use super::{Edit, Edited, Editor, Given, TARGET, TargetKind, editor, required};
use crate::coerce::Kind;
use crate::converters::{Arguments, Pattern, Refusal};
use crate::{Text, Value};
use std::collections::HashSet;

pub(super) const TABLE: &[Editor] = &[
    editor(
        "delete_matching_keys",
        &[TARGET, required("pattern", Kind::String)],
        TargetKind::Map,
        |given| matching_keys(given, false),
    ),
    editor(
        "keep_keys",
        &[TARGET, required("keys", Kind::StringList)],
        TargetKind::Map,
        |_| Ok(Box::new(keep_keys)),
    ),
    editor(
        "keep_matching_keys",
        &[TARGET, required("pattern", Kind::String)],
        TargetKind::Map,
        |given| matching_keys(given, true),
    ),
    editor(
        "limit",
        &[
            TARGET,
            required("limit", Kind::LiteralInt),
            required("priority_keys", Kind::LiteralStrings),
        ],
        TargetKind::Map,
        limit,
    ),
    editor(
        "merge_maps",
        &[
            TARGET,
            required("source", Kind::Map),
            required("strategy", Kind::LiteralString),
        ],
        TargetKind::Map,
        merge_maps,
    ),
    editor("stringify_all", &[TARGET], TargetKind::Map, |_| {
        Ok(Box::new(stringify_all))
    }),
];

/// Keeps or removes the entries whose keys a pattern matches.
fn matching_keys(given: &mut Given<'_>, keeps: bool) -> Result<Edit, Refusal> {
    let pattern = Pattern::prepare(&given.literals, 1)?;
    Ok(Box::new(move |target, mut arguments| {
        let regex = pattern.regex(&arguments.text(1))?;
        Ok(retained(target, |key| regex.is_match(key) == keeps))
    }))
}

fn keep_keys<'a>(target: Value<'a>, mut arguments: Arguments<'a>) -> Edited<'a> {
    let items = arguments.items(1);
    let kept: HashSet<&[u8]> = items
        .iter()
        .filter_map(|item| match item {
            Value::String(key) => Some(key.as_ref()),
            _ => None,
        })
        .collect();
    Ok(retained(target, |key| kept.contains(key)))
}

/// The map with the entries whose keys are wanted; nothing when those are all.
fn retained<'a>(target: Value<'a>, mut is_wanted: impl FnMut(&[u8]) -> bool) -> Option<Value<'a>> {
    let mut entries = entries_of(target);
    let before = entries.len();
    entries.retain(|(key, _)| is_wanted(key));
    (entries.len() < before).then(|| Value::map(entries))
}

/// Priority keys stay; the others in order, while there is room.
fn limit(given: &mut Given<'_>) -> Result<Edit, Refusal> {
    let priority = given.literals.texts(2).unwrap_or_default();
    let limit = given.literals.int(1).unwrap_or_default();
    let room = usize::try_from(limit)
        .map_err(|_| Refusal::new(1, format!("the limit is {limit}; it must not be negative")))?;
    if room < priority.len() {
        let reason = format!(
            "the limit is {limit}, less than {} priority keys",
            priority.len()
        );
        return Err(Refusal::new(1, reason));
    }
    Ok(Box::new(move |target, _| {
        let Value::Map(map) = &target else {
            return Ok(None);
        };
        if map.entries().len() <= room {
            return Ok(None);
        }
        let is_priority = |key: &[u8]| priority.iter().any(|kept| kept.as_bytes() == key);
        let present = priority
            .iter()
            .filter(|key| map.get(key.as_bytes()).is_some());
        let mut count = present.count();
        Ok(retained(target, |key| {
            if is_priority(key) {
                return true;
            }
            let fits = count < room;
            count += usize::from(fits);
            fits
        }))
    }))
}

#[derive(Clone, Copy)]
enum Strategy {
    Insert,
    Update,
    Upsert,
}

fn merge_maps(given: &mut Given<'_>) -> Result<Edit, Refusal> {
    let strategy = match given.literals.text(2).unwrap_or_default() {
        "insert" => Strategy::Insert,
        "update" => Strategy::Update,
        "upsert" => Strategy::Upsert,
        other => {
            let reason = format!("there is no strategy `{other}`; write insert, update or upsert");
            return Err(Refusal::new(2, reason));
        }
    };
    Ok(Box::new(move |target, mut arguments| {
        let mut merged = Entries::of(target);
        for (key, value) in arguments.entries(1) {
            merge(&mut merged, key, value, strategy);
        }
        Ok(Some(merged.into_map()))
    }))
}

fn merge<'a>(merged: &mut Entries<'a>, key: Text<'a>, value: Value<'a>, strategy: Strategy) {
    match (strategy, merged.get_mut(&key)) {
        (Strategy::Insert, Some(_)) | (Strategy::Update, None) => {}
        (Strategy::Update | Strategy::Upsert, Some(taken)) => *taken = value,
        (Strategy::Insert | Strategy::Upsert, None) => merged.put(key, value),
    }
}

fn stringify_all<'a>(target: Value<'a>, _: Arguments<'a>) -> Edited<'a> {
    let entries = entries_of(target).into_iter();
    let text = |value: Value<'a>| match value {
        Value::String(_) => value,
        other => Value::text(other.to_text()),
    };
    Ok(Some(Value::map(
        entries.map(|(key, value)| (key, text(value))).collect(),
    )))
}
