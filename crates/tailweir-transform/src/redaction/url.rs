//! URLs reduced to what they have in common.
//!
//! Of the parts between slashes those that are no words become `*`, and query and fragment are cut off:
//! `/cart/42?token=x` becomes `/cart/*`. A part is a word when it has letters, `-`, `_`, `.` and spaces
//! only, or is something like `v1`, and does not look like random letters.

/// What stands for a part that is no word.
const STAR: u8 = b'*';
/// Parts that are kept; the rest is cut off.
const PARTS_MAX: usize = 10;
/// So many consonants in a row are no word.
const CONSONANTS_MAX: usize = 6;

/// What the URL has in common with others.
pub(super) fn generalized(url: &[u8]) -> Vec<u8> {
    let end = url
        .iter()
        .position(|byte| matches!(byte, b'?' | b'&' | b'#'));
    let is_cut = end.is_some();
    let path = &url[..end.unwrap_or(url.len())];
    let mut out = Vec::with_capacity(path.len());
    let parts: Vec<&[u8]> = path.split(|&byte| byte == b'/').collect();
    for (index, part) in parts.iter().enumerate() {
        if index >= PARTS_MAX {
            break;
        }
        if index > 0 {
            out.push(b'/');
        }
        // A part that is cut off by a query is not asked whether it looks like a word.
        let is_last_cut = is_cut && index + 1 == parts.len();
        if part.is_empty() {
            continue;
        }
        if has_shape(part) && (is_last_cut || !looks_random(part)) {
            out.extend_from_slice(part);
        } else {
            out.push(STAR);
        }
    }
    out
}

/// Whether nothing but stars is left of it.
pub(super) fn says_nothing(url: &[u8]) -> bool {
    let mut parts = url
        .split(|&byte| byte == b'/')
        .filter(|part| !part.is_empty());
    url.contains(&STAR) && parts.all(|part| part == [STAR])
}

/// Letters and a few signs only; the second character may be anything, once.
fn has_shape(part: &[u8]) -> bool {
    let is_plain =
        |byte: &u8| byte.is_ascii_alphabetic() || matches!(byte, b'-' | b'_' | b'.' | b' ');
    let mut characters = part.iter().enumerate();
    characters.all(|(index, byte)| is_plain(byte) || index == 1)
}

/// Whether a part of letters is hardly a word: too many consonants in a row.
fn looks_random(part: &[u8]) -> bool {
    let mut run = 0;
    for byte in part.to_ascii_lowercase() {
        let is_consonant =
            byte.is_ascii_lowercase() && !matches!(byte, b'a' | b'e' | b'i' | b'o' | b'u' | b'y');
        run = if is_consonant { run + 1 } else { 0 };
        if run >= CONSONANTS_MAX {
            return true;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::{generalized, says_nothing};

    /// Scenario: paths and URLs with numbers, ids, versions, queries and random letters.
    /// Guarantees: words and versions stay, everything else becomes a star, queries go.
    ///
    /// Conforms: processor `redaction` | traces, metrics, logs | `url_sanitizer` | differs: same for parts that are
    /// no words by their characters; random letters are told from words by their consonants, not by a trained model
    #[test]
    fn what_tells_requests_apart_goes() {
        for (before, after) in [
            ("/cart/42", "/cart/*"),
            ("/", "/"),
            ("", ""),
            (
                "/api/v1/document/3f2504e0-4f89/update",
                "/api/v1/document/*/update",
            ),
            (
                "https://shop.example/cart/42?user=a",
                "*//shop.example/cart/*",
            ),
            ("http://10.0.0.7:8080/health", "*//*/health"),
            ("GET /cart/{id}", "GET /cart/*"),
            ("/xkcdqwrtz/list", "/*/list"),
            ("/a/b/c/d/e/f/g/h/i/j/k", "/a/b/c/d/e/f/g/h/i"),
        ] {
            assert_eq!(
                String::from_utf8_lossy(&generalized(before.as_bytes())),
                after
            );
        }
        assert!(says_nothing(b"/*/*"));
        assert!(!says_nothing(b"/a/*") && !says_nothing(b"/"));
    }
}
