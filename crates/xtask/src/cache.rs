//! What takes minutes to build, kept where it outlives the project's folder.

use anyhow::{Context, Result, ensure};
use sha2::{Digest, Sha256};
use std::path::{Path, PathBuf};

/// The folder of the cache: `XDG_CACHE_HOME/tailweir`, or `HOME/.cache/tailweir`.
///
/// # Errors
/// When neither is set, or it is no absolute path.
pub(crate) fn folder() -> Result<PathBuf> {
    let of = |name| std::env::var_os(name).map(PathBuf::from);
    let cache = of("XDG_CACHE_HOME").or_else(|| of("HOME").map(|home| home.join(".cache")));
    let cache = cache.context("neither XDG_CACHE_HOME nor HOME is set")?;
    ensure!(cache.is_absolute(), "{} is not absolute", cache.display());
    Ok(cache.join("tailweir"))
}

/// Names what is built by the files that it is built from: twelve hexadecimal digits.
///
/// # Errors
/// When one cannot be read.
pub(crate) fn key(source: &Path, files: &[&str]) -> Result<String> {
    let read = files.iter().map(|file| std::fs::read(source.join(file)));
    let contents = read.collect::<Result<Vec<_>, _>>()?;
    Ok(key_of(contents))
}

/// Names what consists of these parts: twelve hexadecimal digits.
pub(crate) fn key_of(parts: impl IntoIterator<Item = impl AsRef<[u8]>>) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(part);
    }
    let digest = hash.finalize();
    let first = digest.iter().take(6);
    first.fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
}
