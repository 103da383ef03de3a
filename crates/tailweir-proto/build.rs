//! Generates the messages and services of `/proto`, without a `protoc`.

use std::path::PathBuf;

/// Each file of `/proto`.
const FILES: &[&str] = &[
    "tailweir/control/v1/control.proto",
    "tailweir/peer/v1/peer.proto",
];

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let root = PathBuf::from(std::env::var("CARGO_MANIFEST_DIR")?).join("../../proto");
    println!("cargo::rerun-if-changed={}", root.display());
    let files = protox::compile(FILES, [&root])?;
    // Spans are taken out of a message as a share of its memory, not copied.
    tonic_prost_build::configure()
        .bytes(".")
        .codec_path("crate::codec::WholeCodec")
        .compile_fds(files)?;
    Ok(())
}
