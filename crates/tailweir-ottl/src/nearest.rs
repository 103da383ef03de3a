//! Finds the valid name that a wrong one was probably meant to be, for error messages.

use std::borrow::Cow;

/// Text from a configuration is shown up to this many characters in an error.
const SHOWN_MAX: usize = 120;

/// Names this long or longer are not compared: nobody mistypes them, and the comparison is quadratic.
const COMPARED_MAX: usize = 64;

/// The candidate that takes the fewest edits to reach, when that is few enough to be a slip.
pub(crate) fn nearest<'c>(
    wrong: &str,
    candidates: impl IntoIterator<Item = &'c str>,
) -> Option<&'c str> {
    if wrong.len() >= COMPARED_MAX {
        return None;
    }
    let slips_max = (wrong.chars().count() / 3).max(1);
    let scored = candidates.into_iter().map(|candidate| {
        (
            distance(&wrong.to_lowercase(), &candidate.to_lowercase()),
            candidate,
        )
    });
    scored
        .filter(|(slips, _)| *slips <= slips_max)
        .min_by_key(|(slips, _)| *slips)
        .map(|(_, candidate)| candidate)
}

/// Levenshtein distance in characters.
fn distance(from: &str, to: &str) -> usize {
    let to: Vec<char> = to.chars().collect();
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (i, a) in from.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, b) in to.iter().enumerate() {
            let replaced = diagonal + usize::from(a != *b);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[to.len()]
}

/// The text, cut with an ellipsis when it is long.
pub(crate) fn clip(text: &str) -> Cow<'_, str> {
    match text.char_indices().nth(SHOWN_MAX) {
        Some((end, _)) => Cow::Owned(format!("{}...", &text[..end])),
        None => Cow::Borrowed(text),
    }
}

#[cfg(test)]
mod tests {
    use super::nearest;

    /// Scenario: names with one slip, with a wrong case, and with nothing in common are looked up.
    /// Guarantees: a slip finds its name, a stranger finds none.
    #[test]
    fn a_slip_finds_its_name() {
        let names = ["IsMatch", "IsMap", "HasPrefix"];
        assert_eq!(nearest("IsMtch", names), Some("IsMatch"));
        assert_eq!(nearest("ismap", names), Some("IsMap"));
        assert_eq!(nearest("Frobnicate", names), None);
    }
}
