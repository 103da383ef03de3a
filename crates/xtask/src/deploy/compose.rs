//! The compose file, by the loader of Docker Compose itself: its schema, what it refers to, and the files that it mounts.

use super::{Outcome, tools};
use crate::{output, root};
use anyhow::{Context, Result, ensure};
use serde_json::Value;
use std::path::Path;
use std::process::Command;

/// Loads it; every file and folder that is mounted is there, and every image has a version.
pub(super) fn check() -> Result<Outcome> {
    let loader = match tools::compose_loader() {
        Ok(loader) => loader,
        Err(error) => return Ok(Outcome::Skipped(format!("{error:#}"))),
    };
    let mut load = Command::new(loader);
    load.current_dir(root().join("deploy/compose"));
    let model = output(load.args(["-format", "json", "compose.yaml"]))?;
    let model: Value = serde_json::from_str(&model).context("the loader wrote no JSON")?;
    let services = model["services"].as_object().context("no services")?;
    let mut mounts = 0;
    for (name, service) in services {
        let image = service["image"].as_str().unwrap_or_default();
        ensure!(
            image.contains(':') && !image.ends_with(":latest"),
            "the image {image:?} of {name} has no version"
        );
        for volume in service["volumes"].as_array().into_iter().flatten() {
            if volume["type"] == "bind" {
                let source = volume["source"].as_str().unwrap_or_default();
                ensure!(Path::new(source).exists(), "{name} mounts {source}");
                mounts += 1;
            }
        }
    }
    Ok(Outcome::Passed(format!(
        "{} services loaded as Docker Compose loads them, {mounts} mounts are there",
        services.len()
    )))
}
