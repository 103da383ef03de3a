//! Which files are read.

use globset::{GlobBuilder, GlobSet, GlobSetBuilder};
use std::path::{Path, PathBuf};

/// Most entries of folders that one look passes: a pattern must not make us walk a disk at each poll.
const ENTRIES_MAX: usize = 100_000;
const META: [char; 5] = ['*', '?', '[', '{', '\\'];

/// Patterns of paths, compiled.
#[derive(Debug, Clone)]
pub(crate) struct Patterns {
    include: GlobSet,
    exclude: GlobSet,
    roots: Vec<Root>,
}

/// The deepest folder that holds everything which a pattern can match, or a path without any wildcard; and how many levels
/// below it can match. Nothing else is walked through: it is looked for at each poll.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Root {
    path: PathBuf,
    levels: usize,
}

impl Patterns {
    /// # Errors
    ///
    /// The pattern that is none, with what is wrong.
    pub(crate) fn compile(include: &[String], exclude: &[String]) -> Result<Self, String> {
        let mut roots: Vec<_> = include.iter().map(|pattern| root(pattern)).collect();
        roots.sort();
        roots.dedup();
        Ok(Self {
            include: set(include)?,
            exclude: set(exclude)?,
            roots,
        })
    }

    /// The files that match, in order of their paths. Folders behind links are not entered; what cannot be
    /// looked into holds nothing.
    pub(crate) fn find(&self) -> Vec<PathBuf> {
        let mut found = Vec::new();
        let mut left = self.roots.clone();
        let mut passed = 0;
        while let Some(Root { path, levels }) = left.pop() {
            passed += 1;
            if passed > ENTRIES_MAX {
                tracing::warn!(entries = ENTRIES_MAX, "too many files to look through");
                break;
            }
            let is_folder = std::fs::symlink_metadata(&path).is_ok_and(|data| data.is_dir());
            if is_folder {
                let Some(levels) = levels.checked_sub(1) else {
                    continue;
                };
                let entries = std::fs::read_dir(&path).into_iter().flatten().flatten();
                left.extend(entries.map(|entry| Root {
                    path: entry.path(),
                    levels,
                }));
            } else if self.include.is_match(&path)
                && !self.exclude.is_match(&path)
                && path.is_file()
            {
                found.push(path);
            }
        }
        found.sort();
        found.dedup();
        found
    }
}

fn set(patterns: &[String]) -> Result<GlobSet, String> {
    let mut set = GlobSetBuilder::new();
    for pattern in patterns {
        let glob = GlobBuilder::new(pattern).literal_separator(true).build();
        set.add(glob.map_err(|error| error.to_string())?);
    }
    set.build().map_err(|error| error.to_string())
}

/// What stands before the first part of a pattern with a wildcard, and as many levels as there are parts from there on.
fn root(pattern: &str) -> Root {
    let Some(wildcard) = pattern.find(META) else {
        return Root {
            path: PathBuf::from(pattern),
            levels: 0,
        };
    };
    let (path, rest) = match pattern[..wildcard].rfind('/') {
        Some(0) => (Path::new("/"), &pattern[1..]),
        Some(end) => (Path::new(&pattern[..end]), &pattern[end + 1..]),
        None => (Path::new("."), pattern),
    };
    let levels = match rest.contains("**") {
        true => usize::MAX,
        // Slashes of alternatives are counted too: rather one level too many.
        false => rest.split('/').count(),
    };
    Root {
        path: path.to_owned(),
        levels,
    }
}

#[cfg(test)]
mod tests {
    use super::{Patterns, root};

    fn names(include: &[String], exclude: &[String]) -> Vec<String> {
        let found = Patterns::compile(include, exclude).unwrap().find();
        let name = |path: &std::path::PathBuf| path.file_name().unwrap().display().to_string();
        found.iter().map(name).collect()
    }

    /// Scenario: files in a folder and below it, by patterns with and without wildcards, some left out.
    /// Guarantees: exactly those that match are found, each once, in order.
    ///
    /// Conforms: receiver `otlp_json_file` | traces, metrics, logs | `include`, `exclude` with wildcards | same
    #[test]
    fn files_are_found_by_pattern() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("sub")).unwrap();
        for name in ["b.json", "a.json", "a.txt", "sub/c.json"] {
            std::fs::write(folder.path().join(name), "x").unwrap();
        }
        let of = |pattern: &str| format!("{}/{pattern}", folder.path().display());
        assert_eq!(names(&[of("*.json")], &[]), ["a.json", "b.json"]);
        assert_eq!(names(&[of("**/*.json")], &[of("b*")]), ["a.json", "c.json"]);
        assert_eq!(names(&[of("*/c.json")], &[]), ["c.json"]);
        assert_eq!(names(&[of("{a,sub/c}.json")], &[]), ["a.json", "c.json"]);
        assert_eq!(
            names(&[of("a.{json,txt}"), of("a.txt")], &[]),
            ["a.json", "a.txt"]
        );
        assert_eq!(names(&[of("b.json")], &[]), ["b.json"]);
        assert!(names(&[of("none/*")], &[]).is_empty());
        assert!(Patterns::compile(&[of("[")], &[]).is_err());
    }

    /// Scenario: patterns with and without `**`.
    /// Guarantees: a look goes only as deep as something can match.
    #[test]
    fn a_look_goes_no_deeper_than_a_match() {
        let levels = |pattern: &str| root(pattern).levels;
        assert_eq!(levels("/var/log/x.json"), 0);
        assert_eq!(levels("/var/log/*.json"), 1);
        assert_eq!(levels("/var/*/x/*.json"), 3);
        assert_eq!(levels("/var/**/x.json"), usize::MAX);
    }
}
