//! `save_to_file`: one profile from the start of the process to its end.

use super::recorder::{Purpose, Recording};
use anyhow::Context;
use std::fs::File;
use std::io::Write;
use std::time::Duration;
use tailweir_config::{Extension, Settings};
use tokio::time::timeout;

/// How long the end of the process waits for names of functions and for the disk.
const SAVE_TIME: Duration = Duration::from_secs(30);

/// A profile that is recorded until the process ends.
pub(crate) struct SavedProfile {
    path: String,
    file: File,
    recording: Recording,
}

impl SavedProfile {
    /// Starts to record, if an extension that runs says so. The file is emptied.
    ///
    /// # Errors
    /// When the file cannot be had, or there is no recording.
    pub(crate) async fn start(settings: &Settings) -> anyhow::Result<Option<Self>> {
        let ids = settings.service_extensions.iter();
        let path = ids.filter_map(|id| match settings.extensions.get(id)? {
            Extension::Pprof(pprof) => {
                (!pprof.save_to_file.is_empty()).then(|| (id, pprof.save_to_file.clone()))
            }
            _ => None,
        });
        let mut saved = None;
        for (id, path) in path {
            let file = File::create(&path);
            let file = file.with_context(|| format!("{id} cannot write `save_to_file` {path}"))?;
            let recording = Recording::start(Purpose::WholeRun).await;
            let recording =
                recording.with_context(|| format!("{id} cannot save a profile to {path}"))?;
            saved = Some(Self {
                path,
                file,
                recording,
            });
        }
        Ok(saved)
    }

    /// Ends the recording and writes the file. What cannot be done is logged.
    pub(crate) async fn finish(self) {
        let Self {
            path,
            mut file,
            recording,
        } = self;
        let written = async {
            let profile = recording.finish().await?;
            tokio::task::spawn_blocking(move || file.write_all(&profile)).await??;
            anyhow::Ok(())
        };
        match timeout(SAVE_TIME, written).await {
            Ok(Ok(())) => tracing::info!(path, "profile saved"),
            Ok(Err(error)) => tracing::error!(path, %error, "no profile was saved"),
            Err(_) => tracing::error!(path, "no profile was saved: it took too long"),
        }
    }
}
