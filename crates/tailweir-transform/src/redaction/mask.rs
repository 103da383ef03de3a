//! What blocked text is replaced by.

use super::databases::{Databases, Holder};
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
use tailweir_core::Signal;
use tailweir_otlp::{AttributeList, Attributes};
use tailweir_ottl::GoRegexSet;

const STARS: &[u8] = b"****";
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
    databases: Option<Databases>,
}

struct Urls {
    keys: BTreeSet<Vec<u8>>,
    in_names: bool,
    in_bodies: bool,
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
        let urls = &settings.url_sanitizer;
        Self {
            function: settings.hash_function,
            key: settings.hmac_key.expose().as_bytes().to_vec(),
            blocked,
            urls: urls.enabled.then(|| Urls {
                keys: set(&urls.attributes),
                in_names: urls.sanitize_span_name.unwrap_or(true),
                in_bodies: urls.sanitize_log_body.unwrap_or(true),
            }),
            databases: Databases::new(&settings.db_sanitizer),
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
    pub(super) fn attribute(&self, key: &[u8], value: &[u8], holder: &Holder) -> Option<Vec<u8>> {
        let mut masked = self.blocked(value);
        let is_url = |urls: &Urls| urls.keys.contains(key);
        if self.urls.as_ref().is_some_and(is_url) {
            masked = Some(url::generalized(masked.as_deref().unwrap_or(value)));
        }
        let databases = self.databases.as_ref();
        let statement =
            |it: &Databases| it.attribute(key, masked.as_deref().unwrap_or(value), holder);
        databases.and_then(statement).or(masked)
    }

    /// A text of a log body without what is blocked; nothing when nothing is.
    pub(super) fn body(&self, value: &[u8]) -> Option<Vec<u8>> {
        let mut masked = self.blocked(value);
        if self.urls.as_ref().is_some_and(|urls| urls.in_bodies) {
            masked = Some(url::generalized(masked.as_deref().unwrap_or(value)));
        }
        let statement = |it: &Databases| it.body(masked.as_deref().unwrap_or(value));
        self.databases.as_ref().and_then(statement).or(masked)
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

    /// Whose statements these attributes hold.
    pub(super) fn holder(&self, signal: Signal, list: &AttributeList<'_>) -> Holder {
        match &self.databases {
            Some(databases) => databases.holder(signal, |key| list.get(key)),
            None => Holder::Nobody,
        }
    }

    /// Whether it changes names of spans.
    pub(super) fn renames(&self) -> bool {
        let urls = self.urls.as_ref().is_some_and(|urls| urls.in_names);
        urls || self.databases.as_ref().is_some_and(Databases::in_names)
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

    /// The name of a database's span without values; nothing when it stays.
    pub(super) fn statement_name(
        &self,
        name: &[u8],
        attributes: Attributes<'_>,
    ) -> Option<Vec<u8>> {
        let databases = self.databases.as_ref()?;
        databases.name(name, |key| attributes.get(key))
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
