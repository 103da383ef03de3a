//! Text: its parts, its case, and patterns in it.

use super::{
    Arguments, Body, Converter, Failure, Literals, Outcome, Refusal, TARGET, converter, optional,
    required,
};
use crate::coerce::{Kind, readable};
use crate::expression::Prepared;
use crate::value::{List, Origin};
use crate::{GoRegex, Text, Value};
use std::borrow::Cow;

mod case;

pub(super) const TABLE: &[Converter] = &[
    converter(
        "Concat",
        &[
            required("vals", Kind::Texts),
            required("delimiter", Kind::String),
        ],
        Body::Plain(concat),
    ),
    converter(
        "ConvertCase",
        &[
            required("target", Kind::String),
            required("to_case", Kind::LiteralString),
        ],
        Body::Prepared(convert_case),
    ),
    converter(
        "ExtractPatterns",
        &[
            required("target", Kind::String),
            required("pattern", Kind::String),
        ],
        Body::Prepared(extract_patterns),
    ),
    converter(
        "HasPrefix",
        &[
            required("target", Kind::String),
            required("prefix", Kind::String),
        ],
        Body::Plain(has_prefix),
    ),
    converter(
        "HasSuffix",
        &[
            required("target", Kind::String),
            required("suffix", Kind::String),
        ],
        Body::Plain(has_suffix),
    ),
    converter(
        "IsMatch",
        &[
            required("target", Kind::StringLike),
            required("pattern", Kind::String),
        ],
        Body::Prepared(is_match),
    ),
    converter(
        "IsValidLuhn",
        &[required("target", Kind::StringLike)],
        Body::Plain(is_valid_luhn),
    ),
    converter(
        "ParseInt",
        &[
            required("target", Kind::String),
            required("base", Kind::Int),
        ],
        Body::Plain(parse_int),
    ),
    converter(
        "Split",
        &[
            required("target", Kind::String),
            required("delimiter", Kind::String),
        ],
        Body::Plain(split),
    ),
    converter(
        "Substring",
        &[
            required("target", Kind::String),
            required("start", Kind::Int),
            required("length", Kind::Int),
            optional("utf8_safe", Kind::LiteralBool),
        ],
        Body::Plain(substring),
    ),
    converter(
        "ToCamelCase",
        TARGET,
        Body::Plain(|arguments| converted(arguments, case::camel)),
    ),
    converter(
        "ToLowerCase",
        TARGET,
        Body::Plain(|arguments| converted(arguments, case::lower)),
    ),
    converter(
        "ToSnakeCase",
        TARGET,
        Body::Plain(|arguments| converted(arguments, case::snake)),
    ),
    converter(
        "ToUpperCase",
        TARGET,
        Body::Plain(|arguments| converted(arguments, case::upper)),
    ),
    converter(
        "Trim",
        &[
            required("target", Kind::String),
            optional("replacement", Kind::LiteralString),
        ],
        Body::Plain(trim),
    ),
    converter(
        "TrimPrefix",
        &[
            required("target", Kind::String),
            required("prefix", Kind::String),
        ],
        Body::Plain(trim_prefix),
    ),
    converter(
        "TrimSuffix",
        &[
            required("target", Kind::String),
            required("suffix", Kind::String),
        ],
        Body::Plain(trim_suffix),
    ),
];

