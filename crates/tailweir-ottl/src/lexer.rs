//! Cuts the text of a condition or statement into tokens.

use crate::CompileError;

/// Texts longer than this many bytes are refused.
const TEXT_MAX: usize = 64 << 10;

/// A token and where it starts, in bytes.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Token<'s> {
    pub(crate) kind: TokenKind<'s>,
    pub(crate) offset: usize,
    /// For an opening parenthesis, the number of the token that closes it.
    pub(crate) closed_by: Option<usize>,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum TokenKind<'s> {
    /// `0x0102`
    Bytes(Vec<u8>),
    Double(f64),
    Int(i64),
    String(String),
    /// A name of letters, digits and underscores, starting with a letter, or a lone underscore.
    Name(&'s str),
    /// An operator or a piece of punctuation.
    Mark(Mark),
    End,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mark {
    Equal,
    NotEqual,
    LessOrEqual,
    GreaterOrEqual,
    Less,
    Greater,
    Arrow,
    Plus,
    Minus,
    Times,
    Divide,
    Assign,
    LeftParenthesis,
    RightParenthesis,
    LeftBrace,
    RightBrace,
    LeftBracket,
    RightBracket,
    Colon,
    Comma,
    Dot,
}

/// Longer marks first: the first that fits is taken.
const MARKS: [(&str, Mark); 21] = [
    ("==", Mark::Equal),
    ("!=", Mark::NotEqual),
    (">=", Mark::GreaterOrEqual),
    ("<=", Mark::LessOrEqual),
    ("=>", Mark::Arrow),
    (">", Mark::Greater),
    ("<", Mark::Less),
    ("+", Mark::Plus),
    ("-", Mark::Minus),
    ("/", Mark::Divide),
    ("*", Mark::Times),
    ("=", Mark::Assign),
    ("(", Mark::LeftParenthesis),
    (")", Mark::RightParenthesis),
    ("{", Mark::LeftBrace),
    ("}", Mark::RightBrace),
    ("[", Mark::LeftBracket),
    ("]", Mark::RightBracket),
    (":", Mark::Colon),
    (",", Mark::Comma),
    (".", Mark::Dot),
];

/// All tokens, with [`TokenKind::End`] last.
pub(crate) fn tokens(text: &str) -> Result<Vec<Token<'_>>, CompileError> {
    if text.len() > TEXT_MAX {
        let message = format!("a text of {} bytes; at most {TEXT_MAX}", text.len());
        return Err(CompileError::new("", 0, message));
    }
    let mut tokens = Vec::new();
    let mut open = Vec::new();
    let mut offset = 0;
    loop {
        offset += text[offset..].len() - text[offset..].trim_start_matches(is_space).len();
        let (kind, length) = token(text, offset)?;
        let number = tokens.len();
        if kind == TokenKind::Mark(Mark::LeftParenthesis) {
            open.push(number);
        }
        let end = kind == TokenKind::End;
        let closes = kind == TokenKind::Mark(Mark::RightParenthesis);
        tokens.push(Token {
            kind,
            offset,
            closed_by: None,
        });
        if let Some(opened) = closes.then(|| open.pop()).flatten() {
            tokens[opened].closed_by = Some(number);
        }
        if end {
            return Ok(tokens);
        }
        offset += length;
    }
}

fn is_space(character: char) -> bool {
    matches!(character, ' ' | '\t' | '\n' | '\r' | '\x0c')
}

/// The token at this offset, and how many bytes it takes.
fn token(text: &str, offset: usize) -> Result<(TokenKind<'_>, usize), CompileError> {
    let rest = &text[offset..];
    let Some(first) = rest.chars().next() else {
        return Ok((TokenKind::End, 0));
    };
    let wrong = |message: String| CompileError::new(text, offset, message);
    if first == '"' {
        return string(text, offset);
    }
    if let Some(digits) = rest.strip_prefix("0x") {
        let length = run(digits, |byte| byte.is_ascii_hexdigit());
        if length > 0 {
            let bytes = hexadecimal(&digits[..length]).ok_or_else(|| {
                wrong("bytes need an even number of hexadecimal digits".to_owned())
            })?;
            return Ok((TokenKind::Bytes(bytes), length + 2));
        }
    }
    if first.is_ascii_digit()
        || (first == '.' && rest[1..].starts_with(|c: char| c.is_ascii_digit()))
    {
        return number(rest).map_err(wrong);
    }
    if first.is_ascii_alphabetic() {
        let length = run(rest, |byte| byte.is_ascii_alphanumeric() || byte == b'_');
        return Ok((TokenKind::Name(&rest[..length]), length));
    }
    if first == '_' && run(rest, |byte| byte.is_ascii_alphanumeric() || byte == b'_') == 1 {
        return Ok((TokenKind::Name("_"), 1));
    }
    let mark = MARKS
        .iter()
        .find(|(spelling, _)| rest.starts_with(spelling));
    match mark {
        Some((spelling, mark)) => Ok((TokenKind::Mark(*mark), spelling.len())),
        None => Err(wrong(match first {
            '\'' => "text stands between double quotes".to_owned(),
            '&' => "there is no `&`; write `and`".to_owned(),
            '|' => "there is no `|`; write `or`".to_owned(),
            '!' => "there is no `!`; write `not`".to_owned(),
            '#' => "there are no comments".to_owned(),
            other => format!("unexpected character {other:?}"),
        })),
    }
}

fn run(text: &str, belongs: impl Fn(u8) -> bool) -> usize {
    text.bytes()
        .position(|byte| !belongs(byte))
        .unwrap_or(text.len())
}

