//! The data plane: OTLP servers, admission, router, actors, pipelines, supervision.
