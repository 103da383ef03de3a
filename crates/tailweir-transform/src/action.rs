//! One action on a list of attributes.

mod convert;
mod hash;

use crate::error::CompileError;
use crate::literal;
use tailweir_config::{Action as Word, AttributeAction, ConvertedType};
use tailweir_core::{ClientContext, ClientKey};
use tailweir_otlp::{AnyValue, AttributeList, EncodedAttribute, EncodedValue};
use tailweir_ottl::GoRegex;

/// A compiled action.
#[derive(Debug)]
pub(crate) enum Action {
    /// Gives `key` a value.
    Put { source: Source, when: When },
    /// Removes attributes.
    Delete(Selection),
    /// Replaces values by their hashes.
    Hash(Selection),
    /// Takes a text apart into the attributes that the groups are named for.
    Extract { key: Vec<u8>, pattern: GoRegex },
    /// Makes a value another type.
    Convert { key: Vec<u8>, to: ConvertedType },
}

/// When a value is put: depends on whether the key is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum When {
    Absent,
    Present,
    Always,
}

/// Attributes by key, by pattern, or both.
#[derive(Debug)]
pub(crate) struct Selection {
    key: Option<Vec<u8>>,
    pattern: Option<GoRegex>,
}

/// Where a value comes from, and what stands in for it.
#[derive(Debug)]
pub(crate) struct Source {
    /// What the value is put under.
    key: Vec<u8>,
    from: From,
    default: Option<EncodedAttribute>,
}

#[derive(Debug)]
enum From {
    Nothing,
    Literal(EncodedAttribute),
    Attribute(Vec<u8>),
    Context(ClientKey),
}

impl Action {
    /// Compiles an action that stands at `path`.
    pub(crate) fn compile(settings: &AttributeAction, path: &str) -> Result<Self, CompileError> {
        let key = settings.key.clone().into_bytes();
        let put = |when| Source::compile(settings, path).map(|source| (source, when));
        let (source, when) = match settings.action {
            Word::Insert => put(When::Absent)?,
            Word::Update => put(When::Present)?,
            Word::Upsert => put(When::Always)?,
            Word::Delete => return Selection::compile(settings, path).map(Self::Delete),
            Word::Hash => return Selection::compile(settings, path).map(Self::Hash),
            Word::Extract => {
                let pattern = compile_groups(settings, path)?;
                return require_key(key, path).map(|key| Self::Extract { key, pattern });
            }
            Word::Convert if settings.converted_type == ConvertedType::Unset => {
                return Err(CompileError::new(path, "convert needs `converted_type`"));
            }
            Word::Convert => {
                let to = settings.converted_type;
                return require_key(key, path).map(|key| Self::Convert { key, to });
            }
            Word::Unset => return Err(CompileError::new(path, "there is no `action`")),
        };
        require_key(key, path).map(|_| Self::Put { source, when })
    }

    /// The keys of all attributes that it looks at or writes; nothing when those may be any.
    pub(crate) fn keys(&self) -> Option<Vec<&[u8]>> {
        Some(match self {
            Self::Put { source, .. } => source.keys(),
            Self::Delete(selection) | Self::Hash(selection) => vec![selection.only_key()?],
            Self::Extract { key, pattern } => {
                let groups = pattern.group_names().flatten().map(str::as_bytes);
                groups.chain([&key[..]]).collect()
            }
            Self::Convert { key, .. } => vec![key],
        })
    }

    /// Changes the list.
    pub(crate) fn run(&self, list: &mut AttributeList<'_>, client: &ClientContext) {
        match self {
            Self::Put { source, when } => {
                let place = list.find(&source.key);
                let is_wanted = match when {
                    When::Always => true,
                    When::Present => place.is_some(),
                    When::Absent => place.is_none(),
                };
                if is_wanted {
                    source.put(list, place, client);
                }
            }
            Self::Delete(selection) => selection.delete(list),
            Self::Hash(selection) => selection.hash(list),
            Self::Extract { key, pattern } => extract(list, key, pattern),
            Self::Convert { key, to } => {
                let converted = list.get(key).and_then(|value| convert::convert(value, *to));
                if let Some(value) = converted {
                    list.put(key, &value);
                }
            }
        }
    }
}

impl Selection {
    fn compile(settings: &AttributeAction, path: &str) -> Result<Self, CompileError> {
        let text = &settings.pattern;
        let pattern = (!text.is_empty())
            .then(|| compile_pattern(text, path))
            .transpose()?;
        let key = (!settings.key.is_empty()).then(|| settings.key.clone().into_bytes());
        if key.is_none() && pattern.is_none() {
            return Err(CompileError::new(
                path,
                "there is neither `key` nor `pattern`",
            ));
        }
        Ok(Self { key, pattern })
    }

