//! The chart's README: its values, with the comments above them.
//!
//! `values.yaml` is kept simple on purpose: a `# -- ` comment says what the key below it is; deeper keys
//! are indented by two; a value without such a comment belongs to the one above it.

use super::{Outcome, chart, keep};
use anyhow::{Context, Result, ensure};
use std::fmt::Write;
use std::fs;

/// A documented value.
#[derive(Debug, PartialEq)]
struct Row {
    path: String,
    default: String,
    text: String,
}

/// Writes the README, or compares it.
pub(super) fn check(write: bool) -> Result<Outcome> {
    let folder = chart::folder();
    let rows = rows(&fs::read_to_string(folder.join("values.yaml"))?)?;
    let template = fs::read_to_string(folder.join("README.md.in"))?;
    let (before, after) = template
        .split_once("{values}")
        .context("README.md.in has no {values}")?;
    let mut text = before.to_owned();
    text.push_str("| value | default | meaning |\n|---|---|---|\n");
    for row in &rows {
        writeln!(text, "| `{}` | {} | {} |", row.path, row.default, row.text)?;
    }
    text.push_str(after.trim_start_matches('\n'));
    keep(&folder.join("README.md"), &text, write)?;
    Ok(Outcome::Passed(format!(
        "{} values are documented",
        rows.len()
    )))
}

fn rows(values: &str) -> Result<Vec<Row>> {
    let (mut rows, mut path, mut comment) = (Vec::new(), Vec::new(), String::new());
    // Deeper than this is part of a value that was documented as a whole.
    let mut inside = None;
    for line in values.lines().filter(|line| !line.trim().is_empty()) {
        let (depth, line) = (line.len() - line.trim_start().len(), line.trim());
        if inside.is_some_and(|outer| depth > outer) {
            continue;
        }
        inside = None;
        if let Some(text) = line.strip_prefix('#') {
            let text = text.trim();
            match text.strip_prefix("-- ") {
                Some(first) => first.clone_into(&mut comment),
                None => comment = format!("{comment} {text}"),
            }
            continue;
        }
        let (key, default) = line
            .split_once(':')
            .with_context(|| format!("{line} is no key"))?;
        path.truncate(depth / 2);
        path.push(key);
        if comment.is_empty() {
            ensure!(
                default.trim().is_empty(),
                "{} has no comment",
                path.join(".")
            );
            continue;
        }
        let default = match default.trim() {
            "" => "see `values.yaml`".to_owned(),
            value => format!("`{value}`"),
        };
        inside = Some(depth);
        let text = std::mem::take(&mut comment).replace('|', "\\|");
        rows.push(Row {
            path: path.join("."),
            default,
            text,
        });
    }
    Ok(rows)
}

#[cfg(test)]
mod tests {
    use super::{Row, rows};

    /// Scenario: a nested value, a documented map, and a comment of two lines.
    /// Guarantees: each has a row with its path; the map's own keys have none.
    #[test]
    fn every_commented_value_has_a_row() {
        let text =
            "image:\n  # -- Where.\n  tag: \"\"\n# -- All of\n# it.\nconfig:\n  deep:\n    er: 1\n";
        let row = |path: &str, default: &str, text: &str| Row {
            path: path.into(),
            default: default.into(),
            text: text.into(),
        };
        let expected = [
            row("image.tag", "`\"\"`", "Where."),
            row("config", "see `values.yaml`", "All of it."),
        ];
        assert_eq!(rows(text).unwrap(), expected);
    }

    /// Scenario: a value without a comment.
    /// Guarantees: it is an error that names it.
    #[test]
    fn a_value_without_a_comment_is_an_error() {
        let error = rows("image:\n  tag: x\n").unwrap_err();
        assert_eq!(error.to_string(), "image.tag has no comment");
    }
}
