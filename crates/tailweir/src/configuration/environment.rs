//! The variables and files of this process, with a memory of which files were read.

use super::EMBEDDED_TEXT;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::{fs, io};
use tailweir_config::Environment;

/// What the embedded configuration is called in messages. No file can have this name.
pub(super) const EMBEDDED: &str = "<embedded>";

/// Files by path, with a hash of their content; nothing where a file could not be read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct FilesRead(BTreeMap<String, Option<u64>>);

impl FilesRead {
    /// Whether a file now reads otherwise than it did. Looks at contents, because a mounted
    /// `ConfigMap` changes by a swapped link, and times may lie.
    pub(crate) fn have_changed(&self) -> bool {
        let now = |path: &str| fs::read_to_string(path).ok().as_deref().map(digest);
        self.0.iter().any(|(path, before)| now(path) != *before)
    }
}

/// The environment that configurations of this process may reach.
#[derive(Debug, Default)]
pub(super) struct ProcessEnvironment {
    files: RefCell<FilesRead>,
}

impl ProcessEnvironment {
    /// The files that were read.
    pub(super) fn into_files(self) -> FilesRead {
        self.files.into_inner()
    }
}

impl Environment for ProcessEnvironment {
    fn variable(&self, name: &str) -> Option<String> {
        std::env::var(name).ok()
    }

    fn read(&self, path: &str) -> io::Result<String> {
        if path == EMBEDDED {
            return Ok(EMBEDDED_TEXT.to_owned());
        }
        let text = fs::read_to_string(path);
        let known = text.as_deref().ok().map(digest);
        self.files.borrow_mut().0.insert(path.to_owned(), known);
        text
    }
}

/// Only compared within one process, so it need not be the same in the next version.
fn digest(text: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::{EMBEDDED, ProcessEnvironment};
    use std::fs;
    use tailweir_config::Environment;

    /// Scenario: a file is read, rewritten with the same text, then with another, then removed.
    /// Guarantees: only another content counts as a change, and a missing file is one.
    #[test]
    fn only_another_content_is_a_change() {
        let folder = tempfile::TempDir::new().unwrap();
        let path = folder.path().join("gateway.yaml");
        fs::write(&path, "one").unwrap();
        let environment = ProcessEnvironment::default();
        environment.read(path.to_str().unwrap()).unwrap();
        let files = environment.into_files();
        fs::write(&path, "one").unwrap();
        assert!(!files.have_changed());
        fs::write(&path, "two").unwrap();
        assert!(files.have_changed());
        fs::remove_file(&path).unwrap();
        assert!(files.have_changed());
    }

    /// Scenario: the embedded configuration and a file that is not there are read.
    /// Guarantees: the first is nothing to watch; the second changes by appearing.
    #[test]
    fn a_missing_file_changes_by_appearing() {
        let folder = tempfile::TempDir::new().unwrap();
        let path = folder.path().join("late.yaml");
        let environment = ProcessEnvironment::default();
        environment.read(EMBEDDED).unwrap();
        environment.read(path.to_str().unwrap()).unwrap_err();
        let files = environment.into_files();
        assert!(!files.have_changed());
        fs::write(&path, "now").unwrap();
        assert!(files.have_changed());
    }
}
