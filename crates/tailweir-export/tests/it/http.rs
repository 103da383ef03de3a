//! The `otlp_http` exporter against real servers.

use crate::support::{
    HttpBackend, HttpRequest, Ledger, Reply, logs, metrics, quick_retry, span, traces,
    while_running,
};
use bytes::Bytes;
use std::io::Read;
use std::sync::Arc;
use tailweir_config::{
    BasicAuth, BearerTokenAuth, ClientCredentials, Encoding, HeaderAction, HeaderRule,
    HeadersSetter, HttpCompression, OtlpHttpExporter, Secret,
};
use tailweir_core::{AuthAttribute, ClientContext, Signal};
use tailweir_export::{Authorization, Exporter, ExporterSettings, LossReason, OtlpHttp};

fn settings(backend: &HttpBackend) -> OtlpHttpExporter {
    let mut settings = OtlpHttpExporter::default();
    settings.client.endpoint = format!("http://{}", backend.address);
    settings
}

fn exporter(
    signal: Signal,
    settings: &OtlpHttpExporter,
    authorization: Option<Authorization>,
) -> Exporter {
    let client_keys = Authorization::client_keys(authorization.as_ref());
    let destination = OtlpHttp::new(settings, authorization.map(Arc::new)).unwrap();
    let queue = ExporterSettings {
        client_keys,
        retry: Some(quick_retry()),
        ..ExporterSettings::of_otlp_http(settings)
    };
    Exporter::new("otlp_http", signal, Arc::new(destination), &queue)
}

fn body() -> Bytes {
    traces([(
        "shop",
        vec![span(1, 0, "GET /", 0, 10), span(2, 1, "query", 2, 5)],
    )])
}

async fn send(exporter: &Exporter, ledger: &Arc<Ledger>, body: Bytes) {
    let count = ledger.settlements().len() + 1;
    exporter
        .offer(ledger.parcel_of(exporter.signal(), 2, body))
        .await
        .unwrap();
    while_running(exporter, ledger.settled(count)).await;
}

/// Sends one request to a backend that answers so; returns exporter and ledger.
async fn answered(reply: Reply) -> (HttpBackend, Exporter, Arc<Ledger>) {
    let backend = HttpBackend::start([reply]).await;
    let (ledger, exporter) = (
        Ledger::new(),
        exporter(Signal::Traces, &settings(&backend), None),
    );
    send(&exporter, &ledger, body()).await;
    (backend, exporter, ledger)
}

fn unpacked(compression: HttpCompression, packed: &[u8]) -> Vec<u8> {
    let mut reader: Box<dyn Read + '_> = match compression {
        HttpCompression::Gzip => Box::new(flate2::read::GzDecoder::new(packed)),
        HttpCompression::Zlib | HttpCompression::Deflate => {
            Box::new(flate2::read::ZlibDecoder::new(packed))
        }
        HttpCompression::Zstd => Box::new(zstd::stream::read::Decoder::new(packed).unwrap()),
        HttpCompression::Snappy => {
            return snap::raw::Decoder::new().decompress_vec(packed).unwrap();
        }
        HttpCompression::SnappyFramed => Box::new(snap::read::FrameDecoder::new(packed)),
        HttpCompression::Lz4 => Box::new(lz4_flex::frame::FrameDecoder::new(packed)),
        HttpCompression::None => Box::new(packed),
    };
    let mut bytes = Vec::new();
    reader.read_to_end(&mut bytes).unwrap();
    bytes
}

