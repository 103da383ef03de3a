//! Logfmt: `key=value key="a value"`.

/// Keys and values.
pub(super) type Pairs = Vec<(Vec<u8>, Vec<u8>)>;

/// The pairs of a line; nothing where it is none, or several: the rest must not be lost.
pub(super) fn read(line: &[u8]) -> Option<Pairs> {
    if line.contains(&b'\n') {
        return None;
    }
    let mut pairs = Pairs::new();
    let mut rest = line;
    loop {
        let start = rest.iter().position(|&byte| byte > b' ');
        let Some(start) = start else {
            return Some(pairs);
        };
        rest = &rest[start..];
        let end = rest
            .iter()
            .position(|&byte| byte <= b' ' || byte == b'=' || byte == b'"');
        let (key, after) = rest.split_at(end.unwrap_or(rest.len()));
        let is_text = std::str::from_utf8(key).is_ok_and(|key| !key.contains('\u{fffd}'));
        if key.is_empty() || !is_text {
            return None;
        }
        let (value, after) = match after {
            [b'=', b'"', ..] => quoted(&after[1..])?,
            [b'=', after @ ..] => plain(after)?,
            [b'"', ..] => return None,
            _ => (Vec::new(), after),
        };
        pairs.push((key.to_vec(), value));
        rest = after;
    }
}

fn plain(text: &[u8]) -> Option<(Vec<u8>, &[u8])> {
    let end = text
        .iter()
        .position(|&byte| byte <= b' ' || byte == b'=' || byte == b'"');
    let (value, after) = text.split_at(end.unwrap_or(text.len()));
    let is_good = !matches!(after.first(), Some(b'=' | b'"'));
    is_good.then(|| (value.to_vec(), after))
}

/// A value in quotes, from its first quote on. Escapes are those of JSON.
fn quoted(text: &[u8]) -> Option<(Vec<u8>, &[u8])> {
    let mut is_escaped = false;
    let mut has_escapes = false;
    for (index, &byte) in text.iter().enumerate().skip(1) {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' => (is_escaped, has_escapes) = (true, true),
            b'"' => {
                let (whole, after) = text.split_at(index + 1);
                if !has_escapes {
                    return Some((whole[1..index].to_vec(), after));
                }
                let value: String = serde_json::from_slice(whole).ok()?;
                return Some((value.into_bytes(), after));
            }
            _ => {}
        }
    }
    None
}

/// Writes pairs, in order. A key keeps only the characters that keys may have; a pair whose key has none
/// is left out.
pub(super) fn write(pairs: &Pairs) -> Vec<u8> {
    let mut out = Vec::new();
    for (key, value) in pairs {
        let key: String = String::from_utf8_lossy(key)
            .chars()
            .filter(|&character| !is_special(character))
            .collect();
        if key.is_empty() {
            continue;
        }
        if !out.is_empty() {
            out.push(b' ');
        }
        out.extend_from_slice(key.as_bytes());
        out.push(b'=');
        write_value(value, &mut out);
    }
    out
}

fn is_special(character: char) -> bool {
    matches!(character, '\0'..=' ' | '=' | '"' | '\u{fffd}')
}

fn write_value(value: &[u8], out: &mut Vec<u8>) {
    let text = String::from_utf8_lossy(value);
    if text != "null" && !text.contains(is_special) {
        out.extend_from_slice(value);
        return;
    }
    out.push(b'"');
    for character in text.chars() {
        match character {
            '"' | '\\' => out.extend_from_slice(&[b'\\', character as u8]),
            '\n' => out.extend_from_slice(b"\\n"),
            '\r' => out.extend_from_slice(b"\\r"),
            '\t' => out.extend_from_slice(b"\\t"),
            '\0'..='\x1f' => {
                out.extend_from_slice(format!("\\u{:04x}", character as u32).as_bytes());
            }
            '\u{fffd}' => out.extend_from_slice(b"\\ufffd"),
            plain => out.extend_from_slice(plain.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
    out.push(b'"');
}

#[cfg(test)]
mod tests {
    use super::{read, write};

    fn again(line: &str) -> Option<String> {
        let pairs = read(line.as_bytes())?;
        Some(String::from_utf8(write(&pairs)).unwrap())
    }

    /// Scenario: lines with plain, quoted, empty and escaped values, and lines that are no logfmt.
    /// Guarantees: what is logfmt comes out as Go's library writes it, what is not is told apart.
    #[test]
    fn logfmt_is_read_and_written_as_in_go() {
        let line = r#"level=info msg="a \"b\"\n" empty= flag x="" y="z""#;
        let expected = r#"level=info msg="a \"b\"\n" empty= flag= x= y=z"#;
        assert_eq!(again(line).unwrap(), expected);
        assert_eq!(again("hello world").unwrap(), "hello= world=");
        assert_eq!(again("a=null").unwrap(), r#"a="null""#);
        for none in [
            "\"quoted\"",
            "a=b=c",
            "a=\"open",
            "=x",
            "two\nlines",
            "a=\"\\q\"",
        ] {
            assert_eq!(again(none), None, "{none}");
        }
    }
}
