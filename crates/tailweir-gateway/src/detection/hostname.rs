//! The name of the host, out of several sources.

use super::{DetectionError, Machine};
use dns_lookup::{AddrInfoHints, getaddrinfo, lookup_addr, lookup_host};
use tailweir_config::HostnameSource;

/// Asks `getaddrinfo` for the canonical name.
const CANONICAL_NAME: i32 = 2;

/// The name that the first of these sources gives.
pub(super) fn find(
    sources: &[HostnameSource],
    machine: &Machine,
) -> Result<String, DetectionError> {
    let mut problems = Vec::new();
    for source in sources {
        match of(*source, machine) {
            Ok(name) => return Ok(name.trim_end_matches('.').to_owned()),
            Err(problem) => problems.push(format!("{}: {problem}", source.word())),
        }
    }
    Err(DetectionError::NoHostname(problems.join("; ")))
}

fn of(source: HostnameSource, machine: &Machine) -> Result<String, String> {
    let host = machine.hostname().ok_or("the system gives no name")?;
    match source {
        HostnameSource::Os => Ok(host),
        HostnameSource::Dns => {
            let hosts = machine.read("etc/hosts").unwrap_or_default();
            in_hosts(&hosts, &host).map_or_else(|| canonical(&host), Ok)
        }
        HostnameSource::Cname => canonical(&host),
        HostnameSource::Lookup => {
            let addresses = lookup_host(&host).map_err(|error| error.to_string())?;
            let mut names = addresses.filter_map(|address| lookup_addr(&address).ok());
            names
                .next()
                .ok_or_else(|| "no address has a name".to_owned())
        }
    }
}

fn canonical(host: &str) -> Result<String, String> {
    let hints = AddrInfoHints {
        flags: CANONICAL_NAME,
        ..AddrInfoHints::default()
    };
    let mut found = getaddrinfo(Some(host), None, Some(hints))
        .map_err(|error| std::io::Error::from(error).to_string())?;
    let named = found.find_map(|address| address.ok()?.canonname);
    named.ok_or_else(|| "the resolver has no canonical name".to_owned())
}

/// The first name of the line that has this name.
fn in_hosts(hosts: &str, host: &str) -> Option<String> {
    hosts.lines().find_map(|line| {
        let line = line.split('#').next().unwrap_or_default();
        let mut names = line.split_ascii_whitespace().skip(1);
        let canonical = names.next()?;
        let has_it = canonical == host || names.any(|alias| alias == host);
        has_it.then(|| canonical.to_owned())
    })
}
