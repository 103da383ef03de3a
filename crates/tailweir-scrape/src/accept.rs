//! The header by which a page is asked for.

use tailweir_config::{NameEscaping, ScrapeJob, ScrapeProtocol};

/// The header `Accept` of a job's requests: its formats, the most wanted first, and anything else last.
#[must_use]
pub fn accept(job: &ScrapeJob) -> String {
    let escaping = match job.metric_name_escaping_scheme {
        NameEscaping::Unset => NameEscaping::AllowUtf8.word(),
        written => written.word(),
    };
    let mut weight = 6;
    let mut header = String::new();
    for protocol in job.scrape_protocols.iter().take(5) {
        header.push_str(media_range(*protocol));
        // Older formats know nothing of escaping.
        if matches!(
            protocol,
            ScrapeProtocol::PrometheusText100 | ScrapeProtocol::OpenMetricsText100
        ) {
            header.push_str(";escaping=");
            header.push_str(escaping);
        }
        header.push_str(&format!(";q=0.{weight},"));
        weight -= 1;
    }
    header + &format!("*/*;q=0.{weight}")
}

const fn media_range(protocol: ScrapeProtocol) -> &'static str {
    match protocol {
        ScrapeProtocol::PrometheusProto => {
            "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited"
        }
        ScrapeProtocol::PrometheusText004 => "text/plain;version=0.0.4",
        ScrapeProtocol::PrometheusText100 => "text/plain;version=1.0.0",
        ScrapeProtocol::OpenMetricsText001 => "application/openmetrics-text;version=0.0.1",
        ScrapeProtocol::OpenMetricsText100 => "application/openmetrics-text;version=1.0.0",
    }
}

#[cfg(test)]
mod tests {
    use super::accept;
    use tailweir_config::{ScrapeJob, ScrapeProtocol};

    /// Scenario: a job that wants protobuf and OpenMetrics.
    /// Guarantees: both are asked for in this order, with the escaping where the format has one, and anything else last.
    #[test]
    fn wanted_formats_come_first() {
        let job = ScrapeJob {
            scrape_protocols: vec![
                ScrapeProtocol::PrometheusProto,
                ScrapeProtocol::OpenMetricsText100,
            ],
            ..ScrapeJob::default()
        };
        assert_eq!(
            accept(&job),
            "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited;q=0.6,\
             application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,*/*;q=0.4"
        );
    }
}
