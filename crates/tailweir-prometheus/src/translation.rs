//! How names of OTLP become names of Prometheus.

mod unit;

use tailweir_config::TranslationStrategy;
use unit::UnitSuffixes;

/// What a name says about the kind of its metric.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NameKind {
    /// Gets `_total`.
    Counter,
    /// Gets `_ratio` where its unit is `1`.
    Gauge,
    /// Gets nothing but its unit.
    Other,
}

/// A translation of names, as configured.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Translation {
    namespace: String,
    /// Whether units, `_total` and `_ratio` are added.
    suffixes: bool,
    /// Whether characters beyond letters, digits, `_` and `:` stay.
    keeps_utf8: bool,
}

impl Translation {
    pub(crate) fn new(namespace: &str, strategy: TranslationStrategy) -> Self {
        use TranslationStrategy as S;
        let suffixes = matches!(
            strategy,
            S::UnderscoreEscapingWithSuffixes | S::NoUTF8EscapingWithSuffixes
        );
        let keeps_utf8 = matches!(strategy, S::NoUTF8EscapingWithSuffixes | S::NoTranslation);
        Self {
            namespace: namespace.to_owned(),
            suffixes,
            keeps_utf8,
        }
    }

    /// Whether names may have characters of any script.
    pub(crate) const fn keeps_utf8(&self) -> bool {
        self.keeps_utf8
    }

    /// The name of a metric; nothing where nothing is left of it.
    pub(crate) fn metric(&self, name: &str, unit: &str, kind: NameKind) -> Option<String> {
        if self.keeps_utf8 {
            return self.kept(name, unit, kind);
        }
        let translated = if self.suffixes {
            self.tokens(name, unit, kind)
        } else {
            self.plain(name)
        };
        let has_letters = translated.bytes().any(|byte| byte != b'_');
        let stands = !translated.is_empty() && (has_letters || translated == name);
        stands.then_some(translated)
    }

    /// The name of a metric of which nothing is left otherwise: its characters as numbers, which
    /// Prometheus can turn back.
    pub(crate) fn spelled(&self, name: &str, unit: &str, kind: NameKind) -> String {
        let spelled = match name {
            "" => "unnamed".to_owned(),
            name => crate::escaping::Escaping::Values.apply(name).into_owned(),
        };
        self.metric(&spelled, unit, kind).unwrap_or(spelled)
    }

    /// The name of a label; nothing where nothing is left of it.
    pub(crate) fn label(&self, key: &str) -> Option<String> {
        let named = if self.keeps_utf8 {
            key.to_owned()
        } else {
            with_letter_first(sanitized_label(key))
        };
        named.bytes().any(|byte| byte != b'_').then_some(named)
    }

    /// A unit as words.
    pub(crate) fn unit(&self, unit: &str) -> String {
        let UnitSuffixes { main, per } = match self.keeps_utf8 {
            true => UnitSuffixes::of(unit),
            false => UnitSuffixes::cleaned(unit),
        };
        let words = match (main.as_str(), per.as_str()) {
            (main, "") => main.to_owned(),
            ("", per) => per.to_owned(),
            (main, per) => format!("{main}_{per}"),
        };
        let words = words.strip_prefix('_').unwrap_or(&words);
        words.strip_suffix('_').unwrap_or(words).to_owned()
    }

    /// The name of the metric that describes targets.
    pub(crate) fn target_info(&self) -> String {
        match self.label(&self.namespace) {
            Some(namespace) => format!("{namespace}_target_info"),
            None => "target_info".to_owned(),
        }
    }

    /// Words between characters that are not allowed, with unit and kind behind them.
    fn tokens(&self, name: &str, unit: &str, kind: NameKind) -> String {
        let mut tokens: Vec<&str> = words(name, |c| !is_legacy(c)).collect();
        let UnitSuffixes { main, per } = UnitSuffixes::cleaned(unit);
        let is_new = |suffix: &str| !suffix.is_empty() && !tokens.contains(&suffix);
        let per = match per.as_str() {
            "per_" => "",
            per => per.strip_suffix('_').unwrap_or(per),
        };
        let (with_main, with_per) = (is_new(&main), is_new(per));
        let main = match with_per {
            true => main.strip_suffix('_').unwrap_or(&main),
            false => &main,
        };
        if with_main && !main.is_empty() {
            tokens.push(main);
        }
        if with_per {
            tokens.push(per);
        }
        let last = match kind {
            NameKind::Counter => "total",
            NameKind::Gauge if unit == "1" => "ratio",
            _ => "",
        };
        if !last.is_empty() {
            tokens.retain(|token| *token != last);
            tokens.push(last);
        }
        if !self.namespace.is_empty() {
            tokens.insert(0, &self.namespace);
        }
        with_underscore_before_digit(tokens.join("_"))
    }

    /// Words between characters that are not allowed, underscores kept.
    fn plain(&self, name: &str) -> String {
        let clean = |text: &str| {
            let parts = words(text, |c| !is_legacy(c) && c != '_');
            parts.collect::<Vec<_>>().join("_")
        };
        if self.namespace.is_empty() {
            with_underscore_before_digit(clean(name))
        } else {
            format!("{}_{}", clean(&self.namespace), clean(name))
        }
    }

