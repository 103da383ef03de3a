//! The bill of materials: every crate in the binary, as CycloneDX.

use crate::{cargo, output, root};
use anyhow::{Context, Result};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// The CycloneDX document of what `tailweir` is linked from on this target, sorted, without a time in it.
pub(super) fn of_materials(target: &str) -> Result<String> {
    let mut metadata = cargo();
    metadata.args([
        "metadata",
        "--format-version=1",
        "--locked",
        "--filter-platform",
        target,
    ]);
    let metadata: Value = serde_json::from_str(&output(&mut metadata)?)?;
    let packages: BTreeMap<&str, &Value> = list(&metadata["packages"])
        .iter()
        .map(|package| (text(&package["id"]), package))
        .collect();
    let edges: BTreeMap<&str, BTreeSet<&str>> = list(&metadata["resolve"]["nodes"])
        .iter()
        .map(|node| (text(&node["id"]), linked(node)))
        .collect();
    let product = packages
        .iter()
        .find(|(_, package)| package["name"] == "tailweir");
    let (product, _) = product.context("the workspace has no package tailweir")?;
    let checksums = checksums()?;
    let reached = reached(product, &edges);
    let reference = |id: &str| {
        packages
            .get(id)
            .map_or_else(String::new, |package| package_url(package))
    };
    let mut components: Vec<_> = reached
        .iter()
        .filter(|id| id != &product)
        .filter_map(|id| packages.get(*id))
        .map(|package| component(package, "library", &checksums))
        .collect();
    components.sort_by_key(|component| text(&component["bom-ref"]).to_owned());
    let mut dependencies: Vec<_> = reached
        .iter()
        .map(|id| {
            let on: BTreeSet<_> = edges[id].iter().map(|id| reference(id)).collect();
            json!({ "ref": reference(id), "dependsOn": on })
        })
        .collect();
    dependencies.sort_by_key(|dependency| text(&dependency["ref"]).to_owned());
    let document = json!({
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": { "component": component(packages[product], "application", &checksums) },
        "components": components,
        "dependencies": dependencies,
    });
    Ok(serde_json::to_string_pretty(&document)? + "\n")
}

/// What is linked into a package: neither for its build nor for its tests.
fn linked(node: &Value) -> BTreeSet<&str> {
    let is_normal = |dependency: &&Value| {
        list(&dependency["dep_kinds"])
            .iter()
            .any(|kind| kind["kind"].is_null())
    };
    let normal = list(&node["deps"]).iter().filter(is_normal);
    normal.map(|dependency| text(&dependency["pkg"])).collect()
}

/// The package and everything that it is linked from.
fn reached<'a>(from: &'a str, edges: &BTreeMap<&'a str, BTreeSet<&'a str>>) -> BTreeSet<&'a str> {
    let (mut found, mut pending) = (BTreeSet::new(), vec![from]);
    while let Some(id) = pending.pop() {
        if found.insert(id) {
            pending.extend(edges.get(id).into_iter().flatten());
        }
    }
    found
}

fn component(package: &Value, kind: &str, checksums: &BTreeMap<String, String>) -> Value {
    let url = package_url(package);
    let mut component = json!({
        "type": kind,
        "bom-ref": url,
        "name": package["name"],
        "version": package["version"],
        "purl": url,
    });
    if let Some(licence) = package["license"].as_str() {
        component["licenses"] = json!([{ "expression": licence.replace('/', " OR ") }]);
    }
    if let Some(checksum) = checksums.get(&url) {
        component["hashes"] = json!([{ "alg": "SHA-256", "content": checksum }]);
    }
    component
}

fn package_url(package: &Value) -> String {
    format!(
        "pkg:cargo/{}@{}",
        text(&package["name"]),
        text(&package["version"])
    )
}

/// Checksums of `Cargo.lock`, by package URL.
fn checksums() -> Result<BTreeMap<String, String>> {
    let lock = std::fs::read_to_string(root().join("Cargo.lock"))?;
    let value = |package: &str, key: &str| {
        let start = format!("{key} = \"");
        let line = package
            .lines()
            .find_map(|line| line.strip_prefix(start.as_str()));
        line.map(|rest| rest.trim_end_matches('"').to_owned())
    };
    let packages = lock.split("[[package]]").filter_map(|package| {
        let (name, version) = (value(package, "name")?, value(package, "version")?);
        Some((
            format!("pkg:cargo/{name}@{version}"),
            value(package, "checksum")?,
        ))
    });
    Ok(packages.collect())
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}
