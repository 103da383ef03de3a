//! Apache's MD5 hash of passwords, `$apr1$salt$...`: what `htpasswd` writes by default.
//!
//! It is weak by today's measure; it is read because existing files hold it.

use md5::{Digest, Md5};

/// How such a hash begins.
pub(super) const PREFIX: &str = "$apr1$";

const ROUNDS: usize = 1000;
const ALPHABET: &[u8; 64] = b"./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
/// The order in which the digest's bytes are written, three at a time.
const ORDER: [[usize; 3]; 5] = [[0, 6, 12], [1, 7, 13], [2, 8, 14], [3, 9, 15], [4, 10, 5]];

/// Hashes the password with the salt of `like`, an `$apr1$` hash. Nothing when `like` is none.
pub(super) fn hash(password: &str, like: &str) -> Option<String> {
    let salt = like.strip_prefix(PREFIX)?.split('$').next()?;
    let salt = salt.get(..salt.len().min(8))?;
    let (password, salt_bytes) = (password.as_bytes(), salt.as_bytes());
    let mut digest = first(password, salt_bytes);
    for round in 0..ROUNDS {
        digest = next(round, &digest, password, salt_bytes);
    }
    Some(format!("{PREFIX}{salt}${}", encode(&digest)))
}

fn first(password: &[u8], salt: &[u8]) -> [u8; 16] {
    let mixed: [u8; 16] = Md5::new()
        .chain_update(password)
        .chain_update(salt)
        .chain_update(password)
        .finalize()
        .into();
    let mut context = Md5::new();
    context.update(password);
    context.update(PREFIX);
    context.update(salt);
    for start in (0..password.len()).step_by(mixed.len()) {
        context.update(&mixed[..mixed.len().min(password.len() - start)]);
    }
    let mut bits = password.len();
    while bits > 0 {
        let byte = if bits & 1 == 1 { 0 } else { password[0] };
        context.update([byte]);
        bits >>= 1;
    }
    context.finalize().into()
}

fn next(round: usize, digest: &[u8; 16], password: &[u8], salt: &[u8]) -> [u8; 16] {
    let odd = round % 2 == 1;
    let mut context = Md5::new();
    context.update(if odd { password } else { digest });
    if !round.is_multiple_of(3) {
        context.update(salt);
    }
    if !round.is_multiple_of(7) {
        context.update(password);
    }
    context.update(if odd { digest } else { password });
    context.finalize().into()
}

fn encode(digest: &[u8; 16]) -> String {
    let mut text = String::with_capacity(22);
    let mut put = |mut bits: u32, letters: usize| {
        for _ in 0..letters {
            text.push(char::from(ALPHABET[bits as usize & 0x3f]));
            bits >>= 6;
        }
    };
    for [high, middle, low] in ORDER {
        let [high, middle, low] = [high, middle, low].map(|index| u32::from(digest[index]));
        put(high << 16 | middle << 8 | low, 4);
    }
    put(u32::from(digest[11]), 2);
    text
}
