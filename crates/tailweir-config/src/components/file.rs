//! The `file` exporter.

use super::client::CompressionParameters;
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
        /// Path of the file. With `group_by`, one `*` in it stands for the text of the attribute.
        path: String = String::new(),
        /// Add to a file that is there; false starts it anew, once in a process and never by a reload. Not with `rotation`.
        append: bool = false,
        /// Create the folder of the file.
        create_directory: bool = false,
        /// Permissions of that folder, octal. Empty: 0755. Only with `create_directory`.
        directory_permissions: String = String::new(),
        /// Start a new file now and then. Absent: one file, without limit.
        rotation: Option<Rotation> = None,
        /// How requests are written.
        format: FileFormat = FileFormat::Json,
        /// How each request is packed.
        compression: FileCompression = FileCompression::None,
        /// How hard requests are packed.
        compression_params: CompressionParameters = CompressionParameters::default(),
        /// Several files, by an attribute of resources.
        group_by: GroupBy = GroupBy::default(),
        /// How often what was written reaches the disk.
        flush_interval: Duration = Duration::from_secs(1),
    }
    refused {
        "encoding" = "there are no encoding extensions; `format` is json or proto",
    }
    rules file_rules;
}

settings! {
    /// Several files, by an attribute of resources. Their folders are made. Resources without text in it are
    /// rejected and counted.
    pub struct GroupBy {
        /// Whether there are several.
        enabled: bool = false,
        /// The attribute. Its text may hold slashes; it never leads out of the folder of `path`.
        resource_attribute: String = "fileexporter.path_segment".to_owned(),
        /// Most files that are open at once; the one that was not used for longest is closed for another.
        max_open_files: i64 = 100,
    }
    rules group_by_rules;
}

fn group_by_rules(group_by: &mut GroupBy, block: &mut Block<'_>, report: &mut Report) {
    block.require_positive("max_open_files", group_by.max_open_files, report);
    if group_by.resource_attribute.is_empty() {
        let text = "`resource_attribute` must not be empty";
        let fix = "remove it for \"fileexporter.path_segment\"";
        report.error_at(block.at("resource_attribute"), Cause::Missing, text, fix);
    }
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
    if exporter.group_by.enabled {
        let parts: Vec<_> = exporter.path.split('*').collect();
        if parts.len() != 2 || parts[0].is_empty() {
            let text =
                "`path` must have one `*`, not at its beginning, where `group_by` is enabled";
            let fix = "write `path: /var/lib/traces/*.json`";
            report.error_at(block.at("path"), Cause::NotAllowed, text, fix);
        }
    }
    directory_rules(exporter, block, report);
}

fn directory_rules(exporter: &FileExporter, block: &mut Block<'_>, report: &mut Report) {
    let permissions = &exporter.directory_permissions;
    if permissions.is_empty() {
        return;
    }
    let place = block.at("directory_permissions");
    if !exporter.create_directory {
        let text = "`directory_permissions` needs `create_directory`";
        report.error_at(
            place,
            Cause::Contradiction,
            text,
            "add `create_directory: true`",
        );
    } else {
        octal_rule(permissions, block, report);
    }
}

/// Refuses permissions of a directory that are none.
pub(super) fn octal_rule(permissions: &str, block: &Block<'_>, report: &mut Report) {
    if !u32::from_str_radix(permissions, 8).is_ok_and(|bits| bits <= 0o777) {
        let place = block.at("directory_permissions");
        let text = "`directory_permissions` is not an octal number up to 0777";
        report.error_at(place, Cause::NotAllowed, text, "write \"0755\"");
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
