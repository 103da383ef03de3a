//! Which known name was probably meant.

/// The known name nearest to this one, if one is near enough to be meant.
pub(crate) fn nearest<'a>(name: &str, known: &[&'a str]) -> Option<&'a str> {
    let bound = (name.chars().count() / 3).clamp(1, 4);
    let lower = name.to_lowercase();
    known
        .iter()
        .filter(|candidate| !candidate.is_empty())
        .map(|candidate| (distance(&lower, &candidate.to_lowercase()), *candidate))
        .filter(|(distance, _)| *distance <= bound)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// Edits from one text to the other: insert, remove, replace, or swap two neighbours.
fn distance(a: &str, b: &str) -> usize {
    let a: Vec<char> = a.chars().take(64).collect();
    let b: Vec<char> = b.chars().take(64).collect();
    let mut before_last = vec![0; b.len() + 1];
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for i in 1..=a.len() {
        let mut row = vec![i; b.len() + 1];
        for j in 1..=b.len() {
            let replace = last[j - 1] + usize::from(a[i - 1] != b[j - 1]);
            row[j] = replace.min(last[j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                row[j] = row[j].min(before_last[j - 2] + 1);
            }
        }
        before_last = std::mem::replace(&mut last, row);
    }
    last[b.len()]
}

#[cfg(test)]
mod tests {
    use super::nearest;

    /// Scenario: names with one slip of the hand, and one that is like nothing known.
    /// Guarantees: the slip is seen through; a foreign name gets no suggestion.
    #[test]
    fn a_slip_of_the_hand_is_seen_through() {
        let known = ["endpoint", "timeout", "batch", "tail_sampling"];
        assert_eq!(nearest("endpont", &known), Some("endpoint"));
        assert_eq!(nearest("tiemout", &known), Some("timeout"));
        assert_eq!(nearest("TailSampling", &known), Some("tail_sampling"));
        assert_eq!(nearest("kafka", &known), None);
    }
}
