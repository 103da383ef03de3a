//! Finds the product: what lies beside this program, built with cargo unless it is up to date.

use anyhow::{Context, Result, bail, ensure};
use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Names a binary that is to be used as it is.
pub(super) const VARIABLE: &str = "TAILWEIR_BINARY";

/// The path of a `tailweir` built with the profile of this program, or of the one that `TAILWEIR_BINARY` names.
///
/// # Errors
/// When it does not build.
pub fn find() -> Result<PathBuf> {
    if let Some(path) = env::var_os(VARIABLE) {
        let path = PathBuf::from(path);
        ensure!(path.is_file(), "{VARIABLE}: no file {}", path.display());
        return Ok(path);
    }
    let this = env::current_exe().context("this program has no path")?;
    let folder = profile_folder(&this)
        .with_context(|| format!("{} is not in a target folder of cargo", this.display()))?;
    let binary = folder.join(format!("tailweir{}", env::consts::EXE_SUFFIX));
    if !is_fresh(&binary) {
        build(folder)?;
    }
    ensure!(
        binary.is_file(),
        "cargo built no {}; name one in {VARIABLE}",
        binary.display()
    );
    Ok(binary)
}

/// `target/debug` of `target/debug/cluster-tests` and of `target/debug/deps/it-0123`.
fn profile_folder(program: &Path) -> Option<&Path> {
    let folder = program.parent()?;
    if folder.ends_with("deps") {
        folder.parent()
    } else {
        Some(folder)
    }
}

/// Whether it is newer than every file that cargo says it was made of. `cargo test --workspace` has built it before any
/// test runs; building it alone would build half of its dependencies with other features.
fn is_fresh(binary: &Path) -> bool {
    let modified = |path: &Path| path.metadata().and_then(|it| it.modified()).ok();
    let Ok(sources) = fs::read_to_string(binary.with_extension("d")) else {
        return false;
    };
    let sources = sources
        .split_once(": ")
        .map(|(_, sources)| sources.to_owned());
    let (Some(sources), Some(built)) = (sources, modified(binary)) else {
        return false;
    };
    let mut sources = sources.split_whitespace().map(Path::new);
    sources.all(|source| modified(source).is_some_and(|changed| changed <= built))
}

fn build(folder: &Path) -> Result<()> {
    let profile = match folder.file_name().and_then(|name| name.to_str()) {
        Some("debug") | None => "dev",
        Some(name) => name,
    };
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let status = Command::new(cargo)
        .args([
            "build",
            "--quiet",
            "--package",
            "tailweir",
            "--profile",
            profile,
        ])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .stdout(Stdio::null())
        .status()
        .context("cargo cannot be run")?;
    if !status.success() {
        bail!("tailweir does not build: {status}");
    }
    Ok(())
}
