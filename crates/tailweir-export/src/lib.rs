//! Exporters: OTLP over gRPC and HTTP, debug, file; queue and retry.
