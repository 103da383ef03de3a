//! The commands, a file each. Each takes its arguments and the terminal and returns how it went.

mod cluster;
mod components;
mod demo;
mod healthcheck;
mod migrate;
mod print_config;
mod reference;
mod run;
mod simulate;
mod size;
mod validate;

use crate::cli::{Command, CommandLine, PolicyCommand};
use crate::configuration::Refused;
use crate::terminal::Terminal;
use std::process::ExitCode;

/// Does what the command line asks for.
pub(crate) fn execute(command_line: CommandLine) -> ExitCode {
    let terminal = Terminal::new(false);
    let outcome = match command_line.command {
        None => run::run(command_line.run),
        Some(Command::Run(arguments)) => run::run(arguments),
        Some(Command::Validate(arguments)) => validate::run(&arguments, &terminal),
        Some(Command::PrintConfig(arguments)) => print_config::run(&arguments.config, &terminal),
        Some(Command::Components) => components::run(&terminal),
        Some(Command::Config(document)) => reference::run(&terminal, &document),
        Some(Command::Demo(arguments)) => demo::run(arguments),
        Some(Command::Healthcheck(arguments)) => healthcheck::run(&arguments, &terminal),
        Some(Command::Cluster(command)) => cluster::run(&command, &terminal),
        Some(Command::Migrate(command)) => migrate::run(&command, &terminal),
        Some(Command::Size(arguments)) => size::run(&arguments, &terminal),
        Some(Command::Policy(PolicyCommand::Simulate(arguments))) => {
            simulate::run(&arguments, &terminal)
        }
        Some(Command::Policy(PolicyCommand::Apply(arguments))) => {
            cluster::apply(&arguments, &terminal)
        }
    };
    outcome.unwrap_or_else(|error| {
        // What was refused prints itself; anything else is one line with its causes.
        let text = match error.downcast_ref::<Refused>() {
            Some(refused) => format!("{refused}\n"),
            None => format!("tailweir: {error:#}\n"),
        };
        // Nobody is left to tell when standard error has gone.
        let _ = terminal.note(&text);
        ExitCode::FAILURE
    })
}
