//! What no single option of the `cluster` section can say.

use super::{Cluster, ClusterRole, ClusterTls};
use crate::report::{Cause, Report};
use crate::setting::Block;
use std::time::Duration;

/// Most controllers: each of them stores each change.
const CONTROLLERS_MAX: usize = 7;
/// Longest id of a cluster, and longest name of a zone.
const LABEL_LENGTH_MAX: usize = 63;
/// Longest name of a process: that of a DNS name.
const NAME_LENGTH_MAX: usize = 253;

pub(super) fn cluster(cluster: &mut Cluster, block: &mut Block<'_>, report: &mut Report) {
    names(cluster, block, report);
    roles(cluster, block, report);
    addresses(cluster, block, report);
    controllers(cluster, block, report);
    numbers(cluster, block, report);
    trust(cluster, block, report);
    if cluster.has(ClusterRole::Controller) && cluster.data_dir.is_empty() {
        let text = "a controller needs a directory for what it agreed to";
        let fix = "add `data_dir: /var/lib/tailweir`, or leave `controller` out of `roles`";
        report.error_at(block.at("data_dir"), Cause::Missing, text, fix);
    }
}

pub(super) fn tls(tls: &mut ClusterTls, block: &mut Block<'_>, report: &mut Report) {
    let files = [
        ("ca_file", &tls.ca_file),
        ("cert_file", &tls.cert_file),
        ("key_file", &tls.key_file),
    ];
    for (key, _) in files.iter().filter(|(_, path)| path.is_empty()) {
        let text = format!("`{key}` is missing; processes of a cluster check each other both ways");
        report.error_at(
            block.at(key),
            Cause::Missing,
            text,
            format!("add `{key}: PATH`"),
        );
    }
}

fn names(cluster: &Cluster, block: &Block<'_>, report: &mut Report) {
    if cluster.id.is_empty() {
        let fix = "add `id: production`, say; it is the same in all processes of the cluster";
        report.error_at(block.at("id"), Cause::Missing, "the cluster has no id", fix);
    }
    for (key, text, longest) in [
        ("id", &cluster.id, LABEL_LENGTH_MAX),
        ("name", &cluster.name, NAME_LENGTH_MAX),
        ("zone", &cluster.zone, LABEL_LENGTH_MAX),
    ] {
        let is_sound = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
        if text.len() > longest || !text.bytes().all(is_sound) {
            let text = format!("`{key}` is not a name of at most {longest} characters");
            let fix = "use letters, digits, `-`, `_` and `.`";
            report.error_at(block.at(key), Cause::NotAllowed, text, fix);
        }
    }
}

fn roles(cluster: &mut Cluster, block: &Block<'_>, report: &mut Report) {
    let mut once = Vec::new();
    for role in &cluster.roles {
        if once.contains(role) {
            let text = format!("the role `{}` is listed twice", role.word());
            report.warn_at(block.at("roles"), Cause::Duplicate, text, "remove one");
        } else {
            once.push(*role);
        }
    }
    if once.is_empty() {
        let fix = "add `roles: [gateway, sampler, controller]`, or some of them";
        report.error_at(
            block.at("roles"),
            Cause::Missing,
            "the process has no role",
            fix,
        );
    }
    cluster.roles = once;
}

fn addresses(cluster: &Cluster, block: &Block<'_>, report: &mut Report) {
    if host_and_port(&cluster.listen).is_none() {
        let text = "`listen` is not an address with a port";
        report.error_at(
            block.at("listen"),
            Cause::NotAllowed,
            text,
            "write `listen: 0.0.0.0:4319`",
        );
    }
    if cluster.advertise.is_empty() {
        return;
    }
    let fix = "write the address by which the others reach this process: `advertise: host:4319`";
    match host_and_port(&cluster.advertised("")) {
        None => {
            let text = "`advertise` is not `host:port`";
            report.error_at(block.at("advertise"), Cause::NotAllowed, text, fix);
        }
        Some("0.0.0.0" | "[::]") => {
            let text = "`advertise` is where to listen on all addresses, which reaches nobody";
            report.error_at(block.at("advertise"), Cause::NotAllowed, text, fix);
        }
        Some(_) => {}
    }
}

