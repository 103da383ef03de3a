//! A backend that takes every signal, over gRPC and over HTTP, and counts bytes.

use crate::collecting::{Collecting, Logs, Metrics, Traces};
use anyhow::Result;
use axum::Router;
use axum::extract::DefaultBodyLimit;
use bytes::Bytes;
use std::future::ready;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::net::TcpListener;
use tokio_stream::wrappers::TcpListenerStream;

/// A running backend; it lives as long as the runtime.
pub(crate) struct Drain {
    /// Takes OTLP over gRPC.
    pub(crate) grpc: SocketAddr,
    /// Takes any request over HTTP.
    pub(crate) http: SocketAddr,
    bytes: Arc<AtomicU64>,
}

impl Drain {
    /// Listens on two free loopback ports.
    pub(crate) async fn start() -> Result<Self> {
        let (grpc, http) = (listener().await?, listener().await?);
        let bytes = Arc::new(AtomicU64::new(0));
        let drain = Self {
            grpc: grpc.local_addr()?,
            http: http.local_addr()?,
            bytes: Arc::clone(&bytes),
        };
        let counted = Arc::clone(&bytes);
        let count = move |body: &[u8]| {
            counted.fetch_add(body.len() as u64, Ordering::Relaxed);
            Ok(())
        };
        let server = tonic::transport::Server::builder()
            .initial_stream_window_size(4 << 20)
            .initial_connection_window_size(16 << 20)
            .add_service(Collecting::<Traces, _>::new(count.clone()))
            .add_service(Collecting::<Metrics, _>::new(count.clone()))
            .add_service(Collecting::<Logs, _>::new(count))
            .serve_with_incoming(TcpListenerStream::new(grpc));
        tokio::spawn(server);
        let router = Router::new()
            .fallback(move |body: Bytes| {
                bytes.fetch_add(body.len() as u64, Ordering::Relaxed);
                ready(())
            })
            .layer(DefaultBodyLimit::disable());
        tokio::spawn(async move { axum::serve(http, router).await });
        Ok(drain)
    }

    /// Bytes that arrived so far.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }
}

async fn listener() -> Result<TcpListener> {
    Ok(TcpListener::bind("127.0.0.1:0").await?)
}
