//! Statements of databases without their values.

mod json;
mod memcached;
mod redis;
mod sql;

use std::collections::BTreeSet;
use tailweir_config::{DatabaseSanitizer, DbSanitizer};
use tailweir_core::Signal;
use tailweir_otlp::AnyValue;

/// Attributes that name a database, the first one that is there.
const DATABASE_KEYS: [&[u8]; 2] = [b"db.system.name", b"db.system"];
/// So much of a statement is read; the rest is cut off. Statements in SQL are read whole.
const READ_MAX: usize = 256 << 10;
/// What stands for what was cut off.
const CUT: &str = "...";
/// What stands for the values of a command.
const HIDDEN: &str = "?";
/// Longest name of an unknown command that stays.
const NAME_MAX: usize = 40;

/// What is known of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Nature {
    /// It is a statement of this database.
    Statement,
    /// It is the name of a span of this database: perhaps a statement.
    Name,
    /// It may be any text, as log bodies are.
    Text,
}

/// The language of a statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Language {
    Sql,
    Redis,
    Memcached,
    Json,
}

/// The databases whose statements are stripped of their values.
#[derive(Debug)]
pub(super) struct Databases {
    /// In the order in which they are tried.
    list: Vec<Database>,
    in_names: bool,
    without_system: bool,
}

#[derive(Debug)]
struct Database {
    language: Language,
    /// What attributes call it.
    systems: &'static [&'static str],
    /// Keys of attributes that hold statements.
    keys: BTreeSet<Vec<u8>>,
}

/// Whose statements attributes hold.
#[derive(Debug)]
pub(super) enum Holder {
    /// Those of the database of this name.
    Named(String),
    /// Those of any database.
    Any,
    /// Nobody's.
    Nobody,
}

impl Databases {
    /// Nothing when no database is enabled.
    pub(super) fn new(settings: &DbSanitizer) -> Option<Self> {
        let database = |language, systems, sanitizer: &DatabaseSanitizer| {
            let keys = sanitizer.attributes.iter();
            sanitizer.enabled.then(|| Database {
                language,
                systems,
                keys: keys.map(|key| key.clone().into_bytes()).collect(),
            })
        };
        let sql: &[&str] = &["other_sql", "mysql", "postgresql", "mariadb", "sqlite"];
        let all = [
            database(Language::Sql, sql, &settings.sql),
            database(Language::Redis, &["redis"], &settings.redis),
            database(Language::Redis, &["valkey"], &settings.valkey),
            database(Language::Memcached, &["memcached"], &settings.memcached),
            database(Language::Json, &["mongodb"], &settings.mongo),
            database(Language::Json, &["opensearch"], &settings.opensearch),
            database(Language::Json, &["elasticsearch"], &settings.es),
        ];
        let list: Vec<_> = all.into_iter().flatten().collect();
        (!list.is_empty()).then_some(Self {
            list,
            in_names: settings.sanitize_span_name.unwrap_or(true),
            without_system: settings.allow_fallback_without_system,
        })
    }

    /// Whether names of spans are stripped too.
    pub(super) fn in_names(&self) -> bool {
        self.in_names
    }

    /// Whose statements attributes hold that are got so.
    pub(super) fn holder<'a>(
        &self,
        signal: Signal,
        get: impl Fn(&[u8]) -> Option<AnyValue<'a>>,
    ) -> Holder {
        match named(get) {
            Some(name) => Holder::Named(name),
            None if self.without_system || signal == Signal::Logs => Holder::Any,
            None => Holder::Nobody,
        }
    }

    /// The value of an attribute without values; nothing when it stays.
    pub(super) fn attribute(&self, key: &[u8], value: &[u8], holder: &Holder) -> Option<Vec<u8>> {
        let mut with_key = self.list.iter().filter(|it| it.keys.contains(key));
        match holder {
            Holder::Named(name) => {
                let database = with_key.find(|it| it.is_called(name))?;
                database.language.sanitized(value, Nature::Statement)
            }
            Holder::Any => in_turn(with_key.map(|it| it.language), value, Nature::Text),
            Holder::Nobody => None,
        }
    }

    /// A log body without values; nothing when it stays.
    pub(super) fn body(&self, value: &[u8]) -> Option<Vec<u8>> {
        in_turn(self.list.iter().map(|it| it.language), value, Nature::Text)
    }

    /// The name of a span without values; nothing when it stays.
    pub(super) fn name<'a>(
        &self,
        name: &[u8],
        get: impl Fn(&[u8]) -> Option<AnyValue<'a>>,
    ) -> Option<Vec<u8>> {
        let system = self.in_names.then(|| named(get))??;
        let database = self.list.iter().find(|it| it.is_called(&system))?;
        database.language.sanitized(name, Nature::Name)
    }
}

impl Database {
    fn is_called(&self, name: &str) -> bool {
        self.systems.contains(&name)
    }
}

impl Language {
    fn sanitized(self, value: &[u8], nature: Nature) -> Option<Vec<u8>> {
        let without_values = match self {
            Self::Sql => return Some(sql::without_values(value)),
            Self::Redis => redis::without_values,
            Self::Memcached => memcached::without_values,
            Self::Json => json::without_values,
        };
        let text = String::from_utf8_lossy(value);
        let read = &text[..text.floor_char_boundary(READ_MAX)];
        let out = without_values(read, nature);
        if read.len() == text.len() {
            return out.map(String::into_bytes);
        }
        let mut out = out.unwrap_or_else(|| read.to_owned());
        if !out.ends_with(CUT) {
            out.push_str(CUT);
        }
        Some(out.into_bytes())
    }
}

/// A value through several languages; nothing when it stays.
fn in_turn(
    languages: impl IntoIterator<Item = Language>,
    value: &[u8],
    nature: Nature,
) -> Option<Vec<u8>> {
    let mut sanitized: Option<Vec<u8>> = None;
    for language in languages {
        let text = sanitized.as_deref().unwrap_or(value);
        sanitized = language.sanitized(text, nature).or(sanitized);
    }
    sanitized
}

/// The database that attributes name, in lower case.
fn named<'a>(get: impl Fn(&[u8]) -> Option<AnyValue<'a>>) -> Option<String> {
    let named = DATABASE_KEYS.iter().filter_map(|key| get(key)?.as_string());
    let mut named = named.filter(|name| !name.is_empty());
    named
        .next()
        .map(|name| String::from_utf8_lossy(name).to_lowercase())
}

/// Whether a word may be the name of a command, and no value that stands in its place.
fn is_name(word: &str) -> bool {
    let is_part = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    word.len() <= NAME_MAX
        && word.starts_with(|first: char| first.is_ascii_alphabetic())
        && word.bytes().all(is_part)
}