fn controllers(cluster: &Cluster, block: &Block<'_>, report: &mut Report) {
    let count = cluster.controllers.len();
    if count == 0 {
        let fix = "add `controllers: [host-0:4319, host-1:4319, host-2:4319]`";
        report.error_at(
            block.at("controllers"),
            Cause::Missing,
            "no controller is named",
            fix,
        );
    } else if count > CONTROLLERS_MAX {
        let text = format!("{count} controllers; there can be {CONTROLLERS_MAX}");
        let fix = "3 survive the loss of one, 5 of two; more only cost time";
        report.error_at(block.at("controllers"), Cause::OutOfRange, text, fix);
    } else if count.is_multiple_of(2) {
        let text = format!(
            "{count} controllers survive no more losses than {}",
            count - 1
        );
        report.warn_at(
            block.at("controllers"),
            Cause::Advisable,
            text,
            "name 1, 3 or 5",
        );
    }
    let places = block.items("controllers");
    for (index, (address, place)) in cluster.controllers.iter().zip(places).enumerate() {
        if host_and_port(address).is_none() {
            let text = "the controller is not `host:port`";
            report.error_at(place, Cause::NotAllowed, text, "write `host:4319`, say");
        } else if cluster.controllers[..index].contains(address) {
            let text = "the controller is listed twice";
            report.error_at(place, Cause::Duplicate, text, "remove one");
        }
    }
}

fn numbers(cluster: &Cluster, block: &Block<'_>, report: &mut Report) {
    for (key, number, range) in [
        ("weight", cluster.weight, 1..=100),
        ("replication", cluster.replication, 1..=2),
    ] {
        if !range.contains(&number) {
            let text = format!("`{key}` is not {} to {}", range.start(), range.end());
            report.error_at(block.at(key), Cause::OutOfRange, text, "");
        }
    }
    for (key, duration, seconds, range) in [
        ("lease", cluster.lease, 1..=60, "1s to 1m"),
        ("drain_timeout", cluster.drain_timeout, 0..=3600, "0s to 1h"),
    ] {
        let (least, most) = (
            Duration::from_secs(*seconds.start()),
            Duration::from_secs(*seconds.end()),
        );
        if !(least..=most).contains(&duration) {
            let text = format!("`{key}` is not {range}");
            report.error_at(block.at(key), Cause::OutOfRange, text, "");
        }
    }
}

fn trust(cluster: &Cluster, block: &Block<'_>, report: &mut Report) {
    match (&cluster.tls, cluster.insecure) {
        (Some(_), true) => {
            let text = "`insecure: true` leaves the certificates of `tls` unused";
            report.error_at(
                block.at("insecure"),
                Cause::Contradiction,
                text,
                "keep one of them",
            );
        }
        (None, false) => {
            let text = "nothing says how processes of the cluster know each other";
            let fix = "add `tls: {ca_file: ..., cert_file: ..., key_file: ...}`, or `insecure: true` where \
                       only the cluster reaches `listen`";
            report.error_at(block.at("tls"), Cause::Missing, text, fix);
        }
        _ => {}
    }
}

/// The host of `host:port`; nothing when it is no such thing.
fn host_and_port(address: &str) -> Option<&str> {
    let (host, port) = address.rsplit_once(':')?;
    let is_bracketed = host.starts_with('[') && host.ends_with(']');
    let is_host = !host.is_empty()
        && (is_bracketed || !host.contains(':'))
        && host
            .bytes()
            .all(|byte| byte.is_ascii_graphic() && byte != b'/');
    let port: u16 = port.parse().ok()?;
    (is_host && port > 0).then_some(host)
}
