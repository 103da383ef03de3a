//! The tables of `docs/compatibility.md`: rows stand at the tests that prove them, in lines that begin with
//! `Conforms:`, and are collected from there.

mod claim;
mod coverage;
mod fault;
mod page;
mod row;
mod source;

use crate::{root, sources};
use anyhow::{Context, Result, bail};
use fault::Fault;
use row::Rows;
use std::fs;

/// The document, below the top of the repository.
pub(crate) const DOCUMENT: &str = "docs/compatibility.md";

/// What the document should be, by the tests and by what it says itself between the tables.
pub(crate) fn document() -> Result<String> {
    let root = root();
    let mut rows = Rows::default();
    let mut faults = Vec::new();
    for folder in sources::crates()? {
        for path in sources::of(&folder)? {
            let text = fs::read_to_string(&path)
                .with_context(|| format!("could not read {}", path.display()))?;
            // Most sources have no such line, and taking them apart takes time.
            if text.contains(claim::STEM) {
                let file = path.strip_prefix(&root).unwrap_or(&path);
                rows.collect(&file.to_string_lossy(), &text, &mut faults)?;
            }
        }
    }
    let catalogue = fs::read_to_string(root.join(coverage::CATALOGUE))?;
    coverage::check(&rows, &catalogue, &mut faults);
    if faults.is_empty() {
        let written = fs::read_to_string(root.join(DOCUMENT))?;
        match page::filled(&written, &rows) {
            Ok(filled) => return Ok(filled),
            Err(fault) => faults.push(fault),
        }
    }
    let lines: Vec<String> = faults.iter().map(Fault::to_string).collect();
    bail!("{}", lines.join("\n"));
}
