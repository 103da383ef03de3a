//! One row of comma-separated fields, which may run over several lines.

use crate::converters::Failure;

/// What quotes mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Quotes {
    /// A field is quoted whole, with doubled quotes inside, or has none.
    Strict,
    /// A quote may stand anywhere.
    Lazy,
    /// Nothing.
    Ignored,
}

/// The fields. A line break outside quotes does not end the row: the next line goes on with the field.
pub(super) fn fields(text: &str, delimiter: char, quotes: Quotes) -> Result<Vec<String>, Failure> {
    if quotes == Quotes::Ignored {
        return Ok(text.split(delimiter).map(str::to_owned).collect());
    }
    if matches!(delimiter, '"' | '\r' | '\n' | '\u{fffd}') {
        return Err("the delimiter cannot be a quote or a line break".into());
    }
    let text = text.replace("\r\n", "\n");
    let mut rest = text.as_str();
    let mut row: Vec<String> = Vec::new();
    while !rest.is_empty() {
        // Empty lines are stepped over.
        if let Some(behind) = rest.strip_prefix('\n') {
            rest = behind;
            continue;
        }
        let (line, behind) = record(rest, delimiter, quotes)?;
        rest = behind;
        let mut line = line.into_iter();
        match (row.last_mut(), line.next()) {
            (Some(last), Some(first)) => {
                last.push('\n');
                last.push_str(&first);
            }
            (None, Some(first)) => row.push(first),
            (_, None) => {}
        }
        row.extend(line);
    }
    if row.is_empty() {
        return Err("there is no row".into());
    }
    Ok(row)
}

/// The fields up to a line break outside quotes, and what follows it.
fn record(text: &str, delimiter: char, quotes: Quotes) -> Result<(Vec<String>, &str), Failure> {
    let mut fields = Vec::new();
    let mut rest = text;
    loop {
        let (field, behind) = match rest.strip_prefix('"') {
            Some(quoted) => quoted_field(quoted, delimiter, quotes)?,
            None => plain_field(rest, delimiter, quotes)?,
        };
        fields.push(field);
        rest = behind;
        match rest.strip_prefix(delimiter) {
            Some(behind) => rest = behind,
            None => return Ok((fields, rest.strip_prefix('\n').unwrap_or(rest))),
        }
    }
}

fn plain_field(text: &str, delimiter: char, quotes: Quotes) -> Result<(String, &str), Failure> {
    let end = text.find([delimiter, '\n']).unwrap_or(text.len());
    let field = &text[..end];
    if quotes == Quotes::Strict && field.contains('"') {
        return Err("a quote inside a field that is not quoted".into());
    }
    Ok((field.to_owned(), &text[end..]))
}

/// A field after its opening quote.
fn quoted_field(text: &str, delimiter: char, quotes: Quotes) -> Result<(String, &str), Failure> {
    let mut field = String::new();
    let mut rest = text;
    loop {
        let Some(quote) = rest.find('"') else {
            if quotes == Quotes::Strict {
                return Err("a quote is not closed".into());
            }
            field.push_str(rest.strip_suffix('\n').unwrap_or(rest));
            return Ok((field, ""));
        };
        field.push_str(&rest[..quote]);
        rest = &rest[quote + 1..];
        if let Some(behind) = rest.strip_prefix('"') {
            field.push('"');
            rest = behind;
        } else if rest.is_empty() || rest.starts_with([delimiter, '\n']) {
            return Ok((field, rest));
        } else if quotes == Quotes::Lazy {
            field.push('"');
        } else {
            return Err("text between a closing quote and the delimiter".into());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Quotes, fields};

    fn row(text: &str, quotes: Quotes) -> Option<Vec<String>> {
        fields(text, ',', quotes).ok()
    }

    /// Scenario: quotes in every place where they may stand and where they may not.
    /// Guarantees: each mode takes and refuses what Go's reader does.
    #[test]
    fn quotes_are_read_by_mode() {
        let strict = |text| row(text, Quotes::Strict);
        assert_eq!(strict(r#"a,"b,""c""",d"#).unwrap(), ["a", "b,\"c\"", "d"]);
        assert_eq!(strict("a,\"b\nc\",d").unwrap(), ["a", "b\nc", "d"]);
        assert_eq!(strict("a,b\nc,d\n").unwrap(), ["a", "b\nc", "d"]);
        assert_eq!(strict("a,").unwrap(), ["a", ""]);
        assert!(
            strict("").is_none()
                && strict("a\"b").is_none()
                && strict("\"a\"b").is_none()
                && strict("\"a").is_none()
        );
        let lazy = |text| row(text, Quotes::Lazy);
        assert_eq!(lazy("a\"b,\"c\"d\"").unwrap(), ["a\"b", "c\"d"]);
        assert_eq!(lazy("x,y,\"z").unwrap(), ["x", "y", "z"]);
        assert_eq!(row("\"a,b\"", Quotes::Ignored).unwrap(), ["\"a", "b\""]);
    }
}
