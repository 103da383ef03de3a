//! `tailweir healthcheck`: for the probes of containers that have no shell and no curl.

use crate::cli::HealthcheckArguments;
use crate::probe;
use crate::terminal::Terminal;
use anyhow::Context;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::trace_service_client::TraceServiceClient;
use std::process::ExitCode;

pub(super) fn run(
    arguments: &HealthcheckArguments,
    terminal: &Terminal,
) -> anyhow::Result<ExitCode> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let patience = arguments.timeout;
    if let Some(address) = &arguments.otlp {
        let asked = async { tokio::time::timeout(patience, send_nothing(address)).await };
        let answer = runtime.block_on(asked);
        answer.with_context(|| format!("no answer from {address} within {patience:?}"))??;
        terminal.print("takes OTLP\n")?;
        return Ok(ExitCode::SUCCESS);
    }
    let asked = probe::get(&arguments.admin, "/readyz", patience);
    let answer = runtime.block_on(asked)?;
    terminal.print(&answer.body)?;
    Ok(if answer.status.is_success() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// Sends a request without spans, and waits until it is acknowledged.
async fn send_nothing(address: &str) -> anyhow::Result<()> {
    let client = TraceServiceClient::connect(format!("http://{address}")).await;
    let mut client = client.with_context(|| format!("nothing takes OTLP at {address}"))?;
    let answer = client.export(ExportTraceServiceRequest::default()).await;
    answer.with_context(|| format!("{address} refused an empty request"))?;
    Ok(())
}
