//! Statements in SQL without their values.
//!
//! Literals, truth values, nulls and positional parameters become `?`, digits in names too; everything
//! else stays as it is written.

/// The statement with a question mark for each value.
pub(super) fn without_values(statement: &[u8]) -> Vec<u8> {
    let statement = statement.trim_ascii();
    let mut out = Vec::with_capacity(statement.len());
    let mut rest = statement;
    while let Some(&first) = rest.first() {
        let (token, kind) = token(rest, first);
        rest = &rest[token.len()..];
        match kind {
            Kind::Value => out.push(b'?'),
            Kind::Name => put_name(token, &mut out),
            Kind::Other => out.extend_from_slice(token),
        }
    }
    out
}

enum Kind {
    Value,
    Name,
    Other,
}

/// The token at the start, one byte at least.
fn token(text: &[u8], first: u8) -> (&[u8], Kind) {
    let second = text.get(1).copied().unwrap_or_default();
    match first {
        b'\'' => (quoted(text, b'\''), Kind::Value),
        b'"' | b'`' => (quoted(text, first), Kind::Name),
        b'-' if second == b'-' => (until(text, |byte| byte == b'\n'), Kind::Other),
        b'/' if second == b'*' => (comment(text), Kind::Other),
        b'$' if second.is_ascii_digit() => {
            let digits = text[1..].iter().take_while(|byte| byte.is_ascii_digit());
            (&text[..=digits.count()], Kind::Value)
        }
        b'$' => match dollar_quoted(text) {
            Some(token) => (token, Kind::Value),
            None => (&text[..1], Kind::Other),
        },
        b'0'..=b'9' => (number(text), Kind::Value),
        b'.' if second.is_ascii_digit() => (number(text), Kind::Value),
        b'@' if is_name_byte(second) => {
            let name = until(&text[1..], |byte| !is_name_byte(byte));
            (&text[..=name.len()], Kind::Other)
        }
        _ if is_name_byte(first) => {
            let name = until(text, |byte| !is_name_byte(byte) && byte != b'.');
            (name, kind_of(name))
        }
        _ => (&text[..1], Kind::Other),
    }
}

fn kind_of(name: &[u8]) -> Kind {
    let is = |word: &str| name.eq_ignore_ascii_case(word.as_bytes());
    if is("true") || is("false") || is("null") {
        Kind::Value
    } else {
        Kind::Name
    }
}

fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || !byte.is_ascii()
}

fn until(text: &[u8], ends: impl Fn(u8) -> bool) -> &[u8] {
    let end = text.iter().position(|&byte| ends(byte));
    &text[..end.unwrap_or(text.len()).max(1)]
}

/// From a quote to the next one that is neither escaped nor doubled; to the end when there is none.
fn quoted(text: &[u8], quote: u8) -> &[u8] {
    let mut at = 1;
    while at < text.len() {
        if text[at] == b'\\' {
            at += 2;
        } else if text[at] != quote {
            at += 1;
        } else if text.get(at + 1) == Some(&quote) {
            at += 2;
        } else {
            return &text[..=at];
        }
    }
    text
}

fn comment(text: &[u8]) -> &[u8] {
    let end = text.windows(2).skip(2).position(|pair| pair == b"*/");
    &text[..end.map_or(text.len(), |end| end + 4)]
}

/// `$tag$ ... $tag$`; to the end when nothing closes it.
fn dollar_quoted(text: &[u8]) -> Option<&[u8]> {
    let end = text[1..].iter().position(|&byte| byte == b'$')? + 2;
    let tag = &text[..end];
    if !tag[1..end - 1].iter().all(|&byte| is_name_byte(byte)) {
        return None;
    }
    let mut parts = text[end..].windows(tag.len());
    let close = parts.position(|part| part == tag);
    Some(close.map_or(text, |close| &text[..end + close + tag.len()]))
}

/// Digits with a fraction and an exponent, or hexadecimal ones.
fn number(text: &[u8]) -> &[u8] {
    let mut at = 0;
    while at < text.len() {
        let is_sign_of_exponent =
            matches!(text[at], b'+' | b'-') && at > 0 && matches!(text[at - 1], b'e' | b'E');
        let is_part = text[at].is_ascii_alphanumeric() || text[at] == b'.';
        if !is_part && !is_sign_of_exponent {
            break;
        }
        at += 1;
    }
    &text[..at.max(1)]
}

/// A name, each run of digits as one question mark.
fn put_name(name: &[u8], out: &mut Vec<u8>) {
    let mut in_digits = false;
    for &byte in name {
        if !byte.is_ascii_digit() {
            out.push(byte);
        } else if !in_digits {
            out.push(b'?');
        }
        in_digits = byte.is_ascii_digit();
    }
}

#[cfg(test)]
mod tests {
    use super::without_values;

    /// Scenario: statements with each sort of value, quoted and unquoted names, comments and parameters.
    /// Guarantees: no value is left, and the shape of the statement is.
    ///
    /// Conforms: processor `redaction` | traces, metrics, logs | what `db_sanitizer` makes of statements in SQL |
    /// same
    #[test]
    fn values_become_question_marks() {
        for (before, after) in [
            (
                "INSERT INTO t VALUES (1, 'x', 2.5)",
                "INSERT INTO t VALUES (?, ?, ?)",
            ),
            (
                "SELECT * FROM users WHERE name = 'o''hara' AND id=0x1F",
                "SELECT * FROM users WHERE name = ? AND id=?",
            ),
            (
                "select a.b, \"C1\" from shard_07.orders -- 12",
                "select a.b, \"C?\" from shard_?.orders -- 12",
            ),
            (
                "UPDATE t SET a = $1, b = :name, c = TRUE, d = NULL, e = :5",
                "UPDATE t SET a = ?, b = :name, c = ?, d = ?, e = :?",
            ),
            ("SELECT $tag$it's$tag$ /* 7 */, 1e-5", "SELECT ? /* 7 */, ?"),
            (" SELECT 'unterminated ", "SELECT ?"),
            ("SELECT $tag$unterminated $1", "SELECT ?"),
            ("", ""),
        ] {
            assert_eq!(
                String::from_utf8_lossy(&without_values(before.as_bytes())),
                after
            );
        }
    }

    /// Scenario: broken statements of odd bytes.
    /// Guarantees: nothing is endless and nothing panics.
    #[test]
    fn odd_statements_end() {
        for text in [
            &b"$"[..],
            b"$$",
            b"$a",
            b"'\\",
            b"/*",
            b"/*/",
            b"@",
            b":",
            b".",
            b"\xff\xfe'",
            b"-",
            b"--",
        ] {
            let _ = without_values(text);
        }
    }
}
