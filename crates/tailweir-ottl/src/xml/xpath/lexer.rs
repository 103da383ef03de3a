//! Cuts an XPath expression into tokens.

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Token {
    Number(f64),
    Text(String),
    /// A name, with its prefix, or `prefix:*`.
    Name(String),
    /// Operators and punctuation.
    Mark(&'static str),
    End,
}

/// Longer marks first.
const MARKS: [&str; 22] = [
    "//", "::", "..", "!=", "<=", ">=", "/", ".", "(", ")", "[", "]", "@", ",", "=", "<", ">", "+",
    "-", "*", "|", "$",
];

pub(super) fn tokens(text: &str) -> Result<Vec<Token>, String> {
    let mut tokens = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let (token, behind) = token(rest, first)?;
        tokens.push(token);
        rest = behind.trim_start();
    }
    tokens.push(Token::End);
    Ok(tokens)
}

fn token(rest: &str, first: char) -> Result<(Token, &str), String> {
    if matches!(first, '"' | '\'') {
        let (text, behind) = rest[1..]
            .split_once(first)
            .ok_or("text without a closing quote")?;
        return Ok((Token::Text(text.to_owned()), behind));
    }
    let fraction = first == '.' && rest[1..].starts_with(|c: char| c.is_ascii_digit());
    if first.is_ascii_digit() || fraction {
        let length = rest
            .find(|c: char| !c.is_ascii_digit() && c != '.')
            .unwrap_or(rest.len());
        let number = rest[..length]
            .parse()
            .map_err(|_| format!("{} is no number", &rest[..length]))?;
        return Ok((Token::Number(number), &rest[length..]));
    }
    if first.is_alphabetic() || first == '_' {
        return Ok(name(rest));
    }
    match MARKS.iter().find(|mark| rest.starts_with(**mark)) {
        Some(mark) => Ok((Token::Mark(mark), &rest[mark.len()..])),
        None => Err(format!("unexpected {first:?}")),
    }
}

/// A name; a single colon inside belongs to it, two do not.
fn name(rest: &str) -> (Token, &str) {
    let is_name = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.');
    let length = |text: &str| text.find(|c: char| !is_name(c)).unwrap_or(text.len());
    let mut end = length(rest);
    if let Some(behind) = rest[end..].strip_prefix(':') {
        if behind.starts_with(|c: char| c.is_alphabetic() || c == '_') {
            end += 1 + length(behind);
        } else if behind.starts_with('*') {
            end += 2;
        }
    }
    (Token::Name(rest[..end].to_owned()), &rest[end..])
}
