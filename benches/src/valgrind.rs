//! Instructions and allocations, counted by valgrind: a busy machine does not change them.

use anyhow::Result;
use std::process::Command;

/// What a record costs.
#[derive(Clone, Copy)]
pub(crate) struct Counts {
    /// Instructions a record.
    pub(crate) instructions: f64,
    /// Allocations a record.
    pub(crate) allocations: f64,
}

/// Runs this program with what `arguments` gives for a short and for a long piece of the same work, in
/// requests, and answers with the difference, so that set-up falls out.
pub(crate) fn count(
    [short, long]: [u64; 2],
    records_per_request: f64,
    arguments: impl Fn(u64) -> Vec<String>,
) -> Result<Counts> {
    let records = (long - short) as f64 * records_per_request;
    let difference = |tool: &str, from: &str| -> Result<f64> {
        let run = |requests| valgrind(tool, from, &arguments(requests));
        Ok((run(long)? - run(short)?) / records)
    };
    Ok(Counts {
        instructions: difference("callgrind", "Collected : ")?,
        allocations: difference("dhat", "bytes in ")?,
    })
}

/// Runs this program under a tool of valgrind and reads the number behind `from` in its report.
fn valgrind(tool: &str, from: &str, arguments: &[String]) -> Result<f64> {
    let mut command = Command::new("valgrind");
    command
        .arg(format!("--tool={tool}"))
        .arg(format!("--{tool}-out-file=/dev/null"));
    command.arg(std::env::current_exe()?).args(arguments);
    let output = command.output()?;
    let report = String::from_utf8_lossy(&output.stderr);
    let number = report
        .lines()
        .find_map(|line| line.split_once(from))
        .and_then(|(_, rest)| {
            rest.split_whitespace()
                .next()?
                .replace(',', "")
                .parse::<f64>()
                .ok()
        });
    number.ok_or_else(|| anyhow::anyhow!("valgrind reported nothing for {arguments:?}:\n{report}"))
}
