//! What processors know of Kubernetes.

use crate::graph::Graph;
use serde::Serialize;
use std::sync::atomic::{AtomicU64, Ordering};
use tailweir_kubernetes::Kind;

/// A processor that adds what Kubernetes knows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct KubernetesRow {
    /// The processor's id.
    pub processor: String,
    /// Whether it has read once what there is.
    pub is_complete: bool,
    /// Resources by what became of them: `found`, `unidentified`, `unknown`.
    pub resources: Vec<(&'static str, u64)>,
    /// The kinds of objects of which it has seen any.
    pub kinds: Vec<KubernetesKindRow>,
}

/// Objects of one kind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct KubernetesKindRow {
    /// As the API names them.
    pub kind: &'static str,
    /// Those that are remembered.
    pub held: u64,
    /// Times that one was set.
    pub set: u64,
    /// Times that one went.
    pub gone: u64,
    /// Times that one found no room.
    pub refused: u64,
    /// Attributes that found no room.
    pub cut: u64,
    /// Times that the API did not say what there is.
    pub failures: u64,
}

/// A row for each processor that asks.
pub(super) fn rows(graph: &Graph) -> Vec<KubernetesRow> {
    let asking = graph.watching.iter().filter(|(_, it)| it.asks());
    let rows = asking.map(|(id, watching)| {
        let figures = watching.table().figures();
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let kinds = Kind::ALL.into_iter().map(|kind| {
            let counted = figures.of(kind);
            KubernetesKindRow {
                kind: kind.plural(),
                held: read(&counted.held),
                set: read(&counted.set),
                gone: read(&counted.gone),
                refused: read(&counted.refused),
                cut: read(&counted.cut),
                failures: read(&counted.failures),
            }
        });
        let is_seen = |row: &KubernetesKindRow| row.set + row.failures > 0;
        KubernetesRow {
            processor: id.to_string(),
            is_complete: watching.is_complete(),
            resources: figures.resources().to_vec(),
            kinds: kinds.filter(is_seen).collect(),
        }
    });
    rows.collect()
}
