//! The golden vectors: run them, compare the packed copy, pack a new one.

use crate::{cargo, output, root, run as run_command};
use anyhow::{Result, bail};
use std::path::Path;
use std::process::{Command, Stdio};
use tailweir_testkit::Folder;

/// Folder, and the packages whose `golden_` tests read it.
const FOLDERS: &[(&str, &[&str])] = &[
    ("config", &["tailweir-config", "tailweir-transform"]),
    ("connectors", &["tailweir-connect"]),
    ("otlp_json", &["tailweir-otlp"]),
    ("ottl", &["tailweir-ottl", "tailweir-paths"]),
    (
        "processors",
        &["tailweir-config", "tailweir-gateway", "tailweir-transform"],
    ),
    ("prometheus", &["tailweir-prometheus"]),
    ("ring", &["tailweir-export"]),
    (
        "tail_sampling",
        &[
            "tailweir-otlp",
            "tailweir-policy",
            "tailweir-sampler",
            "tailweir",
        ],
    ),
    ("tail_sampling_config", &["tailweir-config"]),
];

/// Runs the golden tests of each folder; with a root, on the vectors below it.
pub(crate) fn run(dir: Option<&Path>) -> Result<()> {
    if let Some(dir) = dir {
        let mut folders = FOLDERS.iter().map(|(folder, _)| dir.join(folder));
        if let Some(missing) = folders.find(|folder| !folder.is_dir()) {
            bail!("there is no folder {}", missing.display());
        }
    }
    let mut failed = Vec::new();
    for (folder, packages) in FOLDERS {
        for package in *packages {
            println!("== {folder}: {package}");
            let mut tests = cargo();
            tests.args(["test", "--quiet", "--package", package]);
            tests.arg(format!("golden_{folder}"));
            tests.args(["--", "--nocapture"]);
            if let Some(dir) = dir {
                tests.env("TAILWEIR_GOLDEN", dir.canonicalize()?);
            }
            let ran = tests.stderr(Stdio::inherit()).output()?;
            let printed = String::from_utf8_lossy(&ran.stdout);
            print!("{printed}");
            // A filter that no test's name has is no error for Cargo.
            if !ran.status.success() || passed(&printed) == 0 {
                failed.push(format!("{folder} in {package}"));
            }
        }
    }
    if !failed.is_empty() {
        bail!(
            "golden vectors failed, or no test read them: {}",
            failed.join(", ")
        );
    }
    Ok(())
}

/// How many tests passed, by what they printed.
fn passed(printed: &str) -> u64 {
    let results = printed.lines().filter_map(|line| {
        let counts = line.strip_prefix("test result: ok. ")?;
        counts.split(' ').next()?.parse::<u64>().ok()
    });
    results.sum()
}

/// Compares every file of the packed copy with the one below `dir`.
pub(crate) fn compare(dir: &Path) -> Result<()> {
    let mut wrong = Vec::new();
    for (folder, _) in FOLDERS {
        let (ours, theirs) = (Folder::packed(folder), Folder::unpacked(dir, folder));
        let paths = ours.paths().chain(theirs.paths());
        let differing = paths.filter(|path| ours.get(path) != theirs.get(path));
        wrong.extend(differing.map(|path| format!("{folder}/{path}")));
    }
    if !wrong.is_empty() {
        bail!(
            "the packed copy differs in {}: pack it again",
            wrong.join(", ")
        );
    }
    println!("{} folders are equal to their packed copies", FOLDERS.len());
    Ok(())
}

/// Packs the folders below `dir` so that the same content gives the same bytes.
pub(crate) fn pack(dir: &Path) -> Result<()> {
    let scratch = root().join("target/golden");
    for (folder, _) in FOLDERS {
        let copy = scratch.join(folder);
        std::fs::create_dir_all(&copy)?;
        run_command(
            Command::new("cp")
                .args(["-r", "--no-preserve=mode"])
                .arg(dir.join(folder).join("."))
                .arg(&copy),
        )?;
        // Files inside are packed once, with the archive, which is smaller than twice.
        run_command(
            Command::new("find")
                .arg(&copy)
                .args(["-name", "*.gz", "-exec", "gunzip", "-f", "{}", "+"]),
        )?;
        let archive = root().join(format!("crates/tailweir-testkit/golden/{folder}.tar.zst"));
        let tar = "tar --sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner --mode=a+rX,u+w -cf - . | zstd -19 -q -f -o";
        output(
            Command::new("sh")
                .arg("-c")
                .arg(format!("{tar} '{}'", archive.display()))
                .current_dir(&copy),
        )?;
    }
    std::fs::remove_dir_all(&scratch)?;
    Ok(())
}
