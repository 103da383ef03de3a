//! Hashes of passwords by rounds of SHA-2, `$5$salt$...` and `$6$salt$...`, as crypt(3) has them.

use sha_crypt::{ROUNDS_DEFAULT, ROUNDS_MAX, ROUNDS_MIN, Sha256Params, Sha512Params};

/// Longest salt that counts.
const SALT_MAX: usize = 16;

/// One hash.
#[derive(Debug, Clone)]
pub(super) struct ShaCrypt {
    digest: Digest,
    rounds: usize,
    salt: String,
    /// The digest, in crypt's own base 64.
    encoded: String,
}

#[derive(Debug, Clone, Copy)]
enum Digest {
    Sha256,
    Sha512,
}

impl ShaCrypt {
    /// Reads `$5$[rounds=N$]SALT$DIGEST`, or `$6$`. Nothing for other texts.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (digest, length, rest) = if let Some(rest) = text.strip_prefix("$5$") {
            (Digest::Sha256, 43, rest)
        } else {
            (Digest::Sha512, 86, text.strip_prefix("$6$")?)
        };
        let (rounds, rest) = match rest.strip_prefix("rounds=") {
            Some(rest) => {
                let (rounds, rest) = rest.split_once('$')?;
                let rounds = rounds.parse::<usize>().ok()?;
                (rounds.clamp(ROUNDS_MIN, ROUNDS_MAX), rest)
            }
            None => (ROUNDS_DEFAULT, rest),
        };
        let (salt, encoded) = rest.split_once('$')?;
        let salt = salt.get(..salt.len().min(SALT_MAX))?;
        (encoded.len() == length).then(|| Self {
            digest,
            rounds,
            salt: salt.to_owned(),
            encoded: encoded.to_owned(),
        })
    }

    /// The digest as it was read, and that of this password.
    pub(super) fn digests(&self, password: &str) -> Option<(&str, String)> {
        let (password, salt) = (password.as_bytes(), self.salt.as_bytes());
        let again = match self.digest {
            Digest::Sha256 => {
                let params = Sha256Params::new(self.rounds).ok()?;
                sha_crypt::sha256_crypt_b64(password, salt, &params).ok()?
            }
            Digest::Sha512 => {
                let params = Sha512Params::new(self.rounds).ok()?;
                sha_crypt::sha512_crypt_b64(password, salt, &params).ok()?
            }
        };
        Some((&self.encoded, again))
    }
}
