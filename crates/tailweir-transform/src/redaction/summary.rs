//! What is told about what was done.

use tailweir_config::RedactionSummary;
use tailweir_otlp::{AnyValue, AttributeList, EncodedValue};

/// Names of attributes: which keys, how many; nobody is told which keys were ignored.
type Names = [(Option<&'static str>, &'static str); 4];

pub(super) const IN_ATTRIBUTES: Names = [
    (Some("redaction.redacted.keys"), "redaction.redacted.count"),
    (Some("redaction.masked.keys"), "redaction.masked.count"),
    (Some("redaction.allowed.keys"), "redaction.allowed.count"),
    (None, "redaction.ignored.count"),
];

pub(super) const IN_BODY: Names = [
    (
        Some("redaction.body.redacted.keys"),
        "redaction.body.redacted.count",
    ),
    (
        Some("redaction.body.masked.keys"),
        "redaction.body.masked.count",
    ),
    (
        Some("redaction.body.allowed.keys"),
        "redaction.body.allowed.count",
    ),
    (None, "redaction.body.ignored.count"),
];

/// Whether a key is one of those, so that another redaction lets it pass.
pub(super) fn is_summary(key: &[u8]) -> bool {
    let mut names = IN_ATTRIBUTES.iter().chain(&IN_BODY);
    names.any(|(keys, count)| {
        count.as_bytes() == key || keys.is_some_and(|keys| keys.as_bytes() == key)
    })
}

/// Keys by what was done with them.
#[derive(Debug, Default)]
pub(super) struct Summary {
    pub(super) redacted: Vec<String>,
    pub(super) masked: Vec<String>,
    pub(super) allowed: Vec<String>,
    pub(super) ignored: Vec<String>,
}

impl Summary {
    /// Whether nothing was done.
    pub(super) fn is_empty(&self) -> bool {
        let all = [&self.redacted, &self.masked, &self.allowed, &self.ignored];
        all.into_iter().all(Vec::is_empty)
    }

    /// Adds it to what the list says already.
    pub(super) fn put(self, level: RedactionSummary, names: &Names, list: &mut AttributeList<'_>) {
        if matches!(level, RedactionSummary::Silent | RedactionSummary::Unset) {
            return;
        }
        let rows = [self.redacted, self.masked, self.allowed, self.ignored];
        for (mut keys, (keys_name, count_name)) in rows.into_iter().zip(names) {
            if keys.is_empty() {
                continue;
            }
            let mut count = keys.len() as i64;
            if let Some(AnyValue::Int(before)) = list.get(count_name.as_bytes()) {
                count = count.wrapping_add(before);
            }
            if let Some(name) = keys_name.filter(|_| level == RedactionSummary::Debug) {
                if let Some(AnyValue::String(before)) = list.get(name.as_bytes())
                    && !before.is_empty()
                {
                    let before = String::from_utf8_lossy(before);
                    keys.extend(before.split(',').map(str::to_owned));
                }
                keys.sort_unstable();
                let keys = keys.join(",");
                list.put(name.as_bytes(), &EncodedValue::string(keys.as_bytes()));
            }
            list.put(count_name.as_bytes(), &EncodedValue::int(count));
        }
    }
}
