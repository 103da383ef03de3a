//! Text that has a structure: JSON, keys with values, rows of fields.

use super::last_of_each::last_of_each;
use super::{
    Arguments, Body, Converter, Failure, Literals, Outcome, Refusal, TARGET, converter, optional,
    required,
};
use crate::coerce::{Kind, readable};
use crate::expression::Prepared;
use crate::{Text, Value, json};

mod row;

pub(super) const TABLE: &[Converter] = &[
    converter(
        "ParseCSV",
        &[
            required("target", Kind::String),
            required("header", Kind::String),
            optional("delimiter", Kind::LiteralString),
            optional("header_delimiter", Kind::LiteralString),
            optional("mode", Kind::LiteralString),
        ],
        Body::Prepared(parse_csv),
    ),
    converter("ParseJSON", TARGET, Body::Plain(parse_json)),
    converter(
        "ParseKeyValue",
        &[
            required("target", Kind::String),
            optional("delimiter", Kind::LiteralString),
            optional("pair_delimiter", Kind::LiteralString),
        ],
        Body::Prepared(parse_key_value),
    ),
    converter(
        "ToKeyValueString",
        &[
            required("target", Kind::Map),
            optional("delimiter", Kind::LiteralString),
            optional("pair_delimiter", Kind::LiteralString),
            optional("sort_output", Kind::LiteralBool),
        ],
        Body::Prepared(to_key_value_string),
    ),
];

fn parse_json(mut arguments: Arguments<'_>) -> Outcome<'_> {
    Ok(json::parse(&arguments.text(0))?)
}

/// What stands between key and value, and between pairs.
struct Delimiters {
    value: String,
    pair: String,
}

impl Delimiters {
    fn of(literals: &Literals<'_>) -> Result<Self, Refusal> {
        let value = literals.text(1).unwrap_or("=").to_owned();
        let pair = literals.text(2).unwrap_or(" ").to_owned();
        if value.is_empty() || pair.is_empty() {
            let argument = if value.is_empty() { 1 } else { 2 };
            return Err(Refusal::new(argument, "a delimiter cannot be empty"));
        }
        if value == pair {
            let argument = if literals.text(2).is_some() { 2 } else { 1 };
            return Err(Refusal::new(
                argument,
                format!("both delimiters are {value:?}"),
            ));
        }
        Ok(Self { value, pair })
    }
}

fn parse_key_value(literals: &Literals<'_>) -> Result<Prepared, Refusal> {
    let delimiters = Delimiters::of(literals)?;
    Ok(Box::new(move |mut arguments| {
        let text = arguments.text(0);
        let text = readable(&text);
        if text.is_empty() {
            return Err("empty text has no keys".into());
        }
        let mut entries: Vec<(Text<'_>, Value<'_>)> = Vec::new();
        for pair in pairs(&text, &delimiters.pair)? {
            let Some((key, value)) = pair.split_once(&delimiters.value) else {
                return Err(format!("{pair:?} has no {:?}", delimiters.value).into());
            };
            let key: Text<'_> = key.trim().as_bytes().to_vec().into();
            entries.push((key, Value::text(value.trim().to_owned())));
        }
        Ok(Value::map(last_of_each(entries)))
    }))
}

/// Splits at delimiters outside quotes, and takes the quotes away. A backslash keeps the quote behind it.
fn pairs(text: &str, delimiter: &str) -> Result<Vec<String>, Failure> {
    let mut pairs = Vec::new();
    let mut current = String::new();
    let mut quote = None;
    let mut escaped = false;
    let mut rest = text;
    while let Some(character) = rest.chars().next() {
        if let Some(behind) = rest.strip_prefix(delimiter).filter(|_| quote.is_none()) {
            if !current.is_empty() {
                pairs.push(std::mem::take(&mut current));
            }
            rest = behind;
            continue;
        }
        rest = &rest[character.len_utf8()..];
        if escaped {
            escaped = false;
        } else if quote == Some(character) {
            quote = None;
            continue;
        } else if quote.is_none() && matches!(character, '"' | '\'') {
            quote = Some(character);
            continue;
        } else {
            escaped = character == '\\';
        }
        current.push(character);
    }
    if quote.is_some() {
        return Err("a quote is not closed".into());
    }
    if !current.is_empty() {
        pairs.push(current);
    }
    Ok(pairs)
}

fn to_key_value_string(literals: &Literals<'_>) -> Result<Prepared, Refusal> {
    let delimiters = Delimiters::of(literals)?;
    let sorted = literals.bool(3).unwrap_or_default();
    Ok(Box::new(move |mut arguments| {
        let mut entries = arguments.entries(0);
        if sorted {
            entries.sort_by(|(a, _), (b, _)| a.cmp(b));
        }
        let quoted = |text: &str| {
            let text = text.replace('"', "\\\"");
            if text.contains(&delimiters.pair) || text.contains(&delimiters.value) {
                format!("\"{text}\"")
            } else {
                text
            }
        };
        let pair = |(key, value): &(Text<'_>, Value<'_>)| {
            quoted(&readable(key)) + &delimiters.value + &quoted(&value.to_text())
        };
        let pairs: Vec<_> = entries.iter().map(pair).collect();
        Ok(Value::text(pairs.join(&delimiters.pair)))
    }))
}

fn parse_csv(literals: &Literals<'_>) -> Result<Prepared, Refusal> {
    let single = |position: usize| match literals.text(position) {
        Some(text) => {
            let mut characters = text.chars();
            match (characters.next(), characters.next()) {
                (Some(only), None) => Ok(Some(only)),
                _ => Err(Refusal::new(position, "a delimiter is a single character")),
            }
        }
        None => Ok(None),
    };
    let delimiter = single(2)?.unwrap_or(',');
    let header_delimiter = single(3)?.unwrap_or(delimiter);
    let mode = match literals.text(4) {
        None | Some("strict") => row::Quotes::Strict,
        Some("lazyQuotes") => row::Quotes::Lazy,
        Some("ignoreQuotes") => row::Quotes::Ignored,
        Some(_) => {
            return Err(Refusal::new(
                4,
                "the mode is \"strict\", \"lazyQuotes\" or \"ignoreQuotes\"",
            ));
        }
    };
    Ok(Box::new(move |mut arguments| {
        let (text, header) = (arguments.text(0), arguments.text(1));
        let (text, header) = (readable(&text), readable(&header));
        if header.is_empty() {
            return Err("the header cannot be empty".into());
        }
        let names: Vec<_> = header.split(header_delimiter).collect();
        let fields = row::fields(&text, delimiter, mode)?;
        if names.len() != fields.len() {
            return Err(
                format!("a row of {} fields for {} names", fields.len(), names.len()).into(),
            );
        }
        let entry = |(name, field): (&str, String)| {
            let name: Text<'_> = name.as_bytes().to_vec().into();
            (name, Value::text(field))
        };
        let entries = names.into_iter().zip(fields).map(entry).collect();
        Ok(Value::map(last_of_each(entries)))
    }))
}
