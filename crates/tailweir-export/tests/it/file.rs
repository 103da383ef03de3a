//! The `file` exporter.

use crate::support::{Ledger, logs, metrics, span, traces, while_running};
use bytes::Bytes;
use std::path::Path;
use std::sync::Arc;
use tailweir_config::{FileCompression, FileExporter, FileFormat, GroupBy, Rotation};
use tailweir_core::Signal;
use tailweir_export::{Exporter, ExporterSettings, File, WrittenFiles};
use tailweir_testkit::{request, trace_id};

pub(crate) fn settings(path: &Path) -> FileExporter {
    FileExporter {
        path: path.display().to_string(),
        ..FileExporter::default()
    }
}

/// Writes one request of each signal with an exporter of its own signal, as pipelines of a new process do.
async fn write(settings: &FileExporter, requests: &[(Signal, Bytes)]) {
    let file = Arc::new(File::new(settings, &WrittenFiles::default()).unwrap());
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
pub(crate) fn records(mut content: &[u8]) -> Vec<Vec<u8>> {
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
///
/// Conforms: exporter `file` | traces, metrics, logs | `path`, `create_directory`, `format: json` | same
#[tokio::test]
async fn requests_are_lines_of_json() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("new/folder/out.json");
    let mut settings = settings(&path);
    assert!(
        File::new(&settings, &WrittenFiles::default()).is_err(),
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
///
/// Conforms: exporter `file` | traces, metrics, logs | `format: proto`, `compression: zstd` | same
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

/// Scenario: a large request is packed at a low level and at a high one.
/// Guarantees: the level holds: it is smaller then, and reads as the same.
///
/// Conforms: exporter `file` | logs | `compression_params` | same
#[tokio::test]
async fn requests_are_packed_as_hard_as_told() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out");
    let words: String = (0..20_000_u32)
        .map(|n| format!("{} ", n.wrapping_mul(2_654_435_761) % 977))
        .collect();
    let body = logs(&[&words]);
    let mut sizes = Vec::new();
    for level in [1, 19] {
        let mut settings = settings(&path);
        settings.format = FileFormat::Proto;
        settings.compression = FileCompression::Zstd;
        settings.compression_params.level = level;
        write(&settings, &[(Signal::Logs, body.clone())]).await;
        let [record] = records(&std::fs::read(&path).unwrap()).try_into().unwrap();
        assert_eq!(zstd::decode_all(&record[..]).unwrap(), body);
        sizes.push(record.len());
    }
    assert!(sizes[1] < sizes[0], "{sizes:?}");
}

/// Scenario: one process after the other opens a file, without and with `append`.
/// Guarantees: without, what was there is gone; with it, it stays.
///
/// Conforms: exporter `file` | traces, metrics, logs | `append` | same
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
///
/// Conforms: exporter `file` | traces | `rotation` with `max_megabytes`, `max_backups` | same
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

/// A request with a resource for each tenant; none for an empty one.
fn of_tenants(tenants: &[&str]) -> Bytes {
    let resource = |tenant: &&str| {
        let span = tailweir_testkit::span(trace_id(1), 1).named(tenant);
        match *tenant {
            "" => request().span(span).bytes(),
            tenant => request().service(tenant).span(span).bytes(),
        }
    };
    // Requests one after the other are one request.
    tenants
        .iter()
        .map(resource)
        .collect::<Vec<_>>()
        .concat()
        .into()
}

/// Scenario: files by tenant, one of which may be open at once; requests of several tenants, one of them a
/// second time, one without a tenant, and one whose file cannot be made.
/// Guarantees: each resource is in the file of its tenant, a file that is opened again goes on, and what has no
/// file is counted as rejected.
///
/// Conforms: exporter `file` | traces | `group_by` | better: a resource without text in the attribute, or with text
/// that no path can hold, is rejected and counted, not left out silently
/// Conforms: exporter `file` | traces | `group_by`, a file that was closed to make room and is opened again | better:
/// goes on where it was; the Collector starts it anew without `append`
#[tokio::test]
async fn resources_are_written_by_an_attribute() {
    let folder = tempfile::tempdir().unwrap();
    let settings = FileExporter {
        group_by: GroupBy {
            enabled: true,
            resource_attribute: "service.name".to_owned(),
            max_open_files: 1,
        },
        ..settings(&folder.path().join("new/*.json"))
    };
    std::fs::create_dir(folder.path().join("new")).unwrap();
    std::fs::create_dir(folder.path().join("new/taken.json")).unwrap();
    std::fs::write(folder.path().join("new/a.json"), "of another run").unwrap();
    let file = Arc::new(File::new(&settings, &WrittenFiles::default()).unwrap());
    let exporter = Exporter::new("file", Signal::Traces, file, &ExporterSettings::of_local());
    let ledger = Ledger::new();
    while_running(&exporter, async {
        for tenants in [&["a", "b", "a", "../a"][..], &["a", "", "taken", "c/d"]] {
            let parcel = ledger.parcel(4, of_tenants(tenants));
            exporter.accept(parcel).await.unwrap();
        }
    })
    .await;
    assert_eq!(ledger.items(), (6, 2));
    let names = |file: &str| -> Vec<Vec<String>> {
        let text = std::fs::read_to_string(folder.path().join(file)).unwrap();
        let names = |line: &str| {
            let request: serde_json::Value = serde_json::from_str(line).unwrap();
            let resources = request["resourceSpans"].as_array().unwrap();
            let span = |it: &serde_json::Value| it["scopeSpans"][0]["spans"][0]["name"].to_string();
            resources.iter().map(span).collect()
        };
        text.lines().map(names).collect()
    };
    assert_eq!(
        names("new/a.json").concat(),
        [r#""a""#, r#""a""#, r#""../a""#, r#""a""#]
    );
    assert_eq!(names("new/b.json"), [[r#""b""#]]);
    assert_eq!(names("new/c/d.json"), [[r#""c/d""#]]);
}

/// Scenario: files rotate under the local time.
/// Guarantees: the names have the form of those under UTC.
///
/// Conforms: exporter `file` | traces | `rotation` with `localtime` | same
#[tokio::test]
async fn names_of_old_files_may_have_the_local_time() {
    let folder = tempfile::tempdir().unwrap();
    let settings = FileExporter {
        rotation: Some(Rotation {
            max_megabytes: 1,
            localtime: true,
            ..Rotation::default()
        }),
        ..settings(&folder.path().join("out.json"))
    };
    let body = traces([("shop", vec![span(1, 0, &"x".repeat(600_000), 0, 1)])]);
    write(&settings, &vec![(Signal::Traces, body); 2]).await;
    let entries = std::fs::read_dir(folder.path()).unwrap();
    let names: Vec<_> = entries
        .map(|it| it.unwrap().file_name().into_string().unwrap())
        .collect();
    let old = names.iter().find(|name| *name != "out.json").unwrap();
    assert!(
        old.starts_with("out-20") && old.ends_with("-size.json"),
        "{old}"
    );
    assert_eq!(old.len(), "out-2020-02-11T20-26-12.000-size.json".len());
}

/// Scenario: the disk is full.
/// Guarantees: the request is lost and counted, with the system's words.
#[tokio::test]
#[cfg(target_os = "linux")]
async fn a_full_disk_is_a_loss() {
    let settings = settings(Path::new("/dev/full"));
    let file = Arc::new(File::new(&settings, &WrittenFiles::default()).unwrap());
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
