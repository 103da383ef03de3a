//! The `prometheus` receiver.

use crate::workbench::{assert_error, lines, load_text};
use std::time::Duration;
use tailweir_config::{
    Loaded, NameEscaping, PrometheusReceiver, Receiver, RelabelAction, ScrapeProtocol, ScrapeTls,
    TlsVersion, read_target_groups,
};

fn with_receiver(block: &str) -> String {
    format!(
        "exporters: {{nop: }}\nservice: {{pipelines: {{metrics: {{receivers: [prometheus], exporters: [nop]}}}}}}\nreceivers:\n  prometheus:\n{block}"
    )
}

/// A receiver with one job, which has these options too.
fn with_job(options: &str) -> String {
    with_receiver(&format!(
        "    config:\n      scrape_configs:\n        - job_name: shop\n          static_configs: [{{targets: ['h:1']}}]\n          {options}\n"
    ))
}

fn receiver(loaded: Loaded) -> PrometheusReceiver {
    let settings = loaded
        .settings
        .unwrap_or_else(|| panic!("{}", loaded.diagnostics));
    match settings.receivers.into_values().next() {
        Some(Receiver::Prometheus(receiver)) => *receiver,
        other => panic!("{other:?}"),
    }
}

/// Scenario: a configuration as gateways have it, with a dollar sign that is doubled, texts that look like truth values and
/// numbers, and options that all jobs inherit.
/// Guarantees: everything is read as Prometheus reads it; what a job does not say is that of all jobs.
///
/// Conforms: receiver `prometheus` | metrics | `global` and what jobs inherit of it, `scrape_protocols`, durations,
/// sizes, labels without quotes, `tls_config`, `bearer_token_file` | same
#[test]
fn prometheus_own_words_are_understood() {
    let loaded = load_text(&with_receiver(
        r#"
    trim_metric_suffixes: true
    config:
      global:
        scrape_interval: 1m30s
        sample_limit: 100
        external_labels: {region: eu, shard: 1}
        scrape_native_histograms: true
      scrape_configs:
        - job_name: pods
          scrape_timeout: 20s
          body_size_limit: 10MB
          sample_limit: 7
          params: {module: [http_2xx]}
          static_configs:
            - targets: ['a:1', 'b:2']
              labels: {team: 7, ready: true}
          file_sd_configs: [{files: ['/etc/targets/*.json'], refresh_interval: 1m}]
          tls_config: {ca_file: /ca.pem, server_name: s, min_version: TLS13}
          bearer_token_file: /token
          relabel_configs:
            - source_labels: [__meta_scrape]
              regex: true
              action: Keep
            - source_labels: [__address__]
              regex: '([^:]+):.*'
              target_label: host
              replacement: $$1
        - job_name: plain
          scrape_interval: 5s
          metric_name_validation_scheme: legacy
          static_configs: [{targets: ['c:3']}]
"#,
    ));
    assert_eq!(lines(&loaded.diagnostics), [""; 0]);
    let receiver = receiver(loaded);
    assert!(receiver.trim_metric_suffixes);
    assert_eq!(
        receiver.config.global.external_labels["shard"].as_str(),
        "1"
    );
    let [pods, plain] = &receiver.config.scrape_configs[..] else {
        panic!("two jobs");
    };
    let seconds =
        |it: Option<tailweir_config::PrometheusDuration>| it.unwrap().duration().as_secs();
    assert_eq!(
        (seconds(pods.scrape_interval), seconds(pods.scrape_timeout)),
        (90, 20)
    );
    assert_eq!(
        (
            seconds(plain.scrape_interval),
            seconds(plain.scrape_timeout)
        ),
        (5, 5)
    );
    assert_eq!((pods.sample_limit, plain.sample_limit), (7, 100));
    assert_eq!(pods.body_size_limit.bytes(), 10 << 20);
    assert_eq!(pods.scrape_protocols[0], ScrapeProtocol::PrometheusProto);
    assert_eq!(pods.scrape_protocols.len(), 5);
    assert_eq!(plain.metric_name_escaping_scheme, NameEscaping::Underscores);
    assert_eq!(pods.metric_name_escaping_scheme, NameEscaping::AllowUtf8);
    let labels = &pods.static_configs[0].labels;
    assert_eq!(
        (labels["team"].as_str(), labels["ready"].as_str()),
        ("7", "true")
    );
    let files = &pods.file_sd_configs[0];
    assert_eq!(files.refresh_interval.duration(), Duration::from_secs(60));
    let [keep, replace] = &pods.relabel_configs[..] else {
        panic!("two rules");
    };
    assert_eq!(
        (keep.regex.as_str(), keep.action),
        ("true", RelabelAction::Keep)
    );
    assert_eq!(replace.replacement.as_str(), "$1");
    let token = pods.client.authorization().unwrap();
    assert_eq!(
        (token.r#type.as_str(), token.credentials_file.as_str()),
        ("Bearer", "/token")
    );
    let tls = pods.client.tls_config.as_client();
    assert_eq!(
        (
            tls.files.ca_file.as_str(),
            tls.server_name_override.as_str()
        ),
        ("/ca.pem", "s")
    );
    assert_eq!(tls.files.min_version, TlsVersion::V13);
    assert_eq!(
        ScrapeTls::default().as_client().files.min_version,
        TlsVersion::Unset
    );
}

/// Scenario: discovery that there is not, and everything else of Prometheus' configuration that a receiver has no use for.
/// Guarantees: each is refused, or warned of, at its line and column, with what to do instead.
///
/// Conforms: receiver `prometheus` | metrics | discovery other than `static_configs` and `file_sd_configs` | not
/// offered: let a program write targets into a file for `file_sd_configs`
#[test]
fn what_is_not_there_is_refused_where_it_stands() {
    let loaded = load_text(&with_job("kubernetes_sd_configs: [{role: pod}]"));
    let said = lines(&loaded.diagnostics);
    assert_eq!(said.len(), 1, "{said:?}");
    assert!(
        said[0].starts_with("config.yaml:9:11: error: "),
        "{}",
        said[0]
    );
    assert!(
        said[0].contains("let a Collector on each node scrape its own"),
        "{}",
        said[0]
    );
    for (option, words) in [
        ("consul_sd_configs: [{server: x}]", "consul-template"),
        (
            "http_sd_configs: [{url: 'http://x'}]",
            "fetch them into a file",
        ),
        ("oauth2: {client_id: x}", "credentials_file"),
        ("proxy_url: 'http://p'", "reach them directly"),
        (
            "scrape_classic_histograms: true",
            "always_scrape_classic_histograms",
        ),
        ("nonsense: 1", "unknown option"),
    ] {
        assert_error(&load_text(&with_job(option)), option, words);
    }
    for (block, words) in [
        ("    target_allocator: {endpoint: x}\n", "file_sd_configs"),
        (
            "    config: {rule_files: [x], scrape_configs: [{job_name: a}]}\n",
            "evaluates no rules",
        ),
        (
            "    config: {remote_write: [{url: x}], scrape_configs: [{job_name: a}]}\n",
            "prometheus_remote_write",
        ),
        ("    config: {scrape_configs: []}\n", "nothing to scrape"),
        (
            "    use_start_time_metric: true\n    config: {scrape_configs: [{job_name: a}]}\n",
            "no longer has it",
        ),
    ] {
        assert_error(&load_text(&with_receiver(block)), block, words);
    }
    let idle = load_text(&with_job("convert_classic_histograms_to_nhcb: true"));
    assert!(idle.settings.is_some());
    assert_eq!(idle.diagnostics.warnings().count(), 1);
}

/// Scenario: jobs that Prometheus refuses.
/// Guarantees: they are refused here, each with its reason.
///
/// Conforms: receiver `prometheus` | metrics | jobs that Prometheus refuses | same
/// Conforms: receiver `prometheus` | metrics | `external_labels` with a `$` | not offered: Prometheus would put a
/// variable there
#[test]
fn what_prometheus_refuses_is_refused() {
    for (options, words) in [
        ("scrape_interval: 15", "not a duration of Prometheus"),
        (
            "scrape_interval: 5s\n          scrape_timeout: 6s",
            "longer than `scrape_interval`",
        ),
        ("body_size_limit: 10", "not a size"),
        ("scheme: ftp", "`http` or `https`"),
        (
            "scrape_protocols: [PrometheusProto, PrometheusProto]",
            "listed twice",
        ),
        (
            "relabel_configs: [{action: hashmod, target_label: a}]",
            "modulus",
        ),
        ("relabel_configs: [{source_labels: [a]}]", "target_label"),
        (
            "relabel_configs: [{regex: '(', target_label: a}]",
            "does not compile",
        ),
        (
            "relabel_configs: [{action: labeldrop, regex: a, source_labels: [b]}]",
            "no meaning",
        ),
        ("relabel_configs: [{action: jump}]", "unknown value `jump`"),
        (
            "metric_name_validation_scheme: legacy\n          relabel_configs: [{target_label: 'a.b'}]",
            "no name of a label",
        ),
        (
            "metric_name_validation_scheme: legacy\n          metric_name_escaping_scheme: allow-utf-8",
            "allow-utf-8",
        ),
        (
            "file_sd_configs: [{files: ['/a/*/b.json']}]",
            "cannot be one of a file of targets",
        ),
        ("file_sd_configs: [{}]", "names no file"),
        (
            "basic_auth: {username: a}\n          bearer_token: b",
            "both written",
        ),
        (
            "basic_auth: {password: a, password_file: b}",
            "both written",
        ),
        ("authorization: {type: basic}", "basic_auth"),
        ("tls_config: {cert_file: a}", "belong together"),
        ("http_headers: {Host: {values: [a]}}", "cannot be set"),
    ] {
        assert_error(&load_text(&with_job(options)), options, words);
    }
    let twice = "    config: {scrape_configs: [{job_name: a}, {job_name: a}, {scheme: http}]}\n";
    let loaded = load_text(&with_receiver(twice));
    assert_error(&loaded, twice, "two jobs are called `a`");
    assert_error(&loaded, twice, "the job has no name");
    let url = "    config: {scrape_configs: [{job_name: a, static_configs: [{targets: ['http://h:1']}]}]}\n";
    assert_error(
        &load_text(&with_receiver(url)),
        url,
        "an address, not a URL",
    );
    let dollar =
        "    config: {global: {external_labels: {a: '$$HOME'}}, scrape_configs: [{job_name: a}]}\n";
    assert_error(&load_text(&with_receiver(dollar)), dollar, "holds a `$`");
}

/// Scenario: files of targets in JSON and YAML, an empty one, and one that is damaged.
/// Guarantees: groups are read as they stand; of a damaged file nothing counts, and the mistake has its place.
#[test]
fn files_of_targets_are_read_whole_or_not_at_all() {
    let json = r#"[{"targets": ["a:1", "b:2"], "labels": {"env": "prod"}}, {"targets": []}]"#;
    let groups = read_target_groups("t.json", json).unwrap();
    assert_eq!(groups.len(), 2);
    assert_eq!(groups[0].targets[1].as_str(), "b:2");
    assert_eq!(groups[0].labels["env"].as_str(), "prod");
    assert_eq!(read_target_groups("t.yaml", "").unwrap(), []);
    let mistake = read_target_groups("t.yaml", "- targets: [a:1]\n- target: [b]\n").unwrap_err();
    assert!(mistake.starts_with("t.yaml:2:3: "), "{mistake}");
    assert!(read_target_groups("t.yaml", "a: [").is_err());
}
