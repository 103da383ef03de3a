//! The image, run as a container: read-only, without capabilities, within limits.

use super::{Outcome, image, tools};
use crate::{output, root};
use anyhow::{Context, Result, ensure};
use flate2::read::GzDecoder;
use serde_json::{Value, json};
use std::fs;
use std::os::unix::fs::chown;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

const NAME: &str = "tailweir-image-test";
const MEMORY_BYTES: u64 = 256 << 20;
/// Half of one core, in microseconds of a period of 100 ms.
const CPU_QUOTA: u64 = 50_000;
const CPU_PERIOD: u64 = 100_000;
const USER: u32 = 65532;
const PAUSE: Duration = Duration::from_millis(200);
const LOOKS: usize = 100;

/// Writes the image twice, which must give one digest, and runs it.
pub(super) fn check(binary: Option<&Path>) -> Result<Outcome> {
    let first = image(binary, "first")?;
    let second = image(binary, "second")?;
    ensure!(
        first.digest == second.digest,
        "{} and then {}",
        first.digest,
        second.digest
    );
    let runc = match tools::system("runc", "runc") {
        Ok(runc) => runc,
        Err(error) => {
            return Ok(Outcome::Skipped(format!(
                "the digest is reproducible; not run: {error:#}"
            )));
        }
    };
    let bundle = root().join("target/image/bundle");
    if bundle.exists() {
        fs::remove_dir_all(&bundle)?;
    }
    let configuration = unpack(&first.layout, &bundle.join("rootfs"))?;
    fs::write(
        bundle.join("config.json"),
        specification(&configuration)?.to_string(),
    )?;
    let container = Container::start(&runc, &bundle)?;
    let status = container.status()?;
    check_limits(&status)?;
    container.check_locked_up()?;
    container.drain()?;
    Ok(Outcome::Passed(format!(
        "{}; runs read-only as {USER} without capabilities, within {MEMORY_BYTES} bytes and half a core, and drains",
        first.digest
    )))
}

/// Unpacks the layer of a layout, and returns the image's configuration.
fn unpack(layout: &Path, folder: &Path) -> Result<Value> {
    let blob = |digest: &Value| {
        let digest = digest.as_str().unwrap_or_default().replace(':', "/");
        fs::read(layout.join("blobs").join(digest)).context("the layout lacks a blob")
    };
    let index: Value = serde_json::from_slice(&fs::read(layout.join("index.json"))?)?;
    let manifest: Value = serde_json::from_slice(&blob(&index["manifests"][0]["digest"])?)?;
    let layer = blob(&manifest["layers"][0]["digest"])?;
    let mut archive = tar::Archive::new(GzDecoder::new(layer.as_slice()));
    archive.set_preserve_permissions(true);
    archive.unpack(folder)?;
    // The archive's owners, which unpacking leaves to whoever unpacks.
    chown(folder.join("var/lib/tailweir"), Some(USER), Some(USER))?;
    Ok(serde_json::from_slice(&blob(
        &manifest["config"]["digest"],
    )?)?)
}

/// An OCI runtime specification: the image's own command, with the locks that a cluster puts on.
fn specification(image: &Value) -> Result<Value> {
    let config = &image["config"];
    ensure!(
        config["User"] == format!("{USER}:{USER}"),
        "the user is {}",
        config["User"]
    );
    let mut arguments: Vec<Value> = config["Entrypoint"].as_array().cloned().unwrap_or_default();
    arguments.extend([json!("--status-line=never")]);
    let mount = |to: &str, kind: &str, options: Value| json!({ "destination": to, "type": kind, "source": kind, "options": options });
    let private = json!(["nosuid", "noexec", "nodev"]);
    let namespaces: Vec<_> = ["pid", "network", "ipc", "uts", "mount"]
        .iter()
        .map(|kind| json!({ "type": kind }))
        .collect();
    Ok(json!({
        "ociVersion": "1.0.2",
        "process": {
            "user": { "uid": USER, "gid": USER },
            "args": arguments,
            "env": config["Env"],
            "cwd": config["WorkingDir"],
            "capabilities": { "bounding": [], "effective": [], "permitted": [] },
            "noNewPrivileges": true,
        },
        "root": { "path": "rootfs", "readonly": true },
        "hostname": NAME,
        "mounts": [
            mount("/proc", "proc", private),
            mount("/dev", "tmpfs", json!(["nosuid", "strictatime", "mode=755", "size=64k"])),
            mount("/sys", "sysfs", json!(["nosuid", "noexec", "nodev", "ro"])),
            mount("/sys/fs/cgroup", "cgroup", json!(["nosuid", "noexec", "nodev", "relatime", "ro"])),
        ],
        "linux": {
            "cgroupsPath": format!("/{NAME}"),
            "resources": {
                "memory": { "limit": MEMORY_BYTES },
                "cpu": { "quota": CPU_QUOTA, "period": CPU_PERIOD },
                "pids": { "limit": 64 },
            },
            "namespaces": namespaces,
        },
    }))
}

