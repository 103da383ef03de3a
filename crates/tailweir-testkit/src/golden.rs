//! Golden vectors of real Collector components.
//!
//! A fresh clone reads the packed copies in this crate's `golden/` folder. `TAILWEIR_GOLDEN` names
//! another root with the same layout (`tail_sampling/SUITE/...`, `ottl/...`), which is read instead.

#![expect(clippy::print_stdout, reason = "golden tests report a line per suite")]

use flate2::read::MultiGzDecoder;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

/// One folder of vectors, whole in memory. Files that end in `.gz` are unpacked and lose that ending.
pub struct Folder {
    name: String,
    files: BTreeMap<String, Vec<u8>>,
}

impl Folder {
    /// Opens a folder such as `ottl`, from `TAILWEIR_GOLDEN` when that is set.
    ///
    /// # Panics
    /// When there is no such folder or nothing in it: a golden test that finds no vectors has failed.
    #[must_use]
    pub fn open(name: &str) -> Self {
        match std::env::var_os("TAILWEIR_GOLDEN") {
            Some(root) => Self::unpacked(&PathBuf::from(root), name),
            None => Self::packed(name),
        }
    }

    /// Opens this project's own copy of a folder.
    ///
    /// # Panics
    /// When there is none.
    #[must_use]
    pub fn packed(name: &str) -> Self {
        let archive = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("golden")
            .join(name);
        Self::filled(name, read_archive(&archive.with_extension("tar.zst")))
    }

    /// Opens a folder below `root`.
    ///
    /// # Panics
    /// When there is no file in it.
    #[must_use]
    pub fn unpacked(root: &Path, name: &str) -> Self {
        Self::filled(name, read_tree(&root.join(name)))
    }

    fn filled(name: &str, files: BTreeMap<String, Vec<u8>>) -> Self {
        assert!(!files.is_empty(), "no golden vectors in {name}");
        Self {
            name: name.to_owned(),
            files,
        }
    }

    /// The file of this path inside the folder.
    ///
    /// # Panics
    /// When it is not there.
    #[must_use]
    pub fn file(&self, path: &str) -> &[u8] {
        self.get(path)
            .unwrap_or_else(|| panic!("{}/{path} is missing", self.name))
    }

    /// The file of this path inside the folder, if it is there.
    #[must_use]
    pub fn get(&self, path: &str) -> Option<&[u8]> {
        self.files.get(path).map(Vec::as_slice)
    }

    /// A file as text.
    ///
    /// # Panics
    /// When it is not there or not UTF-8.
    #[must_use]
    pub fn text(&self, path: &str) -> &str {
        std::str::from_utf8(self.file(path)).expect("golden files are UTF-8")
    }

    /// A file of JSON values, one a line.
    ///
    /// # Panics
    /// When it is not there or a line is not JSON.
    #[must_use]
    pub fn json_lines(&self, path: &str) -> Vec<serde_json::Value> {
        let parse = |line: &str| {
            serde_json::from_str(line).unwrap_or_else(|error| panic!("{path}: {error}: {line}"))
        };
        self.text(path)
            .lines()
            .filter(|line| !line.is_empty())
            .map(parse)
            .collect()
    }

    /// A file that holds one JSON value.
    ///
    /// # Panics
    /// When it is not there or not JSON.
    #[must_use]
    pub fn json(&self, path: &str) -> serde_json::Value {
        serde_json::from_slice(self.file(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
    }

    /// The sub-folders that directly hold a file called `marker`, sorted: the suites.
    #[must_use]
    pub fn suites(&self, marker: &str) -> Vec<String> {
        let ending = format!("/{marker}");
        let suites: BTreeSet<_> = self
            .files
            .keys()
            .filter_map(|path| path.strip_suffix(&ending))
            .collect();
        suites.into_iter().map(str::to_owned).collect()
    }

    /// Every path in the folder, sorted.
    pub fn paths(&self) -> impl Iterator<Item = &str> {
        self.files.keys().map(String::as_str)
    }
}

/// Counts of a golden run. Tests run side by side, so the lines of its suites are printed together, at
/// the end, under its name.
#[derive(Default)]
pub struct Tally {
    lines: Vec<String>,
    failed: Vec<String>,
}

impl Tally {
    /// Records a suite: how many of its cases passed, how many answer otherwise by design (with the
    /// reason), and what failed.
    pub fn record(
        &mut self,
        suite: &str,
        mode: &str,
        passed: usize,
        by_design: Option<(usize, &str)>,
        failures: &[String],
    ) {
        let mut line = format!(
            "  {suite} {mode}: {passed} passed, {} failed",
            failures.len()
        );
        if let Some((count, reason)) = by_design {
            line += &format!(", {count} different by design ({reason})");
        }
        self.lines.push(line);
        self.failed
            .extend(failures.iter().map(|failure| format!("{suite}: {failure}")));
    }

    /// Prints the number of suites and a line for each, and fails when there was none, or when any case failed.
    ///
    /// # Panics
    /// On a failure, with the first fifty of them.
    pub fn finish(self, what: &str) {
        let suites = self.lines.len();
        println!("{what}: {suites} suites\n{}", self.lines.join("\n"));
        assert!(suites > 0, "{what}: no suite was found");
        let shown: Vec<_> = self.failed.iter().take(50).map(String::as_str).collect();
        assert!(
            shown.is_empty(),
            "{what}: {} failed:\n{}",
            self.failed.len(),
            shown.join("\n")
        );
    }
}

fn read_archive(path: &Path) -> BTreeMap<String, Vec<u8>> {
    let file = fs::File::open(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let mut archive = tar::Archive::new(zstd::Decoder::new(file).expect("a zstd frame"));
    let mut files = BTreeMap::new();
    for entry in archive.entries().expect("a tar archive") {
        let mut entry = entry.expect("a tar entry");
        if !entry.header().entry_type().is_file() {
            continue;
        }
        let name = entry
            .path()
            .expect("a path")
            .to_string_lossy()
            .trim_start_matches("./")
            .into();
        let mut bytes = Vec::new();
        entry.read_to_end(&mut bytes).expect("a whole entry");
        insert(&mut files, name, bytes);
    }
    files
}

fn read_tree(root: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut files = BTreeMap::new();
    let mut pending = vec![root.to_owned()];
    while let Some(folder) = pending.pop() {
        let Ok(entries) = fs::read_dir(&folder) else {
            continue;
        };
        for entry in entries {
            let path = entry.expect("a readable folder").path();
            if path.is_dir() {
                pending.push(path);
                continue;
            }
            let name = path
                .strip_prefix(root)
                .expect("below the root")
                .to_string_lossy();
            insert(
                &mut files,
                name.into_owned(),
                fs::read(&path).expect("a readable file"),
            );
        }
    }
    files
}

fn insert(files: &mut BTreeMap<String, Vec<u8>>, name: String, bytes: Vec<u8>) {
    let Some(plain) = name.strip_suffix(".gz") else {
        files.insert(name, bytes);
        return;
    };
    let mut unpacked = Vec::new();
    MultiGzDecoder::new(bytes.as_slice())
        .read_to_end(&mut unpacked)
        .expect("a whole gzip file");
    files.insert(plain.to_owned(), unpacked);
}
