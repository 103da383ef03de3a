//! Headers by rules: to what is configured, to what a file holds, to what the client had.

use super::{SigningError, Text};
use crate::BuildError;
use http::header::Entry;
use http::{HeaderMap, HeaderName, HeaderValue};
use tailweir_config::{HeaderAction, HeaderRule, HeadersSetter, Secret};
use tailweir_core::{AuthAttribute, ClientContext, ClientKeys};

/// The rules of a `headers_setter`.
pub(super) struct HeaderRules {
    rules: Vec<Rule>,
    keys: ClientKeys,
}

struct Rule {
    action: HeaderAction,
    name: HeaderName,
    source: Source,
}

/// Where a value comes from.
enum Source {
    Fixed(Text),
    Metadata { name: String, default: Secret },
    Auth { name: String, default: Secret },
}

impl HeaderRules {
    pub(super) fn new(setter: &HeadersSetter) -> Result<Self, BuildError> {
        let rules = setter.headers.iter().enumerate();
        Ok(Self {
            rules: rules
                .map(|(index, rule)| Rule::new(index, rule))
                .collect::<Result<_, _>>()?,
            keys: setter.client_keys(),
        })
    }

    /// What they ask of the client.
    pub(super) fn client_keys(&self) -> &ClientKeys {
        &self.keys
    }

    /// Changes the headers of a request of this client, one rule after the other.
    pub(super) fn apply(
        &self,
        headers: &mut HeaderMap,
        client: &ClientContext,
    ) -> Result<(), SigningError> {
        for rule in &self.rules {
            // An empty header is as good as none, as in the Collector.
            let is_there = headers
                .get(&rule.name)
                .is_some_and(|value| !value.is_empty());
            match rule.action {
                HeaderAction::Insert if is_there => {}
                HeaderAction::Update if !is_there => {}
                HeaderAction::Delete => {
                    if let Entry::Occupied(entry) = headers.entry(&rule.name) {
                        entry.remove_entry_mult();
                    }
                }
                HeaderAction::Insert | HeaderAction::Update | HeaderAction::Upsert => {
                    headers.insert(&rule.name, rule.value(client)?);
                }
            }
        }
        Ok(())
    }
}

impl Rule {
    fn new(index: usize, rule: &HeaderRule) -> Result<Self, BuildError> {
        let option = |key: &str| format!("headers[{index}].{key}");
        let name = HeaderName::try_from(&rule.key).map_err(|_| {
            BuildError::new(
                option("key"),
                format!("{:?} is not a name of a header", rule.key),
            )
        })?;
        let default = rule.default_value.clone().unwrap_or_default();
        let source = if let Some(name) = &rule.from_attribute {
            let name = name.clone();
            Source::Auth { name, default }
        } else if let Some(name) = &rule.from_context {
            match name.strip_prefix("auth.") {
                Some(name) => Source::Auth {
                    name: name.to_owned(),
                    default,
                },
                None => Source::Metadata {
                    name: name.clone(),
                    default,
                },
            }
        } else {
            let file = rule.value_file.as_deref().unwrap_or_default();
            let value = rule.value.clone().unwrap_or_default();
            HeaderValue::try_from(value.expose()).map_err(|_| {
                let text = "it holds characters that a header cannot carry";
                BuildError::new(option("value"), text)
            })?;
            Source::Fixed(Text::new("value_file", file, &value)?)
        };
        Ok(Self {
            action: rule.action,
            name,
            source,
        })
    }

    fn value(&self, client: &ClientContext) -> Result<HeaderValue, SigningError> {
        let text = match &self.source {
            Source::Fixed(text) => text.current(),
            Source::Metadata { name, default } => only(name, client.metadata(name), default)?,
            Source::Auth { name, default } => match client.auth(name) {
                Some(AuthAttribute::Text(text)) => text.clone(),
                Some(AuthAttribute::Texts(texts)) => only(name, texts, default)?,
                None => default.expose().to_owned(),
            },
        };
        let value = HeaderValue::try_from(text);
        let mut value = value.map_err(|_| SigningError::InvalidValue(self.name.clone()))?;
        value.set_sensitive(true);
        Ok(value)
    }
}

fn only(name: &str, values: &[String], default: &Secret) -> Result<String, SigningError> {
    match values {
        [] => Ok(default.expose().to_owned()),
        [only] => Ok(only.clone()),
        several => Err(SigningError::SeveralValues {
            name: name.to_owned(),
            count: several.len(),
        }),
    }
}
