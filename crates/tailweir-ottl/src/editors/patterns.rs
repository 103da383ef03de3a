//! Editors that replace text: what a glob matches as a whole, or what a regular expression finds.

use super::entries::{Entries, entries_of};
use super::function::Function;
use super::glob::Glob;
use super::{Edit, Editor, Given, TARGET, TargetKind, editor, optional, required};
use crate::coerce::Kind;
use crate::converters::{Arguments, Failure, Parameter, Pattern, Refusal};
use crate::regex::TooLong;
use crate::{GoRegex, Text, Value};

/// A text may become this long, in bytes, when it is replaced: text and replacement may both be long, and
/// each of many matches may find what a function put in the place of an earlier one.
const REPLACED_MAX: usize = 16 << 20;

/// By how many bytes all texts of a map may become longer together: each may be given what one of them holds.
const GROWN_MAX: usize = 64 << 20;

/// Bytes that may be looked through for the parts of one text.
const SEARCHED_MAX: usize = 256 << 20;

const FUNCTION: Parameter = optional("function", Kind::Function);
const FORMAT: Parameter = optional("replacement_format", Kind::String);

pub(super) const TABLE: &[Editor] = &[
    editor(
        "replace_match",
        &[
            TARGET,
            required("pattern", Kind::String),
            required("replacement", Kind::String),
            FUNCTION,
            FORMAT,
        ],
        TargetKind::Any,
        replace_match,
    ),
    editor(
        "replace_all_matches",
        &[
            TARGET,
            required("pattern", Kind::String),
            required("replacement", Kind::String),
            FUNCTION,
            FORMAT,
        ],
        TargetKind::Map,
        replace_all_matches,
    ),
    editor(
        "replace_pattern",
        &[
            TARGET,
            required("regex_pattern", Kind::String),
            required("replacement", Kind::String),
            FUNCTION,
            FORMAT,
        ],
        TargetKind::Any,
        replace_pattern,
    ),
    editor(
        "replace_all_patterns",
        &[
            TARGET,
            required("mode", Kind::LiteralString),
            required("regex_pattern", Kind::String),
            required("replacement", Kind::String),
            FUNCTION,
            FORMAT,
        ],
        TargetKind::Map,
        replace_all_patterns,
    ),
];

fn replace_match(given: &mut Given<'_>) -> Result<Edit, Refusal> {
    let whole = Whole::prepare(given)?;
    Ok(Box::new(move |target, mut arguments| match target {
        Value::String(text) => Ok(whole
            .matches(&mut arguments)?
            .matches(&text)
            .then(|| whole.replacement(&mut arguments))
            .transpose()?
            .map(Value::String)),
        _ => Ok(None),
    }))
}

fn replace_all_matches(given: &mut Given<'_>) -> Result<Edit, Refusal> {
    let whole = Whole::prepare(given)?;
    Ok(Box::new(move |target, mut arguments| {
        let glob = whole.matches(&mut arguments)?;
        let mut replacement: Option<Text<'_>> = None;
        let mut growth = Growth(0);
        let mut entries = entries_of(target);
        for (_, value) in &mut entries {
            // What is no text counts as an empty one, as in the Collector.
            let text: &[u8] = match value {
                Value::String(text) => text,
                _ => &[],
            };
            if !glob.matches(text) {
                continue;
            }
            let new = match &replacement {
                Some(new) => new.clone(),
                None => whole.replacement(&mut arguments)?,
            };
            growth.add(text, &new)?;
            *value = Value::String(new.clone());
            replacement = Some(new);
        }
        Ok(replacement.is_some().then(|| Value::map(entries)))
    }))
}

/// What is put in the place of a whole text.
struct Whole {
    /// Absent when the pattern is computed.
    glob: Option<Glob>,
    function: Option<Function>,
}

enum Found<'w> {
    Prepared(&'w Glob),
    Computed(Box<Glob>),
}