    /// The name as it is, with unit and kind behind it.
    fn kept(&self, name: &str, unit: &str, kind: NameKind) -> Option<String> {
        let mut name = match self.namespace.as_str() {
            "" => name.to_owned(),
            namespace => format!("{namespace}_{name}"),
        };
        if self.suffixes {
            let last = match kind {
                NameKind::Counter => "total",
                NameKind::Gauge if unit == "1" => "ratio",
                _ => "",
            };
            cut_word(&mut name, last)?;
            let UnitSuffixes { main, per } = UnitSuffixes::of(unit);
            cut_word(&mut name, &per)?;
            if !main.is_empty() && !name.ends_with(&main) {
                name = name + "_" + &main;
            }
            for suffix in [per.as_str(), last] {
                if !suffix.is_empty() {
                    name = name + "_" + suffix;
                }
            }
        }
        (!name.is_empty()).then_some(name)
    }
}

/// Cuts a word and the character before it off the end. Nothing when that cuts a character in two.
fn cut_word(name: &mut String, word: &str) -> Option<()> {
    if word.is_empty() || !name.ends_with(word) || name.len() <= word.len() + 1 {
        return Some(());
    }
    let end = name.len() - word.len() - 1;
    if !name.is_char_boundary(end) {
        return None;
    }
    name.truncate(end);
    Some(())
}

fn words(text: &str, is_between: impl Fn(char) -> bool) -> impl Iterator<Item = &str> {
    text.split(is_between).filter(|word| !word.is_empty())
}

/// Letters, digits and the colon. The underscore counts as what is between words.
fn is_legacy(character: char) -> bool {
    character.is_ascii_alphanumeric() || character == ':'
}

fn with_underscore_before_digit(name: String) -> String {
    match name.as_bytes().first() {
        Some(b'0'..=b'9') => format!("_{name}"),
        _ => name,
    }
}

/// Underscores for other characters, one for any number of them; `__` at both ends stays.
fn sanitized_label(key: &str) -> String {
    let inner = key
        .strip_prefix("__")
        .and_then(|rest| rest.strip_suffix("__"));
    let mut out = String::with_capacity(key.len());
    for character in inner.unwrap_or(key).chars() {
        if character.is_ascii_alphanumeric() {
            out.push(character);
        } else if !out.ends_with('_') {
            out.push('_');
        }
    }
    match inner {
        Some(_) => format!("__{out}__"),
        None => out,
    }
}

fn with_letter_first(name: String) -> String {
    match name.as_bytes() {
        [b'0'..=b'9', ..] => format!("key_{name}"),
        [b'_', rest @ ..] if rest.first() != Some(&b'_') => format!("key{name}"),
        _ => name,
    }
}

#[cfg(test)]
mod tests {
    use super::{NameKind, Translation};
    use tailweir_config::TranslationStrategy as S;

    /// Scenario: names with units, digits, foreign characters and suffixes that are there already.
    /// Guarantees: translated as the specification of OpenTelemetry says.
    #[test]
    fn names_get_units_and_kinds_once() {
        let translation = Translation::new("", S::UnderscoreEscapingWithSuffixes);
        for (name, unit, kind, expected) in [
            (
                "http.server.duration",
                "s",
                NameKind::Other,
                "http_server_duration_seconds",
            ),
            ("total.requests", "1", NameKind::Counter, "requests_total"),
            ("ratio.of.things", "1", NameKind::Gauge, "of_things_ratio"),
            ("speed", "m/s", NameKind::Gauge, "speed_meters_per_second"),
            ("bytes.in", "By", NameKind::Gauge, "bytes_in"),
            ("4xx", "{request}", NameKind::Counter, "_4xx_total"),
        ] {
            assert_eq!(
                translation.metric(name, unit, kind).as_deref(),
                Some(expected)
            );
        }
        assert_eq!(translation.metric("日本", "", NameKind::Other), None);
        assert_eq!(
            translation.spelled("日", "s", NameKind::Other),
            "U_65e5_seconds"
        );
    }

    /// Scenario: names that are kept, with a suffix whose removal would cut a character in two.
    /// Guarantees: suffixes come once and in order; what cannot be a name is none.
    #[test]
    fn kept_names_get_suffixes_in_order() {
        let translation = Translation::new("ns", S::NoUTF8EscapingWithSuffixes);
        let name = translation.metric("a.b_total", "By/s", NameKind::Counter);
        assert_eq!(name.as_deref(), Some("ns_a.b_bytes_per_second_total"));
        let bare = Translation::new("", S::NoUTF8EscapingWithSuffixes);
        assert_eq!(bare.metric("xétotal", "", NameKind::Counter), None);
    }

    /// Scenario: attribute keys with digits, underscores and foreign characters.
    /// Guarantees: each becomes a label name that Prometheus takes, or none.
    #[test]
    fn keys_become_label_names() {
        let translation = Translation::new("", S::UnderscoreEscapingWithSuffixes);
        for (key, expected) in [
            ("http.method", Some("http_method")),
            ("1st", Some("key_1st")),
            ("_private", Some("key_private")),
            ("__open", Some("key_open")),
            ("__name__", Some("__name__")),
            ("a--b", Some("a_b")),
            ("____", None),
            ("", None),
        ] {
            assert_eq!(translation.label(key).as_deref(), expected, "{key}");
        }
    }
}