fn hexadecimal(digits: &str) -> Option<Vec<u8>> {
    let pairs = digits.as_bytes().chunks(2);
    pairs
        .map(|pair| {
            u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16)
                .ok()
                .filter(|_| pair.len() == 2)
        })
        .collect()
}

/// `12`, `1.5`, `.5`, `5.`, `1.5e-3`. An exponent needs a point before it: `1e3` is a 1 and a name.
fn number<'s>(rest: &'s str) -> Result<(TokenKind<'s>, usize), String> {
    let digit = |byte: u8| byte.is_ascii_digit();
    let whole = run(rest, digit);
    if !rest[whole..].starts_with('.') {
        let digits = &rest[..whole];
        let parsed = integer(digits).ok_or_else(|| format!("{digits} is no 64-bit integer"));
        return Ok((TokenKind::Int(parsed?), whole));
    }
    let mut length = whole + 1 + run(&rest[whole + 1..], digit);
    if let Some(exponent) = rest[length..].strip_prefix(['e', 'E']) {
        let sign = usize::from(exponent.starts_with(['+', '-']));
        let digits = run(&exponent[sign..], digit);
        if digits > 0 {
            length += 1 + sign + digits;
        }
    }
    let parsed: Option<f64> = rest[..length]
        .parse()
        .ok()
        .filter(|value: &f64| value.is_finite());
    match parsed {
        Some(value) => Ok((TokenKind::Double(value), length)),
        None => Err(format!("{} is beyond 64-bit floats", &rest[..length])),
    }
}

/// A leading zero makes an integer octal, as in Go.
fn integer(digits: &str) -> Option<i64> {
    match digits.strip_prefix('0') {
        Some(octal) if !octal.is_empty() => i64::from_str_radix(octal, 8).ok(),
        _ => digits.parse().ok(),
    }
}

fn string(text: &str, offset: usize) -> Result<(TokenKind<'_>, usize), CompileError> {
    let mut unquoted = String::new();
    let mut rest = &text[offset + 1..];
    loop {
        let Some(first) = rest.chars().next() else {
            return Err(CompileError::new(
                text,
                offset,
                "text without a closing quote",
            ));
        };
        let at = text.len() - rest.len();
        rest = &rest[first.len_utf8()..];
        match first {
            '"' => {
                return Ok((
                    TokenKind::String(unquoted),
                    text.len() - rest.len() - offset,
                ));
            }
            '\\' => {
                let (character, length) = escape(rest)
                    .ok_or_else(|| CompileError::new(text, at, "unknown escape in text"))?;
                unquoted.push(character);
                rest = &rest[length..];
            }
            plain => unquoted.push(plain),
        }
    }
}

/// The character that an escape stands for, and how many bytes follow the backslash.
fn escape(rest: &str) -> Option<(char, usize)> {
    let coded = |start: usize, digits: usize, radix: u32| {
        let code = rest.get(start..start + digits)?;
        let plain = code.chars().all(|digit| digit.is_digit(radix));
        let value = plain.then(|| u32::from_str_radix(code, radix).ok())??;
        Some((char::from_u32(value)?, start + digits))
    };
    let plain = match rest.chars().next()? {
        'a' => '\x07',
        'b' => '\x08',
        'f' => '\x0c',
        'n' => '\n',
        'r' => '\r',
        't' => '\t',
        'v' => '\x0b',
        '\\' => '\\',
        '"' => '"',
        'x' => return coded(1, 2, 16),
        'u' => return coded(1, 4, 16),
        'U' => return coded(1, 8, 16),
        '0'..='7' => return coded(0, 3, 8).filter(|(character, _)| *character <= '\u{ff}'),
        _ => return None,
    };
    Some((plain, 1))
}

#[cfg(test)]
mod tests {
    use super::{Mark, TokenKind, tokens};

    fn kinds(text: &str) -> Vec<TokenKind<'_>> {
        tokens(text)
            .unwrap()
            .into_iter()
            .map(|token| token.kind)
            .collect()
    }

    /// Scenario: numbers in every spelling.
    /// Guarantees: octal with a leading zero, an exponent only after a point, signs are operators.
    #[test]
    fn numbers_are_spelled_as_in_the_collector() {
        assert_eq!(kinds("010"), [TokenKind::Int(8), TokenKind::End]);
        assert_eq!(kinds(".5e1"), [TokenKind::Double(5.0), TokenKind::End]);
        assert_eq!(
            kinds("1e3"),
            [TokenKind::Int(1), TokenKind::Name("e3"), TokenKind::End]
        );
        assert_eq!(
            kinds("-5.")[..2],
            [TokenKind::Mark(Mark::Minus), TokenKind::Double(5.0)]
        );
        assert!(
            tokens("08").is_err()
                && tokens("9223372036854775808").is_err()
                && tokens("1.0e400").is_err()
        );
    }

    /// Scenario: text with every escape, with a wrong one, and without an end.
    /// Guarantees: escapes are code points; a wrong one is pointed at.
    #[test]
    fn escapes_are_code_points() {
        let text = r#""\x61\351\u65e5\U0001F642\"\\\t""#;
        assert_eq!(kinds(text)[0], TokenKind::String("aé日🙂\"\\\t".to_owned()));
        assert_eq!(tokens(r#""ab\q""#).unwrap_err().offset(), 3);
        assert_eq!(tokens(r#"  "ab"#).unwrap_err().offset(), 2);
    }
}
