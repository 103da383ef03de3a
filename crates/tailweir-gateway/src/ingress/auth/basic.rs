//! User names and passwords: the lines of an `htpasswd` file.
//!
//! Checking a bcrypt hash takes tens of milliseconds by design, so it runs off the runtime's threads,
//! few at once, and credentials that were right are remembered as keyed digests.

use super::sha_crypt::ShaCrypt;
use super::{AuthError, apr1};
use crate::admission::RETRY_AFTER;
use crate::refusal::{Bound, Refusal};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use parking_lot::Mutex;
use ring::rand::SystemRandom;
use ring::{digest, hmac};
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use tailweir_transform::AuthAttribute;
use tokio::sync::Semaphore;

/// Right credentials that are remembered, at most; past it, all are forgotten.
const REMEMBERED_MAX: usize = 4096;
/// Passwords that are checked at once.
const CHECKS_MAX: usize = 2;
/// Clients that wait for the check of their password, at most; further ones are asked to come again.
const WAITING_MAX: usize = 64;
/// The longest password that is checked, in bytes: what crypt(3) takes. The time of some checks is the square of it.
const PASSWORD_MAX: usize = 512;

/// The users that are let in.
#[derive(Debug)]
pub(crate) struct Users {
    users: HashMap<String, Hash>,
    key: hmac::Key,
    remembered: Mutex<HashSet<[u8; 32]>>,
    checks: Arc<Semaphore>,
    /// Held by those who wait for a check, and while it runs.
    waiting: Semaphore,
}

/// How a password is kept.
#[derive(Debug, Clone)]
enum Hash {
    Bcrypt(String),
    Apr1(String),
    Sha { digest: Vec<u8>, salt: Vec<u8> },
    ShaCrypt(ShaCrypt),
    Plain(String),
}

impl Users {
    /// Reads the lines of a file, then those given inline, which win.
    pub(super) fn parse(file: &str, inline: &str) -> Result<Self, AuthError> {
        let mut users = HashMap::new();
        for text in [file, inline] {
            for (index, line) in text.lines().enumerate() {
                let line = line.trim();
                if line.is_empty() || line.starts_with('#') {
                    continue;
                }
                let bad = |detail| AuthError::BadLine {
                    line: index + 1,
                    detail,
                };
                let (user, password) = line
                    .split_once(':')
                    .ok_or(bad("not of the form user:password"))?;
                users.insert(user.to_owned(), Hash::parse(password).map_err(bad)?);
            }
        }
        if users.is_empty() {
            return Err(AuthError::Nobody);
        }
        let key = hmac::Key::generate(hmac::HMAC_SHA256, &SystemRandom::new())
            .map_err(|_| AuthError::Nobody)?;
        Ok(Self {
            users,
            key,
            remembered: Mutex::default(),
            checks: Arc::new(Semaphore::new(CHECKS_MAX)),
            waiting: Semaphore::new(CHECKS_MAX + WAITING_MAX),
        })
    }

    fn digest(&self, credentials: &str) -> [u8; 32] {
        let tag = hmac::sign(&self.key, credentials.as_bytes());
        let mut digest = [0; 32];
        digest.copy_from_slice(tag.as_ref());
        digest
    }

    fn remember(&self, digest: [u8; 32]) {
        let mut remembered = self.remembered.lock();
        if remembered.len() >= REMEMBERED_MAX {
            remembered.clear();
        }
        remembered.insert(digest);
    }
}

impl Hash {
    fn parse(text: &str) -> Result<Self, &'static str> {
        let sha = |encoded: &str| {
            let bytes = STANDARD
                .decode(encoded)
                .map_err(|_| "the hash is not base64")?;
            let length = digest::SHA1_OUTPUT_LEN;
            if bytes.len() < length {
                return Err("the hash is too short for SHA-1");
            }
            let (digest, salt) = bytes.split_at(length);
            Ok(Self::Sha {
                digest: digest.to_vec(),
                salt: salt.to_vec(),
            })
        };
        if ["$2y$", "$2b$", "$2a$", "$2x$"]
            .iter()
            .any(|prefix| text.starts_with(prefix))
        {
            Ok(Self::Bcrypt(text.to_owned()))
        } else if text.starts_with(apr1::PREFIX) {
            Ok(Self::Apr1(text.to_owned()))
        } else if let Some(encoded) = text.strip_prefix("{SHA}") {
            sha(encoded)
        } else if let Some(encoded) = text.strip_prefix("{SSHA}") {
            sha(encoded)
        } else if text.starts_with("$5$") || text.starts_with("$6$") {
            let hash = ShaCrypt::parse(text).ok_or("the hash is not of the form $5$SALT$DIGEST")?;
            Ok(Self::ShaCrypt(hash))
        } else if text.starts_with('$') {
            Err("the hash is of an unknown kind, use bcrypt (htpasswd -B)")
        } else {
            Ok(Self::Plain(text.to_owned()))
        }
    }

    fn matches(&self, password: &str) -> bool {
        match self {
            Self::Bcrypt(hash) => bcrypt::verify(password, hash).unwrap_or(false),
            Self::Apr1(hash) => apr1::hash(password, hash)
                .is_some_and(|again| same(again.as_bytes(), hash.as_bytes())),
            Self::Sha { digest, salt } => {
                let mut context = digest::Context::new(&digest::SHA1_FOR_LEGACY_USE_ONLY);
                context.update(password.as_bytes());
                context.update(salt);
                same(context.finish().as_ref(), digest)
            }
            Self::ShaCrypt(hash) => hash
                .digests(password)
                .is_some_and(|(known, again)| same(again.as_bytes(), known.as_bytes())),
            Self::Plain(plain) => same(plain.as_bytes(), password.as_bytes()),
        }
    }
}

