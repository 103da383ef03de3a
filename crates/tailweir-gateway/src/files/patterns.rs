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
    /// The deepest folders that hold everything which can match, and paths without any pattern.
    roots: Vec<PathBuf>,
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
    pub(super) fn find(&self) -> Vec<PathBuf> {
        let mut found = Vec::new();
        let mut left = self.roots.clone();
        let mut passed = 0;
        while let Some(path) = left.pop() {
            passed += 1;
            if passed > ENTRIES_MAX {
                tracing::warn!(entries = ENTRIES_MAX, "too many files to look through");
                break;
            }
            let is_folder = std::fs::symlink_metadata(&path).is_ok_and(|data| data.is_dir());
            if is_folder {
                let entries = std::fs::read_dir(&path).into_iter().flatten().flatten();
                left.extend(entries.map(|entry| entry.path()));
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

/// What stands before the first part of a pattern with a wildcard.
fn root(pattern: &str) -> PathBuf {
    let Some(wildcard) = pattern.find(META) else {
        return PathBuf::from(pattern);
    };
    match pattern[..wildcard].rfind('/') {
        Some(0) => PathBuf::from("/"),
        Some(end) => PathBuf::from(&pattern[..end]),
        None => Path::new(".").to_path_buf(),
    }
}

#[cfg(test)]
mod tests {
    use super::Patterns;

    fn names(include: &[String], exclude: &[String]) -> Vec<String> {
        let found = Patterns::compile(include, exclude).unwrap().find();
        let name = |path: &std::path::PathBuf| path.file_name().unwrap().display().to_string();
        found.iter().map(name).collect()
    }

    /// Scenario: files in a folder and below it, by patterns with and without wildcards, some left out.
    /// Guarantees: exactly those that match are found, each once, in order.
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
        assert_eq!(
            names(&[of("a.{json,txt}"), of("a.txt")], &[]),
            ["a.json", "a.txt"]
        );
        assert_eq!(names(&[of("b.json")], &[]), ["b.json"]);
        assert!(names(&[of("none/*")], &[]).is_empty());
        assert!(Patterns::compile(&[of("[")], &[]).is_err());
    }
}
