//! The `file` exporter.

use crate::report::{Cause, Report};
use crate::setting::{Block, choice, settings};
use std::time::Duration;

choice! {
    /// How requests are written to the file.
    pub enum FileFormat = Json {
        /// A line of OTLP/JSON each.
        Json = "json",
        /// Protobuf, each preceded by its length (four bytes, big endian).
        Proto = "proto",
    }
}

choice! {
    /// How each request is packed.
    pub enum FileCompression = None {
        /// Not at all.
        None = "",
        /// Zstandard; each is then preceded by its length, whatever the format.
        Zstd = "zstd",
    }
}

settings! {
    /// Writes requests to a file, as OTLP/JSON or protobuf.
    pub struct FileExporter {
        /// Path of the file.
        path: String = String::new(),
        /// Add to the file that is there; false starts it anew. Not with `rotation`.
        append: bool = false,
        /// Create the folder of the file.
        create_directory: bool = false,
        /// Permissions of that folder, octal. Empty: 0755.
        directory_permissions: String = String::new(),
        /// Start a new file now and then. Absent: one file, without limit.
        rotation: Option<Rotation> = None,
        /// How requests are written.
        format: FileFormat = FileFormat::Json,
        /// How each request is packed.
        compression: FileCompression = FileCompression::None,
        /// How often what was written reaches the disk.
        flush_interval: Duration = Duration::from_secs(1),
    }
    ignored {
        "compression_params": super::client::CompressionParameters = "the default level is used",
    }
    refused {
        "encoding" = "there are no encoding extensions; `format` is json or proto",
        "group_by" = "one exporter writes one file; use several exporters",
    }
    rules file_rules;
}

fn file_rules(exporter: &mut FileExporter, block: &mut Block<'_>, report: &mut Report) {
    if exporter.path.is_empty() {
        let text = "the file exporter has no `path`";
        report.error_at(
            block.at("path"),
            Cause::Missing,
            text,
            "add `path: /var/lib/traces.json`",
        );
    }
    if exporter.append && exporter.rotation.is_some() {
        let text = "`append` and `rotation` exclude each other";
        report.error_at(
            block.at("append"),
            Cause::Contradiction,
            text,
            "remove one of them",
        );
    }
    if exporter.append && exporter.compression != FileCompression::None {
        let text = "`append` and `compression` exclude each other";
        report.error_at(
            block.at("append"),
            Cause::Contradiction,
            text,
            "remove one of them",
        );
    }
    let permissions = &exporter.directory_permissions;
    if !permissions.is_empty() && u32::from_str_radix(permissions, 8).is_err() {
        let text = "`directory_permissions` is not an octal number";
        report.error_at(
            block.at("directory_permissions"),
            Cause::NotAllowed,
            text,
            "write \"0755\"",
        );
    }
}

settings! {
    /// When a file is closed and a new one started.
    pub struct Rotation {
        /// Largest size of a file, in MiB.
        max_megabytes: i64 = 100,
        /// Files older than this many days are deleted. 0: none.
        max_days: i64 = 0,
        /// Most old files that are kept. 0: all.
        max_backups: i64 = 100,
        /// Put the local time into the names of old files; false takes UTC.
        localtime: bool = false,
    }
    rules rotation_rules;
}

fn rotation_rules(rotation: &mut Rotation, block: &mut Block<'_>, report: &mut Report) {
    block.reject_negative("max_megabytes", rotation.max_megabytes, report);
    block.reject_negative("max_days", rotation.max_days, report);
    block.reject_negative("max_backups", rotation.max_backups, report);
}
