//! The `file` exporter.

use crate::support::{Ledger, logs, metrics, span, traces, while_running};
use bytes::Bytes;
use std::path::Path;
use std::sync::Arc;
use tailweir_config::{FileCompression, FileExporter, FileFormat, Rotation};
use tailweir_core::Signal;
use tailweir_export::{Exporter, ExporterSettings, File};

fn settings(path: &Path) -> FileExporter {
    FileExporter {
        path: path.display().to_string(),
        ..FileExporter::default()
    }
}

/// Writes one request of each signal with an exporter of its own signal, as pipelines do.
async fn write(settings: &FileExporter, requests: &[(Signal, Bytes)]) {
    let file = Arc::new(File::new(settings).unwrap());
    for (signal, body) in requests {
        let ledger = Ledger::new();
        let exporter = Exporter::new("file", *signal, file.clone(), &ExporterSettings::of_local());
        while_running(&exporter, async {
            exporter
                .accept(ledger.parcel_of(*signal, 1, body.clone()))
                .await
                .unwrap();
        })
        .await;
        assert_eq!(ledger.items(), (1, 0));
    }
}

fn requests() -> [(Signal, Bytes); 3] {
    [
        (
            Signal::Traces,
            traces([("shop", vec![span(1, 0, "GET /", 0, 10)])]),
        ),
        (Signal::Metrics, metrics(&[("cpu", 1)])),
        (Signal::Logs, logs(&["line\nfeed"])),
    ]
}

/// Cuts a file into records, each with its length before it.
fn records(mut content: &[u8]) -> Vec<Vec<u8>> {
    let mut records = Vec::new();
    while let Some((length, rest)) = content.split_first_chunk::<4>() {
        let (record, rest) = rest.split_at(u32::from_be_bytes(*length) as usize);
        records.push(record.to_vec());
        content = rest;
    }
    records
}

/// Scenario: a request of each signal, in a folder that is not there yet.
/// Guarantees: each is one line of OTLP/JSON that reads as the request.
#[tokio::test]
async fn requests_are_lines_of_json() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("new/folder/out.json");
    let mut settings = settings(&path);
    assert!(
        File::new(&settings).is_err(),
        "the folder is only made when asked for"
    );
    settings.create_directory = true;
    write(&settings, &requests()).await;
    let text = std::fs::read_to_string(&path).unwrap();
    assert!(text.ends_with('\n'));
    for (line, (signal, body)) in text.lines().zip(requests()) {
        let mut wire = Vec::new();
        tailweir_otlp::json::to_wire(signal, line.as_bytes(), &mut wire).unwrap();
        assert_eq!(wire, body);
    }
    assert_eq!(text.lines().count(), 3);
}

/// Scenario: requests as protobuf, and as JSON packed with Zstandard.
/// Guarantees: each record is preceded by its length, and unpacks to the request.
#[tokio::test]
async fn records_are_preceded_by_their_length() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out");
    let mut settings = settings(&path);
    settings.format = FileFormat::Proto;
    write(&settings, &requests()).await;
    let written = records(&std::fs::read(&path).unwrap());
    assert_eq!(written, requests().map(|(_, body)| body.to_vec()));
    settings.format = FileFormat::Json;
    settings.compression = FileCompression::Zstd;
    write(&settings, &requests()).await;
    for (record, (signal, body)) in records(&std::fs::read(&path).unwrap())
        .iter()
        .zip(requests())
    {
        let mut wire = Vec::new();
        let json = zstd::decode_all(&record[..]).unwrap();
        tailweir_otlp::json::to_wire(signal, &json, &mut wire).unwrap();
        assert_eq!(wire, body);
    }
}

/// Scenario: a file is opened twice, without and with `append`.
/// Guarantees: without, what was there is gone; with it, it stays.
#[tokio::test]
async fn a_file_is_started_anew_unless_appended_to() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out");
    for (append, lines) in [(false, 3), (false, 3), (true, 6)] {
        let mut settings = settings(&path);
        settings.append = append;
        write(&settings, &requests()).await;
        assert_eq!(
            std::fs::read_to_string(&path).unwrap().lines().count(),
            lines
        );
    }
}

/// Scenario: files of 1 MiB at most, of which two old ones are kept; ten requests of 600 kB are
/// written. Files of other names stand beside.
/// Guarantees: no file is larger, two old ones remain, each holds whole records; other files stay.
#[tokio::test]
async fn files_rotate_by_size() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out.bin");
    let neighbour = folder.path().join("out-of-the-way.bin");
    std::fs::write(&neighbour, "mine").unwrap();
    let settings = FileExporter {
        format: FileFormat::Proto,
        rotation: Some(Rotation {
            max_megabytes: 1,
            max_backups: 2,
            ..Rotation::default()
        }),
        ..settings(&path)
    };
    let name = "x".repeat(600_000);
    let body = traces([("shop", vec![span(1, 0, &name, 0, 1)])]);
    write(&settings, &vec![(Signal::Traces, body.clone()); 10]).await;
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder.path()).unwrap() {
        let path = entry.unwrap().path();
        if path != neighbour {
            assert_eq!(
                records(&std::fs::read(&path).unwrap()),
                std::slice::from_ref(&body)
            );
            files.push(path.file_name().unwrap().to_str().unwrap().to_owned());
        }
    }
    assert_eq!(files.len(), 3, "{files:?}");
    assert!(neighbour.exists());
    let old = files.iter().find(|name| *name != "out.bin").unwrap();
    assert!(old.starts_with("out-20") && old.ends_with(".bin"), "{old}");
}

/// Scenario: the disk is full.
/// Guarantees: the request is lost and counted, with the system's words.
#[tokio::test]
#[cfg(target_os = "linux")]
async fn a_full_disk_is_a_loss() {
    let file = Arc::new(File::new(&settings(Path::new("/dev/full"))).unwrap());
    let exporter = Exporter::new("file", Signal::Traces, file, &ExporterSettings::of_local());
    let ledger = Ledger::new();
    while_running(&exporter, async {
        let [(_, body), ..] = requests();
        let refusal = exporter.accept(ledger.parcel(1, body)).await.unwrap_err();
        assert_eq!(refusal.parcel.items, 1);
    })
    .await;
    let error = exporter.snapshot().last_error;
    assert!(error.contains("No space left"), "{error}");
}
