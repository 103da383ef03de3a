//! Entries of a map in which of equal keys the last counts, in its place.

use crate::{Text, Value};
use std::collections::HashSet;

/// Up to so many keys are compared one by one, which is faster than to hash them.
const COMPARED_MAX: usize = 16;

/// The last entry of each key, in the order in which they came.
pub(super) fn last_of_each<'a>(
    mut entries: Vec<(Text<'a>, Value<'a>)>,
) -> Vec<(Text<'a>, Value<'a>)> {
    let are_last = are_last(&entries);
    let mut are_last = are_last.into_iter();
    entries.retain(|_| are_last.next().unwrap_or_default());
    entries
}

/// For each entry, whether no other of its key follows.
fn are_last(entries: &[(Text<'_>, Value<'_>)]) -> Vec<bool> {
    if entries.len() <= COMPARED_MAX {
        let follows = |at: usize| {
            let mut behind = entries[at + 1..].iter();
            behind.any(|(key, _)| *key == entries[at].0)
        };
        return (0..entries.len()).map(|at| !follows(at)).collect();
    }
    let mut seen: HashSet<&[u8]> = HashSet::with_capacity(entries.len());
    let from_the_end = entries.iter().rev();
    let mut are_last: Vec<bool> = from_the_end.map(|(key, _)| seen.insert(key)).collect();
    are_last.reverse();
    are_last
}

#[cfg(test)]
mod tests {
    use super::{COMPARED_MAX, last_of_each};
    use crate::{Text, Value};
    use proptest::prelude::{prop, proptest};

    type Entries = Vec<(Text<'static>, Value<'static>)>;

    fn entries(keys: impl IntoIterator<Item = String>) -> Entries {
        let keys = keys.into_iter().enumerate();
        keys.map(|(number, key)| (key.into_bytes().into(), Value::Int(number as i64)))
            .collect()
    }

    /// What is left, where each entry takes those of its key out that came before.
    fn model(entries: Entries) -> Entries {
        let mut left: Entries = Vec::new();
        for (key, value) in entries {
            left.retain(|(taken, _)| *taken != key);
            left.push((key, value));
        }
        left
    }

    fn shown(entries: &[(Text<'_>, Value<'_>)]) -> Vec<String> {
        entries.iter().map(|entry| format!("{entry:?}")).collect()
    }

    proptest! {
        /// Scenario: few and many entries with keys of which many occur again.
        /// Guarantees: what is left, and its order, is as if each entry took those before it out.
        #[test]
        fn the_last_of_each_key_stays(keys in prop::collection::vec("[a-f]{0,2}", 0..80)) {
            let entries = entries(keys);
            assert_eq!(shown(&last_of_each(entries.clone())), shown(&model(entries)));
        }
    }

    /// Scenario: as many keys as are compared one by one, one more, and a hundred thousand, each of them twice. Only the cost
    /// has changed, so this shows that nothing else has.
    /// Guarantees: each is there once, in order, with the last value.
    #[test]
    fn keys_are_found_among_few_and_among_many() {
        for count in [COMPARED_MAX / 2, COMPARED_MAX, COMPARED_MAX + 1, 100_000] {
            let keys = || (0..count).map(|number| number.to_string());
            let twice = entries(keys().chain(keys()));
            let expected = twice[count..].to_vec();
            assert_eq!(
                shown(&last_of_each(twice)),
                shown(&expected),
                "{count} keys"
            );
        }
    }
}
