//! Grok: patterns with names, made of other patterns.

use super::{
    Arguments, Body, Converter, Failure, Literals, Outcome, Refusal, converter, optional, required,
};
use crate::coerce::{Kind, readable};
use crate::expression::Prepared;
use crate::{GoRegex, RegexError, Text, Value, number};
use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::OnceLock;

pub(super) const TABLE: &[Converter] = &[converter(
    "ExtractGrokPatterns",
    &[
        required("target", Kind::String),
        required("pattern", Kind::String),
        optional("named_captures_only", Kind::LiteralBool),
        optional("pattern_definitions", Kind::LiteralStrings),
    ],
    Body::Prepared(extract_grok_patterns),
)];

const STANDARD: &str = include_str!("../../data/grok_patterns.txt");

/// Patterns may be made of patterns this often.
const ROUNDS_MAX: usize = 100;

/// Go's group names have no points: they are written so.
const POINT: &str = "___";

fn standard(name: &str) -> Option<&'static str> {
    static PATTERNS: OnceLock<HashMap<&'static str, &'static str>> = OnceLock::new();
    let patterns = PATTERNS.get_or_init(|| {
        let lines = STANDARD.lines().filter(|line| !line.starts_with('#'));
        lines.filter_map(|line| line.split_once(' ')).collect()
    });
    patterns.get(name).copied()
}

/// Who wrote a pattern. One from telemetry is expanded for every subject, so it must be small.
#[derive(Clone, Copy)]
enum Author {
    Operator,
    Client,
}

impl Author {
    /// How many bytes an expanded pattern may have.
    fn expanded_max(self) -> usize {
        match self {
            Self::Operator => 1 << 20,
            Self::Client => 16 << 10,
        }
    }

    fn compile(self, expanded: &str) -> Result<GoRegex, RegexError> {
        match self {
            Self::Operator => GoRegex::new(expanded),
            Self::Client => GoRegex::computed(expanded),
        }
    }
}

/// A pattern, expanded and compiled, and what its groups become.
struct Grok {
    regex: GoRegex,
    /// Types by name of group.
    types: HashMap<String, String>,
}

/// `%{SYNTAX:name:type}` in a pattern.
struct Reference<'p> {
    whole: &'p str,
    syntax: &'p str,
    name: Option<&'p str>,
    kind: Option<&'p str>,
}

fn references(pattern: &str) -> Vec<Reference<'_>> {
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let mut found = Vec::new();
    for (at, _) in pattern.match_indices("%{") {
        let inside = &pattern[at + 2..];
        let Some(end) = inside.find('}') else {
            break;
        };
        let mut parts = inside[..end].split(':');
        let (syntax, name, kind) = (parts.next().unwrap_or_default(), parts.next(), parts.next());
        let words = |text: &str| !text.is_empty() && text.chars().all(is_word);
        let named = |text: &str| {
            !text.is_empty() && text.chars().all(|c| is_word(c) || c == '.' || c == '+')
        };
        if words(syntax)
            && name.is_none_or(named)
            && kind.is_none_or(words)
            && parts.next().is_none()
        {
            found.push(Reference {
                whole: &pattern[at..at + 2 + end + 1],
                syntax,
                name,
                kind,
            });
        }
    }
    found
}

impl Grok {
    fn new(
        pattern: &str,
        named_only: bool,
        own: &HashMap<String, String>,
        author: Author,
    ) -> Result<Self, String> {
        let mut types = HashMap::new();
        let mut expanded = pattern.to_owned();
        for _ in 0..ROUNDS_MAX {
            let found = references(&expanded);
            if found.is_empty() {
                let regex = author
                    .compile(&expanded)
                    .map_err(|error| error.to_string())?;
                if named_only && !regex.has_named_groups() {
                    return Err("the pattern needs at least one named group".to_owned());
                }
                return Ok(Self { regex, types });
            }
            let mut next = expanded.clone();
            for reference in found {
                let definition = own.get(reference.syntax).map(String::as_str);
                let Some(definition) = definition.or_else(|| standard(reference.syntax)) else {
                    return Err(format!("there is no pattern {:?}", reference.syntax));
                };
                let name = reference
                    .name
                    .unwrap_or(reference.syntax)
                    .replace('.', POINT);
                if let Some(kind) = reference.kind {
                    types.insert(name.clone(), kind.to_owned());
                }
                let group = if named_only && reference.name.is_none() {
                    format!("({definition})")
                } else {
                    format!("(?P<{name}>{definition})")
                };
                next = next.replace(reference.whole, &group);
                if next.len() > author.expanded_max() {
                    return Err(format!(
                        "the pattern grows beyond {} bytes",
                        author.expanded_max()
                    ));
                }
            }
            expanded = next;
        }
        Err("the patterns are made of each other without an end".to_owned())
    }

