//! Which file each resource belongs to: `group_by`.

use bytes::Bytes;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;
use tailweir_config::FileExporter;
use tailweir_core::Signal;
use tailweir_otlp::{AnyValue, RequestView, ResourceFields, count_items};

/// Longest part of a path, and longest path, that a file can have here.
const NAME_MAX: usize = 255;
const PATH_MAX: usize = 4095;

/// `path` with its `*`, for which the text of an attribute is put.
pub(super) struct Grouping {
    attribute: String,
    before: String,
    behind: String,
}

/// What of a request belongs to one file.
pub(super) struct Share {
    /// The file, or why there is none.
    pub(super) file: Result<Arc<Path>, &'static str>,
    pub(super) body: Bytes,
    pub(super) items: u64,
}

impl Grouping {
    pub(super) fn of(settings: &FileExporter) -> Self {
        // The settings are refused without a `*`.
        let path = settings.path.split_once('*');
        let (before, behind) = path.unwrap_or((&settings.path, ""));
        let mut clean = clean(before);
        if before.ends_with('/') && !clean.ends_with('/') {
            clean.push('/');
        }
        Self {
            attribute: settings.group_by.resource_attribute.clone(),
            before: clean,
            behind: behind.to_owned(),
        }
    }

    /// Takes a request apart, resources as they are.
    pub(super) fn shares(&self, signal: Signal, body: &Bytes) -> Vec<Share> {
        let split = RequestView(body).split_resources(|resource| self.file_of(resource));
        let shares = split.into_iter().map(|(file, body)| Share {
            file: file.map(Arc::from),
            // It was counted when it came in.
            items: count_items(signal, &body).unwrap_or_default(),
            body: body.into(),
        });
        shares.collect()
    }

    fn file_of(&self, resource: ResourceFields<'_>) -> Result<PathBuf, &'static str> {
        let attributes = resource.resource().attributes();
        let Some(AnyValue::String(segment)) = attributes.get(self.attribute.as_bytes()) else {
            return Err("a resource has no text in the attribute that `group_by` names");
        };
        let segment = String::from_utf8_lossy(segment);
        let path = PathBuf::from(self.path_of(&segment));
        let is_long = |part: Component<'_>| part.as_os_str().len() > NAME_MAX;
        if segment.contains('\0')
            || path.as_os_str().len() > PATH_MAX
            || path.components().any(is_long)
        {
            return Err("the attribute that `group_by` names is no part of a path");
        }
        Ok(path)
    }

    /// The path for a text. What would lead out of the folder stays inside.
    fn path_of(&self, segment: &str) -> String {
        let segment = match segment {
            it if it.starts_with("./") => &it[1..],
            it if it.starts_with("../") => &it[2..],
            it => it,
        };
        let path = clean(&format!("{}{segment}{}", self.before, self.behind));
        if path.starts_with(&self.before) {
            return path;
        }
        let inside = clean(&format!("/{segment}{}", self.behind));
        clean(&format!("{}/{inside}", self.before))
    }
}

/// A path without `.`, without `..` where something stands before it, and without needless slashes.
fn clean(path: &str) -> String {
    let is_absolute = path.starts_with('/');
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|last| *last != "..") => drop(parts.pop()),
            ".." if is_absolute => {}
            part => parts.push(part),
        }
    }
    let joined = parts.join("/");
    match (is_absolute, joined.is_empty()) {
        (true, _) => format!("/{joined}"),
        (false, true) => ".".to_owned(),
        (false, false) => joined,
    }
}

#[cfg(test)]
mod tests {
    use super::Grouping;
    use tailweir_config::FileExporter;

    /// Scenario: texts that name files, folders, and places outside, for two forms of `path`.
    /// Guarantees: each has the path that it has with the Collector, and none is outside.
    #[test]
    fn a_text_is_a_path_inside() {
        let path_of = |path: &str, segment: &str| {
            let settings = FileExporter {
                path: path.to_owned(),
                ..FileExporter::default()
            };
            Grouping::of(&settings).path_of(segment)
        };
        for (segment, folder, name) in [
            ("shop", "/out/shop.json", "/out/x-shop.json"),
            ("a/b", "/out/a/b.json", "/out/x-a/b.json"),
            ("", "/out/.json", "/out/x-.json"),
            ("./shop", "/out/shop.json", "/out/x-/shop.json"),
            ("../shop", "/out/shop.json", "/out/x-/shop.json"),
            ("../../etc/x", "/out/etc/x.json", "/out/x-/etc/x.json"),
            ("a/../../../x", "/out/x.json", "/out/x-/x.json"),
            ("/etc/x", "/out/etc/x.json", "/out/x-/etc/x.json"),
        ] {
            assert_eq!(path_of("/out/*.json", segment), folder, "{segment}");
            assert_eq!(path_of("/out/x-*.json", segment), name, "{segment}");
        }
        assert_eq!(path_of("./out/*", "shop"), "out/shop");
    }
}
