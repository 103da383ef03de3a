//! The `pprof` extension: profiles of the running process.

use crate::gateway::{Gateway, KEEP_ALL, address, configuration};
use flate2::read::GzDecoder;
use prost::Message;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use tailweir_testkit::{PATIENCE, Signal, Sink, http_get, request, span, trace_id};

/// What of the format the tests look at.
#[derive(Clone, PartialEq, Message)]
struct Profile {
    #[prost(message, repeated, tag = "1")]
    sample_types: Vec<Pair>,
    #[prost(message, repeated, tag = "2")]
    samples: Vec<Sample>,
    #[prost(message, repeated, tag = "4")]
    locations: Vec<Location>,
    #[prost(message, repeated, tag = "5")]
    functions: Vec<Pair>,
    #[prost(string, repeated, tag = "6")]
    texts: Vec<String>,
    #[prost(int64, tag = "10")]
    duration_nanos: i64,
    #[prost(int64, tag = "12")]
    period: i64,
}

/// Two numbers: kind and unit of a value; id and name of a function; function and line of a place.
#[derive(Clone, Copy, PartialEq, Message)]
struct Pair {
    #[prost(int64, tag = "1")]
    first: i64,
    #[prost(int64, tag = "2")]
    second: i64,
}

#[derive(Clone, PartialEq, Message)]
struct Sample {
    #[prost(uint64, repeated, tag = "1")]
    location_ids: Vec<u64>,
    #[prost(int64, repeated, tag = "2")]
    values: Vec<i64>,
}

#[derive(Clone, PartialEq, Message)]
struct Location {
    #[prost(uint64, tag = "1")]
    id: u64,
    #[prost(message, repeated, tag = "4")]
    lines: Vec<Pair>,
}

impl Profile {
    fn unpacked(bytes: &[u8]) -> Self {
        let mut plain = Vec::new();
        GzDecoder::new(bytes).read_to_end(&mut plain).unwrap();
        Self::decode(plain.as_slice()).unwrap()
    }

    fn text(&self, number: i64) -> &str {
        &self.texts[usize::try_from(number).unwrap()]
    }

    /// The functions of each sample, innermost first.
    fn stacks(&self) -> Vec<Vec<&str>> {
        let names = self
            .functions
            .iter()
            .map(|it| (it.first, self.text(it.second)));
        let names: BTreeMap<_, _> = names.collect();
        let places = self.locations.iter().map(|it| (it.id, &it.lines));
        let places: BTreeMap<_, _> = places.collect();
        let stack = |sample: &Sample| {
            let lines = sample.location_ids.iter().flat_map(|id| places[id]);
            lines.map(|line| names[&line.first]).collect()
        };
        self.samples.iter().map(stack).collect()
    }

    fn assert_has_our_work(&self) {
        let stacks = self.stacks();
        let functions: BTreeSet<_> = stacks.iter().flatten().copied().collect();
        let is_ours = |name: &&str| name.contains("tailweir_gateway::");
        assert!(functions.iter().any(is_ours), "{functions:#?}");
        let is_profiler = |name: &&str| name.contains("perf_signal_handler");
        assert!(!functions.iter().any(is_profiler), "{functions:#?}");
    }
}

fn with_pprof(sink: &Sink, more: &str) -> String {
    let plain = configuration(sink, "10ms", KEEP_ALL);
    let plain = plain.replace("service:", "service:\n  extensions: [pprof]");
    format!("{plain}extensions: {{pprof: {{endpoint: '127.0.0.1:0'{more}}}}}\n")
}

/// Asks for a path, and gives a connection on which the answer will come.
fn ask(pages: SocketAddr, path: &str) -> TcpStream {
    let mut stream = TcpStream::connect(pages).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nhost: {pages}\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).unwrap();
    stream
}

/// The head and the body of the answer.
fn answer(mut stream: TcpStream) -> (String, Vec<u8>) {
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).unwrap();
    let end = bytes.windows(4).position(|it| it == b"\r\n\r\n").unwrap();
    let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
    (head.to_ascii_lowercase(), bytes[end + 4..].to_vec())
}

/// Sends traces as fast as they are taken while something else is done.
fn under_load<T>(gateway: &Gateway, work: impl FnOnce() -> T) -> T {
    let is_done = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            for number in 1.. {
                if is_done.load(Ordering::Relaxed) {
                    return;
                }
                let spans = (1..200).map(|id| span(trace_id(number), id));
                let busy = spans.fold(request().service("cart"), |it, span| it.span(span));
                gateway.send(busy);
            }
        });
        let result = work();
        is_done.store(true, Ordering::Relaxed);
        result
    })
}

