//! `tailweir validate`: says everything that is wrong with a configuration, and runs nothing.

use crate::cli::{ReportFormat, ValidateArguments};
use crate::configuration::{Configuration, Refused};
use crate::terminal::Terminal;
use serde_json::{Value as Json, json};
use std::process::ExitCode;
use tailweir_config::{Diagnostic, Diagnostics};

pub(super) fn run(arguments: &ValidateArguments, terminal: &Terminal) -> anyhow::Result<ExitCode> {
    let (outcome, _) = Configuration::of(&arguments.config).load();
    match (arguments.format, outcome) {
        (ReportFormat::Text, outcome) => {
            terminal.note(&outcome?.diagnostics.to_string())?;
            terminal.print("the configuration is valid\n")?;
            Ok(ExitCode::SUCCESS)
        }
        (ReportFormat::Json, Ok(accepted)) => {
            terminal.print(&for_programs(true, &accepted.diagnostics))?;
            Ok(ExitCode::SUCCESS)
        }
        (ReportFormat::Json, Err(Refused { diagnostics })) => {
            terminal.print(&for_programs(false, &diagnostics))?;
            Ok(ExitCode::FAILURE)
        }
    }
}

/// One JSON object on one line: whether the configuration is valid, and what is said about it, in the
/// order in which people are told.
fn for_programs(is_valid: bool, diagnostics: &Diagnostics) -> String {
    let said: Vec<Json> = diagnostics.iter().map(as_json).collect();
    format!("{}\n", json!({ "valid": is_valid, "diagnostics": said }))
}

fn as_json(said: &Diagnostic) -> Json {
    json!({
        "severity": said.severity.word(),
        "cause": said.cause.name(),
        "path": said.path,
        "source": &*said.location.source,
        "line": said.location.line,
        "column": said.location.column,
        "message": said.message,
        "help": said.help,
    })
}
