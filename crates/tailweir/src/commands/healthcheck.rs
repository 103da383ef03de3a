//! `tailweir healthcheck`: for the probes of containers that have no shell and no curl.

use crate::cli::HealthcheckArguments;
use crate::probe;
use crate::terminal::Terminal;
use anyhow::Context;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::trace_service_client::TraceServiceClient;
use std::process::ExitCode;
use std::time::Duration;
use tokio::time::Instant;

/// Pause between two questions.
const PAUSE: Duration = Duration::from_millis(250);

pub(super) fn run(
    arguments: &HealthcheckArguments,
    terminal: &Terminal,
) -> anyhow::Result<ExitCode> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let (is_well, said) = runtime.block_on(ask_patiently(arguments))?;
    terminal.print(&said)?;
    Ok(if is_well {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// The first good answer, or the last one.
async fn ask_patiently(arguments: &HealthcheckArguments) -> anyhow::Result<(bool, String)> {
    let start = Instant::now();
    loop {
        let answer = ask(arguments).await;
        let is_well = matches!(answer, Ok((true, _)));
        if is_well || start.elapsed() >= arguments.patience {
            return answer;
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// Whether all is well, and what is said of it.
async fn ask(arguments: &HealthcheckArguments) -> anyhow::Result<(bool, String)> {
    let patience = arguments.timeout;
    if let Some(address) = &arguments.otlp {
        let answer = tokio::time::timeout(patience, send_nothing(address)).await;
        answer.with_context(|| format!("no answer from {address} within {patience:?}"))??;
        return Ok((true, "takes OTLP\n".to_owned()));
    }
    let answer = probe::get(&arguments.admin, "/readyz", patience).await?;
    Ok((answer.status.is_success(), answer.body))
}

/// Sends a request without spans, and waits until it is acknowledged.
async fn send_nothing(address: &str) -> anyhow::Result<()> {
    let client = TraceServiceClient::connect(format!("http://{address}")).await;
    let mut client = client.with_context(|| format!("nothing takes OTLP at {address}"))?;
    let answer = client.export(ExportTraceServiceRequest::default()).await;
    answer.with_context(|| format!("{address} refused an empty request"))?;
    Ok(())
}
