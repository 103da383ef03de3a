//! `tailweir healthcheck`: for the probes of containers that have no shell and no curl.

use crate::cli::HealthcheckArguments;
use crate::probe;
use crate::terminal::Terminal;
use std::process::ExitCode;

pub(super) fn run(
    arguments: &HealthcheckArguments,
    terminal: &Terminal,
) -> anyhow::Result<ExitCode> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let asked = probe::get(&arguments.admin, "/readyz", arguments.timeout);
    let answer = runtime.block_on(asked)?;
    terminal.print(&answer.body)?;
    Ok(if answer.status.is_success() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
