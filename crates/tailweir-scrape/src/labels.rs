//! Labels of targets and series.

/// The label that is the name of a metric.
pub(crate) const NAME: &str = "__name__";
pub(crate) const JOB: &str = "job";
pub(crate) const INSTANCE: &str = "instance";
pub(crate) const BUCKET: &str = "le";
pub(crate) const QUANTILE: &str = "quantile";

/// Labels, sorted by name. A page may say one twice.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Labels(Vec<(String, String)>);

impl Labels {
    /// These labels. Those without a value are none.
    #[must_use]
    pub fn of(mut pairs: Vec<(String, String)>) -> Self {
        pairs.retain(|(_, value)| !value.is_empty());
        pairs.sort_by(|one, other| one.0.cmp(&other.0));
        Self(pairs)
    }

    /// The value of a label; empty where there is none.
    #[must_use]
    pub fn get(&self, name: &str) -> &str {
        let at = self.0.partition_point(|(known, _)| known.as_str() < name);
        match self.0.get(at) {
            Some((known, value)) if known == name => value,
            _ => "",
        }
    }

    /// Gives a label a value; an empty one removes it.
    pub fn set(&mut self, name: &str, value: impl Into<String>) {
        let value = value.into();
        let at = self.0.partition_point(|(known, _)| known.as_str() < name);
        let is_known = self.0.get(at).is_some_and(|(known, _)| known == name);
        match (is_known, value.is_empty()) {
            (true, true) => self.0.retain(|(known, _)| known != name),
            (true, false) => self.0[at].1 = value,
            (false, true) => {}
            (false, false) => self.0.insert(at, (name.to_owned(), value)),
        }
    }

    /// Names and values, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        let pairs = self.0.iter();
        pairs.map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// Keeps the labels whose name is wanted.
    pub(crate) fn retain(&mut self, wanted: impl Fn(&str) -> bool) {
        self.0.retain(|(name, _)| wanted(name));
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The name of the metric.
    pub(crate) fn name(&self) -> &str {
        self.get(NAME)
    }

    /// A label that is there twice.
    pub(crate) fn twice(&self) -> Option<&str> {
        let mut pairs = self.0.windows(2);
        let same = pairs.find(|pair| pair[0].0 == pair[1].0)?;
        Some(&same[0].0)
    }

    /// Bytes of all names and values.
    pub(crate) fn length(&self) -> usize {
        let lengths = self.0.iter();
        lengths.map(|(name, value)| name.len() + value.len()).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::Labels;

    /// Scenario: labels are set, set again, and set to nothing.
    /// Guarantees: each has its last value, in order of the names; one without a value is none.
    #[test]
    fn labels_have_one_value_each() {
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let mut labels = Labels::of(vec![pair("b", "1"), pair("none", ""), pair("a", "2")]);
        labels.set("c", "3");
        labels.set("a", "4");
        labels.set("b", "");
        let found: Vec<_> = labels.iter().collect();
        assert_eq!(found, [("a", "4"), ("c", "3")]);
        assert_eq!((labels.get("b"), labels.get("c")), ("", "3"));
        assert_eq!(labels.twice(), None);
        let twice = Labels::of(vec![pair("x", "1"), pair("a", "1"), pair("x", "2")]);
        assert_eq!(twice.twice(), Some("x"));
    }
}
