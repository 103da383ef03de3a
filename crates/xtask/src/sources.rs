//! The crates of the workspace, and their sources.

use crate::root;
use anyhow::Result;
use std::fs;
use std::path::{Path, PathBuf};

/// The folder of each crate that has the common shape, by name.
pub(crate) fn crates() -> Result<Vec<PathBuf>> {
    let root = root();
    let mut folders = vec![root.join("cluster-tests")];
    for entry in fs::read_dir(root.join("crates"))? {
        folders.push(entry?.path());
    }
    folders.sort();
    Ok(folders)
}

/// Every Rust file of a crate but what is built or fuzzed, by name.
pub(crate) fn of(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut pending = vec![folder.join("src"), folder.join("tests")];
    while let Some(folder) = pending.pop() {
        let Ok(entries) = fs::read_dir(&folder) else {
            continue;
        };
        for entry in entries {
            let path = entry?.path();
            if path.is_dir() {
                pending.push(path);
            } else if path.extension().is_some_and(|ending| ending == "rs") {
                found.push(path);
            }
        }
    }
    found.sort();
    Ok(found)
}
