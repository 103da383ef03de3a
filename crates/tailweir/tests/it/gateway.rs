//! A running Tailweir and the ways to talk to it.

use serde_json::Value;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::Duration;
use tailweir_testkit::{Binary, HttpAnswer, PATIENCE, RequestBuilder, Sink, http_get, http_post};
use tempfile::TempDir;

/// The binary under test.
pub(crate) fn program() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_tailweir"))
}

/// Runs a command to its end.
pub(crate) fn tailweir<const N: usize>(arguments: [&str; N]) -> Output {
    Command::new(program())
        .args(arguments)
        .output()
        .expect("the binary starts")
}

/// What a command wrote to standard output.
pub(crate) fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).expect("output is UTF-8")
}

/// What a command wrote to standard error.
pub(crate) fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).expect("output is UTF-8")
}

/// A configuration with every port free, JSON log lines, and these policies.
pub(crate) fn configuration(sink: &Sink, decision_wait: &str, policies: &str) -> String {
    let endpoint = sink.endpoint();
    format!(
        "
receivers:
  otlp:
    protocols:
      grpc:
        endpoint: 127.0.0.1:0
      http:
        endpoint: 127.0.0.1:0
processors:
  tail_sampling:
    decision_wait: {decision_wait}
    policies: {policies}
exporters:
  otlp:
    endpoint: {endpoint}
    tls:
      insecure: true
service:
  telemetry:
    logs:
      encoding: json
  pipelines:
    traces:
      receivers: [otlp]
      processors: [tail_sampling]
      exporters: [otlp]
"
    )
}

/// Keeps every trace.
pub(crate) const KEEP_ALL: &str = "[{name: all, type: always_sample}]";
/// Keeps traces with an error.
pub(crate) const KEEP_ERRORS: &str =
    "[{name: errors, type: status_code, status_code: {status_codes: [ERROR]}}]";

/// A gateway that was started and is ready.
pub(crate) struct Gateway {
    pub(crate) binary: Binary,
    pub(crate) otlp_grpc: SocketAddr,
    pub(crate) otlp_http: SocketAddr,
    pub(crate) admin: SocketAddr,
    pub(crate) config: PathBuf,
    // Removes the configuration when the test is over.
    _folder: TempDir,
}

impl Gateway {
    /// Starts on this configuration, with these further arguments.
    pub(crate) fn start<const N: usize>(configuration: &str, arguments: [&str; N]) -> Self {
        Self::start_with(configuration, |command, _| {
            command.args(arguments);
        })
    }

    /// Starts on this configuration, with what `prepare` adds to the command; it may add files to the folder.
    pub(crate) fn start_with(
        configuration: &str,
        prepare: impl FnOnce(&mut Command, &Path),
    ) -> Self {
        let folder = TempDir::new().expect("a folder");
        let config = folder.path().join("gateway.yaml");
        std::fs::write(&config, configuration).expect("the configuration is written");
        let mut command = Command::new(program());
        command.arg("--config").arg(&config);
        prepare(&mut command, folder.path());
        Self::launch(command, folder)
    }

    /// Starts on the embedded configuration, on free ports, with this window.
    pub(crate) fn start_embedded(decision_wait: &str) -> Self {
        let mut command = Command::new(program());
        command.args([
            "--set=receivers.otlp.protocols.grpc.endpoint=127.0.0.1:0",
            "--set=receivers.otlp.protocols.http.endpoint=127.0.0.1:0",
            "--set=service.telemetry.logs.encoding=json",
        ]);
        command.arg(format!(
            "--set=processors.tail_sampling.decision_wait={decision_wait}"
        ));
        Self::launch(command, TempDir::new().expect("a folder"))
    }

    fn launch(mut command: Command, folder: TempDir) -> Self {
        command.args(["--admin", "127.0.0.1:0"]);
        let binary = Binary::spawn(command);
        let otlp_grpc = address(&binary, "otlp/grpc");
        let otlp_http = address(&binary, "otlp/http");
        let admin = address(&binary, "admin");
        binary.line_with("\"ready\"");
        Self {
            binary,
            otlp_grpc,
            otlp_http,
            admin,
            config: folder.path().join("gateway.yaml"),
            _folder: folder,
        }
    }

    /// Sends spans over OTLP/HTTP and insists on success.
    pub(crate) fn send(&self, request: RequestBuilder) {
        let content = "application/x-protobuf";
        let answer = http_post(self.otlp_http, "/v1/traces", content, &request.bytes());
        assert_eq!(answer.status, 200, "{}", answer.body);
    }

    /// Asks the admin listener.
    pub(crate) fn ask(&self, path: &str) -> HttpAnswer {
        http_get(self.admin, path)
    }

    /// The status page.
    pub(crate) fn status(&self) -> Value {
        let answer = self.ask("/status");
        serde_json::from_str(&answer.body).expect("the status page is JSON")
    }

    /// Asks for the status until `done` holds of it. Each question waits for its answer, so this
    /// does not spin faster than the gateway answers.
    pub(crate) fn until(&self, what: &str, done: impl Fn(&Value) -> bool) -> Value {
        let (sender, alarm) = std::sync::mpsc::channel::<()>();
        let timer = std::thread::spawn(move || {
            let _keeps_open = sender;
            std::thread::park_timeout(PATIENCE);
        });
        loop {
            let status = self.status();
            if done(&status) {
                timer.thread().unpark();
                return status;
            }
            let pause = alarm.recv_timeout(Duration::from_millis(10));
            let is_late = pause == Err(std::sync::mpsc::RecvTimeoutError::Disconnected);
            assert!(!is_late, "no {what}: {status:#}");
        }
    }
}

/// Where a part of the process listens, as its log says.
pub(crate) fn address(binary: &Binary, name: &str) -> SocketAddr {
    binary.line(name, |line| {
        let entry: Value = serde_json::from_str(&line.text).ok()?;
        let word = |key: &str| entry[key].as_str().unwrap_or_default();
        let receiver = format!("{}/{}", word("receiver"), word("transport"));
        let is_it = word("message") == "listening" && [word("name"), &receiver].contains(&name);
        is_it.then(|| entry["address"].as_str()?.parse().ok())?
    })
}

/// The fields of a JSON log line.
pub(crate) fn fields(line: &str) -> Value {
    serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"))
}
