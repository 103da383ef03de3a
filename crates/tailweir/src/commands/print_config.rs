//! `tailweir print-config`: the configuration after merging and substitution, secrets hidden.

use crate::cli::ConfigArguments;
use crate::configuration::Configuration;
use crate::terminal::Terminal;
use std::process::ExitCode;

pub(super) fn run(arguments: &ConfigArguments, terminal: &Terminal) -> anyhow::Result<ExitCode> {
    let (outcome, _) = Configuration::of(arguments).load();
    let accepted = outcome?;
    terminal.print(&tailweir_config::print_config(&accepted.settings))?;
    Ok(ExitCode::SUCCESS)
}
