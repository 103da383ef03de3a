//! `tailweir validate`: says everything that is wrong with a configuration, and runs nothing.

use crate::cli::ConfigArguments;
use crate::configuration::Configuration;
use crate::terminal::Terminal;
use std::process::ExitCode;

pub(super) fn run(arguments: &ConfigArguments, terminal: &Terminal) -> anyhow::Result<ExitCode> {
    let (outcome, _) = Configuration::of(arguments).load();
    let accepted = outcome?;
    terminal.note(&accepted.diagnostics.to_string())?;
    terminal.print("the configuration is valid\n")?;
    Ok(ExitCode::SUCCESS)
}
