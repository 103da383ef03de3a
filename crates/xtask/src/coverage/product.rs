//! The product's own judgement.

use crate::built;
use anyhow::{Context, Result, bail};
use serde_json::Value as Json;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

/// One thing that `tailweir validate` says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Said {
    pub(super) is_error: bool,
    /// As `tailweir_config::Cause::name` has it.
    pub(super) cause: String,
    /// Keys joined by `::`.
    pub(super) path: String,
    /// Line and column.
    pub(super) place: (u64, u64),
    pub(super) message: String,
}

/// What the product says about a configuration, when it runs in this folder with the variables of this
/// process.
pub(super) fn validate(text: &str, folder: &Path) -> Result<Vec<Said>> {
    let mut child = Command::new(built("tailweir"))
        .args(["validate", "--format", "json", "--config", "/dev/stdin"])
        .current_dir(folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .context("could not start the product")?;
    // It reads everything before it says anything, so neither waits for the other.
    let mut input = child.stdin.take().context("no standard input")?;
    input.write_all(text.as_bytes())?;
    drop(input);
    let output = child.wait_with_output()?;
    match serde_json::from_slice(&output.stdout) {
        Ok(told) => read(&told),
        Err(_) => bail!(
            "it ended with {}\n{}",
            output.status,
            String::from_utf8_lossy(&output.stderr)
        ),
    }
}

/// Reads what `--format json` prints.
pub(super) fn read(told: &Json) -> Result<Vec<Said>> {
    let said = told["diagnostics"].as_array();
    let said = said.context("it told no `diagnostics`")?;
    said.iter()
        .map(|item| {
            let text = |key: &str| {
                let text = item[key].as_str().map(str::to_owned);
                text.with_context(|| format!("it told no `{key}`"))
            };
            let number = |key: &str| {
                let number = item[key].as_u64();
                number.with_context(|| format!("it told no `{key}`"))
            };
            Ok(Said {
                is_error: text("severity")? == "error",
                cause: text("cause")?,
                path: text("path")?,
                place: (number("line")?, number("column")?),
                message: text("message")?,
            })
        })
        .collect()
}
