//! What blocked text is replaced by.

use super::sql;
use super::url;
use crate::hexadecimal::hexadecimal;
use hmac::{Hmac, Mac};
use md5::Md5;
use sha1::Sha1;
use sha2::digest::Digest;
use sha2::{Sha256, Sha512};
use sha3::Sha3_256;
use std::collections::BTreeSet;
use tailweir_config::{HashFunction, RedactionProcessor};
use tailweir_otlp::{AnyValue, AttributeList, Attributes};
use tailweir_ottl::GoRegexSet;

const STARS: &[u8] = b"****";
/// Attributes that name a database, the first one that is there.
const DATABASE_KEYS: [&[u8]; 2] = [b"db.system.name", b"db.system"];
/// Databases that speak SQL.
const SQL_DATABASES: [&str; 5] = ["other_sql", "mysql", "postgresql", "mariadb", "sqlite"];
/// Attributes of which an HTTP span has one.
const HTTP_KEYS: [&[u8]; 9] = [
    b"http.route",
    b"http.request.method",
    b"http.request.method_original",
    b"http.response.status_code",
    b"url.full",
    b"http.scheme",
    b"http.target",
    b"http.method",
    b"http.url",
];

/// How text is masked.
pub(super) struct Mask {
    function: HashFunction,
    key: Vec<u8>,
    blocked: GoRegexSet,
    urls: Option<Urls>,
    statements: Option<Statements>,
}

struct Urls {
    keys: BTreeSet<Vec<u8>>,
    in_names: bool,
    in_bodies: bool,
}

struct Statements {
    keys: BTreeSet<Vec<u8>>,
    in_names: bool,
    without_system: bool,
}

impl std::fmt::Debug for Mask {
    /// The key is a secret.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Mask")
            .field("function", &self.function)
            .field("blocked", &self.blocked)
            .finish_non_exhaustive()
    }
}

impl Mask {
    pub(super) fn new(settings: &RedactionProcessor, blocked: GoRegexSet) -> Self {
        let set = |keys: &[String]| keys.iter().map(|key| key.clone().into_bytes()).collect();
        let (urls, databases) = (&settings.url_sanitizer, &settings.db_sanitizer);
        Self {
            function: settings.hash_function,
            key: settings.hmac_key.expose().as_bytes().to_vec(),
            blocked,
            urls: urls.enabled.then(|| Urls {
                keys: set(&urls.attributes),
                in_names: urls.sanitize_span_name.unwrap_or(true),
                in_bodies: urls.sanitize_log_body.unwrap_or(true),
            }),
            statements: databases.sql.enabled.then(|| Statements {
                keys: set(&databases.sql.attributes),
                in_names: databases.sanitize_span_name.unwrap_or(true),
                without_system: databases.allow_fallback_without_system,
            }),
        }
    }

    /// A whole value, each line of it.
    pub(super) fn whole(&self, value: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        for (index, line) in value.split(|&byte| byte == b'\n').enumerate() {
            if index > 0 {
                out.push(b'\n');
            }
            out.extend(self.hashed(line));
        }
        out
    }

    /// A value without what is blocked; nothing when nothing is.
    pub(super) fn attribute(
        &self,
        key: &[u8],
        value: &[u8],
        database: Option<&str>,
    ) -> Option<Vec<u8>> {
        let mut masked = self.blocked(value);
        let mut apply = |change: &dyn Fn(&[u8]) -> Vec<u8>| {
            masked = Some(change(masked.as_deref().unwrap_or(value)));
        };
        if self
            .urls
            .as_ref()
            .is_some_and(|urls| urls.keys.contains(key))
        {
            apply(&url::generalized);
        }
        let is_statement = |statements: &&Statements| {
            let speaks_sql = database.map_or(statements.without_system, is_sql);
            speaks_sql && statements.keys.contains(key)
        };
        if self.statements.as_ref().is_some_and(|it| is_statement(&it)) {
            apply(&sql::without_values);
        }
        masked
    }

