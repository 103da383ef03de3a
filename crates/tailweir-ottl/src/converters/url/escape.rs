//! Percent-encoding: what each part of a URL must escape and may hold.

/// The part of a URL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    Path,
    User,
    Host,
    Zone,
    Query,
    Fragment,
}

fn must_escape(byte: u8, mode: Mode) -> bool {
    if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
        return false;
    }
    match mode {
        Mode::Host | Mode::Zone => !b"!$&'()*+,;=:[]<>\"".contains(&byte),
        Mode::Path => !b"$&+,/:;=@".contains(&byte),
        Mode::User => !b"$&+,;=".contains(&byte),
        Mode::Query => true,
        Mode::Fragment => !b"$&+,/:;=?@!()*".contains(&byte),
    }
}

/// The text with `%XX` for what must be escaped.
pub(super) fn escape(text: &[u8], mode: Mode) -> Vec<u8> {
    let digit = |nibble: u8| b"0123456789ABCDEF"[usize::from(nibble)];
    let mut escaped = Vec::with_capacity(text.len());
    for byte in text {
        if must_escape(*byte, mode) {
            escaped.extend_from_slice(&[b'%', digit(byte >> 4), digit(byte & 15)]);
        } else {
            escaped.push(*byte);
        }
    }
    escaped
}

/// The text with every `%XX` resolved.
pub(super) fn unescape(text: &[u8], mode: Mode) -> Result<Vec<u8>, &'static str> {
    let mut plain = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((first, behind)) = rest.split_first() {
        rest = behind;
        match first {
            b'%' => {
                let digit =
                    |at: usize| rest.get(at).and_then(|byte| char::from(*byte).to_digit(16));
                let (Some(high), Some(low)) = (digit(0), digit(1)) else {
                    return Err("a percent sign without two hexadecimal digits");
                };
                let byte = (high << 4 | low) as u8;
                // A host escapes only what is beyond ASCII, a zone also what it could hold anyway.
                let forbidden = match mode {
                    Mode::Host => byte < 0x80 && byte != b'%',
                    Mode::Zone => byte != b'%' && byte != b' ' && must_escape(byte, Mode::Host),
                    _ => false,
                };
                if forbidden {
                    return Err("a host escapes what it cannot");
                }
                plain.push(byte);
                rest = &rest[2..];
            }
            b'+' if mode == Mode::Query => plain.push(b' '),
            byte if matches!(mode, Mode::Host | Mode::Zone)
                && byte.is_ascii()
                && must_escape(*byte, mode) =>
            {
                return Err("a host holds a character that it cannot");
            }
            byte => plain.push(*byte),
        }
    }
    Ok(plain)
}

/// The text as it was written when that is valid, else escaped anew.
pub(super) fn kept_or_escaped(raw: &[u8], plain: &[u8], mode: Mode) -> Vec<u8> {
    let allowed = |byte: &u8| b"!$&'()*+,;=:@[]%".contains(byte) || !must_escape(*byte, mode);
    if !raw.is_empty() && raw.iter().all(allowed) {
        return raw.to_vec();
    }
    if plain == b"*" {
        plain.to_vec()
    } else {
        escape(plain, mode)
    }
}
