//! A gateway in this process, its clients, and what must hold at the end of every test.

use bytes::Bytes;
use http::{HeaderMap, Method, Request};
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::trace_service_client::TraceServiceClient;
use std::net::SocketAddr;
use tailweir_config::{EmptyEnvironment, LoadOptions, Settings, Sources, load};
use tailweir_gateway::{Gateway, LedgerRow, LedgerSnapshot, Options, Running, Status};
use tailweir_testkit::PATIENCE;
use tonic::transport::Channel;

/// A gateway that runs, and how it is reached.
pub(crate) struct Fixture {
    pub(crate) running: Running,
    pub(crate) grpc: Option<SocketAddr>,
    pub(crate) http: Option<SocketAddr>,
}

/// Settings of this YAML; wrong ones fail the test with their diagnostics.
pub(crate) fn settings(yaml: &str) -> Settings {
    let sources = Sources::new().config(format!("yaml:{yaml}"));
    let loaded = load(&sources, LoadOptions::default(), &EmptyEnvironment);
    loaded
        .settings
        .unwrap_or_else(|| panic!("{:#?}\n{yaml}", loaded.diagnostics))
}

/// The options of tests: two shards, and no chance.
pub(crate) fn options() -> Options {
    Options {
        shards: Some(2),
        seed: Some(1),
        ..Options::default()
    }
}

impl Fixture {
    /// Starts a gateway on this YAML.
    pub(crate) async fn start(yaml: &str) -> Self {
        Self::start_with(yaml, options()).await
    }

    /// Starts a gateway on this YAML with these options.
    pub(crate) async fn start_with(yaml: &str, options: Options) -> Self {
        let running = Gateway::start(settings(yaml), options).await;
        let running = running.unwrap_or_else(|error| panic!("{error}\n{yaml}"));
        let addresses = running.addresses().await;
        let find = |transport| {
            let mut found = addresses.iter();
            found
                .find(|bound| bound.transport == transport)
                .map(|bound| bound.address)
        };
        Self {
            grpc: find("grpc"),
            http: find("http"),
            running,
        }
    }

    /// A channel to its gRPC port.
    pub(crate) async fn channel(&self) -> Channel {
        let address = self.grpc.expect("a gRPC receiver");
        let endpoint = Channel::from_shared(format!("http://{address}")).unwrap();
        endpoint.connect().await.expect("a connection")
    }

    /// A client of its trace service.
    pub(crate) async fn traces(&self) -> TraceServiceClient<Channel> {
        TraceServiceClient::new(self.channel().await)
    }

    /// Sends traces over gRPC.
    pub(crate) async fn send(
        &self,
        request: ExportTraceServiceRequest,
    ) -> Result<(), tonic::Status> {
        self.traces().await.export(request).await.map(drop)
    }

    /// Asks its HTTP port.
    pub(crate) async fn http(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<Bytes>,
    ) -> HttpAnswer {
        let address = self.http.expect("an HTTP receiver");
        ask(address, method, path, headers, body).await
    }

    /// Posts protobuf to its HTTP port.
    pub(crate) async fn post(&self, path: &str, body: impl Into<Bytes>) -> HttpAnswer {
        let headers = [("content-type", "application/x-protobuf")];
        self.http(Method::POST, path, &headers, body).await
    }

    /// Waits until its status is as wanted.
    pub(crate) async fn until(&self, what: &str, done: impl Fn(&Status) -> bool) {
        let looking = async {
            while !done(&self.running.status().await) {
                tokio::task::yield_now().await;
            }
        };
        let waited = tokio::time::timeout(PATIENCE, looking).await;
        assert!(waited.is_ok(), "no {what}");
    }

    /// Stops it, and checks what must hold after every test: all was answered, decided and sent in
    /// time, the books balance, nothing is held, nothing was lost.
    pub(crate) async fn finish(self) -> LedgerSnapshot {
        let books = self.finish_with_losses().await;
        for (signal, row) in &books.signals {
            assert_eq!(row.lost_items(), 0, "{signal}: {row:#?}");
        }
        books
    }

    /// As [`Self::finish`], where the scenario loses something.
    pub(crate) async fn finish_with_losses(self) -> LedgerSnapshot {
        let end = self.running.shutdown(PATIENCE).await;
        assert!(end.in_time, "{:#?}", end.ledger);
        balanced(&end.ledger);
        end.ledger
    }
}

/// Asks a server over HTTP.
pub(crate) async fn ask(
    address: SocketAddr,
    method: Method,
    path: &str,
    headers: &[(&str, &str)],
    body: impl Into<Bytes>,
) -> HttpAnswer {
    let mut request = Request::builder()
        .method(method)
        .uri(format!("http://{address}{path}"));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = request.body(Full::new(body.into())).unwrap();
    let client: Client<HttpConnector, Full<Bytes>> =
        Client::builder(TokioExecutor::new()).build_http();
    let response = client.request(request).await.expect("an answer");
    let (head, body) = response.into_parts();
    HttpAnswer {
        status: head.status.as_u16(),
        headers: head.headers,
        body: body.collect().await.expect("a whole answer").to_bytes(),
    }
}

/// The books balance, and nothing is held.
fn balanced(books: &LedgerSnapshot) {
    assert_eq!(books.imbalance(), 0, "{books:#?}");
    for row in books.signals.values() {
        assert_eq!((row.held.items, row.held.bytes), (0, 0), "{books:#?}");
    }
}

/// The books of traces.
pub(crate) fn traces_of(books: &LedgerSnapshot) -> &LedgerRow {
    &books.signals["traces"]
}

/// An answer over HTTP.
#[derive(Debug)]
pub(crate) struct HttpAnswer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl HttpAnswer {
    /// A header as text.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// The body as JSON.
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).expect("a JSON body")
    }
}

/// A traces pipeline that keeps traces with errors, 30 ms after their first span, and sends them to
/// this endpoint.
pub(crate) fn sampling_yaml(endpoint: &str) -> String {
    sampling_yaml_with(endpoint, "", "decision_wait: 30ms")
}

/// As [`sampling_yaml`], with further options of the exporter and of the sampler.
pub(crate) fn sampling_yaml_with(endpoint: &str, exporter: &str, sampler: &str) -> String {
    format!(
        "
receivers:
  otlp:
    protocols:
      grpc: {{endpoint: '127.0.0.1:0'}}
      http: {{endpoint: '127.0.0.1:0'}}
processors:
  tail_sampling:
    {sampler}
    policies:
      - {{name: errors, type: status_code, status_code: {{status_codes: [ERROR]}}}}
exporters:
  otlp:
    endpoint: {endpoint}
    tls: {{insecure: true}}
    retry_on_failure: {{initial_interval: 5ms, max_interval: 10ms}}
    {exporter}
service:
  pipelines:
    traces: {{receivers: [otlp], processors: [tail_sampling], exporters: [otlp]}}
"
    )
}

/// Settings of this YAML; nothing when the configuration's own checks refuse it.
pub(crate) fn try_settings(yaml: &str) -> Option<Settings> {
    let sources = Sources::new().config(format!("yaml:{yaml}"));
    load(&sources, LoadOptions::default(), &EmptyEnvironment).settings
}
