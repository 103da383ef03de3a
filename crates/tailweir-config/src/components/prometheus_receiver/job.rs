//! Jobs: which targets, how often, within which bounds.

use super::{
    LooseText, NameEscaping, NameValidation, PrometheusDuration, PrometheusSize, RelabelRule,
    ScrapeClient, ScrapeProtocol, TargetFiles, TargetGroup,
};
use crate::node::Place;
use crate::report::{Cause, Report};
use crate::setting::{Block, Field, Literal, Record, Shape, Standing, settings};
use std::collections::BTreeMap;

settings! {
    /// What holds for all jobs that do not say otherwise.
    pub struct ScrapeGlobal {
        /// Time from scrape to scrape.
        scrape_interval: PrometheusDuration = PrometheusDuration::of_seconds(60),
        /// Time for one scrape. Absent: 10 s, or the interval where that is shorter.
        scrape_timeout: Option<PrometheusDuration> = None,
        /// Formats of pages, the most wanted first. Absent: OpenMetrics, then text; protobuf before them with
        /// `scrape_native_histograms`.
        scrape_protocols: Vec<ScrapeProtocol> = Vec::new(),
        /// Labels of every series.
        external_labels: BTreeMap<String, LooseText> = BTreeMap::new(),
        /// Most bytes of an unpacked page. 0: `max_page_bytes`.
        body_size_limit: PrometheusSize = PrometheusSize::default(),
        /// Most samples of a page after `metric_relabel_configs`. 0: `max_series`.
        sample_limit: u64 = 0,
        /// Most targets of a job. 0: `max_targets`.
        target_limit: u64 = 0,
        /// Most labels of a series. 0: no limit of its own.
        label_limit: u64 = 0,
        /// Most bytes of a label's name. 0: no limit of its own.
        label_name_length_limit: u64 = 0,
        /// Most bytes of a label's value. 0: no limit of its own.
        label_value_length_limit: u64 = 0,
        /// Which names metrics and labels may have.
        metric_name_validation_scheme: NameValidation = NameValidation::Unset,
        /// How targets are asked to write other names.
        metric_name_escaping_scheme: NameEscaping = NameEscaping::Unset,
        /// Take native histograms.
        scrape_native_histograms: bool = false,
        /// Take the buckets of histograms that are native too.
        always_scrape_classic_histograms: bool = false,
        /// Tell `scrape_timeout_seconds`, `scrape_sample_limit` and `scrape_body_size_bytes`, too.
        extra_scrape_metrics: bool = false,
    }
    ignored {
        "evaluation_interval": PrometheusDuration = "a receiver evaluates no rules",
        "rule_query_offset": PrometheusDuration = "a receiver evaluates no rules",
        "query_log_file": LooseText = "a receiver answers no queries",
        "scrape_failure_log_file": LooseText = "failures are logged with everything else",
        "keep_dropped_targets": u64 = "dropped targets are counted, not kept",
        "convert_classic_histograms_to_nhcb": bool = "histograms with buckets become OTLP histograms with explicit bounds, with or without it",
    }
    rules global_rules;
}

fn global_rules(global: &mut ScrapeGlobal, block: &mut Block<'_>, report: &mut Report) {
    if global.scrape_interval.duration().is_zero() {
        global.scrape_interval = ScrapeGlobal::default().scrape_interval;
    }
    let interval = global.scrape_interval;
    global.scrape_timeout = timeout(
        global.scrape_timeout,
        interval,
        None,
        block.at("scrape_timeout"),
        report,
    );
    check_protocols(
        &global.scrape_protocols,
        &block.at("scrape_protocols"),
        report,
    );
    for (name, value) in &global.external_labels {
        if value.as_str().contains('$') {
            let text = format!("the external label `{name}` holds a `$`");
            let fix = "Prometheus would put a variable there: write `${env:NAME}`";
            report.error_at(block.at("external_labels"), Cause::NotAllowed, text, fix);
        }
        if !global.metric_name_validation_scheme.is_label_name(name) {
            let text = format!("`{name}` is no name of a label");
            report.error_at(block.at("external_labels"), Cause::NotAllowed, text, "");
        }
    }
}