impl Found<'_> {
    fn matches(&self, text: &[u8]) -> bool {
        match self {
            Self::Prepared(glob) => glob.is_match(text),
            Self::Computed(glob) => glob.is_match(text),
        }
    }
}

impl Whole {
    fn prepare(given: &mut Given<'_>) -> Result<Self, Refusal> {
        let glob = given.literals.text(1).map(Glob::new).transpose();
        Ok(Self {
            glob: glob.map_err(|reason| Refusal::new(1, reason))?,
            function: given.function.take(),
        })
    }

    fn matches(&self, arguments: &mut Arguments<'_>) -> Result<Found<'_>, Failure> {
        match &self.glob {
            Some(glob) => Ok(Found::Prepared(glob)),
            None => {
                let pattern = arguments.text(1);
                let pattern = std::str::from_utf8(&pattern)
                    .map_err(|_| Failure::from("the pattern is not UTF-8"))?;
                Ok(Found::Computed(Box::new(Glob::new(pattern)?)))
            }
        }
    }

    fn replacement<'a>(&self, arguments: &mut Arguments<'a>) -> Result<Text<'a>, Failure> {
        let replacement = arguments.text(2);
        match &self.function {
            Some(function) => formatted(
                function.apply(replacement)?,
                arguments.optional_text(4).as_deref(),
            ),
            None => Ok(replacement),
        }
    }
}

fn replace_pattern(given: &mut Given<'_>) -> Result<Edit, Refusal> {
    let parts = Parts::prepare(given, 1)?;
    Ok(Box::new(move |target, mut arguments| match target {
        Value::String(text) => {
            let how = parts.with(&mut arguments)?;
            Ok(how.replaced(&text)?.map(Value::String))
        }
        _ => Ok(None),
    }))
}

fn replace_all_patterns(given: &mut Given<'_>) -> Result<Edit, Refusal> {
    let in_keys = match given.literals.text(1).unwrap_or_default() {
        "key" => true,
        "value" => false,
        other => {
            return Err(Refusal::new(
                1,
                format!("there is no mode `{other}`; write key or value"),
            ));
        }
    };
    let parts = Parts::prepare(given, 2)?;
    Ok(Box::new(move |target, mut arguments| {
        let how = parts.with(&mut arguments)?;
        if in_keys {
            return how.replaced_keys(target).map(Some);
        }
        let mut growth = Growth(0);
        let mut is_changed = false;
        let mut entries = entries_of(target);
        for (_, value) in &mut entries {
            // What cannot be replaced stays, as in the Collector.
            let Value::String(text) = value else { continue };
            if let Ok(Some(new)) = how.replaced(text) {
                growth.add(text, &new)?;
                *value = Value::String(new);
                is_changed = true;
            }
        }
        Ok(is_changed.then(|| Value::map(entries)))
    }))
}

/// What is put in the place of parts of a text.
struct Parts {
    pattern: Pattern,
    /// Where the pattern is among the arguments; replacement, function and format follow it.
    position: usize,
    function: Option<Function>,
}

/// The same, with its arguments.
struct Replacing<'p, 'a> {
    regex: std::borrow::Cow<'p, GoRegex>,
    replacement: Text<'a>,
    function: Option<&'p Function>,
    format: Option<Text<'a>>,
}

impl Parts {
    fn prepare(given: &mut Given<'_>, position: usize) -> Result<Self, Refusal> {
        Ok(Self {
            pattern: Pattern::prepare(&given.literals, position)?,
            position,
            function: given.function.take(),
        })
    }

    fn with<'a>(&self, arguments: &mut Arguments<'a>) -> Result<Replacing<'_, 'a>, Failure> {
        let pattern = arguments.text(self.position);
        Ok(Replacing {
            regex: self.pattern.regex(&pattern)?,
            replacement: arguments.text(self.position + 1),
            function: self.function.as_ref(),
            format: arguments.optional_text(self.position + 3),
        })
    }
}

