//! The `debug` exporter.

use super::queue::SendingQueue;
use crate::report::{Cause, Report};
use crate::setting::{Block, choice, settings};

choice! {
    /// How much of the telemetry is written.
    pub enum Verbosity (any case) = Basic {
        /// A line a request: how many items.
        Basic = "basic",
        /// A line an item.
        Normal = "normal",
        /// Every field of every item.
        Detailed = "detailed",
        /// Each trace as a tree with bars of time, for a terminal; of metrics and logs a line a
        /// request. An addition of Tailweir.
        Waterfall = "waterfall",
    }
}

settings! {
    /// Writes telemetry to the log, for the eye. Written `debug`, or `logging` as before.
    pub struct DebugExporter {
        /// How much is written.
        verbosity: Verbosity = Verbosity::Basic,
        /// How many requests of each second are written.
        sampling_initial: i64 = 2,
        /// Of the others of that second, each n-th is written. 1: all. 0: none.
        sampling_thereafter: i64 = 1,
        /// Write to the log of this process; false writes to `output_paths`.
        use_internal_logger: bool = true,
        /// Where to write when not to the log: `stdout`, `stderr` or paths of files. Empty: stdout.
        output_paths: Vec<String> = Vec::new(),
        /// The queue in front. Absent: none.
        sending_queue: Option<SendingQueue> = None,
    }
    rules debug_rules;
}

fn debug_rules(exporter: &mut DebugExporter, block: &mut Block<'_>, report: &mut Report) {
    if exporter.use_internal_logger && !exporter.output_paths.is_empty() {
        let text = "`output_paths` needs `use_internal_logger: false`";
        report.error_at(
            block.at("output_paths"),
            Cause::Contradiction,
            text,
            "add it",
        );
    }
    block.reject_negative("sampling_initial", exporter.sampling_initial, report);
    block.reject_negative("sampling_thereafter", exporter.sampling_thereafter, report);
}

choice! {
    /// The log level by which the `logging` exporter chose how much it wrote.
    pub(crate) enum OldLogLevel (any case) = Unset {
        /// Not written.
        Unset = "",
        /// Every field of every item.
        Debug = "debug",
        /// A line an item.
        Info = "info",
        /// A line a request.
        Warn = "warn",
        /// A line a request.
        Error = "error",
    }
}

settings! {
    /// The `debug` exporter under its old name and with its old option.
    pub(crate) struct LoggingExporter inlines {
        /// Today's options.
        debug: DebugExporter = DebugExporter {
            sampling_thereafter: 500,
            ..DebugExporter::default()
        },
    } {
        /// Before `verbosity`: `debug` is detailed, `info` normal, others basic.
        loglevel: OldLogLevel = OldLogLevel::Unset,
    }
    rules logging_rules;
}

fn logging_rules(exporter: &mut LoggingExporter, block: &mut Block<'_>, report: &mut Report) {
    if exporter.loglevel == OldLogLevel::Unset {
        return;
    }
    let place = block.at("loglevel");
    if block.has("verbosity") {
        let text = "`loglevel` and `verbosity` exclude each other";
        report.error_at(place, Cause::Contradiction, text, "remove `loglevel`");
        return;
    }
    exporter.debug.verbosity = match exporter.loglevel {
        OldLogLevel::Debug => Verbosity::Detailed,
        OldLogLevel::Info => Verbosity::Normal,
        _ => Verbosity::Basic,
    };
    exporter.loglevel = OldLogLevel::Unset;
    let text = "`loglevel` is called `verbosity` today";
    let help = format!("write `verbosity: {}`", exporter.debug.verbosity.word());
    report.advise_at(place, text, help);
}
