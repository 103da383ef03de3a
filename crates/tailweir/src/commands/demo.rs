//! `tailweir demo`: see [`crate::demo`].

use crate::cli::DemoArguments;
use crate::demo;
use crate::terminal::Terminal;
use std::process::ExitCode;

pub(super) fn run(arguments: DemoArguments) -> anyhow::Result<ExitCode> {
    let terminal = Terminal::new(Terminal::can_repaint());
    let runtime = super::run::runtime()?;
    runtime.block_on(demo::run(arguments, &terminal))?;
    Ok(ExitCode::SUCCESS)
}
