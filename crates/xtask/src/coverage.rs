//! Which Collector configurations of a folder would run whole here, and what the others miss.
//!
//! The product itself judges each, by `tailweir validate`; what it says is only sorted and counted here.

mod documents;
mod product;
mod table;
mod verdict;

use crate::{cargo, run as run_command};
use anyhow::{Context, Result, ensure};
use documents::Found;
use std::fs;
use std::path::{Path, PathBuf};
use table::Table;

/// Reads every YAML file below a folder and tells of each configuration in it.
pub(crate) fn run(folder: &Path) -> Result<()> {
    run_command(cargo().args(["build", "--quiet", "--package", "tailweir"]))?;
    let mut files = Vec::new();
    collect(folder, &mut files)?;
    files.sort();
    let mut table = Table::default();
    for file in &files {
        let name = file.strip_prefix(folder).unwrap_or(file).display();
        let name = name.to_string();
        let bytes = fs::read(file).with_context(|| format!("could not read {name}"))?;
        let found = documents::find(&name, &String::from_utf8_lossy(&bytes));
        if let Some(problem) = &found.problem {
            println!("{name}: skipped: {problem}");
        }
        table.note(&found);
        judge(file, found, &mut table)?;
    }
    ensure!(
        table.has_configurations(),
        "none of {} YAML files holds a configuration of a Collector",
        files.len()
    );
    print!("\n{table}");
    Ok(())
}

fn judge(file: &Path, found: Found, table: &mut Table) -> Result<()> {
    let beside = file.parent().unwrap_or(Path::new("."));
    for configuration in found.configurations {
        let (text, absent) = documents::without_absent_files(&configuration.text, beside);
        let told = product::validate(&text, beside)
            .with_context(|| format!("could not judge {}", configuration.name))?;
        let verdict = verdict::of(&told, absent);
        print!("{}: {verdict}", configuration.name);
        table.add(&verdict);
    }
    Ok(())
}

/// All YAML files below a folder. Links are not followed, so that this ends.
fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    let entries =
        fs::read_dir(folder).with_context(|| format!("could not read {}", folder.display()))?;
    for entry in entries {
        let entry = entry?;
        let (path, kind) = (entry.path(), entry.file_type()?);
        let is_yaml = path
            .extension()
            .is_some_and(|end| end == "yaml" || end == "yml");
        if kind.is_dir() {
            collect(&path, files)?;
        } else if kind.is_file() && is_yaml {
            files.push(path);
        }
    }
    Ok(())
}
