//! References to images: `registry.example:5000/team/app:1.2@sha256:...`.

use regex::Regex;
use std::sync::LazyLock;

/// The parts of a reference.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct ImageReference<'a> {
    /// Registry and path.
    pub(crate) name: &'a str,
    pub(crate) tag: Option<&'a str>,
    pub(crate) digest: Option<&'a str>,
}

/// Longest name.
const NAME_MAX: usize = 255;
/// Where images come from that name no registry.
const REGISTRY: &str = "docker.io";

/// As the `distribution` project's grammar has it.
#[expect(
    clippy::expect_used,
    reason = "the expression is a constant, and a test compiles it"
)]
static REFERENCE: LazyLock<Regex> = LazyLock::new(|| {
    let label = "(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])";
    let host = format!(r"(?:{label}(?:\.{label})*|\[[a-fA-F0-9:]+\])(?::[0-9]+)?");
    let part = "[a-z0-9]+(?:(?:[._]|__|[-]+)[a-z0-9]+)*";
    let name = format!("(?:{host}/)?{part}(?:/{part})*");
    let tag = "[0-9A-Za-z_][0-9A-Za-z_.-]{0,127}";
    let digest = "[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,}";
    Regex::new(&format!("^({name})(?::({tag}))?(?:@({digest}))?$")).expect("a constant expression")
});

impl<'a> ImageReference<'a> {
    /// Takes it apart; nothing when it is none.
    pub(crate) fn parse(text: &'a str) -> Option<Self> {
        let groups = REFERENCE.captures(text)?;
        let group = |number| groups.get(number).map(|found| found.as_str());
        let (name, digest) = (group(1)?, group(3));
        let path = name.split_once('/').map_or(name, |(_, path)| path);
        if path.len() > NAME_MAX || !digest.is_none_or(is_digest) {
            return None;
        }
        Some(Self {
            name,
            tag: group(2),
            digest,
        })
    }

    /// The version that it says: its tag, its digest, or both.
    pub(crate) fn version(&self) -> Option<String> {
        match (self.tag, self.digest) {
            (Some(tag), Some(digest)) => Some(format!("{tag}@{digest}")),
            (tag, digest) => tag.or(digest).map(str::to_owned),
        }
    }
}

/// The whole reference of an image that is named with its digest, registry included; nothing for any other.
pub(crate) fn canonical(image: &str) -> Option<String> {
    let is_digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    if image.len() == 64 && image.bytes().all(is_digit) {
        return None;
    }
    let is_registry = |first: &str| {
        first.contains(['.', ':'])
            || first == "localhost"
            || first.bytes().any(|byte| byte.is_ascii_uppercase())
    };
    let split = image.split_once('/');
    let (registry, path) = match split.filter(|(first, _)| is_registry(first)) {
        Some(("index.docker.io", path)) => (REGISTRY, path),
        Some(split) => split,
        None => (REGISTRY, image),
    };
    let whole = match path.contains('/') {
        false if registry == REGISTRY => format!("{registry}/library/{path}"),
        _ => format!("{registry}/{path}"),
    };
    let reference = ImageReference::parse(&whole)?;
    reference.digest.is_some().then(|| whole.clone())
}

/// Whether it is a digest of a known algorithm, as long as its digests are.
fn is_digest(digest: &str) -> bool {
    let Some((algorithm, digits)) = digest.split_once(':') else {
        return false;
    };
    let length = match algorithm {
        "sha256" => 64,
        "sha384" => 96,
        "sha512" => 128,
        _ => return false,
    };
    let is_digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    digits.len() == length && digits.bytes().all(is_digit)
}

#[cfg(test)]
mod tests {
    use super::{ImageReference, canonical};

    const DIGEST: &str = "sha256:4b0d51a5f1f4d7b8e6a0c3d2e1f0a9b8c7d6e5f4a3b2c1d0e9f8a7b6c5d4e3f2";

    /// Scenario: images with and without registry, port, tag and digest, and texts that are no images.
    /// Guarantees: the parts are those that the Collector finds, and the version is what tells builds apart.
    #[test]
    fn references_are_taken_apart() {
        let whole = format!("registry.example:5000/team/app:1.2@{DIGEST}");
        let parsed = ImageReference::parse(&whole).unwrap();
        assert_eq!(parsed.name, "registry.example:5000/team/app");
        assert_eq!((parsed.tag, parsed.digest), (Some("1.2"), Some(DIGEST)));
        assert_eq!(parsed.version().unwrap(), format!("1.2@{DIGEST}"));
        for (image, name, version) in [
            ("nginx", "nginx", None),
            ("nginx:1", "nginx", Some("1")),
            (
                "[2001:db8::1]:5000/a/b:x",
                "[2001:db8::1]:5000/a/b",
                Some("x"),
            ),
            ("a__b/c-d.e", "a__b/c-d.e", None),
        ] {
            let parsed = ImageReference::parse(image).unwrap();
            assert_eq!((parsed.name, parsed.version().as_deref()), (name, version));
        }
        for wrong in [
            "",
            "aaa:",
            "Nginx",
            "a@sha256:12",
            "a b",
            "docker://a",
            &format!("a@md5:{}", "0".repeat(32)),
        ] {
            assert_eq!(ImageReference::parse(wrong), None, "{wrong}");
        }
    }

    /// Scenario: images as runtimes report them.
    /// Guarantees: one that has a digest gets registry and folder that it leaves out; any other is nothing.
    #[test]
    fn images_with_a_digest_are_named_in_full() {
        for (image, expected) in [
            ("nginx", "docker.io/library/nginx"),
            ("team/app", "docker.io/team/app"),
            ("index.docker.io/nginx", "docker.io/library/nginx"),
            ("localhost/app", "localhost/app"),
            ("registry.example/app:1", "registry.example/app:1"),
        ] {
            assert_eq!(canonical(image), None);
            let named = canonical(&format!("{image}@{DIGEST}")).unwrap();
            assert_eq!(named, format!("{expected}@{DIGEST}"));
        }
        assert_eq!(canonical(DIGEST), None);
        assert_eq!(canonical(&DIGEST[7..]), None);
        assert_eq!(
            canonical(&format!("docker-pullable://nginx@{DIGEST}")),
            None
        );
    }
}
