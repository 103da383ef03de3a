//! The `headers_setter` extension.

use crate::ComponentId;
use crate::report::{Cause, Report};
use crate::setting::{Block, Secret, choice, settings};
use tailweir_core::{ClientKey, ClientKeys};

choice! {
    /// What is done to a header.
    pub enum HeaderAction = Upsert {
        /// It is set where it is not there.
        Insert = "insert",
        /// It is set where it is there.
        Update = "update",
        /// It is set.
        Upsert = "upsert",
        /// It is taken out.
        Delete = "delete",
    }
}

settings! {
    /// Sets headers of the requests of exporters that name it as their `authenticator`: to what is written
    /// here, or to what the request had with which the telemetry came. For the latter its receiver has to
    /// have `include_metadata: true`.
    pub struct HeadersSetter {
        /// The headers, in the order in which they are dealt with.
        headers: Vec<HeaderRule> = Vec::new(),
        /// Another extension that signs the requests afterwards: `basicauth` or `bearertokenauth`.
        additional_auth: Option<ComponentId> = None,
    }
    rules headers_setter_rules;
}

fn headers_setter_rules(setter: &mut HeadersSetter, block: &mut Block<'_>, report: &mut Report) {
    if setter.headers.is_empty() {
        let text = "`headers_setter` sets no header";
        let fix = "add `headers: [{key: X-Scope-OrgID, from_context: x-scope-orgid}]`, say";
        report.error_at(block.at("headers"), Cause::Missing, text, fix);
    }
}

impl HeadersSetter {
    /// What it asks of the client.
    #[must_use]
    pub fn client_keys(&self) -> ClientKeys {
        let mut keys = ClientKeys::default();
        for rule in &self.headers {
            if let Some(key) = rule.client_key() {
                keys.add(key);
            }
        }
        keys
    }
}

settings! {
    /// What becomes of one header. One of `value`, `value_file`, `from_context` and `from_attribute`, unless it
    /// is deleted.
    pub struct HeaderRule {
        /// What is done.
        action: HeaderAction = HeaderAction::Upsert,
        /// Name of the header.
        key: String = String::new(),
        /// Its value.
        value: Option<Secret> = None,
        /// Path of a file whose first line is its value; read again when it changes.
        value_file: Option<String> = None,
        /// Name of the header, or piece of gRPC metadata, of the client that has its value; `auth.NAME` is what
        /// the authenticator found out.
        from_context: Option<String> = None,
        /// What the authenticator of the receiver found out, by name.
        from_attribute: Option<String> = None,
        /// Its value where the client has none. Absent: it is empty.
        default_value: Option<Secret> = None,
    }
    rules header_rules;
}

impl HeaderRule {
    /// What it asks of the client.
    #[must_use]
    pub fn client_key(&self) -> Option<ClientKey> {
        if self.action == HeaderAction::Delete {
            return None;
        }
        if let Some(name) = &self.from_attribute {
            return Some(ClientKey::Auth(name.clone()));
        }
        let name = self.from_context.as_ref()?;
        Some(match name.strip_prefix("auth.") {
            Some(name) => ClientKey::Auth(name.to_owned()),
            None => ClientKey::Metadata(name.to_ascii_lowercase()),
        })
    }
}

fn header_rules(rule: &mut HeaderRule, block: &mut Block<'_>, report: &mut Report) {
    if rule.key.is_empty() {
        let text = "the header has no `key`";
        report.error_at(block.at("key"), Cause::Missing, text, "add its name");
    }
    if rule.key.to_ascii_lowercase().ends_with("-bin") {
        let text = "a header with binary values cannot be set";
        let fix = "send it by a name that does not end with `-bin`";
        report.error_at(block.at("key"), Cause::NotAllowed, text, fix);
    }
    let sources = [
        ("value", rule.value.is_some()),
        ("value_file", rule.value_file.is_some()),
        ("from_context", rule.from_context.is_some()),
        ("from_attribute", rule.from_attribute.is_some()),
    ];
    let mut written = sources.iter().filter(|source| source.1);
    if rule.action == HeaderAction::Delete {
        return;
    }
    match (written.next(), written.next()) {
        (None, _) => {
            let text = "the header has no value";
            let fix = "add `value`, `value_file`, `from_context` or `from_attribute`";
            report.error_at(block.place(), Cause::Missing, text, fix);
        }
        (Some(first), Some(second)) => {
            let text = format!("`{}` and `{}` exclude each other", first.0, second.0);
            let place = block.at(second.0);
            report.error_at(place, Cause::Contradiction, text, "keep one of them");
        }
        (Some(_), None) => {}
    }
}
