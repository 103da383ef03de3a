//! What the cluster says of itself: who leads, who owns how much, who leaves, what is out of step.

use super::admin;
use super::event::Hit;
use anyhow::Result;
use serde_json::Value;
use std::collections::BTreeMap;
use std::net::SocketAddr;

/// A member's `/cluster` page, as far as the harness needs it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Standing {
    pub(super) epoch: u64,
    pub(super) leader: Option<String>,
    /// Slots by owner and by replica.
    pub(super) owned: BTreeMap<String, u64>,
    pub(super) copied: BTreeMap<String, u64>,
    /// Slots that have an owner.
    pub(super) assigned: u64,
    /// Tenures that have no copy in step.
    pub(super) out_of_step: u64,
    /// Tenures that were given up with what they held, since the cluster began.
    pub(super) lost: u64,
}

/// Asks a member.
pub(super) async fn ask(address: SocketAddr) -> Result<Standing> {
    Ok(read(&admin::page(address, "/cluster").await?))
}

fn read(page: &Value) -> Standing {
    let count = |of: &Value, what: &str| of[what].as_u64().unwrap_or_default();
    let name = |of: &Value| of["name"].as_str().unwrap_or_default().to_owned();
    let list = |what: &str| page[what].as_array().cloned().unwrap_or_default();
    let mut standing = Standing {
        epoch: count(page, "epoch"),
        leader: page["leader"]
            .as_str()
            .filter(|name| !name.is_empty())
            .map(str::to_owned),
        assigned: count(&page["slots"], "assigned"),
        out_of_step: count(&page["slots"], "out_of_step"),
        lost: count(&page["slots"], "lost"),
        ..Standing::default()
    };
    for member in list("members") {
        *standing.owned.entry(name(&member)).or_default() += count(&member, "owned");
        *standing.copied.entry(name(&member)).or_default() += count(&member, "copied");
    }
    standing
}

impl Standing {
    /// Why the cluster is not settled with these samplers; nothing when it is.
    pub(super) fn unsettled<'a>(
        &self,
        mut samplers: impl Iterator<Item = &'a String>,
    ) -> Option<String> {
        if self.leader.is_none() {
            Some("no leader".to_owned())
        } else if self.assigned == 0 {
            Some("no slot has an owner".to_owned())
        } else if self.out_of_step > 0 {
            Some(format!("{} tenures are out of step", self.out_of_step))
        } else {
            let idle = samplers.find(|name| self.hits(name).is_empty());
            idle.map(|name| format!("{name} has no slot"))
        }
    }

    /// What a member is by this.
    pub(super) fn hits(&self, name: &str) -> Vec<Hit> {
        let has = |slots: &BTreeMap<String, u64>| slots.get(name).is_some_and(|count| *count > 0);
        let mut hits = Vec::new();
        if has(&self.owned) {
            hits.push(Hit::Owner);
        }
        if has(&self.copied) {
            hits.push(Hit::Replica);
        }
        hits
    }
}

#[cfg(test)]
mod tests {
    use super::read;
    use crate::chaos::event::Hit;
    use serde_json::json;

    /// Scenario: the page of a cluster with two samplers, one of which has only copies.
    /// Guarantees: leader, owner and replica are told apart.
    #[test]
    fn a_page_says_who_is_what() {
        let standing = read(&json!({
            "epoch": 9,
            "leader": "controller-1",
            "members": [
                {"name": "sampler-0", "owned": 16384, "copied": 0},
                {"name": "sampler-1", "owned": 0, "copied": 16384},
            ],
            "slots": {"assigned": 16384, "out_of_step": 3},
        }));
        assert_eq!((standing.epoch, standing.out_of_step), (9, 3));
        assert_eq!(standing.leader.as_deref(), Some("controller-1"));
        assert_eq!(standing.hits("sampler-0"), [Hit::Owner]);
        assert_eq!(standing.hits("sampler-1"), [Hit::Replica]);
        assert_eq!(read(&json!({})).leader, None);
    }
}
