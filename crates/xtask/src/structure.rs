//! The shape that every crate of the workspace has.

use crate::{root, sources};
use anyhow::{Result, bail};
use std::fs;
use std::path::Path;

/// Names that say nothing about what is inside.
const EMPTY_NAMES: &[&str] = &[
    "utils", "util", "common", "helpers", "helper", "manager", "misc",
];

/// Modules that are public because their names complete those of what is in them: `field::SPAN_NAME`,
/// `json::to_wire`.
const NAMESPACES: &[&str] = &["field", "json"];

/// What belongs at the top of the repository, beside tool files that start with a dot.
const TOP: &[&str] = &[
    "Cargo.toml",
    "Cargo.lock",
    "crates",
    "proto",
    "cluster-tests",
    "deploy",
    "benches",
    "docs",
    "README.md",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "LICENSE",
    "SECURITY.md",
    "clippy.toml",
    "deny.toml",
    "rust-toolchain.toml",
    "rustfmt.toml",
    "target",
];

/// Checks manifests, doors, file names and the top folder; every violation is named.
pub(crate) fn check() -> Result<()> {
    let root = root();
    let mut wrong = Vec::new();
    for entry in fs::read_dir(&root)? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        if !name.starts_with('.') && !TOP.contains(&name.as_str()) {
            wrong.push(format!("{name} does not belong at the top"));
        }
    }
    let crates = sources::crates()?;
    for folder in &crates {
        check_crate(folder, &mut wrong)?;
    }
    if !wrong.is_empty() {
        bail!("the structure is broken:\n  {}", wrong.join("\n  "));
    }
    println!("{} crates have the common shape", crates.len());
    Ok(())
}

fn check_crate(folder: &Path, wrong: &mut Vec<String>) -> Result<()> {
    let manifest = fs::read_to_string(folder.join("Cargo.toml"))?;
    let name = folder.display();
    if !manifest.contains("[lints]\nworkspace = true") {
        wrong.push(format!("{name} does not inherit the lints"));
    }
    if !manifest.contains("\ndescription = ") {
        wrong.push(format!("{name} has no description"));
    }
    for file in sources::of(folder)? {
        check_file(&file, wrong)?;
    }
    Ok(())
}

fn check_file(file: &Path, wrong: &mut Vec<String>) -> Result<()> {
    let stem = file
        .file_stem()
        .map(|stem| stem.to_string_lossy().into_owned())
        .unwrap_or_default();
    if stem == "mod" || EMPTY_NAMES.contains(&stem.as_str()) {
        wrong.push(format!("{} has a name that says nothing", file.display()));
    }
    let text = fs::read_to_string(file)?;
    if !text.starts_with("//!") {
        wrong.push(format!(
            "{} does not open with what it is (//!)",
            file.display()
        ));
    }
    let door = file.file_name().is_some_and(|name| name == "lib.rs");
    let public = text
        .lines()
        .filter_map(|line| line.strip_prefix("pub mod "));
    if door
        && public
            .into_iter()
            .any(|name| !NAMESPACES.contains(&name.trim_end_matches(';')))
    {
        wrong.push(format!("{} has a second door (pub mod)", file.display()));
    }
    Ok(())
}
