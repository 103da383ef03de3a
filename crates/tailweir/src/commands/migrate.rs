//! `tailweir migrate`: rewrites configurations of other programs.

use crate::cli::{ConfigArguments, MigrateCommand};
use crate::configuration::Configuration;
use crate::migrate::{self, Migrated};
use crate::terminal::Terminal;
use anyhow::{Context, anyhow};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use tailweir_config::{print_unredacted, read_yaml};

pub(super) fn run(command: &MigrateCommand, terminal: &Terminal) -> anyhow::Result<ExitCode> {
    let (migrated, output) = match command {
        MigrateCommand::Collector { files, output } => {
            let files = files
                .iter()
                .map(|file| read(file))
                .collect::<anyhow::Result<Vec<_>>>()?;
            (migrate::collector(&files)?, output)
        }
        MigrateCommand::Refinery {
            rules,
            settings,
            environment,
            output,
        } => {
            let settings = settings
                .as_deref()
                .map(read)
                .transpose()?
                .unwrap_or_default();
            (
                migrate::refinery(&read(rules)?, &settings, environment)?,
                output,
            )
        }
    };
    finish(&migrated, output.as_ref(), terminal)
}

fn read(file: &Path) -> anyhow::Result<Value> {
    let text = std::fs::read_to_string(file)
        .with_context(|| format!("{} cannot be read", file.display()))?;
    read_yaml(&file.display().to_string(), &text).map_err(|diagnostics| anyhow!("{diagnostics}"))
}

/// Writes the configuration, tells what was done, and whether Tailweir would start on it.
fn finish(
    migrated: &Migrated,
    output: Option<&PathBuf>,
    terminal: &Terminal,
) -> anyhow::Result<ExitCode> {
    let text = print_unredacted(&migrated.tree);
    match output {
        Some(path) => std::fs::write(path, &text)
            .with_context(|| format!("{} cannot be written", path.display()))?,
        None => terminal.print(&text)?,
    }
    terminal.note(&migrated.report.to_string())?;
    let arguments = ConfigArguments {
        sources: vec![format!("yaml:{text}")],
        ..ConfigArguments::default()
    };
    let (outcome, _) = Configuration::of(&arguments).load();
    let accepted = outcome?;
    terminal.note(&accepted.diagnostics.to_string())?;
    terminal.note("Tailweir starts on it. Compare decisions on captured traces with `tailweir policy simulate` before you switch.\n")?;
    Ok(ExitCode::SUCCESS)
}
