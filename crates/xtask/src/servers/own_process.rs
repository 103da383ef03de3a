//! A process that ends with its owner.

use anyhow::{Context, Result};
use std::fs::File;
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// A process of ours. Dropping it kills it.
pub(crate) struct OwnProcess(Child);

impl OwnProcess {
    /// Starts a command that writes all it says to this file.
    pub(crate) fn start(command: &mut Command, log: &Path) -> Result<Self> {
        let log = File::create(log)?;
        let child = command
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()
            .with_context(|| format!("could not start {command:?}"))?;
        Ok(Self(child))
    }
}

impl Drop for OwnProcess {
    fn drop(&mut self) {
        // Nothing of it is kept.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// An empty folder at this path.
pub(crate) fn empty_folder(folder: &Path) -> Result<()> {
    match std::fs::remove_dir_all(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error.into()),
        _ => {}
    }
    Ok(std::fs::create_dir_all(folder)?)
}
