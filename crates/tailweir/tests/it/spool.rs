//! Queues on disk: processes that are killed, and what the next ones deliver.

use crate::gateway::{Gateway, fields, program, stderr, tailweir};
use std::collections::BTreeSet;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::Command;
use tailweir_testkit::{PATIENCE, Signal, Sink, request, span, trace_id};
use tempfile::TempDir;

/// A gateway whose exporter keeps its queue in this directory and tries for ever.
fn configuration(sink: &Sink, directory: &Path, storage: &str) -> String {
    format!(
        "
receivers: {{otlp: {{protocols: {{grpc: {{endpoint: '127.0.0.1:0'}}, http: {{endpoint: '127.0.0.1:0'}}}}}}}}
extensions: {{file_storage/queues: {{directory: {}, {storage}}}}}
exporters:
  otlp:
    endpoint: {}
    tls: {{insecure: true}}
    sending_queue: {{storage: file_storage/queues}}
    retry_on_failure: {{initial_interval: 20ms, max_interval: 50ms, max_elapsed_time: 0s}}
service:
  extensions: [file_storage/queues]
  telemetry: {{logs: {{encoding: json}}}}
  pipelines: {{traces: {{receivers: [otlp], exporters: [otlp]}}}}
",
        directory.display(),
        sink.endpoint()
    )
}

/// Ids of the traces that the backend took, in order.
fn arrived(sink: &Sink) -> Vec<Vec<u8>> {
    let spans = sink.spans().into_iter();
    spans.map(|span| span.trace_id).collect()
}

fn ids(numbers: impl IntoIterator<Item = u64>) -> BTreeSet<Vec<u8>> {
    let ids = numbers
        .into_iter()
        .map(|number| trace_id(number).0.to_vec());
    ids.collect()
}

fn spooled(gateway: &Gateway, count: u64) -> serde_json::Value {
    let status = gateway.until("items on disk", |status| {
        status["ledger"]["signals"]["traces"]["spooled"]["items"] == count
            && status["imbalance"] == 0
    });
    status["ledger"]["signals"]["traces"].clone()
}

/// Scenario: the backend is away. A gateway takes ten requests and is killed; the next finds them, takes more, and is told
/// to stop; then the backend is back, and a third starts; a fourth starts after that.
/// Guarantees: the books of each balance and say what is on disk; the drain does not wait for the backend and loses
/// nothing; everything arrives once; a second process is refused the directory.
#[test]
fn what_was_acknowledged_survives_kill_and_stop() {
    let folder = TempDir::new().unwrap();
    let mut sink = Sink::start();
    sink.stop();
    let settings = configuration(&sink, folder.path(), "fsync: true");

    let first = Gateway::start(&settings, []);
    for number in 0..10 {
        first.send(request().service("cart").span(span(trace_id(number), 1)));
    }
    let books = spooled(&first, 10);
    assert_eq!(
        (&books["acknowledged"]["items"], &books["held"]["items"]),
        (&10.into(), &0.into())
    );
    // Metrics are published once a second.
    let metric = "tailweir_spooled_items{signal=\"traces\"} 10";
    first.until(metric, |_| first.ask("/metrics").body.contains(metric));
    let other = Command::new(program())
        .arg("--config")
        .arg(&first.config)
        .args(["--admin", "127.0.0.1:0"])
        .output()
        .unwrap();
    assert!(!other.status.success());
    assert!(
        stderr(&other).contains("in use by another process"),
        "{}",
        stderr(&other)
    );
    first.binary.signal(Signal::KILL);
    let (status, _) = first.binary.finish();
    assert!(!status.success());

    let second = Gateway::start(&settings, []);
    let books = spooled(&second, 10);
    assert_eq!(
        (&books["taken"]["items"], &books["acknowledged"]["items"]),
        (&10.into(), &0.into())
    );
    for number in 10..15 {
        second.send(request().service("cart").span(span(trace_id(number), 1)));
    }
    spooled(&second, 15);
    second.binary.signal(Signal::TERM);
    let (status, lines) = second.binary.finish();
    assert_eq!(status.code(), Some(0));
    let ledger = lines.iter().find(|line| line.text.contains("final ledger"));
    let ledger = fields(&ledger.expect("a final ledger").text);
    let count = |name: &str| ledger[name].as_u64().unwrap();
    assert_eq!((count("spooled"), count("held"), count("lost")), (15, 0, 0));

    sink.restart();
    let third = Gateway::start(&settings, []);
    let books = spooled(&third, 0);
    assert_eq!(books["delivered"]["items"], 15);
    third.binary.signal(Signal::KILL);
    third.binary.finish();
    let fourth = Gateway::start(&settings, []);
    let books = spooled(&fourth, 0);
    assert_eq!(
        books["taken"]["items"], 0,
        "what is marked is not found again"
    );
    assert_eq!(arrived(&sink).len(), 15);
    assert_eq!(BTreeSet::from_iter(arrived(&sink)), ids(0..15));
}

