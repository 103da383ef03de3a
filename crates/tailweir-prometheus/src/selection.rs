//! Which attributes of a resource become labels of its series.

use tailweir_config::{ResourceConstantLabels, ResourceToTelemetry};

/// Attributes that are in `job` and `instance` already.
pub(crate) const SERVICE: [&[u8]; 3] = [
    b"service.name",
    b"service.namespace",
    b"service.instance.id",
];

/// A choice of resource attributes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Selection {
    is_on: bool,
    included: Vec<Vec<u8>>,
    excluded: Vec<Vec<u8>>,
}

impl Selection {
    /// That of the settings: the lists where there are any, else the switches of old.
    pub(crate) fn of(lists: &ResourceConstantLabels, switches: &ResourceToTelemetry) -> Self {
        let patterns =
            |list: &[String]| list.iter().map(|text| text.clone().into_bytes()).collect();
        if !lists.included.is_empty() || !lists.excluded.is_empty() {
            return Self {
                is_on: true,
                included: patterns(&lists.included),
                excluded: patterns(&lists.excluded),
            };
        }
        let services = SERVICE.iter().map(|key| key.to_vec());
        Self {
            is_on: switches.enabled,
            included: Vec::new(),
            excluded: match switches.exclude_service_attributes {
                true => services.collect(),
                false => Vec::new(),
            },
        }
    }

    /// Whether any attribute may be chosen.
    pub(crate) const fn is_on(&self) -> bool {
        self.is_on
    }

    /// Whether the attribute of this key becomes a label.
    pub(crate) fn has(&self, key: &[u8]) -> bool {
        let any = |patterns: &[Vec<u8>]| patterns.iter().any(|pattern| matches(pattern, key));
        self.is_on && !any(&self.excluded) && (self.included.is_empty() || any(&self.included))
    }
}

/// Whether a pattern fits the whole text: `*` stands for any characters, `?` for one. Takes at most the
/// product of their lengths, whatever they are.
fn matches(pattern: &[u8], text: &[u8]) -> bool {
    let (mut at_pattern, mut at_text) = (0, 0);
    let mut back: Option<(usize, usize)> = None;
    while at_text < text.len() {
        match pattern.get(at_pattern) {
            Some(b'*') => {
                back = Some((at_pattern, at_text));
                at_pattern += 1;
            }
            Some(b'?') => {
                at_pattern += 1;
                at_text = next_character(text, at_text);
            }
            Some(byte) if *byte == text[at_text] => {
                at_pattern += 1;
                at_text += 1;
            }
            _ => {
                let Some((star, from)) = back else {
                    return false;
                };
                // Let the star stand for one byte more.
                back = Some((star, from + 1));
                (at_pattern, at_text) = (star + 1, from + 1);
            }
        }
    }
    pattern[at_pattern..].iter().all(|byte| *byte == b'*')
}

/// Where the character after the one at `at` begins.
fn next_character(text: &[u8], at: usize) -> usize {
    let rest = text[at + 1..].iter();
    at + 1 + rest.take_while(|byte| **byte & 0xc0 == 0x80).count()
}

#[cfg(test)]
mod tests {
    use super::{Selection, matches};
    use tailweir_config::{ResourceConstantLabels, ResourceToTelemetry};

    /// Scenario: patterns with stars, question marks and neither.
    /// Guarantees: each fits whole keys alone.
    #[test]
    fn patterns_fit_whole_keys() {
        for (pattern, text, expected) in [
            ("host.*", "host.name", true),
            ("host.*", "myhost.name", false),
            ("*name", "host.name", true),
            ("a?c", "a日c", true),
            ("a?c", "ac", false),
            ("a*b*c", "axxbyyc", true),
            ("a*b*c", "axxbyy", false),
            ("", "", true),
        ] {
            let found = matches(pattern.as_bytes(), text.as_bytes());
            assert_eq!(found, expected, "{pattern} {text}");
        }
    }

    /// Scenario: lists and the switches of old.
    /// Guarantees: what is excluded is out; without `included` all else is in.
    #[test]
    fn exclusion_wins() {
        let lists = ResourceConstantLabels {
            excluded: vec!["host.id".to_owned()],
            ..Default::default()
        };
        let selection = Selection::of(&lists, &ResourceToTelemetry::default());
        assert!(selection.has(b"host.name") && !selection.has(b"host.id"));
        let switches = ResourceToTelemetry {
            enabled: true,
            exclude_service_attributes: true,
        };
        let selection = Selection::of(&ResourceConstantLabels::default(), &switches);
        assert!(selection.has(b"host.id") && !selection.has(b"service.name"));
        let nothing = Selection::of(
            &ResourceConstantLabels::default(),
            &ResourceToTelemetry::default(),
        );
        assert!(!nothing.has(b"host.id"));
    }
}
