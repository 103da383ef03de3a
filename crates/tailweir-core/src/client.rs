//! Who sent a request, as far as anybody may ask.

use std::collections::BTreeSet;
use std::net::IpAddr;

/// Who sent a request. What is not known is absent.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
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

impl ClientContext {
    /// Nobody in particular.
    pub const NOBODY: Self = Self {
        address: None,
        metadata: Vec::new(),
        auth: Vec::new(),
    };

    /// The values of metadata of this name, in any case; none where it is not there.
    #[must_use]
    pub fn metadata(&self, name: &str) -> &[String] {
        let mut entries = self.metadata.iter();
        let found = entries.find(|entry| entry.0.eq_ignore_ascii_case(name));
        found.map_or(&[], |(_, values)| values)
    }

    /// What the authenticator found out under this name.
    #[must_use]
    pub fn auth(&self, name: &str) -> Option<&AuthAttribute> {
        let found = self.auth.iter().find(|entry| entry.0 == name);
        found.map(|(_, attribute)| attribute)
    }

    /// Whether nothing is known.
    #[must_use]
    pub fn is_nobody(&self) -> bool {
        self.address.is_none() && self.metadata.is_empty() && self.auth.is_empty()
    }

    /// Bytes of its texts.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let sum = |texts: &[String]| texts.iter().map(String::len).sum::<usize>();
        let metadata = self.metadata.iter();
        let auth = self.auth.iter().map(|(name, attribute)| {
            name.len()
                + match attribute {
                    AuthAttribute::Text(text) => text.len(),
                    AuthAttribute::Texts(texts) => sum(texts),
                }
        });
        metadata
            .map(|(name, values)| name.len() + sum(values))
            .chain(auth)
            .sum::<usize>()
            + self.address.map_or(0, |_| size_of::<IpAddr>())
    }
}

/// Something about a client, by name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum ClientKey {
    /// Its address.
    Address,
    /// A header or a piece of gRPC metadata; in lower case.
    Metadata(String),
    /// What the authenticator found out.
    Auth(String),
}

impl ClientKey {
    /// Reads `client.address`, `metadata.NAME` or `auth.NAME`; anything else is a name of metadata.
    #[must_use]
    pub fn new(text: &str) -> Self {
        if text == "client.address" {
            Self::Address
        } else if let Some(name) = text.strip_prefix("auth.") {
            Self::Auth(name.to_owned())
        } else {
            let name = text.strip_prefix("metadata.").unwrap_or(text);
            Self::Metadata(name.to_ascii_lowercase())
        }
    }

    /// What the client has there. Several values are joined by semicolons.
    #[must_use]
    pub fn read(&self, client: &ClientContext) -> Option<String> {
        match self {
            Self::Address => client.address.map(|address| address.to_string()),
            Self::Metadata(name) => joined(client.metadata(name)),
            Self::Auth(name) => match client.auth(name)? {
                AuthAttribute::Text(text) => Some(text.clone()),
                AuthAttribute::Texts(texts) => joined(texts),
            },
        }
    }
}

fn joined(values: &[String]) -> Option<String> {
    (!values.is_empty()).then(|| values.join(";"))
}

/// What of a client somebody asks for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ClientKeys {
    keys: BTreeSet<ClientKey>,
    has_everything: bool,
}

impl ClientKeys {
    /// Nobody asks for anything.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty() && !self.has_everything
    }

    /// Somebody asks for this.
    pub fn add(&mut self, key: ClientKey) {
        self.keys.insert(key);
    }

    /// Somebody may ask for anything.
    pub fn add_everything(&mut self) {
        self.has_everything = true;
    }

    /// Somebody asks for these.
    pub fn extend(&mut self, other: &Self) {
        self.keys.extend(other.keys.iter().cloned());
        self.has_everything |= other.has_everything;
    }

    /// What of a client is asked for, in an order that is always the same.
    #[must_use]
    pub fn of(&self, client: &ClientContext) -> ClientContext {
        if self.has_everything {
            return client.clone();
        }
        let mut kept = ClientContext::NOBODY;
        for key in &self.keys {
            match key {
                ClientKey::Address => kept.address = client.address,
                ClientKey::Metadata(name) => {
                    let values = client.metadata(name);
                    if !values.is_empty() {
                        kept.metadata.push((name.clone(), values.to_vec()));
                    }
                }
                ClientKey::Auth(name) => {
                    let found = client.auth(name);
                    kept.auth
                        .extend(found.map(|found| (name.clone(), found.clone())));
                }
            }
        }
        kept
    }
}

#[cfg(test)]
mod tests {
    use super::{AuthAttribute, ClientContext, ClientKey, ClientKeys};

    fn client() -> ClientContext {
        let texts = |values: &[&str]| values.iter().map(|&text| text.to_owned()).collect();
        ClientContext {
            address: Some([192, 0, 2, 44].into()),
            metadata: vec![
                ("X-Multi".into(), texts(&["a", "b"])),
                ("empty".into(), vec![]),
            ],
            auth: vec![
                ("subject".into(), AuthAttribute::Text("svc".into())),
                ("groups".into(), AuthAttribute::Texts(texts(&["g1", "g2"]))),
            ],
        }
    }

    /// Scenario: each kind of thing is looked up, present, absent, and in another case.
    /// Guarantees: metadata disregards case, several values are joined, and no values are none.
    #[test]
    fn a_client_is_asked_by_name() {
        for (key, expected) in [
            ("client.address", Some("192.0.2.44")),
            ("metadata.x-multi", Some("a;b")),
            ("X-MULTI", Some("a;b")),
            ("metadata.empty", None),
            ("metadata.absent", None),
            ("auth.subject", Some("svc")),
            ("auth.groups", Some("g1;g2")),
            ("auth.Subject", None),
        ] {
            let found = ClientKey::new(key).read(&client());
            assert_eq!(found.as_deref(), expected, "{key}");
        }
        assert_eq!(ClientKey::Address.read(&ClientContext::NOBODY), None);
    }

    /// Scenario: some of what is known of a client is asked for, in this order and in another; nothing is;
    /// anything may be.
    /// Guarantees: exactly that is left, and the same whatever the order.
    #[test]
    fn what_nobody_asks_for_is_left_out() {
        let of = |keys: &[&str]| {
            let mut wanted = ClientKeys::default();
            for key in keys {
                wanted.add(ClientKey::new(key));
            }
            wanted.of(&client())
        };
        let kept = of(&["x-multi", "auth.subject", "absent"]);
        assert_eq!(kept, of(&["absent", "auth.subject", "X-Multi"]));
        assert_eq!(kept.address, None);
        assert_eq!(kept.metadata("x-multi"), ["a", "b"]);
        assert_eq!(kept.auth.len(), 1);
        assert_eq!(kept.bytes(), "x-multi".len() + 2 + "subject".len() + 3);
        assert!(ClientKeys::default().is_empty() && of(&[]).is_nobody());
        assert!(of(&["client.address"]).address.is_some());
        let mut all = ClientKeys::default();
        all.add_everything();
        let mut wanted = ClientKeys::default();
        wanted.extend(&all);
        assert!(!wanted.is_empty());
        assert_eq!(wanted.of(&client()), client());
    }
}
