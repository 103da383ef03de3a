//! The old form of a condition on a request's headers: one comparison.

use tailweir_transform::ClientContext;

/// `request["name"] == "value"`, or `!=`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct RequestCondition {
    name: String,
    value: String,
    is_equal: bool,
}

impl RequestCondition {
    /// Reads a comparison; nothing for other text.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (left, right, is_equal) = match (text.split_once("=="), text.split_once("!=")) {
            (Some((left, right)), None) => (left, right, true),
            (None, Some((left, right))) => (left, right, false),
            _ => return None,
        };
        // A second comparison is none.
        if right.contains("==") {
            return None;
        }
        let name = left
            .trim()
            .strip_prefix("request[\"")?
            .strip_suffix("\"]")?;
        let value = right.trim().strip_prefix('"')?.strip_suffix('"')?;
        Some(Self {
            name: name.to_owned(),
            value: value.to_owned(),
            is_equal,
        })
    }

    /// Whether any of the header's values compares so. A request without the header matches neither
    /// way.
    pub(super) fn matches(&self, client: &ClientContext) -> bool {
        let mut metadata = client.metadata.iter();
        let found = metadata.find(|(name, _)| name.eq_ignore_ascii_case(&self.name));
        let compares = |value: &String| (*value == self.value) == self.is_equal;
        found.is_some_and(|(_, values)| values.iter().any(compares))
    }
}

#[cfg(test)]
mod tests {
    use super::RequestCondition;
    use tailweir_transform::ClientContext;

    /// Scenario: comparisons are held against requests with and without the header.
    /// Guarantees: a name is found in any case, and without the header nothing matches.
    #[test]
    fn headers_are_compared() {
        let with = ClientContext {
            metadata: vec![("x-tenant".to_owned(), vec!["acme".to_owned()])],
            ..ClientContext::default()
        };
        for (text, matches) in [
            (r#"request["X-Tenant"] == "acme""#, true),
            (r#"request["X-Tenant"]!="acme""#, false),
            (r#"request["X-Tenant"] != "other""#, true),
            (r#"request["x-other"] != "acme""#, false),
        ] {
            let condition = RequestCondition::parse(text).expect("a comparison");
            assert_eq!(condition.matches(&with), matches, "{text}");
            assert!(!condition.matches(&ClientContext::default()));
        }
    }

    /// Scenario: texts that are no single comparison.
    /// Guarantees: they are refused.
    #[test]
    fn other_texts_are_refused() {
        for text in [
            "",
            r#"request["a"]"#,
            r#"request["a"] == b"#,
            r#"attributes["a"] == "b""#,
            r#"request["a"] == "b" == "c""#,
            r#"request["a"] == "b" and request["c"] != "d""#,
        ] {
            assert_eq!(RequestCondition::parse(text), None, "{text}");
        }
    }
}