/// Scenario: a request under each compression, with and without a level.
/// Guarantees: the header names it, and unpacked it is the request.
///
/// Conforms: exporter `otlp_http` | traces | `compression` with `compression_params` | same
#[tokio::test]
async fn every_compression_unpacks_to_the_request() {
    let backend = HttpBackend::start([]).await;
    for (compression, name) in [
        (HttpCompression::Gzip, Some("gzip")),
        (HttpCompression::Zstd, Some("zstd")),
        (HttpCompression::Snappy, Some("snappy")),
        (HttpCompression::SnappyFramed, Some("x-snappy-framed")),
        (HttpCompression::Zlib, Some("zlib")),
        (HttpCompression::Deflate, Some("deflate")),
        (HttpCompression::Lz4, Some("lz4")),
        (HttpCompression::None, None),
    ] {
        for level in [0, 1] {
            let mut settings = settings(&backend);
            settings.client.compression = compression;
            settings.client.compression_params.level = level;
            let ledger = Ledger::new();
            send(&exporter(Signal::Traces, &settings, None), &ledger, body()).await;
            assert_eq!(ledger.items(), (2, 0), "{compression:?}");
            let request = backend.requests().pop().unwrap();
            let encoding = request.headers.get("content-encoding");
            assert_eq!(encoding.map(|value| value.to_str().unwrap()), name);
            assert_eq!(unpacked(compression, &request.body), body());
            assert_eq!(request.headers["content-type"], "application/x-protobuf");
        }
    }
}

/// Scenario: each signal as JSON, one of them to an endpoint of its own.
/// Guarantees: bodies are OTLP/JSON of the requests, paths those of the signals.
///
/// Conforms: exporter `otlp_http` | traces, metrics, logs | `endpoint`, endpoints of single signals, `encoding: json`
/// | same
#[tokio::test]
async fn each_signal_goes_to_its_path_as_json() {
    let backend = HttpBackend::start([]).await;
    let mut settings = settings(&backend);
    settings.encoding = Encoding::Json;
    settings.client.compression = HttpCompression::None;
    settings.logs_endpoint = format!("http://{}/loki/otlp?tenant=1", backend.address);
    for (signal, body, path) in [
        (Signal::Traces, body(), "/v1/traces"),
        (Signal::Metrics, metrics(&[("cpu", 2)]), "/v1/metrics"),
        (Signal::Logs, logs(&["hello"]), "/loki/otlp"),
    ] {
        send(
            &exporter(signal, &settings, None),
            &Ledger::new(),
            body.clone(),
        )
        .await;
        let HttpRequest {
            path: asked,
            headers,
            body: json,
            ..
        } = backend.requests().pop().unwrap();
        assert_eq!(asked, path);
        assert_eq!(headers["content-type"], "application/json");
        let mut wire = Vec::new();
        tailweir_otlp::json::to_wire(signal, &json, &mut wire).unwrap();
        assert_eq!(wire, body);
    }
}

/// Scenario: a server asks to come again at once, three times in different ways; the connection breaks
/// off.
/// Guarantees: the request is sent again and delivered once.
///
/// Conforms: exporter `otlp_http` | traces | `retry_on_failure`, `Retry-After` | same
#[tokio::test]
async fn a_request_is_sent_again_when_asked() {
    let now = || Reply::status(429, &[("retry-after", "0")], "slow down");
    let past = [("retry-after", "Sun, 06 Nov 1994 08:49:37 GMT")];
    let script = [
        now(),
        Reply::status(503, &past, ""),
        Reply::Reset,
        Reply::status(502, &[], ""),
    ];
    let backend = HttpBackend::start(script).await;
    let (ledger, exporter) = (
        Ledger::new(),
        exporter(Signal::Traces, &settings(&backend), None),
    );
    send(&exporter, &ledger, body()).await;
    assert_eq!(ledger.items(), (2, 0));
    assert_eq!(backend.requests().len(), 5);
    assert_eq!(exporter.snapshot().retries, 4);
}

/// Scenario: a server refuses the request, with a status as protobuf, as JSON, and as text.
/// Guarantees: it is lost once, and what the server said is kept.
#[tokio::test]
async fn a_refusal_is_final_and_its_words_are_kept() {
    let status = tailweir_otlp::Status {
        code: 3,
        message: "bad span".to_owned(),
        retry_after: None,
    };
    let replies = [
        Reply::status(
            400,
            &[("content-type", "application/x-protobuf")],
            status.to_wire(),
        ),
        Reply::status(
            400,
            &[("content-type", "application/json")],
            status.to_json(),
        ),
        Reply::status(400, &[("content-type", "text/plain")], "bad span\n"),
    ];
    for reply in replies {
        let (backend, exporter, ledger) = answered(reply).await;
        assert_eq!(ledger.reasons(), [Some(LossReason::PermanentError)]);
        assert_eq!(backend.requests().len(), 1);
        assert_eq!(
            exporter.snapshot().last_error,
            "HTTP 400 Bad Request: bad span"
        );
    }
}

