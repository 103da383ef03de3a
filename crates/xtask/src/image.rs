//! The container image, without a container engine.
//!
//! The root file system is made here: the static binary, its bill of materials, the licence, and a user.
//! How it is run is read from the last stage of `deploy/docker/Dockerfile`, which an engine reads too.
//! Times, owners and order are fixed, so the same commit gives the same digest.

mod bill;
mod elf;
mod instructions;
mod layout;
mod root;

use crate::{cargo, output, root as repository, run as run_command};
use anyhow::{Context, Result, ensure};
use clap::Args;
use instructions::Instructions;
use layout::Layout;
use root::RootFolder;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What the binary is built for: the processors of this machine. Its C library is linked in, so that the image needs no other file.
const TARGET: &str = if cfg!(target_arch = "aarch64") {
    "aarch64-unknown-linux-gnu"
} else {
    "x86_64-unknown-linux-gnu"
};
/// The same, as images call it.
const ARCHITECTURE: &str = if cfg!(target_arch = "aarch64") {
    "arm64"
} else {
    "amd64"
};
/// Most that the compressed layer may have.
const LAYER_BYTES_MAX: usize = 30 << 20;

/// Arguments of `image`.
#[derive(Args)]
pub(crate) struct ImageArguments {
    /// Take this static binary instead of building one with the profile `dist`.
    #[arg(long)]
    binary: Option<PathBuf>,
    /// Only write the root file system into this folder.
    #[arg(long, conflicts_with_all = ["output", "name"])]
    root: Option<PathBuf>,
    /// Folder below which `oci` (an OCI layout), `tailweir.tar` (the same as an archive) and
    /// `tailweir.cdx.json` (the bill of materials) are written.
    #[arg(long, default_value = "target/image/out")]
    output: PathBuf,
    /// Name and tag of the image in the archive.
    #[arg(long, default_value = concat!("docker.io/tailweir/tailweir:", env!("CARGO_PKG_VERSION")))]
    name: String,
}

/// An image that was written.
pub(crate) struct Image {
    /// Digest of its manifest.
    pub(crate) digest: String,
    /// The OCI layout.
    pub(crate) layout: PathBuf,
}

/// Writes what the arguments ask for, and says what it is.
pub(crate) fn run(arguments: &ImageArguments) -> Result<()> {
    if let Some(folder) = &arguments.root {
        let (files, _) = root_folder(arguments.binary.as_deref())?;
        return files.write_to(folder);
    }
    let image = write(
        arguments.binary.as_deref(),
        &repository().join(&arguments.output),
        &arguments.name,
    )?;
    println!("{} {}", arguments.name, image.digest);
    Ok(())
}

/// Writes the image below a folder.
pub(crate) fn write(binary: Option<&Path>, folder: &Path, name: &str) -> Result<Image> {
    let source = Source::find()?;
    let (files, bill) = root_folder(binary)?;
    let dockerfile = fs::read_to_string(repository().join("deploy/docker/Dockerfile"))?;
    let instructions = Instructions::of_last_stage(
        &dockerfile,
        &[
            ("VERSION", env!("CARGO_PKG_VERSION")),
            ("REVISION", &source.revision),
            ("CREATED", &source.created),
        ],
    )?;
    let layout = Layout::new(&files.archive()?, &instructions, &source.created, name)?;
    ensure!(
        layout.layer_bytes() <= LAYER_BYTES_MAX,
        "the layer has {} bytes, over the {LAYER_BYTES_MAX} that an image may have",
        layout.layer_bytes()
    );
    let image = Image {
        digest: layout.digest().to_owned(),
        layout: folder.join("oci"),
    };
    layout.write(&image.layout, &folder.join("tailweir.tar"))?;
    fs::write(folder.join("tailweir.cdx.json"), bill)?;
    println!(
        "{}: a layer of {} bytes",
        folder.display(),
        layout.layer_bytes()
    );
    Ok(image)
}

/// Writes an archive of an image that is one static program.
pub(crate) fn write_single(program: &Path, name: &str, archive: &Path) -> Result<()> {
    let bytes =
        fs::read(program).with_context(|| format!("no program at {}", program.display()))?;
    elf::check_static(&bytes).with_context(|| format!("{}", program.display()))?;
    let instructions =
        Instructions::of_last_stage("\nFROM scratch\nENTRYPOINT [\"/program\"]\n", &[])?;
    let files = RootFolder::of_program(bytes).archive()?;
    let layout = Layout::new(&files, &instructions, "1970-01-01T00:00:00Z", name)?;
    layout.write(&archive.with_extension("oci"), archive)
}

/// The root file system, and the bill of materials in it.
fn root_folder(binary: Option<&Path>) -> Result<(RootFolder, String)> {
    let binary = match binary {
        Some(path) => path.to_owned(),
        None => build()?,
    };
    let bytes = fs::read(&binary).with_context(|| format!("no binary at {}", binary.display()))?;
    elf::check_static(&bytes).with_context(|| format!("{}", binary.display()))?;
    let bill = bill::of_materials(TARGET)?;
    let licence = fs::read(repository().join("LICENSE"))?;
    let files = RootFolder::new(bytes, bill.clone().into_bytes(), licence);
    Ok((files, bill))
}

/// Builds the static binary. Paths of this machine are left out of it.
fn build() -> Result<PathBuf> {
    let home =
        std::env::var("CARGO_HOME").or_else(|_| std::env::var("HOME").map(|home| home + "/.cargo"));
    let home = home.context("neither CARGO_HOME nor HOME is set")?;
    let top = repository();
    let flags = format!(
        "-C target-feature=+crt-static --remap-path-prefix={}=/src --remap-path-prefix={home}=/cargo",
        top.display()
    );
    let folder = top.join("target/image");
    let mut command = cargo();
    command
        .args([
            "build",
            "--locked",
            "--profile",
            "dist",
            "--package",
            "tailweir",
        ])
        .args(["--target", TARGET, "--target-dir"])
        .arg(&folder)
        .env("RUSTFLAGS", flags);
    run_command(&mut command)?;
    Ok(folder.join(TARGET).join("dist/tailweir"))
}

/// Which commit this is. In a build without the repository, `REVISION` and `SOURCE_DATE_EPOCH` say it.
struct Source {
    revision: String,
    created: String,
}

impl Source {
    fn find() -> Result<Self> {
        let git = |format: &str| {
            let mut command = Command::new("git");
            let format = format!("--format={format}");
            command.current_dir(repository()).args([
                "log",
                "-1",
                &format,
                "--date=format-local:%Y-%m-%dT%H:%M:%SZ",
            ]);
            output(command.env("TZ", "UTC")).map(|text| text.trim().to_owned())
        };
        let revision = match std::env::var("REVISION") {
            Ok(revision) => revision,
            Err(_) => git("%H").unwrap_or_else(|_| "unknown".to_owned()),
        };
        let created = git("%cd").unwrap_or_else(|_| "1970-01-01T00:00:00Z".to_owned());
        Ok(Self { revision, created })
    }
}
