//! `tailweir config schema`: the JSON Schema of the configuration.

use crate::terminal::Terminal;
use std::process::ExitCode;

pub(super) fn run(terminal: &Terminal) -> anyhow::Result<ExitCode> {
    let schema = tailweir_config::schema_json();
    terminal.print(&format!("{}\n", schema.trim_end()))?;
    Ok(ExitCode::SUCCESS)
}