    /// The groups that took part, as the types that the pattern names.
    fn extract(&self, text: &[u8]) -> Outcome<'static> {
        let mut entries: Vec<(Text<'static>, Value<'static>)> = Vec::new();
        for (name, text) in self.regex.named_groups(text).unwrap_or_default() {
            if text.is_empty() {
                continue;
            }
            let value = self.typed(name, text)?;
            let key: Text<'static> = name.replace(POINT, ".").into_bytes().into();
            entries.retain(|(taken, _)| *taken != key);
            entries.push((key, value));
        }
        Ok(Value::map(entries))
    }

    fn typed(&self, name: &str, text: Vec<u8>) -> Result<Value<'static>, Failure> {
        let Some(kind) = self.types.get(name) else {
            return Ok(Value::String(text.into()));
        };
        let value = match kind.as_str() {
            "string" => return Ok(Value::String(text.into())),
            "int" | "long" => number::parse_int(&text, 10).map(Value::Int),
            "float" | "double" => number::parse_double(&text).map(Value::Double),
            "bool" | "boolean" => {
                crate::coerce::coerce(Value::String(text.into()), Kind::BoolLike).ok()
            }
            other => {
                return Err(format!(
                    "{other:?} is no type; there are string, int, long, float, double and bool"
                )
                .into());
            }
        };
        value.ok_or_else(|| format!("what {name:?} holds is no {kind}").into())
    }
}

fn extract_grok_patterns(literals: &Literals<'_>) -> Result<Prepared, Refusal> {
    let named_only = literals.bool(2).unwrap_or_default();
    let mut own = HashMap::new();
    for definition in literals.texts(3).unwrap_or_default() {
        match definition.split_once('=') {
            Some((name, pattern)) if !name.contains(':') => {
                own.insert(name.to_owned(), pattern.to_owned())
            }
            _ => {
                return Err(Refusal::new(
                    3,
                    format!("{definition:?} is no definition such as NAME=pattern"),
                ));
            }
        };
    }
    let fixed = match literals.text(1) {
        Some(pattern) => Some(
            Grok::new(pattern, named_only, &own, Author::Operator)
                .map_err(|reason| Refusal::new(1, reason))?,
        ),
        None => None,
    };
    Ok(Box::new(move |mut arguments: Arguments<'_>| {
        let (text, pattern) = (arguments.text(0), arguments.text(1));
        let grok = match &fixed {
            Some(grok) => Cow::Borrowed(grok),
            None => Cow::Owned(Grok::new(
                &readable(&pattern),
                named_only,
                &own,
                Author::Client,
            )?),
        };
        grok.extract(&text)
    }))
}

impl Clone for Grok {
    fn clone(&self) -> Self {
        Self {
            regex: self.regex.clone(),
            types: self.types.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Author, Grok, STANDARD, references};
    use std::collections::HashMap;

    /// Scenario: every pattern of the standard list is expanded on its own.
    /// Guarantees: each compiles, but for those that are wrong in the list itself.
    #[test]
    fn every_standard_pattern_compiles() {
        let lines = STANDARD.lines().filter(|line| !line.starts_with('#'));
        let names: Vec<_> = lines.filter_map(|line| line.split(' ').next()).collect();
        let compiles = |name: &str| {
            Grok::new(
                &format!("%{{{name}:x}}"),
                true,
                &HashMap::new(),
                Author::Operator,
            )
            .is_ok()
        };
        let wrong: Vec<_> = names.iter().filter(|name| !compiles(name)).collect();
        assert_eq!(names.len(), 245);
        assert_eq!(wrong, [&"CISCOFW733100"]);
    }

    /// Scenario: a large pattern comes from telemetry.
    /// Guarantees: it is refused, as compiling it for every span would take long.
    #[test]
    fn a_large_pattern_of_a_client_is_refused() {
        let none = HashMap::new();
        let large = "%{HTTPD_COMBINEDLOG}%{CATALINA8_LOG}%{HAPROXYHTTP}";
        assert!(Grok::new(large, true, &none, Author::Operator).is_ok());
        assert!(Grok::new(large, true, &none, Author::Client).is_err());
        assert!(Grok::new("%{WORD:w}", true, &none, Author::Client).is_ok());
    }

    /// Scenario: a pattern that is made of itself, and text that only looks like a reference.
    /// Guarantees: an error instead of an endless expansion; the text stays.
    #[test]
    fn endless_patterns_are_refused() {
        let own = HashMap::from([("A".to_owned(), "%{A} %{A}".to_owned())]);
        assert!(Grok::new("%{A}", true, &own, Author::Operator).is_err());
        assert!(references("%{} %{a b} %{A:b:c:d} %{A").is_empty());
    }
}
