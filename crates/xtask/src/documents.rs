//! Documents that the product itself writes, and those that its tests write: they cannot drift from what runs.

use crate::{cargo, conformance, output, root};
use anyhow::{Context, Result, bail};
use std::fs;

/// Document below `docs/reference`, and the command of the product that prints it.
const DOCUMENTS: &[(&str, &[&str])] = &[
    ("configuration.md", &["config", "reference"]),
    ("configuration.schema.json", &["config", "schema"]),
    ("metrics.md", &["config", "metrics"]),
];

/// Writes each document, or compares it with what would be written.
pub(crate) fn write(check: bool) -> Result<()> {
    let folder = root().join("docs/reference");
    fs::create_dir_all(&folder)?;
    let mut stale = Vec::new();
    // First, because it needs no build of the product.
    let page = root().join(conformance::DOCUMENT);
    let text = conformance::document()?;
    if fs::read_to_string(&page)? != text {
        if check {
            stale.push(conformance::DOCUMENT);
        } else {
            fs::write(&page, text)?;
        }
    }
    for (name, arguments) in DOCUMENTS {
        let mut product = cargo();
        product
            .args(["run", "--quiet", "--package", "tailweir", "--"])
            .args(*arguments);
        let text = output(&mut product)?;
        let path = folder.join(name);
        if check {
            let written = fs::read_to_string(&path).unwrap_or_default();
            stale.extend((written != text).then_some(*name));
        } else {
            fs::write(&path, text).with_context(|| format!("could not write {name}"))?;
        }
    }
    if !stale.is_empty() {
        bail!(
            "not up to date: {}; run `cargo xtask docs`",
            stale.join(", ")
        );
    }
    Ok(())
}
