//! Definitions of the kinds that operators bring, out of the operators' own modules; of each only the files that are needed are
//! kept.

use crate::{cache, output};
use anyhow::{Context, Result, ensure};
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Where definitions come from.
struct Module {
    path: &'static str,
    version: &'static str,
    /// What Go says of its content.
    sum: &'static str,
    folder: &'static str,
    files: &'static [&'static str],
}

const MODULES: &[Module] = &[
    Module {
        path: "github.com/prometheus-operator/prometheus-operator",
        version: "v0.85.0",
        sum: "h1:M5xLCLEoaW2IJfnuCwFzzpL+jSVQu3KGT84Pye+fW8s=",
        folder: "example/prometheus-operator-crd",
        files: &[
            "monitoring.coreos.com_prometheusrules.yaml",
            "monitoring.coreos.com_servicemonitors.yaml",
        ],
    },
    Module {
        path: "github.com/cert-manager/cert-manager",
        version: "v1.21.2",
        sum: "h1:UWgoYM+KLNtRlqmoWOKjKBOBUPVHeepQ6/ac3ERJW68=",
        folder: "deploy/crds",
        files: &[
            "cert-manager.io_certificates.yaml",
            "cert-manager.io_issuers.yaml",
        ],
    },
    Module {
        path: "github.com/kedacore/keda/v2",
        version: "v2.21.0",
        sum: "h1:R6z2HZvstK4RLUMxroNACzBj74xGxt3kG59b5Xc+Xps=",
        folder: "config/crd/bases",
        files: &["keda.sh_scaledobjects.yaml"],
    },
    Module {
        path: "github.com/open-telemetry/opentelemetry-operator",
        version: "v0.141.0",
        sum: "h1:yQHP59Ntk/uAUMm1Ot2cohZe/+eNCGagELXBXfrqYCw=",
        folder: "config/crd/bases",
        files: &["opentelemetry.io_instrumentations.yaml"],
    },
];

/// The folder of them all, and how many there are.
pub(in crate::deploy) fn find() -> Result<(PathBuf, usize)> {
    let names = MODULES
        .iter()
        .flat_map(|it| [it.sum].into_iter().chain(it.files.iter().copied()));
    let folder = cache::folder()?
        .join("definitions")
        .join(cache::key_of(names));
    fs::create_dir_all(&folder)?;
    for module in MODULES {
        module.keep(&folder).with_context(|| {
            format!(
                "definitions of {} {} cannot be had",
                module.path, module.version
            )
        })?;
    }
    let count = MODULES.iter().map(|module| module.files.len()).sum();
    Ok((folder, count))
}

impl Module {
    /// Copies its files, unless they are there.
    fn keep(&self, folder: &Path) -> Result<()> {
        if self.files.iter().all(|file| folder.join(file).exists()) {
            return Ok(());
        }
        let module = format!("{}@{}", self.path, self.version);
        let mut go = Command::new("go");
        // Outside of any module, or it would be one of its requirements.
        go.current_dir(folder)
            .args(["mod", "download", "-json", &module]);
        let said: Value = serde_json::from_str(&output(&mut go)?)?;
        let text = |name: &str| said[name].as_str().unwrap_or_default();
        let sum = text("Sum");
        ensure!(sum == self.sum, "its checksum is {sum}, not {}", self.sum);
        let source = Path::new(text("Dir")).join(self.folder);
        for file in self.files {
            // In one step, so that what was written in part is not taken for whole.
            let draft = folder.join(file).with_extension("draft");
            let bytes = fs::read(source.join(file)).with_context(|| format!("it has no {file}"))?;
            fs::write(&draft, bytes)?;
            fs::rename(&draft, folder.join(file))?;
        }
        Ok(())
    }
}
