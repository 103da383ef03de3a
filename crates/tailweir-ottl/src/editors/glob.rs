//! Glob patterns, as the Collector's library reads them: `*`, `**`, `?`, `[a-z]`, `[!a-z]`, `{a,b}` and
//! `\` before what is to be taken as it is. Without separators `*` and `**` are the same.

use regex::bytes::{Regex, RegexBuilder};

/// A compiled pattern may take this much memory, in bytes.
const COMPILED_SIZE_MAX: usize = 1 << 20;

/// A glob pattern, compiled. It must match all of a text.
#[derive(Debug)]
pub(super) struct Glob(Regex);

impl Glob {
    /// Compiles a pattern.
    ///
    /// # Errors
    /// Why it is none.
    pub(super) fn new(pattern: &str) -> Result<Self, String> {
        let translated = translate(pattern)?;
        RegexBuilder::new(&translated)
            .unicode(true)
            .dot_matches_new_line(true)
            .size_limit(COMPILED_SIZE_MAX)
            .build()
            .map(Self)
            .map_err(|_| format!("the pattern takes more than {COMPILED_SIZE_MAX} bytes compiled"))
    }

    /// Whether all of the text is what the pattern says.
    pub(super) fn is_match(&self, text: &[u8]) -> bool {
        self.0.is_match(text)
    }
}

fn translate(pattern: &str) -> Result<String, String> {
    let mut out = String::from(r"\A(?:");
    let mut open = 0_usize;
    let mut letters = pattern.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            // Any byte, so that text that is not UTF-8 is matched too.
            '*' => out.push_str("(?s-u:.)*?"),
            '?' => out.push('.'),
            '[' => class(&mut letters, &mut out)?,
            '{' => {
                open += 1;
                out.push_str("(?:");
            }
            '}' if open > 0 => {
                open -= 1;
                out.push(')');
            }
            ',' if open > 0 => out.push('|'),
            '\\' => {
                let escaped = letters.next().ok_or("nothing follows the last `\\`")?;
                literal(escaped, &mut out);
            }
            other => literal(other, &mut out),
        }
    }
    if open > 0 {
        return Err("a `{` is not closed".to_owned());
    }
    out.push_str(r")\z");
    Ok(out)
}

/// `[abc]`, `[a-z]`, `[!a]`.
fn class(
    letters: &mut std::iter::Peekable<std::str::Chars<'_>>,
    out: &mut String,
) -> Result<(), String> {
    out.push('[');
    if letters.next_if_eq(&'!').is_some() {
        out.push('^');
    }
    let mut members = Vec::new();
    loop {
        match letters.next() {
            Some(']') if !members.is_empty() => break,
            Some('\\') => members.push(letters.next().ok_or("nothing follows the last `\\`")?),
            Some(member) => members.push(member),
            None => return Err("a `[` is not closed".to_owned()),
        }
    }
    match members[..] {
        [low, '-', high] if low <= high => {
            literal(low, out);
            out.push('-');
            literal(high, out);
        }
        [low, '-', high] => return Err(format!("the range {low}-{high} is empty")),
        _ => members.iter().for_each(|member| literal(*member, out)),
    }
    out.push(']');
    Ok(())
}

fn literal(letter: char, out: &mut String) {
    if letter.is_ascii_punctuation() {
        out.push('\\');
    }
    out.push(letter);
}

#[cfg(test)]
mod tests {
    use super::Glob;

    /// Scenario: each construct of a pattern meets texts that fit and texts that do not.
    /// Guarantees: a pattern is about all of a text, and what is not special stands for itself.
    #[test]
    fn a_pattern_matches_whole_texts() {
        let cases: [(&str, &[&str], &[&str]); 8] = [
            ("*alice*", &["alice", "x alice\ny"], &["alic"]),
            (
                "/user/*/list/*",
                &["/user/1/list/2", "/user//list/"],
                &["/user/1/list"],
            ),
            ("{GET,HEAD}", &["GET", "HEAD"], &["GETHEAD", "get"]),
            ("a{b,{c,d}}e", &["abe", "ace", "ade"], &["ae", "abce"]),
            ("node-?", &["node-1", "node-é"], &["node-", "node-12"]),
            ("[!0-9]x", &["ax"], &["1x"]),
            ("[abc-]", &["b", "-"], &["d"]),
            (r"a.b\*,", &["a.b*,"], &["aXb*,", "a.bc,"]),
        ];
        for (pattern, fitting, others) in cases {
            let glob = Glob::new(pattern).unwrap();
            for text in fitting {
                assert!(glob.is_match(text.as_bytes()), "{pattern} {text}");
            }
            for text in others {
                assert!(!glob.is_match(text.as_bytes()), "{pattern} {text}");
            }
        }
        assert!(Glob::new("*").unwrap().is_match(b"\xff\xfe"));
    }

    /// Scenario: patterns that break off, and one that is much too large.
    /// Guarantees: each is refused with a reason.
    #[test]
    fn a_pattern_that_breaks_off_is_refused() {
        for pattern in ["[a", "{a,b", "a\\", "[]", "[z-a]"] {
            assert!(Glob::new(pattern).is_err(), "{pattern}");
        }
        assert!(Glob::new(&"{a,b}".repeat(100_000)).is_err());
    }
}
