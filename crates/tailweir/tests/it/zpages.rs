//! The pages of the `zpages` extension, as people and programs read them.

use crate::gateway::{Gateway, KEEP_ALL, address, configuration, program};
use serde_json::Value;
use std::fs;
use std::net::{SocketAddr, TcpListener};
use tailweir_testkit::{Binary, Signal, Sink, http_get, request, span, trace_id};

/// The gateway's configuration with these extensions, all of which run.
fn with_extensions(sink: &Sink, extensions: &str, running: &str) -> String {
    let plain = configuration(sink, "50ms", KEEP_ALL);
    let running = format!("service:\n  extensions: [{running}]");
    let plain = plain.replace("service:", &running);
    format!("{plain}extensions: {extensions}\n")
}

fn json(pages: SocketAddr, path: &str) -> Value {
    let answer = http_get(pages, &format!("{path}?format=json"));
    assert_eq!(answer.status, 200, "{}", answer.body);
    serde_json::from_str(&answer.body).expect("the page is JSON")
}

/// The row of a table in which some cell is `name`.
fn row<'a>(page: &'a Value, caption: &str, name: &str) -> &'a Value {
    let tables = page["tables"].as_array().expect("tables");
    let table = tables.iter().find(|table| table["caption"] == caption);
    let rows = table.and_then(|table| table["rows"].as_array());
    let mut rows = rows.into_iter().flatten();
    let has_name = |row: &&Value| {
        let cells = row.as_object().expect("a row").values();
        cells.into_iter().any(|cell| cell == name)
    };
    rows.find(has_name)
        .unwrap_or_else(|| panic!("no {name} in {caption}: {page:#}"))
}

/// Scenario: spans are sampled and exported; then the pages are read as JSON, as text and as HTML.
/// Guarantees: the pipeline is there with its components in order and what they have done; each page is in each form;
/// what is not a page is answered with those that are.
///
/// Conforms: extension `zpages` | `servicez`, `pipelinez`, `extensionz`, `featurez`, `tracez`, and `expvarz` with
/// `expvar` | better: also as text and JSON, with figures that the Collector's do not tell
#[test]
fn pages_show_pipelines_and_their_figures() {
    let sink = Sink::start();
    let extensions = "{zpages: {endpoint: '127.0.0.1:0', expvar: {enabled: true}}}";
    let gateway = Gateway::start(&with_extensions(&sink, extensions, "zpages"), []);
    let pages = address(&gateway.binary, "zpages");
    gateway.send(request().service("cart").span(span(trace_id(1), 1)));
    gateway.until("export", |status| status["exporters"][0]["sent"] == 1);

    let pipelines = json(pages, "/debug/pipelinez");
    let table = &pipelines["tables"][0];
    assert_eq!(table["caption"], "traces");
    let roles: Vec<_> = table["rows"].as_array().unwrap().iter().collect();
    let roles: Vec<_> = roles.iter().map(|row| &row["component"]).collect();
    assert_eq!(roles, ["otlp", "tail_sampling", "otlp"]);
    let figures = |index: usize| table["rows"][index]["so far"].as_str().unwrap();
    assert!(
        figures(0).contains("http: 1 accepted, 0 refused in 1 requests"),
        "{table:#}"
    );
    assert!(
        figures(1).contains("sampled 1 traces (1 spans)"),
        "{table:#}"
    );
    assert!(figures(2).starts_with("1 sent, 0 failed"), "{table:#}");

    let service = json(pages, "/debug/servicez/");
    assert_eq!(service["facts"]["phase"], "ready");
    assert_eq!(
        row(&service, "processors", "tail_sampling")["stability"],
        "stable"
    );
    let extension = json(pages, "/debug/extensionz");
    assert_eq!(
        row(&extension, "extensions that run", "zpages")["address"],
        pages.to_string()
    );
    let traces = json(pages, "/debug/tracez");
    assert_eq!(row(&traces, "requests", "http")["accepted items"], "1");
    let times = row(&traces, "tail_sampling in traces", "first span to decision");
    assert_eq!(times["times"], "1");
    let figures: Value = serde_json::from_str(&http_get(pages, "/debug/expvarz").body).unwrap();
    assert_eq!(figures["tailweir"]["exporters"][0]["sent"], 1);

    for page in ["servicez", "pipelinez", "extensionz", "featurez", "tracez"] {
        let html = http_get(pages, &format!("/debug/{page}"));
        assert!(html.body.starts_with("<!DOCTYPE html>"), "{}", html.body);
        assert!(
            html.head
                .contains("content-security-policy: default-src 'none'"),
            "{}",
            html.head
        );
        let text = http_get(pages, &format!("/debug/{page}?format=text"));
        assert!(text.body.starts_with(&format!("{page}\n")), "{}", text.body);
    }
    let elsewhere = http_get(pages, "/debug/none");
    assert_eq!(elsewhere.status, 404);
    assert!(
        elsewhere.body.contains("/debug/pipelinez"),
        "{}",
        elsewhere.body
    );
}