fn concat(mut arguments: Arguments<'_>) -> Outcome<'_> {
    let (parts, delimiter) = (arguments.items(0), arguments.text(1));
    let mut whole = Vec::new();
    for (number, part) in parts.into_iter().enumerate() {
        if number > 0 {
            whole.extend_from_slice(&delimiter);
        }
        match part {
            Value::String(text) => whole.extend_from_slice(&text),
            _ => whole.extend_from_slice(b"<nil>"),
        }
    }
    Ok(Value::String(Cow::Owned(whole)))
}

fn converted(mut arguments: Arguments<'_>, convert: fn(&str) -> String) -> Outcome<'_> {
    Ok(Value::text(convert(&readable(&arguments.text(0)))))
}

fn convert_case(literals: &Literals<'_>) -> Result<Prepared, Refusal> {
    let convert: fn(&str) -> String = match literals.text(1) {
        Some("lower") => case::lower,
        Some("upper") => case::upper,
        Some("snake") => case::snake,
        Some("camel") => case::camel,
        _ => {
            return Err(Refusal::new(
                1,
                "the case is \"lower\", \"upper\", \"snake\" or \"camel\"",
            ));
        }
    };
    Ok(Box::new(move |arguments| converted(arguments, convert)))
}

/// A pattern: compiled once when it is a literal, else for every subject.
pub(crate) enum Pattern {
    Fixed(GoRegex),
    Computed,
}

impl Pattern {
    /// Compiles the pattern at this position, when it is a literal.
    pub(crate) fn prepare(literals: &Literals<'_>, position: usize) -> Result<Self, Refusal> {
        match literals.text(position) {
            Some(pattern) => GoRegex::new(pattern)
                .map(Self::Fixed)
                .map_err(|error| Refusal::new(position, error.to_string())),
            None => Ok(Self::Computed),
        }
    }

    /// The pattern; compiled now when it is not a literal.
    pub(crate) fn regex(&self, computed: &Text<'_>) -> Result<Cow<'_, GoRegex>, Failure> {
        match self {
            Self::Fixed(regex) => Ok(Cow::Borrowed(regex)),
            Self::Computed => {
                let compiled =
                    GoRegex::computed(&readable(computed)).map_err(|error| error.to_string());
                Ok(Cow::Owned(compiled?))
            }
        }
    }
}

fn is_match(literals: &Literals<'_>) -> Result<Prepared, Refusal> {
    let pattern = Pattern::prepare(literals, 1)?;
    Ok(Box::new(move |mut arguments| {
        let regex = pattern.regex(&arguments.text(1))?;
        let target = arguments.optional_text(0);
        Ok(Value::Bool(
            target.is_some_and(|text| regex.is_match(&text)),
        ))
    }))
}

fn extract_patterns(literals: &Literals<'_>) -> Result<Prepared, Refusal> {
    let pattern = Pattern::prepare(literals, 1)?;
    Ok(Box::new(move |mut arguments| {
        let regex = pattern.regex(&arguments.text(1))?;
        if !regex.has_named_groups() {
            return Err("the pattern needs at least one named group".into());
        }
        let mut entries: Vec<(Text<'_>, Value<'_>)> = Vec::new();
        for (name, text) in regex.named_groups(&arguments.text(0)).unwrap_or_default() {
            // Of groups with one name the last counts.
            entries.retain(|(taken, _)| taken.as_ref() != name.as_bytes());
            entries.push((name.as_bytes().to_vec().into(), Value::String(text.into())));
        }
        Ok(Value::map(entries))
    }))
}

fn has_prefix(mut arguments: Arguments<'_>) -> Outcome<'_> {
    Ok(Value::Bool(
        arguments.text(0).starts_with(&arguments.text(1)),
    ))
}

fn has_suffix(mut arguments: Arguments<'_>) -> Outcome<'_> {
    Ok(Value::Bool(arguments.text(0).ends_with(&arguments.text(1))))
}

fn is_valid_luhn(mut arguments: Arguments<'_>) -> Outcome<'_> {
    let Some(text) = arguments.optional_text(0) else {
        return Err("a check number cannot be nil".into());
    };
    let digits = text.iter().filter(|byte| **byte != b' ');
    let digits: Option<Vec<u32>> = digits.map(|byte| char::from(*byte).to_digit(10)).collect();
    let Some(digits) = digits else {
        return Err("a check number consists of digits and spaces".into());
    };
    if digits.is_empty() {
        return Ok(Value::Bool(false));
    }
    let from_the_right = digits.iter().rev().enumerate();
    let weighted = from_the_right.map(|(position, digit)| match (position % 2, digit * 2) {
        (0, _) => *digit,
        (_, doubled) if doubled > 9 => doubled - 9,
        (_, doubled) => doubled,
    });
    Ok(Value::Bool(weighted.sum::<u32>() % 10 == 0))
}

fn parse_int(mut arguments: Arguments<'_>) -> Outcome<'_> {
    let (text, base) = (arguments.text(0), arguments.int(1));
    let base = u32::try_from(base).map_err(|_| format!("a base cannot be {base}"))?;
    match crate::number::parse_int(&text, base) {
        Some(value) => Ok(Value::Int(value)),
        None => Err(format!("{:?} is no integer in base {base}", readable(&text)).into()),
    }
}

/// Between every two characters when the delimiter is empty.
fn split(mut arguments: Arguments<'_>) -> Outcome<'_> {
    let (text, delimiter) = (arguments.text(0), arguments.text(1));
    let owned = |part: &[u8]| Value::String(Cow::Owned(part.to_vec()));
    let mut parts = Vec::new();
    if delimiter.is_empty() {
        let characters = readable(&text);
        let characters = characters.chars().map(String::from);
        parts.extend(characters.map(Value::text));
    } else {
        let mut start = 0;
        let mut at = 0;
        while at + delimiter.len() <= text.len() {
            if text[at..].starts_with(&delimiter) {
                parts.push(owned(&text[start..at]));
                at += delimiter.len();
                start = at;
            } else {
                at += 1;
            }
        }
        parts.push(owned(&text[start..]));
    }
    Ok(Value::List(List::new(parts, Origin::Plain)))
}

fn substring(mut arguments: Arguments<'_>) -> Outcome<'_> {
    let text = arguments.text(0);
    let (start, length) = (arguments.int(1), arguments.int(2));
    if start < 0 || length <= 0 {
        return Err(format!("start {start} must be 0 or more and length {length} above 0").into());
    }
    let range = usize::try_from(start)
        .ok()
        .zip(usize::try_from(length).ok());
    let range = range.and_then(|(start, length)| Some((start, start.checked_add(length)?)));
    let Some((mut start, mut end)) = range.filter(|(_, end)| *end <= text.len()) else {
        return Err(format!(
            "start {start} and length {length} reach beyond {} bytes",
            text.len()
        )
        .into());
    };
    if arguments.optional_bool(3).unwrap_or_default() {
        let starts_character = |at: usize| text[at] & 0xc0 != 0x80;
        while start < text.len() && !starts_character(start) {
            start += 1;
        }
        while start < end && end < text.len() && !starts_character(end) {
            end -= 1;
        }
        end = end.max(start);
    }
    Ok(Value::String(Cow::Owned(text[start..end].to_vec())))
}

/// Without the characters of the set (a space unless told) at both ends.
fn trim(mut arguments: Arguments<'_>) -> Outcome<'_> {
    let (text, set) = (arguments.text(0), arguments.optional_text(1));
    let set: Vec<char> = set
        .as_ref()
        .map_or_else(|| vec![' '], |set| readable(set).chars().collect());
    Ok(Value::text(
        readable(&text)
            .trim_matches(|character| set.contains(&character))
            .to_owned(),
    ))
}

fn trim_prefix(mut arguments: Arguments<'_>) -> Outcome<'_> {
    let (text, prefix) = (arguments.text(0), arguments.text(1));
    let rest = text.strip_prefix(prefix.as_ref()).map(<[u8]>::to_vec);
    Ok(Value::String(rest.map_or(text, Cow::Owned)))
}

fn trim_suffix(mut arguments: Arguments<'_>) -> Outcome<'_> {
    let (text, suffix) = (arguments.text(0), arguments.text(1));
    let rest = text.strip_suffix(suffix.as_ref()).map(<[u8]>::to_vec);
    Ok(Value::String(rest.map_or(text, Cow::Owned)))
}
