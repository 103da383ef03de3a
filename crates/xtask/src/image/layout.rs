//! An image as the OCI image layout has it: blobs by digest, and an index.

use super::ARCHITECTURE;
use super::instructions::Instructions;
use anyhow::Result;
use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::fs;
use std::io::Write;
use std::path::Path;
use tar::{Builder, Header};

const INDEX: &str = "application/vnd.oci.image.index.v1+json";
const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const CONFIGURATION: &str = "application/vnd.oci.image.config.v1+json";
const LAYER: &str = "application/vnd.oci.image.layer.v1.tar+gzip";

/// A blob with its digest.
struct Blob {
    digest: String,
    bytes: Vec<u8>,
}

impl Blob {
    fn new(bytes: Vec<u8>) -> Self {
        Self {
            digest: digest(&bytes),
            bytes,
        }
    }

    /// Where it is in the layout.
    fn path(&self) -> String {
        format!("blobs/{}", self.digest.replace(':', "/"))
    }

    fn descriptor(&self, kind: &str) -> Value {
        json!({ "mediaType": kind, "digest": self.digest, "size": self.bytes.len() })
    }
}

/// A whole image.
pub(super) struct Layout {
    layer: Blob,
    configuration: Blob,
    manifest: Blob,
    index: Vec<u8>,
    /// What `docker load` reads in place of the index, where it does not keep images in containerd.
    docker: Vec<u8>,
}

impl Layout {
    /// An image of one layer.
    pub(super) fn new(
        archive: &[u8],
        instructions: &Instructions,
        created: &str,
        name: &str,
    ) -> Result<Self> {
        let mut zip = GzEncoder::new(Vec::new(), Compression::best());
        zip.write_all(archive)?;
        let layer = Blob::new(zip.finish()?);
        let configuration = Blob::new(serde_json::to_vec(&json!({
            "architecture": ARCHITECTURE,
            "os": "linux",
            "created": created,
            "config": instructions.configuration(),
            "rootfs": { "type": "layers", "diff_ids": [digest(archive)] },
            "history": [{ "created": created, "created_by": "cargo xtask image" }],
        }))?);
        let manifest = Blob::new(serde_json::to_vec(&json!({
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": configuration.descriptor(CONFIGURATION),
            "layers": [layer.descriptor(LAYER)],
            "annotations": instructions.annotations(),
        }))?);
        let mut entry = manifest.descriptor(MANIFEST);
        let tag = name.rsplit(':').next().unwrap_or(name);
        entry["annotations"] = json!({
            "io.containerd.image.name": name,
            "org.opencontainers.image.ref.name": tag,
        });
        let index = serde_json::to_vec(
            &json!({ "schemaVersion": 2, "mediaType": INDEX, "manifests": [entry] }),
        )?;
        let docker = serde_json::to_vec(&json!([{
            "Config": configuration.path(),
            "RepoTags": [name],
            "Layers": [layer.path()],
        }]))?;
        Ok(Self {
            layer,
            configuration,
            manifest,
            index,
            docker,
        })
    }

    pub(super) fn digest(&self) -> &str {
        &self.manifest.digest
    }

    pub(super) fn layer_bytes(&self) -> usize {
        self.layer.bytes.len()
    }

    /// Writes the layout as a folder, new, and as an archive of it.
    pub(super) fn write(&self, folder: &Path, archive: &Path) -> Result<()> {
        if folder.exists() {
            fs::remove_dir_all(folder)?;
        }
        let mut tar =
            Builder::new(fs::create_dir_all(folder).and_then(|()| fs::File::create(archive))?);
        for (path, bytes) in self.files() {
            let file = folder.join(&path);
            fs::create_dir_all(file.parent().unwrap_or(folder))?;
            fs::write(file, bytes)?;
            let mut header = Header::new_ustar();
            header.set_mode(0o644);
            header.set_size(bytes.len() as u64);
            header.set_mtime(0);
            tar.append_data(&mut header, &path, bytes)?;
        }
        tar.into_inner()?.flush()?;
        Ok(())
    }

    fn files(&self) -> Vec<(String, &[u8])> {
        let mut files = vec![
            (
                "oci-layout".to_owned(),
                br#"{"imageLayoutVersion":"1.0.0"}"#.as_slice(),
            ),
            ("index.json".to_owned(), &self.index),
            ("manifest.json".to_owned(), &self.docker),
        ];
        for blob in [&self.layer, &self.configuration, &self.manifest] {
            files.push((blob.path(), &blob.bytes));
        }
        files
    }
}

fn digest(bytes: &[u8]) -> String {
    let hash = Sha256::digest(bytes);
    hash.iter().fold("sha256:".to_owned(), |text, byte| {
        text + &format!("{byte:02x}")
    })
}
