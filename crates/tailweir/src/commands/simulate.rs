//! `tailweir policy simulate`: decides captured traces offline.

use crate::cli::SimulateArguments;
use crate::configuration;
use crate::simulate::{self, Arrivals};
use crate::terminal::Terminal;
use anyhow::Context;
use std::fs;
use std::process::ExitCode;

pub(super) fn run(arguments: &SimulateArguments, terminal: &Terminal) -> anyhow::Result<ExitCode> {
    let sampling = configuration::tail_sampling(&arguments.config, arguments.processor.as_deref())?;
    let mut requests = Vec::new();
    for path in &arguments.input {
        requests.extend(simulate::read_requests(path)?);
    }
    let arrivals = match (arguments.pace, arguments.isolate) {
        (true, _) => Arrivals::Paced,
        (false, true) => Arrivals::Isolated,
        (false, false) => Arrivals::Together,
    };
    let outcome = simulate::simulate(&sampling, &requests, arrivals)?;
    if let Some(path) = &arguments.decisions {
        fs::write(path, outcome.decision_lines())
            .with_context(|| format!("{} cannot be written", path.display()))?;
    }
    terminal.print(&simulate::table(&outcome))?;
    Ok(ExitCode::SUCCESS)
}
