//! Files that several `file` exporters of a process write to, as the old and the new one during a reload do, and that
//! somebody else moves, removes and cuts.

use crate::file::{records, settings};
use crate::support::{logs, span, traces};
use bytes::Bytes;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tailweir_config::{FileExporter, FileFormat, Rotation};
use tailweir_core::{ClientContext, Signal};
use tailweir_export::{Accepted, Destination, Failure, File, WrittenFiles};

static NOBODY: ClientContext = ClientContext::NOBODY;

/// Makes one attempt, as an exporter does.
async fn put(file: &File, signal: Signal, body: &Bytes) -> Result<Accepted, Failure> {
    let record = file.encode(signal, body.clone())?;
    file.send(signal, record, &NOBODY).await
}

fn named(name: &str) -> Bytes {
    traces([("shop", vec![span(1, 0, name, 0, 1)])])
}

/// More than half of the size at which files rotate here.
fn large(name: &str) -> Bytes {
    named(&name.repeat(600_000))
}

/// Records with their length, and files of 1 MiB.
fn rotating(path: &Path) -> FileExporter {
    FileExporter {
        format: FileFormat::Proto,
        rotation: Some(Rotation {
            max_megabytes: 1,
            ..Rotation::default()
        }),
        ..settings(path)
    }
}

/// The lines of a file: each is a request, and the name of its span, or the text of its log record.
fn lines(path: &Path) -> Vec<String> {
    let line = |line: &str| {
        let request: serde_json::Value = serde_json::from_str(line).unwrap();
        let span = &request["resourceSpans"][0]["scopeSpans"][0]["spans"][0]["name"];
        let record = &request["resourceLogs"][0]["scopeLogs"][0]["logRecords"][0];
        let text = span.as_str().or(record["body"]["stringValue"].as_str());
        text.unwrap().to_owned()
    };
    let text = std::fs::read_to_string(path).unwrap();
    text.lines().map(line).collect()
}

fn records_of(path: &Path) -> Vec<Vec<u8>> {
    records(&std::fs::read(path).unwrap())
}

/// What lies beside a file, in order of the names.
fn beside(path: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(path.parent().unwrap()).unwrap();
    let mut found: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    found.retain(|other| other != path);
    found.sort();
    found
}

/// Scenario: an exporter for a file of another run is built and never put into force, as for a reload that is refused;
/// then one is, and while it writes one with other options is built, first in vain and then to be put into force.
/// Guarantees: the file is emptied once, when the first is put into force; every request is there afterwards, and
/// nothing else.
#[tokio::test]
async fn only_what_is_put_into_force_empties_a_file_and_only_once() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out.json");
    std::fs::write(&path, "of another run\n").unwrap();
    let written = WrittenFiles::default();
    drop(File::new(&settings(&path), &written).unwrap());
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "of another run\n");

    let running = File::new(&settings(&path), &written).unwrap();
    running.begin();
    running.flush().await;
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "");
    put(&running, Signal::Traces, &named("1")).await.unwrap();

    let changed = FileExporter {
        flush_interval: Duration::from_secs(2),
        ..settings(&path)
    };
    drop(File::new(&changed, &written).unwrap());
    put(&running, Signal::Traces, &named("2")).await.unwrap();

    let successor = File::new(&changed, &written).unwrap();
    successor.begin();
    put(&successor, Signal::Traces, &named("3")).await.unwrap();
    assert_eq!(lines(&path), ["1", "2", "3"]);
}

/// Scenario: an exporter of a file goes, and comes back in the same process.
/// Guarantees: what it wrote before stays.
#[tokio::test]
async fn a_file_that_is_written_to_again_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out.json");
    let written = WrittenFiles::default();
    for name in ["1", "2"] {
        let file = File::new(&settings(&path), &written).unwrap();
        file.begin();
        put(&file, Signal::Traces, &named(name)).await.unwrap();
    }
    assert_eq!(lines(&path), ["1", "2"]);
}

/// Scenario: two exporters, of traces and of logs, whose paths to one file are written differently, take turns.
/// Guarantees: each request is one whole line, in order.
#[tokio::test]
async fn two_exporters_of_one_file_do_not_write_over_each_other() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out.json");
    std::fs::create_dir(folder.path().join("sub")).unwrap();
    let detour = folder.path().join("sub/../out.json");
    let written = WrittenFiles::default();
    let of_traces = File::new(&settings(&path), &written).unwrap();
    let of_logs = File::new(&settings(&detour), &written).unwrap();
    for _ in 0..3 {
        put(&of_traces, Signal::Traces, &named("a span"))
            .await
            .unwrap();
        put(&of_logs, Signal::Logs, &logs(&["a record"]))
            .await
            .unwrap();
    }
    assert_eq!(lines(&path), ["a span", "a record"].repeat(3));
}

