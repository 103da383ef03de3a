//! Which program and system a user agent names.

use super::{Arguments, Body, Converter, Outcome, converter, required};
use crate::coerce::{Kind, readable};
use crate::{GoRegex, Text, Value};
use std::borrow::Cow;
use std::sync::OnceLock;

mod needle;

pub(super) const TABLE: &[Converter] = &[converter(
    "UserAgent",
    &[required("user_agent", Kind::String)],
    Body::Plain(user_agent),
)];

const RULES: &str = include_str!("../../data/user_agents.tsv");

/// A pattern of user agents, compiled when its needle is first seen.
struct Rule {
    pattern: &'static str,
    /// Text that every match holds.
    needle: String,
    regex: OnceLock<Option<GoRegex>>,
    /// Templates of the name and the parts of the version.
    templates: Vec<&'static str>,
}

/// The rules for programs and those for systems, in the order in which they are tried.
struct Rules {
    programs: Vec<Rule>,
    systems: Vec<Rule>,
}

fn rules() -> &'static Rules {
    static RULES_READ: OnceLock<Rules> = OnceLock::new();
    RULES_READ.get_or_init(|| {
        let read = |kind: &str, parts: usize| {
            let lines = RULES
                .lines()
                .filter_map(|line| line.strip_prefix(kind)?.strip_prefix('\t'));
            lines.map(|line| Rule::new(line, parts)).collect()
        };
        Rules {
            programs: read("program", 4),
            systems: read("system", 5),
        }
    })
}

impl Rule {
    /// A rule with so many templates; those that are not written take the group of their number.
    fn new(line: &'static str, parts: usize) -> Self {
        const GROUPS: [&str; 5] = ["$1", "$2", "$3", "$4", "$5"];
        let mut columns = line.split('\t');
        let pattern = columns.next().unwrap_or_default();
        let written: Vec<_> = columns.collect();
        let template = |number: usize| match written.get(number) {
            Some(template) if !template.is_empty() => *template,
            _ => GROUPS[number],
        };
        Self {
            pattern,
            needle: needle::of(pattern),
            regex: OnceLock::new(),
            templates: (0..parts).map(template).collect(),
        }
    }

    /// The name and the parts of the version, when the rule fits and gives a name.
    fn read(&self, text: &str) -> Option<(String, String)> {
        if !text.contains(&self.needle) {
            return None;
        }
        let regex = self
            .regex
            .get_or_init(|| GoRegex::new(self.pattern).ok())
            .as_ref()?;
        let groups = regex.groups(text.as_bytes())?;
        let mut parts = self
            .templates
            .iter()
            .map(|template| filled(template, &groups));
        let name = parts.next().filter(|name| !name.is_empty())?;
        // Parts that are missing leave no gap.
        let mut version = parts.next().unwrap_or_default();
        for part in parts.filter(|part| !part.is_empty()) {
            version = format!("{version}.{part}");
        }
        Some((name, version))
    }
}

/// The template with `$1` and the like replaced by groups.
fn filled(template: &str, groups: &[Vec<u8>]) -> String {
    let mut text = String::new();
    let mut rest = template;
    while let Some((before, behind)) = rest.split_once('$') {
        text.push_str(before);
        let length = behind.bytes().take_while(u8::is_ascii_alphanumeric).count();
        let group = behind[..length]
            .parse::<usize>()
            .ok()
            .and_then(|number| groups.get(number));
        text += &group
            .map(|group| String::from_utf8_lossy(group))
            .unwrap_or_default();
        rest = &behind[length..];
    }
    text + rest
}

fn first(rules: &[Rule], text: &str) -> (String, String) {
    let found = rules.iter().find_map(|rule| rule.read(text));
    found.unwrap_or_else(|| ("Other".to_owned(), String::new()))
}

fn user_agent(mut arguments: Arguments<'_>) -> Outcome<'_> {
    let text = arguments.text(0);
    let readable = readable(&text).into_owned();
    let (name, version) = first(&rules().programs, &readable);
    let (system, system_version) = first(&rules().systems, &readable);
    let mut entries: Vec<(Text<'_>, Value<'_>)> = Vec::new();
    let mut put = |key: &'static str, value| entries.push((Cow::Borrowed(key.as_bytes()), value));
    put("user_agent.name", Value::text(name));
    put("user_agent.original", Value::String(text));
    put("user_agent.version", Value::text(version));
    put("os.name", Value::text(system));
    if !system_version.is_empty() {
        put("os.version", Value::text(system_version));
    }
    Ok(Value::map(entries))
}

#[cfg(test)]
mod tests {
    use super::{first, needle, rules};
    use crate::GoRegex;

    /// Scenario: user agents of browsers, programs and robots.
    /// Guarantees: their names and versions, and those of their systems.
    #[test]
    fn programs_and_systems_are_named() {
        let named = |text: &str| {
            let ((name, version), (system, system_version)) = (
                first(&rules().programs, text),
                first(&rules().systems, text),
            );
            format!("{name} {version} on {system} {system_version}")
        };
        let firefox = "Mozilla/5.0 (X11; Linux x86_64; rv:109.0) Gecko/20100101 Firefox/118.0";
        assert_eq!(named(firefox), "Firefox 118.0 on Linux ");
        let chrome = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Safari/537.36";
        assert_eq!(named(chrome), "Chrome 120.0.0 on Mac OS X 10.15.7");
        assert_eq!(named("curl/7.81.0"), "curl 7.81.0 on Other ");
        assert_eq!(named(""), "Other  on Other ");
    }

    /// Scenario: every pattern of the list.
    /// Guarantees: it compiles, and most have a needle, so that few are compiled at all.
    #[test]
    fn every_rule_compiles() {
        let all = || rules().programs.iter().chain(&rules().systems);
        for rule in all() {
            assert!(GoRegex::new(rule.pattern).is_ok(), "{}", rule.pattern);
        }
        assert_eq!(all().count(), 567);
        let without = all().filter(|rule| rule.needle.is_empty()).count();
        assert!(without < 100, "{without} rules have no needle");
    }

    /// Scenario: patterns with alternatives, repetitions, classes and escapes.
    /// Guarantees: the needle is text that every match holds.
    #[test]
    fn a_needle_is_in_every_match() {
        assert_eq!(
            needle::of(r"(GeoEvent Server) (\d+)(?:\.(\d+)|)"),
            "GeoEvent Server"
        );
        assert_eq!(needle::of("(Collector|Explorer)-(?:Android|iOS)-x"), "-x");
        assert_eq!(needle::of("abc?d"), "ab");
        assert_eq!(needle::of("a|bcd"), "");
        assert_eq!(needle::of("(?i)abc"), "");
        assert_eq!(needle::of(r"(ab)*[xyz]\.net/"), ".net/");
        assert_eq!(needle::of("(?:foo)?bar(ba(z)|q)"), "bar");
    }
}