    /// The key, when there is no pattern beside it.
    fn only_key(&self) -> Option<&[u8]> {
        match self.pattern {
            None => self.key.as_deref(),
            Some(_) => None,
        }
    }

    fn matches(&self, name: &[u8]) -> bool {
        self.pattern
            .as_ref()
            .is_some_and(|pattern| pattern.is_match(name))
    }

    fn delete(&self, list: &mut AttributeList<'_>) {
        if let Some(key) = &self.key {
            list.remove(key);
        }
        if self.pattern.is_some() {
            list.retain(|attribute| !self.matches(attribute.key));
        }
    }

    /// The key and the pattern are two passes: what both select is hashed twice, as in the Collector.
    fn hash(&self, list: &mut AttributeList<'_>) {
        if let Some(key) = &self.key
            && let Some(hashed) = list.get(key).map(hash::hash)
        {
            list.put(key, &hashed);
        }
        if self.pattern.is_some() {
            list.update(|attribute| {
                self.matches(attribute.key)
                    .then(|| hash::hash(attribute.value))
            });
        }
    }
}

impl Source {
    fn compile(settings: &AttributeAction, path: &str) -> Result<Self, CompileError> {
        let key = settings.key.clone().into_bytes();
        let encode = |value| EncodedAttribute::new(&key, &literal::encode(value));
        let mut sources = Vec::new();
        if let Some(value) = &settings.value {
            sources.push(From::Literal(encode(value)));
        }
        if !settings.from_attribute.is_empty() {
            sources.push(From::Attribute(
                settings.from_attribute.clone().into_bytes(),
            ));
        }
        if !settings.from_context.is_empty() {
            sources.push(From::Context(ClientKey::new(&settings.from_context)));
        }
        let default = settings.default_value.as_ref().map(encode);
        let from = match (sources.pop(), sources.is_empty()) {
            (_, false) => {
                let problem = "`value`, `from_attribute` and `from_context` exclude each other";
                return Err(CompileError::new(path, problem));
            }
            (Some(from), true) => from,
            (None, true) if default.is_some() => From::Nothing,
            (None, true) => return Err(CompileError::new(path, "there is no value to write")),
        };
        Ok(Self { key, from, default })
    }

    fn keys(&self) -> Vec<&[u8]> {
        match &self.from {
            From::Attribute(from) => vec![&self.key, from],
            From::Nothing | From::Literal(_) | From::Context(_) => vec![&self.key],
        }
    }

    /// Puts the value, if there is one, where its key was found.
    fn put(&self, list: &mut AttributeList<'_>, place: Option<usize>, client: &ClientContext) {
        let key = &self.key;
        let is_put = match &self.from {
            From::Nothing => false,
            From::Literal(attribute) => {
                list.put_encoded(place, attribute);
                true
            }
            From::Attribute(from) => list.copy_to(place, key, from),
            From::Context(context) => match context.read(client) {
                Some(text) => {
                    list.put_at(place, key, &EncodedValue::string(text.as_bytes()));
                    true
                }
                None => false,
            },
        };
        if let Some(default) = self.default.as_ref().filter(|_| !is_put) {
            list.put_encoded(place, default);
        }
    }
}

/// Puts what each group found; a group that took no part gives empty text.
fn extract(list: &mut AttributeList<'_>, key: &[u8], pattern: &GoRegex) {
    let Some(AnyValue::String(text)) = list.get(key) else {
        return;
    };
    for (name, found) in pattern.named_groups(text).unwrap_or_default() {
        list.put(name.as_bytes(), &EncodedValue::string(&found));
    }
}

fn compile_groups(settings: &AttributeAction, path: &str) -> Result<GoRegex, CompileError> {
    let pattern = compile_pattern(&settings.pattern, path)?;
    if !pattern.has_named_groups() || pattern.group_names().any(|name| name.is_none()) {
        let problem = "extract needs named groups, and only those: write `(?P<name>...)`";
        return Err(CompileError::new(format!("{path}.pattern"), problem));
    }
    Ok(pattern)
}

fn compile_pattern(pattern: &str, path: &str) -> Result<GoRegex, CompileError> {
    GoRegex::new(pattern).map_err(|error| CompileError::new(format!("{path}.pattern"), error))
}

fn require_key(key: Vec<u8>, path: &str) -> Result<Vec<u8>, CompileError> {
    if key.is_empty() {
        Err(CompileError::new(path, "there is no `key`"))
    } else {
        Ok(key)
    }
}
