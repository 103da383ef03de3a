//! Who sent a request, as statements and conditions see it.

use super::read_map;
use crate::path::{Path, Place};
use tailweir_ottl::{EvaluationError, Key, Subject, Value};

/// Who sent a request: `otelcol.client`.
#[derive(Debug, Clone)]
pub struct ClientFacts {
    address: Option<String>,
    /// Lists of text by name.
    metadata: Value<'static>,
    auth: Value<'static>,
}

impl Default for ClientFacts {
    fn default() -> Self {
        Self {
            address: None,
            metadata: Value::map(Vec::new()),
            auth: Value::map(Vec::new()),
        }
    }
}

impl ClientFacts {
    /// The address without its port, what was sent with the request, and what is known of who sent it.
    #[must_use]
    pub fn new(
        address: Option<String>,
        metadata: &[(String, Vec<String>)],
        auth: Vec<(String, Value<'static>)>,
    ) -> Self {
        let texts = |texts: &[String]| {
            Value::list(texts.iter().map(|text| Value::text(text.clone())).collect())
        };
        let metadata = metadata.iter();
        Self {
            address,
            metadata: Value::map(
                metadata
                    .map(|(name, values)| (name.clone().into_bytes().into(), texts(values)))
                    .collect(),
            ),
            auth: Value::map(
                auth.into_iter()
                    .map(|(name, value)| (name.into_bytes().into(), value))
                    .collect(),
            ),
        }
    }

    pub(super) fn address(&self) -> Value<'_> {
        match &self.address {
            Some(address) => Value::text(address.as_str()),
            None => Value::Nil,
        }
    }

    /// Names are compared without regard to case.
    pub(super) fn metadata(&self, keys: &[Key<'_>]) -> Result<Value<'_>, EvaluationError> {
        let (Some((first, rest)), Value::Map(map)) = (keys.split_first(), &self.metadata) else {
            return Ok(self.metadata.borrowed());
        };
        let name = first.name()?;
        let mut entries = map.entries().iter();
        match entries.find(|(known, _)| known.eq_ignore_ascii_case(name)) {
            Some((_, values)) => read_map(values, rest),
            None => Ok(Value::Nil),
        }
    }

    pub(super) fn auth(&self) -> &Value<'static> {
        &self.auth
    }
}

/// A subject and who sent it, for conditions that ask about both.
#[derive(Debug, Clone, Copy)]
pub struct WithClient<'c, S> {
    /// What conditions are about.
    pub subject: S,
    /// Who sent it.
    pub client: &'c ClientFacts,
}

impl<S: Subject<Path>> Subject<Path> for WithClient<'_, S> {
    fn value<'a>(&'a self, path: &'a Path, keys: &[Key<'a>]) -> Result<Value<'a>, EvaluationError> {
        match path.0 {
            Place::ClientAddress => Ok(self.client.address()),
            Place::ClientMetadata => self.client.metadata(keys),
            Place::ClientAuth => read_map(self.client.auth(), keys),
            _ => self.subject.value(path, keys),
        }
    }
}
