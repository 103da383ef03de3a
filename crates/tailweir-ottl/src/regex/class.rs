//! Character classes: `[a-z]`, `[[:alpha:]]`, `\d`, `\p{Han}`.

use super::RegexError;
use super::translate::Translator;

/// The names that may stand in `[:name:]`.
const POSIX: [&str; 14] = [
    "alnum", "alpha", "ascii", "blank", "cntrl", "digit", "graph", "lower", "print", "punct",
    "space", "upper", "word", "xdigit",
];

/// A bracketed class, after its opening bracket. Inside one, only `]`, `\`, `-` and `[:` mean anything
/// in Go; in Rust `[`, `&&`, `--` and `~~` do as well, so every literal is written with an escape.
pub(super) fn bracketed(translator: &mut Translator<'_>, start: usize) -> Result<(), RegexError> {
    translator.text.push('[');
    if translator.take("^") {
        translator.text.push('^');
    }
    let mut first = true;
    loop {
        let Some(next) = translator.peek() else {
            return Err(translator.error_at(start, "missing closing ]"));
        };
        if next == ']' && !first {
            translator.take("]");
            translator.text.push(']');
            return Ok(());
        }
        first = false;
        item(translator)?;
    }
}

fn item(translator: &mut Translator<'_>) -> Result<(), RegexError> {
    let start = translator.position();
    if posix(translator, start)? {
        return Ok(());
    }
    if translator.rest().starts_with('\\') {
        translator.take("\\");
        if shorthand(translator, start)? {
            return Ok(());
        }
        let low = translator.escaped(start)?;
        return range(translator, start, low);
    }
    let Some(low) = translator.next() else {
        return Ok(());
    };
    range(translator, start, low)
}

fn range(translator: &mut Translator<'_>, start: usize, low: char) -> Result<(), RegexError> {
    translator.literal(low);
    let rest = translator.rest();
    if !rest.starts_with('-') || rest.starts_with("-]") || rest.len() == 1 {
        return Ok(());
    }
    translator.take("-");
    let at = translator.position();
    let high = if translator.take("\\") {
        Some(translator.escaped(at)?)
    } else {
        translator.next()
    };
    let Some(high) = high.filter(|high| low <= *high) else {
        return Err(translator.error_at(start, "invalid character class range"));
    };
    translator.text.push('-');
    translator.literal(high);
    Ok(())
}

fn posix(translator: &mut Translator<'_>, start: usize) -> Result<bool, RegexError> {
    let Some(inside) = translator.rest().strip_prefix("[:") else {
        return Ok(false);
    };
    let Some(end) = inside.find(":]") else {
        return Ok(false);
    };
    let name = &inside[..end];
    if !POSIX.contains(&name.trim_start_matches('^')) || name.starts_with("^^") {
        return Err(
            translator.error_at(start, format!("invalid character class range `[:{name}:]`"))
        );
    }
    let whole = format!("[:{name}:]");
    translator.take(&whole);
    translator.text.push_str(&whole);
    Ok(true)
}

/// `\d`, `\W`, `\pL`, `\P{Greek}` after the backslash; false when it is none of them.
pub(super) fn shorthand(translator: &mut Translator<'_>, start: usize) -> Result<bool, RegexError> {
    let ascii = match translator.peek() {
        Some('d') => "[0-9]",
        Some('D') => "[^0-9]",
        Some('s') => "[\\t\\n\\x0C\\r\\x20]",
        Some('S') => "[^\\t\\n\\x0C\\r\\x20]",
        Some('w') => "[0-9A-Za-z_]",
        Some('W') => "[^0-9A-Za-z_]",
        Some(letter @ ('p' | 'P')) => return property(translator, start, letter == 'P'),
        _ => return Ok(false),
    };
    translator.next();
    translator.text.push_str(ascii);
    Ok(true)
}

fn property(
    translator: &mut Translator<'_>,
    start: usize,
    mut negated: bool,
) -> Result<bool, RegexError> {
    translator.next();
    let invalid =
        |translator: &Translator<'_>| translator.error_at(start, "invalid character class");
    let name = if translator.take("{") {
        let rest = translator.rest();
        let end = rest.find('}').ok_or_else(|| invalid(translator))?;
        translator.take(&rest[..=end]);
        &rest[..end]
    } else {
        let rest = translator.rest();
        let length = translator.next().map_or(0, char::len_utf8);
        &rest[..length]
    };
    let name = match name.strip_prefix('^') {
        Some(name) => {
            negated = !negated;
            name
        }
        None => name,
    };
    if name.is_empty() || !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
        return Err(invalid(translator));
    }
    translator
        .text
        .push_str(if negated { "\\P{" } else { "\\p{" });
    translator.text.push_str(name);
    translator.text.push('}');
    Ok(true)
}
