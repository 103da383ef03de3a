//! Real OpenTelemetry SDKs against the real binary.
pub(crate) fn run() -> anyhow::Result<()> {
    Ok(())
}