/// Scenario: the server takes the request and rejects one span; the number is protobuf, then JSON.
/// Guarantees: that one is lost.
///
/// Conforms: exporter `otlp_http` | traces | partial success of the backend | better: what it rejected is counted as
/// lost (`rejected_by_backend`), and logged
#[tokio::test]
async fn rejected_spans_are_counted() {
    let response = tailweir_otlp::ExportResponse {
        rejected: 1,
        message: "too old".to_owned(),
    };
    let json = response.to_json(Signal::Traces);
    for reply in [
        Reply::status(
            200,
            &[("content-type", "application/x-protobuf")],
            response.to_wire(),
        ),
        Reply::status(200, &[("content-type", "application/json")], json),
    ] {
        let (_, exporter, ledger) = answered(reply).await;
        assert_eq!(ledger.items(), (1, 1));
        assert_eq!(exporter.snapshot().last_error, "1 items rejected: too old");
    }
}

/// Scenario: a server says 200 and sends a body without an end.
/// Guarantees: the request counts as delivered, and only a bounded part of the body is read.
#[tokio::test]
async fn an_endless_answer_is_cut_off() {
    let (backend, _, ledger) = answered(Reply::Endless).await;
    assert_eq!(ledger.items(), (2, 0));
    assert!(
        backend.endless_bytes() < 8 << 20,
        "{} bytes",
        backend.endless_bytes()
    );
}

/// Scenario: a server redirects to another one; the exporter has credentials.
/// Guarantees: the other server hears nothing; the loss says where the redirect led.
#[tokio::test]
async fn redirects_are_not_followed() {
    let other = HttpBackend::start([]).await;
    let location = format!("http://{}/v1/traces", other.address);
    let (_, exporter, ledger) = answered(Reply::status(307, &[("location", &location)], "")).await;
    assert_eq!(ledger.reasons(), [Some(LossReason::PermanentError)]);
    assert!(exporter.snapshot().last_error.contains(&location));
    assert_eq!(other.connections(), 0);
}

/// Scenario: basic and bearer credentials, from the configuration and from files; the token's file is
/// changed while the exporter runs.
/// Guarantees: each request is signed; after the change with the new token, without a restart.
///
/// Conforms: exporter `otlp_http` | traces | `auth` | same
/// Conforms: extension `basicauth` | `client_auth` with `username`, `password_file` | same
/// Conforms: extension `bearertokenauth` | `filename` that changes, for an exporter | same
#[tokio::test(start_paused = true)]
async fn requests_are_signed() {
    let folder = tempfile::tempdir().unwrap();
    let (password, token) = (folder.path().join("password"), folder.path().join("token"));
    std::fs::write(&password, "open sesame\n").unwrap();
    std::fs::write(&token, "first\nsecond\n").unwrap();
    let basic = BasicAuth {
        client_auth: Some(ClientCredentials {
            username: "ali".to_owned(),
            password_file: password.display().to_string(),
            ..ClientCredentials::default()
        }),
        ..BasicAuth::default()
    };
    let bearer = BearerTokenAuth {
        filename: token.display().to_string(),
        ..BearerTokenAuth::default()
    };
    let plain = BearerTokenAuth {
        header: "X-Token".to_owned(),
        scheme: String::new(),
        token: Secret::new("fixed"),
        ..BearerTokenAuth::default()
    };
    let backend = HttpBackend::start([]).await;
    let mut settings = settings(&backend);
    // Time is paused, so that sockets are slower than any timeout.
    settings.client.timeout = std::time::Duration::ZERO;
    let signed = |authorization: Authorization| {
        let exporter = exporter(Signal::Traces, &settings, Some(authorization));
        let backend = &backend;
        async move {
            send(&exporter, &Ledger::new(), body()).await;
            (exporter, backend.requests().pop().unwrap().headers)
        }
    };
    let (_, headers) = signed(Authorization::basic(&basic).unwrap()).await;
    assert_eq!(headers["authorization"], "Basic YWxpOm9wZW4gc2VzYW1l");
    let (_, headers) = signed(Authorization::bearer(&plain).unwrap()).await;
    assert_eq!(headers["x-token"], "fixed");
    let (exporter, headers) = signed(Authorization::bearer(&bearer).unwrap()).await;
    assert_eq!(headers["authorization"], "Bearer first");
    std::fs::write(&token, "rotated\n").unwrap();
    tokio::time::advance(std::time::Duration::from_secs(2)).await;
    send(&exporter, &Ledger::new(), body()).await;
    let headers = backend.requests().pop().unwrap().headers;
    assert_eq!(headers["authorization"], "Bearer rotated");
}

