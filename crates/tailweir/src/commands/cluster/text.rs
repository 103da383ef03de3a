//! A cluster for people.

use crate::cluster::{ClusterPage, MemberPage, PeerPage, SlotRun};
use std::collections::BTreeMap;
use std::fmt::{Result, Write};
use tailweir_core::ByteSize;

/// Everything about a cluster.
pub(super) fn status(page: &ClusterPage) -> String {
    let mut text = String::new();
    // Writing to a string cannot fail.
    let _ = write_status(&mut text, page);
    text
}

fn write_status(text: &mut String, page: &ClusterPage) -> Result {
    let connected = match page.connected {
        true => "",
        false => ", which hears no controller",
    };
    writeln!(
        text,
        "cluster {}, routing table {}, as known to {}{connected}",
        page.cluster, page.epoch, page.name
    )?;
    if let Some(own) = &page.controller {
        writeln!(
            text,
            "its controller has id {}, term {}, {} of {} entries applied, a log of {}",
            own.id,
            own.term,
            own.last_applied,
            own.last_log,
            ByteSize(own.log_bytes)
        )?;
    }
    if page.policies > 0 {
        writeln!(text, "policies of revision {}", page.policies)?;
    }
    if let Some(reason) = &page.policies_refused {
        writeln!(text, "the policies of its file are not in force: {reason}")?;
    }
    write_controllers(text, page)?;
    write_members(text, &page.members)?;
    let slots = &page.slots;
    writeln!(
        text,
        "\n{} slots, {} of them unsettled; tenures out of step: {}, closing: {}, lost: {}",
        slots.assigned, slots.unsettled, slots.out_of_step, slots.closing, slots.lost
    )
}

fn write_controllers(text: &mut String, page: &ClusterPage) -> Result {
    if page.controllers.is_empty() {
        return writeln!(text, "\nno controller says how the controllers stand");
    }
    let names: Vec<String> = page.controllers.iter().map(PeerPage::name).collect();
    let width = width(names.iter().map(String::as_str), "controller");
    writeln!(
        text,
        "\n{:<width$} {:>6} {:<12} address",
        "controller", "id", "role"
    )?;
    for (name, peer) in names.iter().zip(&page.controllers) {
        let role = match (peer.leads, peer.votes) {
            (true, _) => "leader",
            (false, true) => "follower",
            (false, false) => "catching up",
        };
        let (id, address) = (peer.id, &peer.address);
        writeln!(text, "{name:<width$} {id:>6} {role:<12} {address}")?;
    }
    if page.leader.is_none() {
        writeln!(
            text,
            "there is no leader: nothing changes until there is one"
        )?;
    }
    Ok(())
}

fn write_members(text: &mut String, members: &[MemberPage]) -> Result {
    if members.is_empty() {
        return writeln!(text, "\nno sampler has registered yet");
    }
    let width = width(members.iter().map(|it| it.name.as_str()), "sampler");
    let zone = self::width(members.iter().map(|it| it.zone.as_str()), "zone");
    writeln!(
        text,
        "\n{:<width$} {:<10} {:>11} {:>6} {:>6} {:>6} {:>8} {:>11} {:<zone$} address",
        "sampler",
        "phase",
        "incarnation",
        "weight",
        "owns",
        "copies",
        "closing",
        "catching up",
        "zone"
    )?;
    for member in members {
        let tenures = &member.tenures;
        writeln!(
            text,
            "{:<width$} {:<10} {:>11} {:>6} {:>6} {:>6} {:>8} {:>11} {:<zone$} {}",
            member.name,
            member.phase,
            member.incarnation,
            member.weight,
            tenures.owned,
            tenures.copied,
            tenures.closing,
            tenures.catching_up,
            member.zone,
            member.address,
        )?;
    }
    Ok(())
}

fn width<'a>(names: impl Iterator<Item = &'a str>, title: &str) -> usize {
    names.map(str::len).max().unwrap_or(0).max(title.len())
}

/// Whether there is something to show that was not shown.
pub(super) fn is_changed(known: &ClusterPage, page: &ClusterPage) -> bool {
    (known.epoch, known.connected, known.policies) != (page.epoch, page.connected, page.policies)
        || known.leader != page.leader
}

/// A cluster on one line.
pub(super) fn line(page: &ClusterPage) -> String {
    let mut phases: BTreeMap<&str, usize> = BTreeMap::new();
    for member in &page.members {
        *phases.entry(&member.phase).or_default() += 1;
    }
    let phases: Vec<String> = phases
        .iter()
        .map(|(phase, count)| format!("{count} {phase}"))
        .collect();
    let leader = page.leader.as_deref().unwrap_or("nobody");
    let slots = &page.slots;
    format!(
        "table {}: {}; {leader} leads; tenures out of step {}, closing {}, lost {}{}\n",
        page.epoch,
        match phases.is_empty() {
            true => "no sampler".to_owned(),
            false => phases.join(", "),
        },
        slots.out_of_step,
        slots.closing,
        slots.lost,
        match page.connected {
            true => "",
            false => "; no controller is heard",
        }
    )
}

/// All slots, counted by who has them.
pub(super) fn slots(runs: &[SlotRun]) -> String {
    let mut counts: BTreeMap<(String, &str, String), usize> = BTreeMap::new();
    for run in runs {
        let last = run.tenures.len().saturating_sub(1);
        for (place, tenure) in run.tenures.iter().enumerate() {
            let state = if place == last { "current" } else { "closing" };
            let second = match (&tenure.replica, &tenure.candidate) {
                (Some(replica), _) => format!("{replica} copies"),
                (None, Some(candidate)) => format!("{candidate} catches up"),
                (None, None) => "no copy".to_owned(),
            };
            *counts
                .entry((tenure.owner.clone(), state, second))
                .or_default() += run.slots;
        }
    }
    let mut text = format!("{:<24} {:<8} {:>6}  second\n", "owner", "state", "slots");
    for ((owner, state, second), count) in counts {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{owner:<24} {state:<8} {count:>6}  {second}");
    }
    text
}

/// The tenures of one slot, oldest first.
pub(super) fn slot(slot: usize, runs: &[SlotRun]) -> String {
    let mut text = String::new();
    for tenure in runs.iter().flat_map(|run| &run.tenures) {
        let second = match (&tenure.replica, &tenure.candidate) {
            (Some(replica), _) => format!("copied by {replica}"),
            (None, Some(candidate)) => format!("{candidate} catches up"),
            (None, None) => "without a copy".to_owned(),
        };
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "{slot}@{}, view {}: owned by {}, {second}",
            tenure.created, tenure.view, tenure.owner
        );
    }
    if text.is_empty() {
        text.push_str("the slot has no owner yet\n");
    }
    text
}