/// Posts a request; whether it was acknowledged.
fn post(address: SocketAddr, body: &[u8]) -> io::Result<bool> {
    let mut stream = TcpStream::connect_timeout(&address, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    let head = format!(
        "POST /v1/traces HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\
         content-type: application/x-protobuf\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(&[head.as_bytes(), body].concat())?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    Ok(answer.starts_with(b"HTTP/1.1 200"))
}

/// Scenario: five processes one after the other, with a backend that takes everything, are killed while a client sends as
/// fast as it is answered; a last one runs until all is delivered.
/// Guarantees: every request that was acknowledged arrives, whenever the process died.
///
/// Conforms: extension `file_storage` | what was acknowledged, whenever the process dies | same
#[test]
fn nothing_acknowledged_is_lost_whenever_the_process_dies() {
    let folder = TempDir::new().unwrap();
    let sink = Sink::start();
    let settings = configuration(&sink, folder.path(), "max_size: 10000000");
    let mut next = 0;
    let mut acknowledged = Vec::new();
    for life in 0..5 {
        let gateway = Gateway::start(&settings, []);
        let address = gateway.otlp_http;
        let client = std::thread::spawn(move || {
            let mut taken = Vec::new();
            for number in next.. {
                let body = request().service("cart").span(span(trace_id(number), 1));
                match post(address, &body.bytes()) {
                    Ok(true) => taken.push(number),
                    Ok(false) => {}
                    Err(_) => break,
                }
            }
            taken
        });
        let seen = arrived(&sink).len();
        sink.block_until("spans of this life", |sink| {
            arrived(sink).len() > seen + 20 * (life + 1)
        });
        gateway.binary.signal(Signal::KILL);
        gateway.binary.finish();
        acknowledged.extend(client.join().unwrap());
        next = acknowledged.last().map_or(0, |last| last + 2);
    }
    let last = Gateway::start(&settings, []);
    spooled(&last, 0);
    let arrived: BTreeSet<_> = arrived(&sink).into_iter().collect();
    let missing: Vec<_> = ids(acknowledged).difference(&arrived).cloned().collect();
    assert!(missing.is_empty(), "{} requests are missing", missing.len());
}

/// Scenario: the directory of a storage is not there, and is not to be made; then it is to be made.
/// Guarantees: `validate` and the start refuse it with what to do, where it is written; then it is made, for its owner
/// alone.
///
/// Conforms: extension `file_storage` | `directory`, `create_directory` | same
#[test]
fn a_directory_that_is_not_there_is_refused() {
    let folder = TempDir::new().unwrap();
    let missing = folder.path().join("not/there");
    let sink = Sink::start();
    let config = folder.path().join("gateway.yaml");
    std::fs::write(&config, configuration(&sink, &missing, "")).unwrap();
    let config = config.to_str().unwrap();
    for arguments in [
        ["validate", "--config", config],
        ["run", "--config", config],
    ] {
        let refused = tailweir(arguments);
        assert!(!refused.status.success());
        let told = stderr(&refused) + &crate::gateway::stdout(&refused);
        assert!(told.contains("file_storage/queues"), "{told}");
        assert!(told.contains("set `create_directory: true`"), "{told}");
    }
    let settings = configuration(
        &sink,
        &missing,
        "create_directory: true, directory_permissions: '0700'",
    );
    let gateway = Gateway::start(&settings, []);
    gateway.send(request().service("cart").span(span(trace_id(1), 1)));
    let mode = std::os::unix::fs::PermissionsExt::mode(
        &std::fs::metadata(&missing).unwrap().permissions(),
    );
    assert_eq!(mode & 0o777, 0o700);
    assert!(missing.join("exporter_otlp_traces/lock").exists());
}
