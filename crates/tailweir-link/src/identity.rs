//! Who a member is.

use crate::{IdentityError, Roles};
use rustls_pki_types::CertificateDer;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

/// Begins the URI of an identity.
const SCHEME: &str = "tailweir://";

/// Who a member is: of which cluster, in which roles, by which name.
///
/// As text, and in certificates as a URI among the subject's alternative names, `tailweir://CLUSTER/ROLE[+ROLE]/NAME`.
/// Cluster and name are 1 to 253 characters of `A-Z a-z 0-9 . _ -`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Identity {
    cluster: Arc<str>,
    roles: Roles,
    name: Arc<str>,
}

impl Identity {
    /// Longest cluster id and name, in bytes: that of a DNS name.
    pub const LENGTH_MAX: usize = 253;

    /// An identity of these parts.
    ///
    /// # Errors
    ///
    /// When a part is empty, too long, or has characters that it may not have.
    pub fn new(cluster: &str, roles: Roles, name: &str) -> Result<Self, IdentityError> {
        if roles.is_empty() {
            return Err(IdentityError::UnknownRole(String::new()));
        }
        Ok(Self {
            cluster: word("cluster id", cluster)?,
            roles,
            name: word("name", name)?,
        })
    }

    /// The one identity that a certificate is for.
    ///
    /// # Errors
    ///
    /// When it is for none, for more than one, or for one that is not well formed.
    pub fn of_certificate(certificate: &CertificateDer<'_>) -> Result<Self, IdentityError> {
        let names = tailweir_tls::uri_names(certificate)
            .map_err(|error| IdentityError::Certificate(error.to_string()))?;
        let mut ours = names.iter().filter(|name| name.starts_with(SCHEME));
        let one = ours.next().ok_or(IdentityError::Missing)?;
        if ours.next().is_some() {
            return Err(IdentityError::Several);
        }
        one.parse()
    }

    /// The id of the cluster.
    #[must_use]
    pub fn cluster(&self) -> &str {
        &self.cluster
    }

    /// What it does.
    #[must_use]
    pub fn roles(&self) -> Roles {
        self.roles
    }

    /// What it is called; stable over restarts.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether a certificate for `self` also covers `other`: the same member, in some of the roles.
    #[must_use]
    pub fn covers(&self, other: &Self) -> bool {
        self.cluster == other.cluster && self.name == other.name && self.roles.has_all(other.roles)
    }
}

fn word(what: &'static str, text: &str) -> Result<Arc<str>, IdentityError> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    if (1..=Identity::LENGTH_MAX).contains(&text.len()) && text.bytes().all(allowed) {
        return Ok(text.into());
    }
    Err(IdentityError::Word {
        what,
        text: text.chars().take(64).collect(),
    })
}

impl FromStr for Identity {
    type Err = IdentityError;

    fn from_str(text: &str) -> Result<Self, IdentityError> {
        let malformed = || IdentityError::Malformed(text.chars().take(256).collect());
        let rest = text.strip_prefix(SCHEME).ok_or_else(malformed)?;
        let mut parts = rest.split('/');
        let (Some(cluster), Some(roles), Some(name), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(malformed());
        };
        Self::new(cluster, roles.parse()?, name)
    }
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{SCHEME}{}/{}/{}", self.cluster, self.roles, self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::Identity;
    use crate::{Role, Roles};

    /// Scenario: an identity of two roles; texts that are almost one.
    /// Guarantees: it is read as it was written, and the others are refused.
    #[test]
    fn an_identity_is_read_as_written() {
        let text = "tailweir://production/gateway+sampler/sampler-0.zone_a";
        let identity: Identity = text.parse().unwrap();
        assert_eq!(identity.to_string(), text);
        assert_eq!(identity.cluster(), "production");
        assert_eq!(identity.roles(), Roles::GATEWAY | Roles::SAMPLER);
        assert!(!identity.roles().has(Role::Controller));
        assert_eq!(identity.name(), "sampler-0.zone_a");
        for wrong in [
            "spiffe://production/sampler/a",
            "tailweir://production/sampler",
            "tailweir://production/sampler/a/b",
            "tailweir:///sampler/a",
            "tailweir://production//a",
            "tailweir://production/sampler/",
            "tailweir://production/owner/a",
            "tailweir://pro duction/sampler/a",
            "tailweir://production/sampler/a?b",
        ] {
            assert!(wrong.parse::<Identity>().is_err(), "{wrong}");
        }
        let long = "a".repeat(Identity::LENGTH_MAX + 1);
        assert!(Identity::new(&long, Roles::SAMPLER, "a").is_err());
    }

    /// Scenario: a certificate for a gateway and sampler, used by members that are less, more, or others.
    /// Guarantees: it covers fewer roles of the same member, and nothing else.
    #[test]
    fn a_certificate_covers_fewer_roles_of_the_same_member() {
        let identity = |text: &str| format!("tailweir://{text}").parse::<Identity>().unwrap();
        let certificate = identity("a/gateway+sampler/m");
        assert!(certificate.covers(&identity("a/sampler/m")));
        for other in ["a/sampler+controller/m", "b/sampler/m", "a/sampler/n"] {
            assert!(!certificate.covers(&identity(other)), "{other}");
        }
    }
}