/// Scenario: headers by every action and from every source, of a client that has all of it and of one that has nothing; a token is
/// sent beside them.
/// Guarantees: each is as its rule says, in the order of the rules; the token is there; what no rule is about stays.
///
/// Conforms: extension `headers_setter` | `headers` with `action`, `key`, `value`, `from_context` (also `auth.NAME`),
/// `from_attribute`, `default_value`; `additional_auth` with `bearertokenauth` | same
/// Conforms: extension `headers_setter` | `default_value` with `from_attribute` | better: the Collector sends an
/// empty header
/// Conforms: extension `headers_setter` | `value_file` | same
#[tokio::test]
async fn headers_are_set_by_rules() {
    use HeaderAction::{Delete, Insert, Update, Upsert};
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("value");
    std::fs::write(&file, "of the file\n").unwrap();
    let rule = |action, key: &str| HeaderRule {
        action,
        key: key.to_owned(),
        ..HeaderRule::default()
    };
    let text = |text: &str| Some(text.to_owned());
    let fixed = |action, key: &str, value: &str| HeaderRule {
        value: Some(Secret::new(value)),
        ..rule(action, key)
    };
    let of_client = HeaderRule {
        from_context: text("X-Tenant"),
        default_value: Some(Secret::new("nobody")),
        ..rule(Upsert, "x-scope-orgid")
    };
    let setter = HeadersSetter {
        headers: vec![
            fixed(Insert, "X-There", "lost"),
            fixed(Insert, "X-New", "new"),
            fixed(Update, "X-There", "updated"),
            fixed(Update, "X-Absent", "lost"),
            rule(Delete, "X-Gone"),
            HeaderRule {
                value_file: Some(file.display().to_string()),
                ..rule(Upsert, "x-file")
            },
            of_client,
            HeaderRule {
                from_context: text("auth.subject"),
                ..rule(Upsert, "x-subject")
            },
            HeaderRule {
                from_attribute: text("subject"),
                ..rule(Insert, "x-subject")
            },
        ],
        additional_auth: None,
    };
    let backend = HttpBackend::start([]).await;
    let mut settings = settings(&backend);
    settings.client.headers = [("X-There", "1"), ("X-Gone", "2"), ("X-Stays", "3")]
        .map(|(name, value)| (name.to_owned(), Secret::new(value)))
        .into_iter()
        .collect();
    let token = BearerTokenAuth {
        token: Secret::new("t"),
        ..BearerTokenAuth::default()
    };
    let beside = Authorization::bearer(&token).unwrap();
    let authorization = Authorization::headers(&setter, Some(beside)).unwrap();
    let exporter = exporter(Signal::Traces, &settings, Some(authorization));
    let known = ClientContext {
        metadata: vec![("x-tenant".to_owned(), vec!["acme".to_owned()])],
        auth: vec![("subject".to_owned(), AuthAttribute::Text("eve".to_owned()))],
        ..ClientContext::default()
    };
    for (client, tenant, subject) in [
        (known, "acme", "eve"),
        (ClientContext::NOBODY, "nobody", ""),
    ] {
        let ledger = Ledger::new();
        let parcel = ledger.parcel(2, body()).of(Arc::new(client));
        exporter.offer(parcel).await.unwrap();
        while_running(&exporter, ledger.settled(1)).await;
        let headers = backend.requests().pop().unwrap().headers;
        for (name, value) in [
            ("x-there", "updated"),
            ("x-new", "new"),
            ("x-stays", "3"),
            ("x-file", "of the file"),
            ("x-scope-orgid", tenant),
            ("x-subject", subject),
            ("authorization", "Bearer t"),
        ] {
            assert_eq!(headers[name], value, "{name}");
        }
        assert!(!headers.contains_key("x-absent") && !headers.contains_key("x-gone"));
    }
}