/// The time for one scrape: as written, else that of all jobs, else 10 s; never longer than the interval.
fn timeout(
    written: Option<PrometheusDuration>,
    interval: PrometheusDuration,
    inherited: Option<PrometheusDuration>,
    place: Place,
    report: &mut Report,
) -> Option<PrometheusDuration> {
    let written = written.filter(|timeout| !timeout.duration().is_zero());
    if written.is_some_and(|timeout| timeout > interval) {
        let text = "`scrape_timeout` is longer than `scrape_interval`";
        report.error_at(place, Cause::OutOfRange, text, "make it shorter");
    }
    let common = inherited.unwrap_or(PrometheusDuration::of_seconds(10));
    Some(written.unwrap_or_else(|| common.min(interval)))
}

fn check_protocols(protocols: &[ScrapeProtocol], place: &Place, report: &mut Report) {
    for (index, protocol) in protocols.iter().enumerate() {
        if protocols[..index].contains(protocol) {
            let text = format!("`{}` is listed twice", protocol.word());
            report.error_at(place.clone(), Cause::Duplicate, text, "keep one of them");
        }
    }
}

settings! {
    /// A job: targets that are scraped alike.
    pub struct ScrapeJob inlines {
        /// How its targets are asked.
        client: ScrapeClient = ScrapeClient::default(),
    } {
        /// Its name: the label `job`, and `service.name`.
        job_name: LooseText = LooseText::default(),
        /// Targets that stand here.
        static_configs: Vec<TargetGroup> = Vec::new(),
        /// Targets that stand in files. Other discovery is refused.
        file_sd_configs: Vec<TargetFiles> = Vec::new(),
        /// Time from scrape to scrape. Absent: that of `global`.
        scrape_interval: Option<PrometheusDuration> = None,
        /// Time for one scrape. Absent: that of `global`, or the interval where that is shorter.
        scrape_timeout: Option<PrometheusDuration> = None,
        /// Path of the pages.
        metrics_path: LooseText = LooseText::new("/metrics"),
        /// `http` or `https`.
        scheme: LooseText = LooseText::new("http"),
        /// Parameters of the URL.
        params: BTreeMap<String, Vec<LooseText>> = BTreeMap::new(),
        /// Keep the labels of pages where the target has labels of the same name; else they become `exported_...`.
        honor_labels: bool = false,
        /// Keep the times of pages.
        honor_timestamps: bool = true,
        /// Tell the end of series whose times the page tells, too.
        track_timestamps_staleness: bool = false,
        /// Formats of pages, the most wanted first. Absent: those of `global`.
        scrape_protocols: Vec<ScrapeProtocol> = Vec::new(),
        /// The format of pages that do not say theirs, or one that is none.
        fallback_scrape_protocol: ScrapeProtocol = ScrapeProtocol::PrometheusText004,
        /// Ask for packed pages (gzip).
        enable_compression: bool = true,
        /// Rules that rewrite the labels of targets, before any is scraped.
        relabel_configs: Vec<RelabelRule> = Vec::new(),
        /// Rules that rewrite the labels of series.
        metric_relabel_configs: Vec<RelabelRule> = Vec::new(),
        /// Most bytes of an unpacked page. 0: as in `global`.
        body_size_limit: PrometheusSize = PrometheusSize::default(),
        /// Most samples of a page after `metric_relabel_configs`; beyond, the scrape fails. 0: as in `global`.
        sample_limit: u64 = 0,
        /// Most targets; beyond, none is scraped. 0: as in `global`.
        target_limit: u64 = 0,
        /// Most labels of a series; beyond, the scrape fails. 0: as in `global`.
        label_limit: u64 = 0,
        /// Most bytes of a label's name; beyond, the scrape fails. 0: as in `global`.
        label_name_length_limit: u64 = 0,
        /// Most bytes of a label's value; beyond, the scrape fails. 0: as in `global`.
        label_value_length_limit: u64 = 0,
        /// Most buckets of a native histogram; larger ones are made coarser. 0: no limit of its own.
        native_histogram_bucket_limit: u64 = 0,
        /// Least ratio of the bounds of a native histogram's buckets; finer ones are made coarser. 0: any.
        native_histogram_min_bucket_factor: f64 = 0.0,
        /// Which names metrics and labels may have. Absent: as in `global`.
        metric_name_validation_scheme: NameValidation = NameValidation::Unset,
        /// How targets are asked to write other names. Absent: as in `global`.
        metric_name_escaping_scheme: NameEscaping = NameEscaping::Unset,
        /// Take native histograms. Absent: as in `global`.
        scrape_native_histograms: Option<bool> = None,
        /// Take the buckets of histograms that are native too. Absent: as in `global`.
        always_scrape_classic_histograms: Option<bool> = None,
        /// Tell `scrape_timeout_seconds`, `scrape_sample_limit` and `scrape_body_size_bytes`, too. Absent: as in `global`.
        extra_scrape_metrics: Option<bool> = None,
    }
    ignored {
        "convert_classic_histograms_to_nhcb": bool = "histograms with buckets become OTLP histograms with explicit bounds, with or without it",
        "scrape_failure_log_file": LooseText = "failures are logged with everything else",
        "keep_dropped_targets": u64 = "dropped targets are counted, not kept",
        "tracing": Literal = "scrapes are not traced",
    }
    refused {
        "consul_sd_configs" = "targets are found in `static_configs` and files: let consul-template write them into a file for `file_sd_configs`",
        "http_sd_configs" = "targets are found in `static_configs` and files: let a program fetch them into a file for `file_sd_configs`",
        "kubernetes_sd_configs" = "a gateway does not watch a cluster's pods: let a Collector on each node scrape its own and send OTLP here, or write the targets into a file for `file_sd_configs`",
        "scrape_classic_histograms" = "Prometheus 3 calls it `always_scrape_classic_histograms`",
    }
    unknown report_unknown_of_job;
    rules job_rules;
}

