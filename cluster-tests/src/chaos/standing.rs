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
    /// Rows without two copies in step, or with a tenure that is closing.
    pub(super) unsettled: u64,
}

/// Asks a member.
pub(super) async fn ask(address: SocketAddr) -> Result<Standing> {
    Ok(read(&admin::page(address, "/cluster").await?))
}

fn read(page: &Value) -> Standing {
    let mut standing = Standing {
        epoch: page["epoch"].as_u64().unwrap_or_default(),
        leader: page["leader"].as_str().map(str::to_owned),
        unsettled: page["slots"]["unsettled"].as_u64().unwrap_or_default(),
        ..Standing::default()
    };
    for member in page["members"].as_array().into_iter().flatten() {
        let name = member["name"].as_str().unwrap_or_default();
        let count = |what: &str| member[what].as_u64().unwrap_or_default();
        standing.owned.insert(name.to_owned(), count("owned"));
        standing.copied.insert(name.to_owned(), count("copied"));
    }
    standing
}

impl Standing {
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