/// Scenario: the ids of components hold quotes, and a configuration is refused whose mistake quotes a script; gates are
/// switched on; figures for programs are not.
/// Guarantees: nothing of it becomes a tag or ends an attribute; gates are shown as they are; figures are not served.
#[test]
fn hostile_names_are_escaped() {
    let sink = Sink::start();
    let plain = with_extensions(&sink, "{zpages: {endpoint: '127.0.0.1:0'}}", "zpages");
    let hostile = plain.replace("  otlp:\n    endpoint", "  'otlp/\"&''':\n    endpoint");
    let hostile = hostile.replace("exporters: [otlp]", "exporters: ['otlp/\"&''']");
    let gate = "processor.tailsamplingprocessor.recordpolicy";
    let gates = format!("--feature-gates=+{gate}");
    let arguments = ["--watch-interval", "0s", &gates];
    let gateway = Gateway::start(&hostile, arguments);
    let pages = address(&gateway.binary, "zpages");
    let html = http_get(pages, "/debug/pipelinez").body;
    assert!(html.contains("<td>otlp/&quot;&amp;&#39;</td>"), "{html}");

    let mistaken = hostile.replace("decision_wait", "'<script>alert(1)</script>'");
    fs::write(&gateway.config, mistaken).unwrap();
    gateway.binary.signal(Signal::HUP);
    gateway.until("refusal", |status| status["process"]["refused"].is_string());
    for page in ["servicez", "tracez"] {
        let html = http_get(pages, &format!("/debug/{page}")).body;
        assert!(html.contains("&lt;script&gt;"), "{html}");
        assert!(!html.contains("<script"), "{html}");
    }
    let features = json(pages, "/debug/featurez");
    let caption = "feature gates of the Collector that mean something here";
    assert_eq!(row(&features, caption, gate)["on"], "yes");
    let other = "processor.tailsamplingprocessor.usetracestate";
    assert_eq!(row(&features, caption, other)["on"], "no");
    assert_eq!(http_get(pages, "/debug/expvarz").status, 404);
}

/// Scenario: pages ask for a token; a client has none, a wrong one, the right one.
/// Guarantees: only the right one is let in.
///
/// Conforms: extension `zpages` | `endpoint`, `auth` | same
#[test]
fn pages_ask_who_it_is() {
    let sink = Sink::start();
    let extensions = "{zpages: {endpoint: '127.0.0.1:0', auth: {authenticator: bearertokenauth, \
                      request_params: [authorization]}}, bearertokenauth: {token: hush}}";
    let gateway = Gateway::start(
        &with_extensions(&sink, extensions, "bearertokenauth, zpages"),
        [],
    );
    let pages = address(&gateway.binary, "zpages");
    let asked = |query: &str| http_get(pages, &format!("/debug/servicez{query}")).status;
    assert_eq!(asked(""), 401);
    assert_eq!(asked("?authorization=Bearer%20loud"), 401);
    assert_eq!(asked("?authorization=Bearer%20hush"), 200);
}

/// Scenario: the address of the pages is taken by another.
/// Guarantees: the process does not start, and says which extension could not listen where.
#[test]
fn an_address_that_is_taken_is_told_at_the_start() {
    let sink = Sink::start();
    let folder = tempfile::TempDir::new().unwrap();
    let file = folder.path().join("gateway.yaml");
    let holder = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = holder.local_addr().unwrap();
    let extensions = format!("{{zpages: {{endpoint: '{endpoint}'}}}}");
    fs::write(&file, with_extensions(&sink, &extensions, "zpages")).unwrap();
    let config = file.to_str().unwrap();
    let binary = Binary::start(program(), ["--config", config, "--admin", "127.0.0.1:0"]);
    let (status, lines) = binary.finish();
    assert!(!status.success());
    let expected = format!("zpages cannot listen on {endpoint}");
    let mut texts = lines.iter().map(|line| &line.text);
    assert!(texts.any(|text| text.contains(&expected)), "{lines:#?}");
}