/// Discovery that there is not, beside what has a better answer.
const OTHER_DISCOVERY: [&str; 29] = [
    "aws_sd_configs",
    "azure_sd_configs",
    "digitalocean_sd_configs",
    "dns_sd_configs",
    "docker_sd_configs",
    "dockerswarm_sd_configs",
    "ec2_sd_configs",
    "elasticache_sd_configs",
    "eureka_sd_configs",
    "gce_sd_configs",
    "hetzner_sd_configs",
    "ionos_sd_configs",
    "kuma_sd_configs",
    "lightsail_sd_configs",
    "linode_sd_configs",
    "marathon_sd_configs",
    "msk_sd_configs",
    "nerve_sd_configs",
    "nomad_sd_configs",
    "openstack_sd_configs",
    "outscale_sd_configs",
    "ovhcloud_sd_configs",
    "puppetdb_sd_configs",
    "scaleway_sd_configs",
    "serverset_sd_configs",
    "stackit_sd_configs",
    "triton_sd_configs",
    "uyuni_sd_configs",
    "vultr_sd_configs",
];
const INSTEAD_OF_DISCOVERY: &str = "targets are found in `static_configs` and files: let a program write them into a file for `file_sd_configs`";

/// All those names are known, and refused.
fn report_unknown_of_job(block: &Block<'_>, report: &mut Report) {
    let mut fields = <ScrapeJob as Record>::fields(&ScrapeJob::default());
    let refused = || Standing::Refused(INSTEAD_OF_DISCOVERY);
    let other = OTHER_DISCOVERY.iter();
    fields.extend(other.map(|name| Field::idle(name, Shape::Any, refused())));
    block.report_unknown(&fields, report);
}