    /// A text of a log body without what is blocked; nothing when nothing is.
    pub(super) fn body(&self, value: &[u8]) -> Option<Vec<u8>> {
        let mut masked = self.blocked(value);
        if self.urls.as_ref().is_some_and(|urls| urls.in_bodies) {
            masked = Some(url::generalized(masked.as_deref().unwrap_or(value)));
        }
        if self.statements.is_some() {
            masked = Some(sql::without_values(masked.as_deref().unwrap_or(value)));
        }
        masked
    }

    fn blocked(&self, value: &[u8]) -> Option<Vec<u8>> {
        // Most values have none of it, and are gone over once.
        if !self.blocked.is_match(value) {
            return None;
        }
        let mut masked: Option<Vec<u8>> = None;
        for pattern in self.blocked.iter() {
            let text = masked.as_deref().unwrap_or(value);
            if let Some(replaced) = pattern.replace_each(text, |found| self.hashed(found)) {
                masked = Some(replaced);
            }
        }
        masked
    }

    /// The name of a database, when statements are stripped by it.
    pub(super) fn database_of(&self, list: &AttributeList<'_>) -> Option<String> {
        self.statements.as_ref()?;
        database(|key| list.get(key))
    }

    /// Whether it changes names of spans.
    pub(super) fn renames(&self) -> bool {
        let urls = self.urls.as_ref().is_some_and(|urls| urls.in_names);
        urls || self.statements.as_ref().is_some_and(|it| it.in_names)
    }

    /// The name of an HTTP span without what tells requests apart; nothing when it stays.
    pub(super) fn http_name(&self, name: &[u8], attributes: Attributes<'_>) -> Option<Vec<u8>> {
        self.urls.as_ref().filter(|urls| urls.in_names)?;
        let is_http =
            name.contains(&b'/') || HTTP_KEYS.iter().any(|key| attributes.get(key).is_some());
        if !is_http {
            return None;
        }
        let sanitized = url::generalized(name);
        (sanitized != name && !url::says_nothing(&sanitized)).then_some(sanitized)
    }

    /// The name of a span that is a statement, without its values.
    pub(super) fn statement_name(&self, name: &[u8], database: &str) -> Option<Vec<u8>> {
        self.statements.as_ref().filter(|it| it.in_names)?;
        is_sql(database).then(|| sql::without_values(name))
    }

    fn hashed(&self, text: &[u8]) -> Vec<u8> {
        match self.function {
            HashFunction::None => STARS.to_vec(),
            HashFunction::Sha1 => hexadecimal(&Sha1::digest(text)),
            HashFunction::Sha3 => hexadecimal(&Sha3_256::digest(text)),
            HashFunction::Md5 => hexadecimal(&Md5::digest(text)),
            HashFunction::HmacSha256 => self.keyed::<Hmac<Sha256>>(text),
            HashFunction::HmacSha512 => self.keyed::<Hmac<Sha512>>(text),
        }
    }

    fn keyed<M: Mac + hmac::digest::KeyInit>(&self, text: &[u8]) -> Vec<u8> {
        match <M as Mac>::new_from_slice(&self.key) {
            Ok(mut mac) => {
                mac.update(text);
                hexadecimal(&mac.finalize().into_bytes())
            }
            // An HMAC takes keys of any length.
            Err(_) => STARS.to_vec(),
        }
    }
}

/// The database that attributes name, in lower case.
pub(super) fn database<'a>(get: impl Fn(&[u8]) -> Option<AnyValue<'a>>) -> Option<String> {
    let named = DATABASE_KEYS.iter().filter_map(|key| get(key)?.as_string());
    let mut named = named.filter(|name| !name.is_empty());
    named
        .next()
        .map(|name| String::from_utf8_lossy(name).to_lowercase())
}

fn is_sql(database: &str) -> bool {
    SQL_DATABASES.contains(&database)
}