/// Scenario: the client has two values of what a header is to be set to.
/// Guarantees: nothing is sent with either of them; the loss says why, without the values.
///
/// Conforms: extension `headers_setter` | a client with several values of what is asked for | differs: fails the
/// export, with the reason
#[tokio::test]
async fn a_header_is_not_set_to_one_of_several_values() {
    let setter = HeadersSetter {
        headers: vec![HeaderRule {
            key: "x-scope-orgid".to_owned(),
            from_context: Some("x-tenant".to_owned()),
            ..HeaderRule::default()
        }],
        additional_auth: None,
    };
    let backend = HttpBackend::start([]).await;
    let authorization = Authorization::headers(&setter, None).unwrap();
    let exporter = exporter(Signal::Traces, &settings(&backend), Some(authorization));
    let values = vec!["red".to_owned(), "blue".to_owned()];
    let client = ClientContext {
        metadata: vec![("x-tenant".to_owned(), values)],
        ..ClientContext::default()
    };
    let ledger = Ledger::new();
    let parcel = ledger.parcel(2, body()).of(Arc::new(client));
    exporter.offer(parcel).await.unwrap();
    while_running(&exporter, ledger.settled(1)).await;
    assert_eq!(ledger.reasons(), [Some(LossReason::PermanentError)]);
    let error = exporter.snapshot().last_error;
    assert!(error.contains("2 values of x-tenant") && !error.contains("red"));
    assert!(backend.requests().is_empty());
}

/// Scenario: three requests one after the other, with and without keep-alive.
/// Guarantees: connections are used again, unless that is switched off.
///
/// Conforms: exporter `otlp_http` | traces | `disable_keep_alives` | same
#[tokio::test]
async fn connections_are_used_again() {
    for (disabled, connections) in [(false, 1), (true, 3)] {
        let backend = HttpBackend::start([]).await;
        let mut settings = settings(&backend);
        settings.client.disable_keep_alives = disabled;
        let (ledger, exporter) = (Ledger::new(), exporter(Signal::Traces, &settings, None));
        for _ in 0..3 {
            send(&exporter, &ledger, body()).await;
        }
        assert_eq!(backend.connections(), connections);
    }
}

/// Scenario: the endpoint has a path, user and password; headers are configured.
/// Guarantees: they arrive, and nothing of them stands in debug output or errors.
///
/// Conforms: exporter `otlp_http` | traces | `headers`, user and password in `endpoint` | same
#[tokio::test]
async fn headers_and_user_of_the_url_arrive() {
    let backend = HttpBackend::start([Reply::status(400, &[], "no")]).await;
    let mut settings = settings(&backend);
    settings.client.endpoint = format!("http://user:secret@{}/otlp/", backend.address);
    let tenant = ("X-Scope-OrgID".to_owned(), Secret::new("tenant"));
    settings.client.headers = [tenant].into_iter().collect();
    let exporter = exporter(Signal::Traces, &settings, None);
    send(&exporter, &Ledger::new(), body()).await;
    let request = backend.requests().pop().unwrap();
    assert_eq!(request.path, "/otlp/v1/traces");
    assert_eq!(request.headers["x-scope-orgid"], "tenant");
    assert_eq!(request.headers["authorization"], "Basic dXNlcjpzZWNyZXQ=");
    assert!(
        request.headers["user-agent"]
            .to_str()
            .unwrap()
            .starts_with("tailweir/")
    );
    assert!(!exporter.snapshot().last_error.contains("secret"));
}
