//! The `otlp_json_file` receiver.

use super::queue::RetryOnFailure;
use crate::report::{Cause, Report};
use crate::setting::{Block, choice, settings};
use std::time::Duration;
use tailweir_core::ByteSize;

choice! {
    /// Where reading begins in files that are there at the start.
    pub enum StartAt = End {
        /// At the beginning.
        Beginning = "beginning",
        /// At the end: only what is added is read.
        End = "end",
    }
}

choice! {
    /// How files are packed as a whole.
    pub enum PackedFiles = None {
        /// Not at all.
        None = "",
        /// gzip.
        Gzip = "gzip",
        /// Zstandard. An addition of Tailweir.
        Zstd = "zstd",
        /// As their first bytes say.
        Auto = "auto",
    }
}

settings! {
    /// Reads requests from files, as the `file` exporter writes them: OTLP/JSON in lines, or records with their
    /// length in front, of JSON or protobuf, packed or not. Protobuf does not say what it carries: a receiver of
    /// it feeds pipelines of one signal.
    pub struct OtlpJsonFileReceiver {
        /// Patterns of paths: `*`, `**`, `?`, `[a-z]`, `{a,b}`. One at least.
        include: Vec<String> = Vec::new(),
        /// Patterns of paths that are left out.
        exclude: Vec<String> = Vec::new(),
        /// Where reading begins in files that are there at the start; later ones are read from their beginning.
        start_at: StartAt = StartAt::End,
        /// How often files are looked for and read.
        poll_interval: Duration = Duration::from_millis(200),
        /// Most files that are read. What matches beyond it is left until others go.
        max_concurrent_files: i64 = 1024,
        /// Largest record, packed and unpacked. Larger ones are left out and counted.
        max_log_size: ByteSize = ByteSize::mib(20),
        /// How files are packed as a whole.
        compression: PackedFiles = PackedFiles::None,
        /// Read every file anew at each poll.
        replay_file: bool = false,
    }
    ignored {
        "include_file_name": bool = "requests do not carry the name of a file",
        "include_file_path": bool = "requests do not carry the name of a file",
        "include_file_name_resolved": bool = "requests do not carry the name of a file",
        "include_file_path_resolved": bool = "requests do not carry the name of a file",
        "include_file_owner_name": bool = "requests do not carry the name of a file",
        "include_file_owner_group_name": bool = "requests do not carry the name of a file",
        "include_file_record_number": bool = "requests do not carry the name of a file",
        "include_file_record_offset": bool = "requests do not carry the name of a file",
        "fingerprint_size": ByteSize = "files are told apart by device and inode",
        "initial_buffer_size": ByteSize = "buffers grow as needed",
        "max_batches": i64 = "all files are read, one after the other",
        "polls_to_archive": i64 = "files are told apart by device and inode",
        "force_flush_period": Duration = "a last line without an end is read when its JSON is complete",
        "encoding": String = "OTLP/JSON is UTF-8",
        "preserve_leading_whitespaces": bool = "space around JSON means nothing",
        "preserve_trailing_whitespaces": bool = "space around JSON means nothing",
        "retry_on_failure": RetryOnFailure = "a record that finds no room is offered until it does",
    }
    refused {
        "storage" = "where reading stopped is not kept over a restart; `start_at` says where it begins",
        "delete_after_read" = "files are not deleted",
        "header" = "files have no header",
        "multiline" = "a record is a line, or has its length in front",
        "ordering_criteria" = "all files that match are read",
        "exclude_older_than" = "files are not left out by age; use `exclude`",
        "acquire_fs_lock" = "files are not locked",
    }
    rules otlp_json_file_rules;
}

fn otlp_json_file_rules(
    receiver: &mut OtlpJsonFileReceiver,
    block: &mut Block<'_>,
    report: &mut Report,
) {
    if receiver.include.is_empty() {
        let text = "the otlp_json_file receiver has no `include`";
        let fix = "add `include: [/var/lib/traces-*.json]`";
        report.error_at(block.at("include"), Cause::Missing, text, fix);
    }
    block.require_positive(
        "max_concurrent_files",
        receiver.max_concurrent_files,
        report,
    );
    if receiver.poll_interval.is_zero() {
        let text = "`poll_interval` must be above zero";
        report.error_at(block.at("poll_interval"), Cause::OutOfRange, text, "");
    }
    if receiver.max_log_size.bytes() == 0 {
        let text = "`max_log_size` must be above zero";
        report.error_at(block.at("max_log_size"), Cause::OutOfRange, text, "");
    }
}