/// The budget and the bound of admission are those of a process with this much memory.
fn check_limits(status: &Value) -> Result<()> {
    let budget = status["samplers"][0]["memory_budget_bytes"]
        .as_u64()
        .context("the status has no budget")?;
    ensure!(
        budget < MEMORY_BYTES,
        "the budget of {budget} bytes is beyond the limit of {MEMORY_BYTES}"
    );
    ensure!(
        budget > MEMORY_BYTES / 4,
        "the budget of {budget} bytes wastes the limit of {MEMORY_BYTES}"
    );
    let shards = &status["samplers"][0]["shards"];
    ensure!(*shards == 1, "half a core has {shards} shards");
    Ok(())
}

/// A running container of ours. Dropping it kills it.
struct Container {
    runc: std::path::PathBuf,
    child: Child,
}

impl Container {
    fn start(runc: &Path, bundle: &Path) -> Result<Self> {
        let log = fs::File::create(bundle.join("log"))?;
        let child = Command::new(runc)
            .args(["run", "--bundle"])
            .arg(bundle)
            .arg(NAME)
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()?;
        let container = Self {
            runc: runc.to_owned(),
            child,
        };
        let (_keep, pause) = mpsc::channel::<()>();
        for _ in 0..LOOKS {
            if container.execute(&["tailweir", "healthcheck"]).is_ok() {
                return Ok(container);
            }
            // Nobody sends: this waits.
            let _ = pause.recv_timeout(PAUSE);
        }
        let log = fs::read_to_string(bundle.join("log")).unwrap_or_default();
        anyhow::bail!("the container did not become ready\n{log}")
    }

    fn execute(&self, command: &[&str]) -> Result<String> {
        output(Command::new(&self.runc).arg("exec").arg(NAME).args(command))
    }

    /// The process that runs in it, by its number outside.
    fn process(&self) -> Result<String> {
        let state: Value =
            serde_json::from_str(&output(Command::new(&self.runc).args(["state", NAME]))?)?;
        Ok(state["pid"].to_string())
    }

    /// The status page, asked for from within its network.
    fn status(&self) -> Result<Value> {
        let network = format!("--net=/proc/{}/ns/net", self.process()?);
        let mut ask = Command::new("nsenter");
        ask.args([
            &network,
            "curl",
            "--silent",
            "--fail",
            "http://localhost:8888/status",
        ]);
        Ok(serde_json::from_str(&output(&mut ask)?)?)
    }

    /// As the kernel sees it: no capability, no way to new ones, another user; and no shell to be had.
    fn check_locked_up(&self) -> Result<()> {
        let text = fs::read_to_string(format!("/proc/{}/status", self.process()?))?;
        let value = |key: &str| {
            let line = text.lines().find_map(|line| line.strip_prefix(key));
            line.unwrap_or_default()
                .split_whitespace()
                .collect::<Vec<_>>()
                .join(" ")
        };
        ensure!(
            value("CapEff:") == "0000000000000000",
            "it has capabilities {}",
            value("CapEff:")
        );
        ensure!(
            value("CapBnd:") == "0000000000000000",
            "it may get capabilities {}",
            value("CapBnd:")
        );
        ensure!(value("NoNewPrivs:") == "1", "it may get privileges");
        ensure!(
            value("Uid:") == format!("{USER} {USER} {USER} {USER}"),
            "it runs as {}",
            value("Uid:")
        );
        ensure!(
            self.execute(&["sh", "-c", "true"]).is_err(),
            "there is a shell in the image"
        );
        Ok(())
    }

    /// SIGTERM to the first process of the container ends it well.
    fn drain(mut self) -> Result<()> {
        output(Command::new(&self.runc).args(["kill", NAME, "TERM"]))?;
        let status = self.child.wait()?;
        ensure!(status.success(), "it ended with {status}");
        Ok(())
    }
}

impl Drop for Container {
    fn drop(&mut self) {
        // Already gone in the good case, in which these do nothing.
        let _ = Command::new(&self.runc)
            .args(["delete", "--force", NAME])
            .stderr(Stdio::null())
            .status();
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
