//! `tailweir components`: what is built in.

use crate::terminal::Terminal;
use std::process::ExitCode;
use tailweir_config::{Component, Role, components};

pub(super) fn run(terminal: &Terminal) -> anyhow::Result<ExitCode> {
    let mut text = format!("tailweir {}\n", env!("CARGO_PKG_VERSION"));
    for role in Role::ALL {
        text += &format!("\n{}:\n", role.section());
        for component in components().filter(|component| component.role == role) {
            text += &line(&component);
        }
    }
    terminal.print(&text)?;
    Ok(ExitCode::SUCCESS)
}

fn line(component: &Component) -> String {
    let signals: Vec<_> = component
        .signals
        .iter()
        .map(|signal| signal.name())
        .collect();
    let old_names = match component.old_names {
        [] => String::new(),
        names => format!("also {}", names.join(", ")),
    };
    let line = format!(
        "  {:<24} {:<9} {:<22} {old_names}",
        component.name,
        component.stability.name(),
        signals.join(", "),
    );
    format!("{}\n", line.trim_end())
}