/// Compares by digest, so that the time tells nothing about where texts differ.
fn same(left: &[u8], right: &[u8]) -> bool {
    let key = hmac::Key::new(hmac::HMAC_SHA256, b"compare");
    let tag = hmac::sign(&key, left);
    hmac::verify(&key, right, tag.as_ref()).is_ok()
}

/// Checks a header's text.
///
/// # Errors
///
/// [`Refusal::Unauthenticated`], or [`Refusal::Full`] where too many wait to be checked.
pub(super) async fn authenticate(
    users: &Arc<Users>,
    header: Option<&str>,
) -> Result<Vec<(String, AuthAttribute)>, Refusal> {
    let unauthenticated = |detail| Refusal::Unauthenticated {
        detail,
        scheme: "Basic",
    };
    let header = header.ok_or(unauthenticated("missing authorization header"))?;
    let wrong = unauthenticated("the user name or password is wrong");
    let encoded = header
        .split_once(' ')
        .filter(|(word, _)| word.eq_ignore_ascii_case("basic"))
        .map(|(_, encoded)| encoded.trim())
        .ok_or(wrong.clone())?;
    let decoded = STANDARD.decode(encoded).map_err(|_| wrong.clone())?;
    let credentials = String::from_utf8(decoded).map_err(|_| wrong.clone())?;
    let (user, password) = credentials.split_once(':').ok_or(wrong.clone())?;
    let text = |name: &str, value: &str| (name.to_owned(), AuthAttribute::Text(value.to_owned()));
    let known = vec![text("username", user), text("raw", encoded)];

    let digest = users.digest(&credentials);
    if users.remembered.lock().contains(&digest) {
        return Ok(known);
    }
    let hash = users.users.get(user).cloned();
    let Some(hash) = hash.filter(|_| password.len() <= PASSWORD_MAX) else {
        return Err(wrong);
    };
    let Ok(_place) = users.waiting.try_acquire() else {
        return Err(Refusal::Full {
            bound: Bound::Logins,
            retry_after: RETRY_AFTER,
        });
    };
    let Ok(turn) = Arc::clone(&users.checks).acquire_owned().await else {
        return Err(wrong);
    };
    let password = password.to_owned();
    let check = tokio::task::spawn_blocking(move || {
        // Kept until the work is done, whether its client waits for it or has gone.
        let _turn = turn;
        hash.matches(&password)
    });
    if !check.await.unwrap_or(false) {
        return Err(wrong);
    }
    users.remember(digest);
    Ok(known)
}

#[cfg(test)]
mod tests {
    use super::{CHECKS_MAX, PASSWORD_MAX, Users, WAITING_MAX, authenticate};
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;
    use futures_util::FutureExt;
    use std::sync::Arc;

    /// `myName:myPassword` as `htpasswd` writes it, `sha:sha`, a plain one, and hashes of crypt(3): by
    /// SHA-256 with a number of rounds and too long a salt, by SHA-512.
    const FILE: &str = "# users\nmyName:$apr1$r31.....$HqJZimcKQFAMYayBlzkrA/\n\
        sha:{SHA}2PRZAyDhNDqRW2OUFwZQqPNdaSY=\nplain:secret\n\
        crypt5:$5$rounds=1500$abcdefghijklmnopqrst$ZABgg5Kq9CF8nHNzKZjCU.DGoh97cDQuNMJ.MTAnec1\n\
        crypt6:$6$saltstring$tQUmHvU.mTMLBOBCwya3Ys4HMYQrElISBBI3MydgtynRJtYIoL5UtYq4dIazRfgBMWfZQ\
        0ErHbkt5n6KMRLY9.\n";

