//! Blots secrets out of the text that diagnostics quote from.

use granit_parser::Span;

/// Words in keys whose values are secret.
const SECRET_WORDS: [&str; 14] = [
    "password",
    "passwd",
    "token",
    "secret",
    "authorization",
    "credential",
    "api_key",
    "api-key",
    "apikey",
    "headers",
    "htpasswd",
    "key_pem",
    "hmac_key",
    "cookie",
];

/// Whether the values under this key are secret.
pub(crate) fn is_secret(key: &str) -> bool {
    let key = key.to_ascii_lowercase();
    SECRET_WORDS.iter().any(|word| key.contains(word))
}

/// Collects what is to be blotted out.
#[derive(Default)]
pub(super) struct Blotter {
    hidden: Vec<(usize, usize)>,
}

impl Blotter {
    /// Hides a scalar.
    pub(super) fn hide(&mut self, span: &Span) {
        self.hidden.push((span.start.index(), span.end.index()));
    }

    /// The text with stars for what is hidden; lines and columns stay.
    pub(super) fn apply(self, text: &str) -> String {
        let mut hidden = self.hidden.into_iter().peekable();
        let mut out = String::with_capacity(text.len());
        for (index, c) in text.chars().enumerate() {
            while hidden.next_if(|(_, end)| *end <= index).is_some() {}
            let covered = hidden.peek().is_some_and(|(start, _)| *start <= index);
            out.push(if covered && !c.is_whitespace() {
                '*'
            } else {
                c
            });
        }
        blot_addresses(&out)
    }
}

/// For text that is not YAML: hides the rest of each line that has a secret word in it.
pub(super) fn lines(text: &str) -> String {
    let blot = |line: &str| match is_secret(line) {
        true => "*".repeat(line.chars().count().min(120)),
        false => line.to_owned(),
    };
    blot_addresses(&text.lines().map(blot).collect::<Vec<_>>().join("\n"))
}

/// Hides user and password of `scheme://user:password@host`.
pub(crate) fn blot_addresses(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find("://") {
        let (before, after) = rest.split_at(start + 3);
        out.push_str(before);
        let end = after
            .find(|c: char| c.is_whitespace() || matches!(c, '/' | '"' | '\'' | ',' | '}' | ']'))
            .unwrap_or(after.len());
        let host = after[..end].rfind('@').unwrap_or(0);
        out.extend(after[..host].chars().map(|_| '*'));
        rest = &after[host..];
    }
    out.push_str(rest);
    out
}
