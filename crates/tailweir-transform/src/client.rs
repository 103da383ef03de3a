//! Who sent a request, as far as `from_context` may ask.

use std::net::IpAddr;

/// Who sent a request. What is not known is absent.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ClientContext {
    /// Address of the client, without its port.
    pub address: Option<IpAddr>,
    /// Headers or gRPC metadata, with all values of each. Names are compared without regard to case.
    pub metadata: Vec<(String, Vec<String>)>,
    /// What the authenticator found out, by name.
    pub auth: Vec<(String, AuthAttribute)>,
}

/// Something that an authenticator found out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AuthAttribute {
    /// One text.
    Text(String),
    /// Several texts.
    Texts(Vec<String>),
}

/// What a `from_context` names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ContextKey {
    Address,
    Metadata(String),
    Auth(String),
}

impl ContextKey {
    /// Reads `client.address`, `metadata.NAME` or `auth.NAME`; anything else is a name of metadata.
    pub(crate) fn new(text: &str) -> Self {
        if text == "client.address" {
            Self::Address
        } else if let Some(name) = text.strip_prefix("metadata.") {
            Self::Metadata(name.to_owned())
        } else if let Some(name) = text.strip_prefix("auth.") {
            Self::Auth(name.to_owned())
        } else {
            Self::Metadata(text.to_owned())
        }
    }

    /// What the client has there. Several values are joined by semicolons.
    pub(crate) fn read(&self, client: &ClientContext) -> Option<String> {
        match self {
            Self::Address => client.address.map(|address| address.to_string()),
            Self::Metadata(name) => {
                let found = client
                    .metadata
                    .iter()
                    .find(|entry| entry.0.eq_ignore_ascii_case(name));
                found.and_then(|(_, values)| joined(values))
            }
            Self::Auth(name) => match &client.auth.iter().find(|entry| entry.0 == *name)?.1 {
                AuthAttribute::Text(text) => Some(text.clone()),
                AuthAttribute::Texts(texts) => joined(texts),
            },
        }
    }
}

fn joined(values: &[String]) -> Option<String> {
    (!values.is_empty()).then(|| values.join(";"))
}

#[cfg(test)]
mod tests {
    use super::{AuthAttribute, ClientContext, ContextKey};

    /// Scenario: each kind of thing is looked up, present, absent, and in another case.
    /// Guarantees: metadata disregards case, several values are joined, and no values are none.
    #[test]
    fn a_client_is_asked_by_name() {
        let texts = |values: &[&str]| values.iter().map(|&text| text.to_owned()).collect();
        let client = ClientContext {
            address: Some([192, 0, 2, 44].into()),
            metadata: vec![
                ("X-Multi".into(), texts(&["a", "b"])),
                ("empty".into(), vec![]),
            ],
            auth: vec![
                ("subject".into(), AuthAttribute::Text("svc".into())),
                ("groups".into(), AuthAttribute::Texts(texts(&["g1", "g2"]))),
            ],
        };
        for (key, expected) in [
            ("client.address", Some("192.0.2.44")),
            ("metadata.x-multi", Some("a;b")),
            ("x-multi", Some("a;b")),
            ("metadata.empty", None),
            ("metadata.absent", None),
            ("auth.subject", Some("svc")),
            ("auth.groups", Some("g1;g2")),
            ("auth.Subject", None),
        ] {
            assert_eq!(
                ContextKey::new(key).read(&client).as_deref(),
                expected,
                "{key}"
            );
        }
        assert_eq!(
            ContextKey::new("client.address").read(&ClientContext::default()),
            None
        );
    }
}
