//! The `file_storage` extension.

use super::file::octal_rule;
use crate::report::{Cause, Report};
use crate::setting::{Block, settings};
use serde_json::Value as Json;
use std::time::Duration;

settings! {
    /// A directory in which sending queues are kept, so that they survive the process: see `sending_queue.storage`.
    pub struct FileStorage {
        /// The directory. Each exporter has a folder in it for each of its signals; two processes must not share one.
        directory: String = "/var/lib/otelcol/file_storage".to_owned(),
        /// Create the directory where it is not there.
        create_directory: bool = false,
        /// Permissions of a directory that is created, octal.
        directory_permissions: String = "0750".to_owned(),
        /// Wait for the disk with each request, so that it survives a crash of the machine, and not that of the process
        /// alone.
        fsync: bool = false,
        /// Most bytes of the files of one queue. 0: 10 GiB, because no queue is without a bound here. What finds no room
        /// is treated as with a full queue.
        max_size: i64 = 0,
    }
    ignored {
        "timeout": Duration = "a folder that another process has is refused at once",
        "compaction": Json = "a file goes with its last request, there is nothing to make smaller",
        "recreate": bool = "damage costs the requests that are damaged, the others are read",
    }
    rules file_storage_rules;
}

fn file_storage_rules(storage: &mut FileStorage, block: &mut Block<'_>, report: &mut Report) {
    if storage.directory.is_empty() {
        let text = "`directory` is empty";
        let fix = "remove it for \"/var/lib/otelcol/file_storage\"";
        report.error_at(block.at("directory"), Cause::Missing, text, fix);
    }
    octal_rule(&storage.directory_permissions, block, report);
    block.reject_negative("max_size", storage.max_size, report);
}