    async fn is_let_in(users: &Arc<Users>, credentials: &str) -> bool {
        let header = format!("Basic {}", STANDARD.encode(credentials));
        authenticate(users, Some(&header)).await.is_ok()
    }

    /// Scenario: users whose passwords are kept in every known way, one overridden inline.
    /// Guarantees: each comes in with their own password only, also when asked again.
    ///
    /// Conforms: extension `basicauth` | `htpasswd` with `file`; passwords as bcrypt, Apache's MD5, SHA-1, SHA-256
    /// and SHA-512 of crypt, and plain | same
    #[tokio::test]
    async fn each_user_comes_in_with_their_own_password() {
        let bcrypt = bcrypt::hash("tiger", 4).unwrap();
        let inline = format!("scott:{bcrypt}\nplain:other");
        let users = Arc::new(Users::parse(FILE, &inline).unwrap());
        for right in [
            "myName:myPassword",
            "scott:tiger",
            "plain:other",
            "sha:sha",
            "crypt5:rounds",
            "crypt6:sha512 pass",
        ] {
            assert!(is_let_in(&users, right).await, "{right}");
            assert!(is_let_in(&users, right).await, "{right} once more");
        }
        for wrong in [
            "myName:x",
            "scott:lion",
            "plain:secret",
            "sha:",
            "crypt5:sha256 pass",
            "crypt6:",
            "nobody:x",
            "scott",
        ] {
            assert!(!is_let_in(&users, wrong).await, "{wrong}");
        }
    }

    /// Scenario: a client asks with a wrong password that takes long to check, and goes away.
    /// Guarantees: its check counts as one of those under way until it ends: who comes and goes makes no more work than
    /// who waits.
    #[tokio::test]
    async fn a_check_counts_until_it_ends() {
        let bcrypt = bcrypt::hash("tiger", 10).unwrap();
        let users = Arc::new(Users::parse("", &format!("scott:{bcrypt}")).unwrap());
        let at_once = users.checks.available_permits();
        let asks = is_let_in(&users, "scott:lion");
        assert!(asks.now_or_never().is_none());
        assert_eq!(users.checks.available_permits(), at_once - 1);
        let all = u32::try_from(at_once).unwrap();
        assert!(users.checks.acquire_many(all).await.is_ok());
    }

    /// Scenario: a password is longer than any that is checked; then all checks are taken, and more clients than may wait for one ask.
    /// Guarantees: the long one is wrong at once, with no check begun; those who may not wait are refused at once, for the moment.
    #[tokio::test]
    async fn checks_and_those_who_wait_for_them_are_bounded() {
        let users = Arc::new(Users::parse(FILE, "").unwrap());
        let header = |password: &str| {
            let credentials = STANDARD.encode(format!("crypt6:{password}"));
            format!("Basic {credentials}")
        };
        let long = header(&"x".repeat(PASSWORD_MAX + 1));
        let answer = authenticate(&users, Some(&long)).now_or_never();
        assert!(answer.expect("no check").is_err());
        assert_eq!(users.checks.available_permits(), CHECKS_MAX);

        let checks = u32::try_from(CHECKS_MAX).unwrap();
        let _busy = users.checks.acquire_many(checks).await.unwrap();
        let header = header("x");
        let mut waiting: Vec<_> = (0..CHECKS_MAX + WAITING_MAX)
            .map(|_| Box::pin(authenticate(&users, Some(&header))))
            .collect();
        for client in &mut waiting {
            assert!(client.now_or_never().is_none());
        }
        let refusal = authenticate(&users, Some(&header)).now_or_never();
        let refusal = refusal.expect("an answer at once").unwrap_err();
        assert!(refusal.is_retryable(), "{refusal}");
    }

    /// Scenario: lines without a colon, with a hash of an unknown kind, and no lines at all.
    /// Guarantees: they are refused at the start, naming the line and never the password.
    #[test]
    fn wrong_lines_are_found_at_the_start() {
        let error = Users::parse("a:b\nsecretword", "").unwrap_err().to_string();
        assert_eq!(error, "htpasswd line 2: not of the form user:password");
        for (line, fault) in [("a:$6$salt$hash", "$5$SALT"), ("a:$7$x", "unknown kind")] {
            let error = Users::parse("", line).unwrap_err().to_string();
            assert!(error.contains(fault), "{error}");
        }
        assert!(Users::parse("", "").is_err());
    }
}
