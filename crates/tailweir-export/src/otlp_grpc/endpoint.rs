//! The forms in which a gRPC endpoint is written.

use crate::BuildError;
use crate::transport::Target;

/// A gRPC endpoint, taken apart.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Endpoint {
    pub(super) target: Target,
    /// Whether TLS is spoken.
    pub(super) is_secure: bool,
}

impl Endpoint {
    /// Reads `host:port`, `[::1]:port`, `http://host:port` (plain text), `https://host:port` (TLS,
    /// whatever `insecure` says), `dns:host:port`, `dns:///host:port` and `passthrough:///host:port`.
    /// Without a port: 443 with TLS, 80 without after `http://`, else an error.
    pub(super) fn parse(text: &str, insecure: bool) -> Result<Self, BuildError> {
        let error = |message: String| Err(BuildError::new("endpoint", message));
        let (rest, is_secure, port) = if let Some(rest) = text.strip_prefix("https://") {
            (rest, true, Some(443))
        } else if let Some(rest) = text.strip_prefix("http://") {
            (rest, false, Some(80))
        } else {
            (without_resolver(text), !insecure, None)
        };
        if let Some((scheme, _)) = rest.split_once("://") {
            return error(format!(
                "{text:?}: names of `{scheme}` cannot be resolved; write host:port"
            ));
        }
        let rest = rest.trim_end_matches('/');
        if rest.contains('/') {
            return error(format!(
                "{text:?}: an endpoint of gRPC has no path; write host:port"
            ));
        }
        let Some((host, port)) = host_and_port(rest, port) else {
            return error(format!("{text:?} is not host:port"));
        };
        Ok(Self {
            target: Target {
                host: host.to_owned(),
                port,
                round_robin: true,
            },
            is_secure,
        })
    }

    /// As it stands in `:authority`.
    pub(super) fn authority(&self) -> String {
        let Target { host, port, .. } = &self.target;
        if host.contains(':') {
            format!("[{host}]:{port}")
        } else {
            format!("{host}:{port}")
        }
    }
}

/// Names are always looked up in DNS; an authority (`dns://server/name`) is passed over, as the
/// system's resolver is the one to ask.
fn without_resolver(text: &str) -> &str {
    for scheme in ["dns:", "passthrough:"] {
        let Some(rest) = text.strip_prefix(scheme) else {
            continue;
        };
        return match rest.strip_prefix("//") {
            Some(rest) => rest.split_once('/').map_or(rest, |(_, name)| name),
            None => rest,
        };
    }
    text
}

fn host_and_port(text: &str, default: Option<u16>) -> Option<(&str, u16)> {
    let (host, port) = match text.strip_prefix('[') {
        Some(rest) => {
            let (host, rest) = rest.split_once(']')?;
            (host, rest.strip_prefix(':'))
        }
        None => match text.rsplit_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (text, None),
        },
    };
    let port = match port {
        Some(port) => port.parse().ok()?,
        None => default?,
    };
    let is_plain = !host.is_empty() && !host.contains(['@', ' ']);
    is_plain.then_some((host, port))
}

#[cfg(test)]
mod tests {
    use super::Endpoint;

    /// Scenario: endpoints in each form that people write.
    /// Guarantees: host, port and whether TLS is spoken are those of the Collector.
    ///
    /// Conforms: exporter `otlp_grpc` | traces, metrics, logs | each form of `endpoint` | same
    #[test]
    fn endpoints_are_read_in_each_form() {
        let read = |text, insecure| {
            let endpoint = Endpoint::parse(text, insecure).unwrap();
            (endpoint.authority(), endpoint.is_secure)
        };
        assert_eq!(read("tempo:4317", false), ("tempo:4317".to_owned(), true));
        assert_eq!(read("tempo:4317", true), ("tempo:4317".to_owned(), false));
        assert_eq!(read("https://tempo", true), ("tempo:443".to_owned(), true));
        assert_eq!(
            read("http://tempo:4317/", false),
            ("tempo:4317".to_owned(), false)
        );
        assert_eq!(
            read("dns:///tempo:4317", true),
            ("tempo:4317".to_owned(), false)
        );
        assert_eq!(
            read("dns://8.8.8.8/tempo:4317", true),
            ("tempo:4317".to_owned(), false)
        );
        assert_eq!(
            read("dns:tempo:4317", true),
            ("tempo:4317".to_owned(), false)
        );
        assert_eq!(read("[::1]:4317", true), ("[::1]:4317".to_owned(), false));
    }

    /// Scenario: endpoints that are none.
    /// Guarantees: each is refused with its own text.
    #[test]
    fn what_is_no_endpoint_is_refused() {
        for text in [
            "tempo",
            "tempo:port",
            "http://tempo:4317/v1/traces",
            "unix:///x",
            ":4317",
            "",
        ] {
            let error = Endpoint::parse(text, true).unwrap_err().to_string();
            assert!(error.contains(&format!("{text:?}")), "{error}");
        }
    }
}
