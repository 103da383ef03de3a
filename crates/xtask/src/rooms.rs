//! The dependency graph of the rooms, and the waterline: which rooms may know of I/O.

use crate::{cargo, output};
use anyhow::{Context, Result, bail};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// Room and the rooms that it may depend on. `docs/architecture.md` shows the same table.
const ALLOWED: &[(&str, &[&str])] = &[
    ("core", &[]),
    ("otlp", &["core"]),
    ("ottl", &[]),
    ("config", &["core"]),
    ("paths", &["core", "otlp", "ottl"]),
    ("policy", &["core", "otlp", "ottl", "paths", "config"]),
    ("transform", &["core", "otlp", "ottl", "paths", "config"]),
    (
        "connect",
        &["core", "otlp", "ottl", "paths", "config", "transform"],
    ),
    ("kubernetes", &["core", "otlp", "config", "transform"]),
    ("translate", &["core", "otlp"]),
    ("scrape", &["core", "otlp", "config"]),
    ("sampler", &["core", "otlp", "policy"]),
    ("placement", &["core"]),
    ("tenure", &["core", "placement"]),
    (
        "shard",
        &["core", "otlp", "policy", "sampler", "placement", "tenure"],
    ),
    ("proto", &[]),
    (
        "wire",
        &[
            "core",
            "policy",
            "sampler",
            "placement",
            "tenure",
            "shard",
            "proto",
        ],
    ),
    ("tls", &["config"]),
    ("link", &["core", "config", "tls"]),
    ("control", &["core", "config", "placement", "proto", "link"]),
    ("prometheus", &["core", "otlp", "ottl", "paths", "config"]),
    ("spool", &[]),
    (
        "export",
        &[
            "core",
            "config",
            "otlp",
            "ottl",
            "paths",
            "prometheus",
            "spool",
            "tls",
        ],
    ),
    ("telemetry", &["core", "config", "otlp", "export"]),
    (
        "gateway",
        &[
            "core",
            "config",
            "otlp",
            "ottl",
            "policy",
            "transform",
            "translate",
            "scrape",
            "connect",
            "kubernetes",
            "sampler",
            "prometheus",
            "export",
            "spool",
            "placement",
            "tenure",
            "shard",
            "tls",
        ],
    ),
    (
        "peers",
        &[
            "gateway",
            "link",
            "placement",
            "proto",
            "shard",
            "tenure",
            "wire",
        ],
    ),
    ("testkit", &["core", "otlp", "config"]),
];

/// Rooms without sockets, clocks or tasks, so that all they do can be simulated.
const PURE: &[&str] = &[
    "core",
    "otlp",
    "ottl",
    "config",
    "paths",
    "policy",
    "transform",
    "translate",
    "scrape",
    "connect",
    "kubernetes",
    "sampler",
    "prometheus",
    "placement",
    "tenure",
    "shard",
];

/// What a pure room may not reach, through any number of its dependencies.
const IO: &[&str] = &[
    "tokio", "ractor", "tonic", "hyper", "axum", "openraft", "metrics", "mio",
];

/// Frameworks that have one home.
const HOMES: &[(&str, &[&str])] = &[
    ("ractor", &["tailweir-gateway"]),
    ("metrics-exporter-prometheus", &["tailweir"]),
    (
        "clap",
        &["tailweir", "tailweir-benches", "cluster-tests", "xtask"],
    ),
    ("granit-parser", &["tailweir-config"]),
    ("kube", &["tailweir-gateway"]),
    ("pprof", &["tailweir"]),
    ("hashring", &["tailweir-placement"]),
    ("openraft", &["tailweir-control"]),
    ("bincode", &["tailweir-control"]),
    ("stateright", &["cluster-tests"]),
    ("turmoil", &["cluster-tests"]),
];

/// Checks the graph that cargo resolved; every violation is named.
pub(crate) fn check() -> Result<()> {
    let text = output(cargo().args(["metadata", "--format-version=1", "--locked"]))?;
    let graph = Graph::read(&serde_json::from_str(&text)?)?;
    let mut wrong = Vec::new();
    for (room, allowed) in ALLOWED {
        wrong.extend(graph.forbidden_rooms(room, allowed));
    }
    for room in PURE {
        wrong.extend(graph.reached_io(room));
    }
    for (framework, homes) in HOMES {
        wrong.extend(graph.strangers_at(framework, homes));
    }
    if !wrong.is_empty() {
        bail!(
            "the rooms depend on what they may not:\n  {}",
            wrong.join("\n  ")
        );
    }
    println!("{} rooms depend only on what they may", ALLOWED.len());
    Ok(())
}

/// Normal (not development, not build) dependencies by package name.
struct Graph(BTreeMap<String, BTreeSet<String>>);

impl Graph {
    fn read(metadata: &Value) -> Result<Self> {
        let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let names: BTreeMap<String, String> = list(&metadata["packages"])
            .iter()
            .map(|package| (text(&package["id"]), text(&package["name"])))
            .collect();
        let mut edges = BTreeMap::<String, BTreeSet<String>>::new();
        for node in list(&metadata["resolve"]["nodes"]) {
            let name = names
                .get(&text(&node["id"]))
                .context("a node without a package")?;
            let normal = list(&node["deps"]).into_iter().filter(|dep| {
                list(&dep["dep_kinds"])
                    .iter()
                    .any(|kind| kind["kind"].is_null())
            });
            let found = normal.filter_map(|dep| names.get(&text(&dep["pkg"])).cloned());
            edges.entry(name.clone()).or_default().extend(found);
        }
        Ok(Self(edges))
    }

    fn of(&self, package: &str) -> impl Iterator<Item = &String> {
        self.0.get(package).into_iter().flatten()
    }

    fn forbidden_rooms(&self, room: &str, allowed: &[&str]) -> Vec<String> {
        self.of(&format!("tailweir-{room}"))
            .filter_map(|name| name.strip_prefix("tailweir-"))
            .filter(|name| !allowed.contains(name))
            .map(|name| format!("{room} depends on {name}"))
            .collect()
    }

    fn reached_io(&self, room: &str) -> Vec<String> {
        let mut pending = vec![format!("tailweir-{room}")];
        let mut seen = BTreeSet::new();
        while let Some(package) = pending.pop() {
            if seen.insert(package.clone()) {
                pending.extend(self.of(&package).cloned());
            }
        }
        let reached = IO.iter().filter(|name| seen.contains(**name));
        reached
            .map(|name| format!("{room} is above the waterline but reaches {name}"))
            .collect()
    }

    fn strangers_at(&self, framework: &str, homes: &[&str]) -> Vec<String> {
        let ours = self.0.iter().filter(|(name, _)| {
            name.starts_with("tailweir") || ["cluster-tests", "xtask"].contains(&name.as_str())
        });
        ours.filter(|(name, edges)| edges.contains(framework) && !homes.contains(&name.as_str()))
            .map(|(name, _)| format!("{framework} has its home elsewhere, but {name} uses it"))
            .collect()
    }
}
