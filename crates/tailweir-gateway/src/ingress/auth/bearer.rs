//! Bearer tokens.

use super::AuthError;
use crate::refusal::Refusal;
use ring::hmac;
use ring::rand::SystemRandom;
use tailweir_transform::AuthAttribute;

const SCHEME: &str = "Bearer";

/// The tokens that are let in, as keyed digests.
#[derive(Debug)]
pub(crate) struct Tokens {
    key: hmac::Key,
    digests: Vec<hmac::Tag>,
}

impl Tokens {
    /// These tokens; empty ones are passed over.
    pub(super) fn new<'a>(tokens: impl Iterator<Item = &'a str>) -> Result<Self, AuthError> {
        let key = hmac::Key::generate(hmac::HMAC_SHA256, &SystemRandom::new())
            .map_err(|_| AuthError::Nobody)?;
        let digests: Vec<_> = tokens
            .filter(|token| !token.is_empty())
            .map(|token| hmac::sign(&key, token.as_bytes()))
            .collect();
        if digests.is_empty() {
            return Err(AuthError::Nobody);
        }
        Ok(Self { key, digests })
    }

    /// Looks at every token, so that the time does not tell which one was close.
    fn holds(&self, token: &str) -> bool {
        let mut found = false;
        for digest in &self.digests {
            found |= hmac::verify(&self.key, token.as_bytes(), digest.as_ref()).is_ok();
        }
        found
    }
}

/// Checks a header's text.
///
/// # Errors
///
/// [`Refusal::Unauthenticated`].
pub(super) fn authenticate(
    tokens: &Tokens,
    scheme: &str,
    header: Option<&str>,
) -> Result<Vec<(String, AuthAttribute)>, Refusal> {
    let unauthenticated = |detail| Refusal::Unauthenticated {
        detail,
        scheme: SCHEME,
    };
    let header = header.ok_or(unauthenticated("missing authorization header"))?;
    let token = if scheme.is_empty() {
        Some(header)
    } else {
        header
            .split_once(' ')
            .filter(|(word, _)| word.eq_ignore_ascii_case(scheme))
            .map(|(_, token)| token.trim())
    };
    match token {
        Some(token) if tokens.holds(token) => Ok(vec![(
            "raw".to_owned(),
            AuthAttribute::Text(token.to_owned()),
        )]),
        _ => Err(unauthenticated("the bearer token is not valid")),
    }
}

#[cfg(test)]
mod tests {
    use super::{Tokens, authenticate};

    /// Scenario: two tokens are configured; headers are right, wrong, of another scheme, missing.
    /// Guarantees: exactly the right ones come in.
    #[test]
    fn only_a_configured_token_comes_in() {
        let tokens = Tokens::new(["one", "", "two"].into_iter()).unwrap();
        let check = |header| authenticate(&tokens, "Bearer", header).is_ok();
        assert!(check(Some("Bearer one")));
        assert!(check(Some("bearer two")));
        for wrong in ["Bearer three", "Bearer ", "one", "Basic one", ""] {
            assert!(!check(Some(wrong)), "{wrong}");
        }
        assert!(!check(None));
        assert!(authenticate(&tokens, "", Some("one")).is_ok());
        assert!(Tokens::new([""].into_iter()).is_err());
    }
}
