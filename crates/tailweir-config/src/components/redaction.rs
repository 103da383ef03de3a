//! The `redaction` processor.

use crate::report::{Cause, Report};
use crate::setting::{Block, Secret, choice, settings};

choice! {
    /// What blocked text is replaced by.
    pub enum HashFunction = None {
        /// `****`.
        None = "",
        /// Its SHA-1 in hexadecimal digits.
        Sha1 = "sha1",
        /// Its SHA3-256.
        Sha3 = "sha3",
        /// Its MD5.
        Md5 = "md5",
        /// Its HMAC with SHA-256.
        HmacSha256 = "hmac-sha256",
        /// Its HMAC with SHA-512.
        HmacSha512 = "hmac-sha512",
    }
}

choice! {
    /// What is told about what was done, in attributes.
    pub enum RedactionSummary (any case) = Unset {
        /// Nothing.
        Unset = "",
        /// How many attributes.
        Info = "info",
        /// How many, and which.
        Debug = "debug",
        /// Nothing.
        Silent = "silent",
    }
}

settings! {
    /// Removes and masks attributes of resources, scopes and items, and parts of log bodies.
    pub struct RedactionProcessor {
        /// Whether attributes are kept whose keys are not in `allowed_keys`.
        allow_all_keys: bool = false,
        /// Keys of attributes that are kept. All others are removed.
        allowed_keys: Vec<String> = Vec::new(),
        /// Keys of attributes that are neither removed nor masked.
        ignored_keys: Vec<String> = Vec::new(),
        /// The same, as regular expressions.
        ignored_key_patterns: Vec<String> = Vec::new(),
        /// Regular expressions of keys whose whole values are masked.
        blocked_key_patterns: Vec<String> = Vec::new(),
        /// Regular expressions of what is masked in values.
        blocked_values: Vec<String> = Vec::new(),
        /// Regular expressions of values that are not masked.
        allowed_values: Vec<String> = Vec::new(),
        /// Whether values that are no text are masked too, as text.
        redact_all_types: bool = false,
        /// What blocked text is replaced by. Empty: `****`.
        hash_function: HashFunction = HashFunction::None,
        /// The key of the HMAC: 32 bytes at least for `hmac-sha256`, 64 for `hmac-sha512`.
        hmac_key: Secret = Secret::default(),
        /// How URLs are reduced to what they have in common.
        url_sanitizer: UrlSanitizer = UrlSanitizer::default(),
        /// How database statements are stripped of their values.
        db_sanitizer: DbSanitizer = DbSanitizer::default(),
        /// What is told about what was done: `debug`, `info` or `silent`. Not written: nothing.
        summary: RedactionSummary = RedactionSummary::Unset,
    }
    rules redaction_rules;
}

settings! {
    /// How URLs are reduced to what they have in common: of the parts of a path those that are no words
    /// become `*`, and queries are cut off.
    pub struct UrlSanitizer {
        /// Whether they are.
        enabled: bool = false,
        /// Keys of the attributes that hold URLs.
        attributes: Vec<String> = Vec::new(),
        /// Whether names of client and server spans are too.
        sanitize_span_name: Option<bool> = None,
        /// Whether bodies of log records are too.
        sanitize_log_body: Option<bool> = None,
    }
}

settings! {
    /// How database statements are stripped of their values.
    pub struct DbSanitizer {
        /// Statements in SQL: `db.system` is `mysql`, `postgresql`, `mariadb`, `sqlite` or `other_sql`.
        sql: DatabaseSanitizer = DatabaseSanitizer::default(),
        /// Commands of Redis: `db.system` is `redis`.
        redis: DatabaseSanitizer = DatabaseSanitizer::default(),
        /// Commands of Valkey: `db.system` is `valkey`.
        valkey: DatabaseSanitizer = DatabaseSanitizer::default(),
        /// Commands of Memcached: `db.system` is `memcached`.
        memcached: DatabaseSanitizer = DatabaseSanitizer::default(),
        /// JSON for MongoDB: `db.system` is `mongodb`.
        mongo: DatabaseSanitizer = DatabaseSanitizer::default(),
        /// JSON for OpenSearch: `db.system` is `opensearch`.
        opensearch: DatabaseSanitizer = DatabaseSanitizer::default(),
        /// JSON for Elasticsearch: `db.system` is `elasticsearch`.
        es: DatabaseSanitizer = DatabaseSanitizer::default(),
        /// Whether names of spans are stripped too, where the span names its database.
        sanitize_span_name: Option<bool> = None,
        /// Whether attributes are stripped where nothing names the database (`db.system.name`,
        /// `db.system`). Those of logs always are.
        allow_fallback_without_system: bool = false,
    }
}

settings! {
    /// How statements of a database are stripped of their values.
    pub struct DatabaseSanitizer {
        /// Whether they are: in log bodies, in names of spans and in `attributes`.
        enabled: bool = false,
        /// Keys of the attributes that hold statements.
        attributes: Vec<String> = Vec::new(),
    }
}

fn redaction_rules(redaction: &mut RedactionProcessor, block: &mut Block<'_>, report: &mut Report) {
    for (key, patterns) in [
        ("ignored_key_patterns", &redaction.ignored_key_patterns),
        ("blocked_key_patterns", &redaction.blocked_key_patterns),
        ("blocked_values", &redaction.blocked_values),
        ("allowed_values", &redaction.allowed_values),
    ] {
        for (place, pattern) in block.items(key).zip(patterns) {
            crate::pattern::check(pattern, place, report);
        }
    }
    let least = match redaction.hash_function {
        HashFunction::HmacSha256 => 32,
        HashFunction::HmacSha512 => 64,
        _ => return,
    };
    let length = redaction.hmac_key.expose().len();
    if length < least {
        let word = redaction.hash_function.word();
        let text = format!("`hmac_key` has {length} bytes; `{word}` needs {least} at least");
        let place = block.at("hmac_key");
        report.error_at(place, Cause::OutOfRange, text, "write a longer key");
    }
}