/// Scenario: a reload puts an exporter that rotates in the place of one that does not, which still writes.
/// Guarantees: the new one begins a new file where its own next record would make the file too large, the old one does
/// not; each record is there once, whole.
#[tokio::test]
async fn each_of_two_exporters_rotates_a_file_as_it_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out.bin");
    let written = WrittenFiles::default();
    let old = FileExporter {
        rotation: None,
        append: true,
        ..rotating(&path)
    };
    let old = File::new(&old, &written).unwrap();
    let new = File::new(&rotating(&path), &written).unwrap();
    let bodies = ["a", "b", "c", "d"].map(large);
    for (file, body) in [&old, &new, &old, &new].into_iter().zip(&bodies) {
        put(file, Signal::Traces, body).await.unwrap();
    }
    assert_eq!(records_of(&path), bodies[3..]);
    let mut rotated: Vec<_> = beside(&path).iter().map(|it| records_of(it)).collect();
    rotated.sort();
    assert_eq!(rotated, [&bodies[..1], &bodies[1..3]]);
}

/// Scenario: a reload changes the `format` of an exporter; the old one still writes.
/// Guarantees: no file holds records of both kinds: the new ones are in a new file, the old ones, all of them, in one
/// that is called as old files are.
#[tokio::test]
async fn records_that_look_different_are_in_different_files() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out");
    let written = WrittenFiles::default();
    let old = File::new(&settings(&path), &written).unwrap();
    let new = FileExporter {
        format: FileFormat::Proto,
        ..settings(&path)
    };
    let new = File::new(&new, &written).unwrap();
    let bodies = ["1", "2", "3", "4"].map(named);
    for (file, body) in [&old, &new, &old, &new].into_iter().zip(&bodies) {
        put(file, Signal::Traces, body).await.unwrap();
    }
    assert_eq!(records_of(&path), [bodies[1].clone(), bodies[3].clone()]);
    let [aside] = beside(&path).try_into().unwrap();
    assert_eq!(lines(&aside), ["1", "3"]);
    let name = aside.file_name().unwrap().to_str().unwrap();
    assert!(
        name.starts_with("out-20") && name.ends_with("-size"),
        "{name}"
    );
}

/// Scenario: somebody copies a file and cuts it, as programs that rotate the files of others do.
/// Guarantees: what is written then stands at its beginning, behind no hole.
#[tokio::test]
async fn a_file_that_somebody_cuts_has_no_hole() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out.json");
    let file = File::new(&settings(&path), &WrittenFiles::default()).unwrap();
    put(&file, Signal::Traces, &named("1")).await.unwrap();
    std::fs::write(&path, "").unwrap();
    put(&file, Signal::Traces, &named("2")).await.unwrap();
    assert_eq!(lines(&path), ["2"]);
}

/// Scenario: somebody removes a file that rotates; requests follow that need a new one.
/// Guarantees: they get it, and rotation goes on.
#[tokio::test]
async fn a_file_that_somebody_removes_is_replaced_when_it_is_full() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out.bin");
    let file = File::new(&rotating(&path), &WrittenFiles::default()).unwrap();
    let bodies = ["a", "b", "c"].map(large);
    put(&file, Signal::Traces, &bodies[0]).await.unwrap();
    std::fs::remove_file(&path).unwrap();
    for body in &bodies[1..] {
        put(&file, Signal::Traces, body).await.unwrap();
    }
    assert_eq!(records_of(&path), bodies[2..]);
    let [rotated] = beside(&path).try_into().unwrap();
    assert_eq!(records_of(&rotated), bodies[1..2]);
}

/// Scenario: a full file has got its old name, and the new one cannot be opened, here because its folder is away.
/// Guarantees: the request fails, and the next one, when the folder is there, is written.
#[tokio::test]
async fn a_rotation_that_fails_is_tried_again() {
    let folder = tempfile::tempdir().unwrap();
    let (there, away) = (folder.path().join("there"), folder.path().join("away"));
    std::fs::create_dir(&there).unwrap();
    let path = there.join("out.bin");
    let file = File::new(&rotating(&path), &WrittenFiles::default()).unwrap();
    let bodies = ["a", "b", "c"].map(large);
    put(&file, Signal::Traces, &bodies[0]).await.unwrap();
    std::fs::rename(&there, &away).unwrap();
    assert!(put(&file, Signal::Traces, &bodies[1]).await.is_err());
    std::fs::create_dir(&there).unwrap();
    put(&file, Signal::Traces, &bodies[2]).await.unwrap();
    assert_eq!(records_of(&path), bodies[2..]);
    assert_eq!(records_of(&away.join("out.bin")), bodies[..1]);
}
