//! Names with characters of any script, for scrapers that know only the old ones.

use std::borrow::Cow;
use std::fmt::Write;

/// What stands for characters beyond `[a-zA-Z0-9_:]`, as the scraper asks for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Escaping {
    /// Nothing: names are UTF-8, in quotes.
    AllowUtf8,
    /// An underscore each.
    Underscores,
    /// `_dot_` for a dot, two underscores for anything else.
    Dots,
    /// `U__` in front and the number of each character between underscores; can be turned back.
    Values,
}

impl Escaping {
    /// Its name in headers.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::AllowUtf8 => "allow-utf-8",
            Self::Underscores => "underscores",
            Self::Dots => "dots",
            Self::Values => "values",
        }
    }

    /// The escaping of this name.
    pub(crate) fn named(name: &str) -> Option<Self> {
        [Self::AllowUtf8, Self::Underscores, Self::Dots, Self::Values]
            .into_iter()
            .find(|escaping| escaping.name() == name)
    }

    /// A name of a metric or label as this escaping writes it. Old names stay as they are.
    pub(crate) fn apply(self, name: &str) -> Cow<'_, str> {
        if self == Self::AllowUtf8 || is_legacy_name(name) {
            return Cow::Borrowed(name);
        }
        let mut out = String::with_capacity(name.len() + 8);
        if self == Self::Values {
            out.push_str("U__");
        }
        for (at, character) in name.char_indices() {
            self.put(&mut out, character, at == 0);
        }
        Cow::Owned(out)
    }

    fn put(self, out: &mut String, character: char, is_first: bool) {
        match (self, character) {
            (Self::Dots | Self::Values, '_') => out.push_str("__"),
            (Self::Dots, '.') => out.push_str("_dot_"),
            _ if is_legacy_character(character, is_first) => out.push(character),
            (Self::Dots, _) => out.push_str("__"),
            (Self::Values, _) => {
                // Writing to a string cannot fail.
                let _ = write!(out, "_{:x}_", u32::from(character));
            }
            _ => out.push('_'),
        }
    }
}

/// Whether a name needs no quotes: `[a-zA-Z_:][a-zA-Z0-9_:]*`.
pub(crate) fn is_legacy_name(name: &str) -> bool {
    let mut characters = name.bytes().enumerate();
    !name.is_empty() && characters.all(|(at, byte)| is_legacy_character(char::from(byte), at == 0))
}

fn is_legacy_character(character: char, is_first: bool) -> bool {
    character.is_ascii_alphabetic()
        || matches!(character, '_' | ':')
        || (character.is_ascii_digit() && !is_first)
}

#[cfg(test)]
mod tests {
    use super::Escaping;

    /// Scenario: an old name and one with dots, underscores and a foreign character.
    /// Guarantees: the old one stays; the other is written as each scheme has it.
    #[test]
    fn each_scheme_writes_names_in_its_way() {
        for escaping in [Escaping::Underscores, Escaping::Dots, Escaping::Values] {
            assert_eq!(escaping.apply("a_b:c"), "a_b:c");
        }
        let name = "1a.b_ü";
        assert_eq!(Escaping::AllowUtf8.apply(name), name);
        assert_eq!(Escaping::Underscores.apply(name), "_a_b__");
        assert_eq!(Escaping::Dots.apply(name), "__a_dot_b____");
        assert_eq!(Escaping::Values.apply(name), "U___31_a_2e_b___fc_");
    }
}
