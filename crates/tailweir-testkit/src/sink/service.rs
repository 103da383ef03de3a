//! The three OTLP services of a sink.

use super::{Answer, Received, Shared};
use opentelemetry_proto::tonic::collector::logs::v1 as logs;
use opentelemetry_proto::tonic::collector::metrics::v1 as metrics;
use opentelemetry_proto::tonic::collector::trace::v1 as traces;
use opentelemetry_proto::tonic::collector::{
    logs::v1::logs_service_server::{LogsService, LogsServiceServer},
    metrics::v1::metrics_service_server::{MetricsService, MetricsServiceServer},
    trace::v1::trace_service_server::{TraceService, TraceServiceServer},
};
use std::time::Duration;
use tokio::net::TcpListener;
use tonic::codec::CompressionEncoding;
use tonic::{Request, Response, Status};

const MESSAGE_BYTES_MAX: usize = 256 << 20;

/// Serves until dropped.
pub(super) async fn run(shared: Shared, listener: TcpListener) {
    let incoming = tonic::transport::server::TcpIncoming::from(listener).with_nodelay(Some(true));
    macro_rules! service {
        ($server:ident) => {
            $server::new(shared.clone())
                .max_decoding_message_size(MESSAGE_BYTES_MAX)
                .accept_compressed(CompressionEncoding::Gzip)
                .accept_compressed(CompressionEncoding::Zstd)
        };
    }
    let served = tonic::transport::Server::builder()
        .add_service(service!(TraceServiceServer))
        .add_service(service!(MetricsServiceServer))
        .add_service(service!(LogsServiceServer))
        .serve_with_incoming(incoming)
        .await;
    served.expect("the sink serves");
}

/// What is left to say once a request has been dealt with.
struct Outcome {
    rejected: i64,
    message: String,
}

impl Shared {
    async fn take<T>(
        &self,
        request: Request<T>,
        keep: fn(T) -> Received,
    ) -> Result<Option<Outcome>, Status> {
        let (metadata, _, message) = request.into_parts();
        let answer = {
            let mut state = self.state();
            state.metadata.push(metadata);
            let always = state.always.clone().unwrap_or(Answer::Success);
            let answer = state.next.pop_front().unwrap_or(always);
            if !matches!(answer, Answer::Refuse(_) | Answer::RetryAfter(_)) {
                state.received.push(keep(message));
            }
            answer
        };
        self.seen.send_modify(|seen| *seen += 1);
        self.settle(answer).await
    }

    async fn settle(&self, answer: Answer) -> Result<Option<Outcome>, Status> {
        match answer {
            Answer::Success => Ok(None),
            Answer::Refuse(code) => Err(Status::new(code, "scripted refusal")),
            Answer::RetryAfter(delay) => Err(retry_after(delay)),
            Answer::Hold(gate) => {
                gate.pass().await;
                Ok(None)
            }
            Answer::Die => {
                self.die.send_replace(true);
                std::future::pending().await
            }
            Answer::Giant(bytes) => Ok(Some(Outcome {
                rejected: 0,
                message: "x".repeat(bytes),
            })),
            Answer::Partial(rejected) => Ok(Some(Outcome {
                rejected,
                message: "scripted rejection".to_owned(),
            })),
        }
    }
}

fn retry_after(delay: Duration) -> Status {
    use tonic_types::{ErrorDetails, StatusExt};
    Status::with_error_details(
        tonic::Code::ResourceExhausted,
        "scripted delay",
        ErrorDetails::with_retry_info(Some(delay)),
    )
}

#[tonic::async_trait]
impl TraceService for Shared {
    async fn export(
        &self,
        request: Request<traces::ExportTraceServiceRequest>,
    ) -> Result<Response<traces::ExportTraceServiceResponse>, Status> {
        let outcome = self.take(request, Received::Traces).await?;
        Ok(Response::new(traces::ExportTraceServiceResponse {
            partial_success: outcome.map(|outcome| traces::ExportTracePartialSuccess {
                rejected_spans: outcome.rejected,
                error_message: outcome.message,
            }),
        }))
    }
}

#[tonic::async_trait]
impl MetricsService for Shared {
    async fn export(
        &self,
        request: Request<metrics::ExportMetricsServiceRequest>,
    ) -> Result<Response<metrics::ExportMetricsServiceResponse>, Status> {
        let outcome = self.take(request, Received::Metrics).await?;
        Ok(Response::new(metrics::ExportMetricsServiceResponse {
            partial_success: outcome.map(|outcome| metrics::ExportMetricsPartialSuccess {
                rejected_data_points: outcome.rejected,
                error_message: outcome.message,
            }),
        }))
    }
}

#[tonic::async_trait]
impl LogsService for Shared {
    async fn export(
        &self,
        request: Request<logs::ExportLogsServiceRequest>,
    ) -> Result<Response<logs::ExportLogsServiceResponse>, Status> {
        let outcome = self.take(request, Received::Logs).await?;
        Ok(Response::new(logs::ExportLogsServiceResponse {
            partial_success: outcome.map(|outcome| logs::ExportLogsPartialSuccess {
                rejected_log_records: outcome.rejected,
                error_message: outcome.message,
            }),
        }))
    }
}