/// Scenario: processor time is recorded while spans come; somebody else asks meanwhile, and again afterwards.
/// Guarantees: the profile has our functions by name with times that fit the samples, and nothing of the profiler; who
/// comes second is told why there is none for him; the next gets one.
///
/// Conforms: extension `pprof` | `profile` with `seconds`; one at a time | same
#[test]
fn a_profile_names_the_functions_that_work() {
    let sink = Sink::start();
    let gateway = Gateway::start(&with_pprof(&sink, ""), []);
    let pages = address(&gateway.binary, "pprof");
    let (head, body) = under_load(&gateway, || {
        let first = ask(pages, "/debug/pprof/profile?seconds=2");
        gateway.binary.line_with("a profile is recorded");
        let second = http_get(pages, "/debug/pprof/profile?seconds=1");
        assert_eq!(second.status, 503, "{}", second.body);
        assert!(
            second.body.contains("another profile is being recorded"),
            "{}",
            second.body
        );
        assert!(second.head.contains("x-go-pprof: 1"), "{}", second.head);
        answer(first)
    });
    assert!(head.starts_with("http/1.1 200"), "{head}");
    let profile = Profile::unpacked(&body);
    let kinds = profile.sample_types.iter();
    let kinds: Vec<_> = kinds
        .map(|it| [profile.text(it.first), profile.text(it.second)])
        .collect();
    assert_eq!(kinds, [["samples", "count"], ["cpu", "nanoseconds"]]);
    assert!(profile.duration_nanos >= 2_000_000_000);
    for sample in &profile.samples {
        assert_eq!(sample.values[1], sample.values[0] * profile.period);
    }
    profile.assert_has_our_work();
    let next = ask(pages, "/debug/pprof/profile?seconds=1");
    assert!(answer(next).0.starts_with("http/1.1 200"));
}

/// Scenario: a client asks for a long profile and goes away; the next asks for a short one.
/// Guarantees: the long one is thrown away at once, and the next gets his.
#[test]
fn a_profile_ends_with_who_asked_for_it() {
    let sink = Sink::start();
    let gateway = Gateway::start(&with_pprof(&sink, ""), []);
    let pages = address(&gateway.binary, "pprof");
    let gone = ask(pages, "/debug/pprof/profile?seconds=300");
    gateway.binary.line_with("a profile is recorded");
    drop(gone);
    gateway
        .binary
        .line_with("a profile that nobody waits for was thrown away");
    let next = ask(pages, "/debug/pprof/profile?seconds=1");
    assert!(answer(next).0.starts_with("http/1.1 200"));
}

/// Scenario: a long profile is recorded when the process is asked to end.
/// Guarantees: it ends without waiting for that, and who asked gets no half of a profile.
#[test]
fn the_end_does_not_wait_for_a_profile() {
    let sink = Sink::start();
    let gateway = Gateway::start(&with_pprof(&sink, ""), []);
    let pages = address(&gateway.binary, "pprof");
    let mut asked = ask(pages, "/debug/pprof/profile?seconds=300");
    gateway.binary.line_with("a profile is recorded");
    gateway.binary.signal(Signal::TERM);
    let (status, lines) = gateway.binary.finish();
    assert!(status.success(), "{lines:#?}");
    let mut rest: Vec<u8> = Vec::new();
    // The connection ends, however the system says that.
    let _ = asked.read_to_end(&mut rest);
    assert!(rest.is_empty());
}

/// Scenario: the whole run is recorded into a file; somebody asks for a profile; the process ends.
/// Guarantees: the file has the work of the run; who asked is told why there is no other profile.
///
/// Conforms: extension `pprof` | `save_to_file` | same
#[test]
fn the_whole_run_is_saved_at_its_end() {
    let sink = Sink::start();
    let folder = tempfile::TempDir::new().unwrap();
    let file = folder.path().join("run.pb.gz");
    let more = format!(", save_to_file: '{}'", file.display());
    let gateway = Gateway::start(&with_pprof(&sink, &more), []);
    let pages = address(&gateway.binary, "pprof");
    under_load(&gateway, || {
        gateway.until("work", |status| {
            status["exporters"][0]["sent"].as_u64() > Some(20_000)
        });
    });
    let other = http_get(pages, "/debug/pprof/profile?seconds=1");
    assert_eq!(other.status, 503);
    assert!(other.body.contains("`save_to_file`"), "{}", other.body);
    gateway.binary.signal(Signal::TERM);
    let (status, lines) = gateway.binary.finish();
    assert!(status.success(), "{lines:#?}");
    Profile::unpacked(&fs::read(&file).unwrap()).assert_has_our_work();
}

/// Scenario: pages beside the profile, with a secret on the command line.
/// Guarantees: there is an index; the command line is without the secret; what is not there is answered with the reason.
///
/// Conforms: extension `pprof` | `cmdline` | better: without settings and secrets
/// Conforms: extension `pprof` | `heap`, `goroutine` and other profiles of Go | not offered: they answer 404 with the
/// reason
#[test]
fn pages_beside_the_profile_are_honest() {
    let sink = Sink::start();
    let secret = "--set=exporters.otlp.headers.token=hush";
    let gateway = Gateway::start(&with_pprof(&sink, ""), [secret]);
    let pages = address(&gateway.binary, "pprof");
    let get = |path: &str| http_get(pages, path);
    assert!(
        get("/debug/pprof/")
            .body
            .contains("profile  processor time")
    );
    let line = get("/debug/pprof/cmdline");
    assert!(line.body.contains("\0--config\0"), "{:?}", line.body);
    assert!(!line.body.contains("hush"), "{:?}", line.body);
    for (path, status, said) in [
        ("/debug/pprof/heap", 404, "the allocator notes no stacks"),
        ("/debug/pprof/goroutine", 404, "there are no goroutines"),
        ("/debug/pprof/none", 404, "there is no such profile"),
        ("/elsewhere", 404, "everything is below /debug/pprof/"),
        ("/debug/pprof/profile?seconds=999", 400, "from 1 to 300"),
    ] {
        let answer = get(path);
        assert_eq!(answer.status, status, "{path}");
        assert!(answer.body.contains(said), "{path}: {}", answer.body);
    }
}