fn job_rules(job: &mut ScrapeJob, block: &mut Block<'_>, report: &mut Report) {
    for name in OTHER_DISCOVERY {
        block.refuse(name, INSTEAD_OF_DISCOVERY, report);
    }
    if job.job_name.as_str().is_empty() {
        let text = "the job has no name";
        report.error_at(block.place(), Cause::Missing, text, "add `job_name`");
    }
    if !matches!(job.scheme.as_str(), "http" | "https") {
        let text = "`scheme` is `http` or `https`";
        report.error_at(block.at("scheme"), Cause::NotAllowed, text, "");
    }
    check_protocols(&job.scrape_protocols, &block.at("scrape_protocols"), report);
    let has_path = |target: &LooseText| target.as_str().contains('/');
    let all = || job.static_configs.iter().flat_map(|group| &group.targets);
    if job.relabel_configs.is_empty() && all().any(has_path) {
        let text = "a target is an address, not a URL";
        let fix = "write `host:port`; `scheme` and `metrics_path` are options of the job";
        report.error_at(block.at("static_configs"), Cause::NotAllowed, text, fix);
    }
}

impl ScrapeJob {
    /// Takes what is not written from what holds for all jobs, and checks what needs both.
    pub(super) fn inherit(&mut self, global: &ScrapeGlobal, place: &Place, report: &mut Report) {
        let interval = self
            .scrape_interval
            .filter(|interval| !interval.duration().is_zero())
            .unwrap_or(global.scrape_interval);
        self.scrape_interval = Some(interval);
        let common = global.scrape_timeout;
        self.scrape_timeout = timeout(self.scrape_timeout, interval, common, place.clone(), report);
        if self.body_size_limit.bytes() == 0 {
            self.body_size_limit = global.body_size_limit;
        }
        for (own, common) in [
            (&mut self.sample_limit, global.sample_limit),
            (&mut self.target_limit, global.target_limit),
            (&mut self.label_limit, global.label_limit),
            (
                &mut self.label_name_length_limit,
                global.label_name_length_limit,
            ),
            (
                &mut self.label_value_length_limit,
                global.label_value_length_limit,
            ),
        ] {
            if *own == 0 {
                *own = common;
            }
        }
        for (own, common) in [
            (
                &mut self.scrape_native_histograms,
                global.scrape_native_histograms,
            ),
            (
                &mut self.always_scrape_classic_histograms,
                global.always_scrape_classic_histograms,
            ),
            (&mut self.extra_scrape_metrics, global.extra_scrape_metrics),
        ] {
            *own = Some(own.unwrap_or(common));
        }
        self.inherit_protocols(global);
        self.inherit_names(global, place, report);
    }

    fn inherit_protocols(&mut self, global: &ScrapeGlobal) {
        if self.scrape_protocols.is_empty() {
            self.scrape_protocols.clone_from(&global.scrape_protocols);
        }
        if self.scrape_protocols.is_empty() {
            let native = self.scrape_native_histograms == Some(true);
            let first = native.then_some(ScrapeProtocol::PrometheusProto);
            self.scrape_protocols = first.into_iter().chain(ScrapeProtocol::DEFAULT).collect();
        }
    }

    fn inherit_names(&mut self, global: &ScrapeGlobal, place: &Place, report: &mut Report) {
        let is_own = self.metric_name_validation_scheme != NameValidation::Unset;
        if !is_own {
            self.metric_name_validation_scheme = match global.metric_name_validation_scheme {
                NameValidation::Legacy => NameValidation::Legacy,
                _ => NameValidation::Utf8,
            };
        }
        let names = self.metric_name_validation_scheme;
        if self.metric_name_escaping_scheme == NameEscaping::Unset && !is_own {
            self.metric_name_escaping_scheme = global.metric_name_escaping_scheme;
        }
        if self.metric_name_escaping_scheme == NameEscaping::Unset {
            self.metric_name_escaping_scheme = match names {
                NameValidation::Legacy => NameEscaping::Underscores,
                _ => NameEscaping::AllowUtf8,
            };
        }
        if names == NameValidation::Legacy
            && self.metric_name_escaping_scheme == NameEscaping::AllowUtf8
        {
            let text = "names are `legacy`, but `allow-utf-8` is asked for";
            let fix = "write `metric_name_escaping_scheme: underscores`";
            report.error_at(place.clone(), Cause::Contradiction, text, fix);
        }
        for rule in self
            .relabel_configs
            .iter()
            .chain(&self.metric_relabel_configs)
        {
            rule.check_names(names, place, report);
        }
    }
}
