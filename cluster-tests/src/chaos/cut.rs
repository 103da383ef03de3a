//! Packets that are dropped, and links that are slow, in the namespaces of the members.

use super::network::Place;
use super::tool::can_run;
use anyhow::{Context, Result, ensure};
use serde_json::Value;
use std::net::IpAddr;

const TABLE: &str = "chaos";

/// Whether packets can be dropped here; if not, why.
pub(super) fn can_cut(place: &Place) -> Result<(), &'static str> {
    match (place.is_apart(), can_run("nft")) {
        (false, _) => Err("partitions need network namespaces, so root"),
        (_, false) => Err("partitions need nft"),
        _ => Ok(()),
    }
}

/// Drops what comes to `place` from these addresses.
pub(super) async fn deafen(place: &Place, to: &[IpAddr]) -> Result<()> {
    let addresses: Vec<String> = to.iter().map(IpAddr::to_string).collect();
    let addresses = addresses.join(", ");
    // nft wants the lines.
    let rules = format!(
        "table inet {TABLE} {{
            chain input {{
                type filter hook input priority 0
                ip saddr {{ {addresses} }} counter drop
            }}
        }}"
    );
    place.run("nft", [&rules]).await?;
    Ok(())
}

/// Lets everything through again; returns how many packets were dropped.
pub(super) async fn mend(place: &Place) -> Result<u64> {
    let listing = place
        .run("nft", ["-j", "list", "table", "inet", TABLE])
        .await?;
    place.run("nft", ["delete", "table", "inet", TABLE]).await?;
    let listing: Value = serde_json::from_str(&listing).context("nft writes no JSON")?;
    let entries = listing["nftables"].as_array().into_iter().flatten();
    let expressions =
        entries.flat_map(|entry| entry["rule"]["expr"].as_array().into_iter().flatten());
    let packets = expressions.filter_map(|expression| expression["counter"]["packets"].as_u64());
    Ok(packets.sum())
}

/// Lets no more than this out of `place`.
pub(super) async fn slow_down(place: &Place, kilobits: u32) -> Result<()> {
    ensure!(
        place.is_apart(),
        "a slow link needs network namespaces, so root"
    );
    let rate = format!("{kilobits}kbit");
    let limit = [
        "qdisc", "add", "dev", "eth0", "root", "tbf", "rate", &rate, "burst", "16kb", "latency",
        "500ms",
    ];
    place
        .run("tc", limit)
        .await
        .context("tbf is not available")?;
    Ok(())
}

/// Lifts the limit; returns how often a packet had to wait.
pub(super) async fn speed_up(place: &Place) -> Result<u64> {
    let statistics = place
        .run("tc", ["-s", "-j", "qdisc", "show", "dev", "eth0"])
        .await?;
    place
        .run("tc", ["qdisc", "delete", "dev", "eth0", "root"])
        .await?;
    let statistics: Value = serde_json::from_str(&statistics).context("tc writes no JSON")?;
    Ok(statistics[0]["overlimits"].as_u64().unwrap_or_default())
}