impl Replacing<'_, '_> {
    /// The text with every part replaced; nothing when the pattern does not occur.
    fn replaced<'t>(&self, text: &[u8]) -> Result<Option<Text<'t>>, Failure> {
        let Some(function) = self.function else {
            let replaced = self
                .regex
                .replace_all(text, &self.replacement, REPLACED_MAX);
            return Ok(replaced.map_err(too_long)?.map(Into::into));
        };
        let parts = self.regex.find_all(text, &self.replacement, REPLACED_MAX);
        let parts = parts.map_err(too_long)?;
        if parts.is_empty() {
            return Ok(None);
        }
        // As in the Collector, each part is replaced wherever its text occurs.
        let mut updated = text.to_vec();
        let mut searched = 0;
        for (part, expanded) in parts {
            searched += updated.len();
            if searched > SEARCHED_MAX {
                return Err("the pattern occurs too often in a text that is too long".into());
            }
            let new = formatted(function.apply(expanded.into())?, self.format.as_deref())?;
            updated = replace_text(&updated, &part, &new);
            if updated.len() > REPLACED_MAX {
                return Err(too_long(TooLong));
            }
        }
        Ok(Some(updated.into()))
    }

    /// The map with keys replaced. Of keys that become equal the last gives the value.
    fn replaced_keys<'m>(&self, target: Value<'m>) -> Result<Value<'m>, Failure> {
        let mut growth = Growth(0);
        let mut renamed = Entries::default();
        for (key, value) in entries_of(target) {
            let new = self.replaced(&key).ok().flatten();
            if let Some(new) = &new {
                growth.add(&key, new)?;
            }
            renamed.put(new.unwrap_or(key), value);
        }
        Ok(renamed.into_map())
    }
}

/// By how many bytes the texts of a map have become longer.
struct Growth(usize);

impl Growth {
    /// A text is replaced by another.
    fn add(&mut self, before: &[u8], after: &[u8]) -> Result<(), Failure> {
        self.0 += after.len().saturating_sub(before.len());
        if self.0 > GROWN_MAX {
            let reason = format!("the texts become longer by more than {GROWN_MAX} bytes together");
            return Err(reason.into());
        }
        Ok(())
    }
}

fn too_long(_: TooLong) -> Failure {
    format!("the text becomes longer than {REPLACED_MAX} bytes").into()
}

fn replace_text(text: &[u8], part: &[u8], new: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len() + new.len());
    if part.is_empty() {
        // Between all characters, at the start and at the end.
        for character in String::from_utf8_lossy(text).chars() {
            out.extend_from_slice(new);
            out.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
            if out.len() > REPLACED_MAX {
                break;
            }
        }
        out.extend_from_slice(new);
        return out;
    }
    let mut at = 0;
    while let Some(&byte) = text.get(at) {
        if byte == part[0] && text[at..].starts_with(part) {
            out.extend_from_slice(new);
            at += part.len();
        } else {
            out.push(byte);
            at += 1;
        }
        if out.len() > REPLACED_MAX {
            break;
        }
    }
    out
}

/// The text in the place of `%s` in a format, if there is one.
fn formatted<'a>(text: Text<'a>, format: Option<&[u8]>) -> Result<Text<'a>, Failure> {
    let Some(format) = format else {
        return Ok(text);
    };
    let mut out = Vec::with_capacity(format.len() + text.len());
    let mut has_text = false;
    let mut letters = format.iter().copied().peekable();
    while let Some(letter) = letters.next() {
        match (letter, letters.peek()) {
            (b'%', Some(b's')) => {
                letters.next();
                out.extend_from_slice(if has_text { b"%!s(MISSING)" } else { &text });
                has_text = true;
            }
            (b'%', Some(_)) => {
                has_text = false;
                break;
            }
            (b'%', None) => out.extend_from_slice(b"%!(NOVERB)"),
            (letter, _) => out.push(letter),
        }
    }
    if has_text {
        Ok(out.into())
    } else {
        Err("the format must hold one %s and no other placeholder".into())
    }
}
