//! Units in UCUM as words.

/// What a unit adds to a name: `("bytes", "per_second")`. Either may be empty.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct UnitSuffixes {
    pub(super) main: String,
    pub(super) per: String,
}

impl UnitSuffixes {
    /// The words for a unit; units in braces have none, unknown ones stand for themselves.
    pub(super) fn of(unit: &str) -> Self {
        let (main, per) = match unit.split_once('/') {
            Some((main, per)) => (main.trim(), per.trim()),
            None => (unit.trim(), ""),
        };
        let is_word = |text: &str| !text.is_empty() && !text.contains(['{', '}']);
        let per = match is_word(per) {
            true => format!("per_{}", per_word(per)),
            false => String::new(),
        };
        let main = if is_word(main) { word(main) } else { "" };
        Self {
            main: main.to_owned(),
            per,
        }
    }

    /// The same with nothing but characters of the old names.
    pub(super) fn cleaned(unit: &str) -> Self {
        let Self { main, per } = Self::of(unit);
        Self {
            main: clean(&main),
            per: clean(&per),
        }
    }
}

fn word(unit: &str) -> &str {
    match unit {
        "d" => "days",
        "h" => "hours",
        "min" => "minutes",
        "s" => "seconds",
        "ms" => "milliseconds",
        "us" => "microseconds",
        "ns" => "nanoseconds",
        "By" => "bytes",
        "KiBy" => "kibibytes",
        "MiBy" => "mebibytes",
        "GiBy" => "gibibytes",
        "TiBy" => "tibibytes",
        "KBy" => "kilobytes",
        "MBy" => "megabytes",
        "GBy" => "gigabytes",
        "TBy" => "terabytes",
        "m" => "meters",
        "V" => "volts",
        "A" => "amperes",
        "J" => "joules",
        "W" => "watts",
        "g" => "grams",
        "Cel" => "celsius",
        "Hz" => "hertz",
        "1" => "",
        "%" => "percent",
        other => other,
    }
}

fn per_word(unit: &str) -> &str {
    match unit {
        "s" => "second",
        "m" => "minute",
        "h" => "hour",
        "d" => "day",
        "w" => "week",
        "mo" => "month",
        "y" => "year",
        other => other,
    }
}

/// Underscores for other characters, one for any number of them, none at the beginning.
fn clean(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        if super::is_legacy(character) {
            out.push(character);
        } else if !out.ends_with('_') {
            out.push('_');
        }
    }
    match out.strip_prefix('_') {
        Some(rest) => rest.to_owned(),
        None => out,
    }
}

#[cfg(test)]
mod tests {
    use super::UnitSuffixes;

    /// Scenario: units with parts, annotations, spaces and foreign characters.
    /// Guarantees: each part becomes a word, or nothing.
    #[test]
    fn units_become_words() {
        for (unit, main, per) in [
            ("By/s", "bytes", "per_second"),
            ("{packet}/min", "", "per_min"),
            (" ms ", "milliseconds", ""),
            ("1", "", ""),
            ("°C", "C", ""),
            ("m/{x}", "meters", ""),
            ("a/b/c", "a", "per_b_c"),
        ] {
            let found = UnitSuffixes::cleaned(unit);
            assert_eq!(
                (found.main.as_str(), found.per.as_str()),
                (main, per),
                "{unit}"
            );
        }
    }
}
