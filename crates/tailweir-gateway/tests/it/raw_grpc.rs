//! Calls over gRPC whose messages are bytes.

use crate::harness::Fixture;
use bytes::Bytes;
use tailweir_testkit::BytesCodec;
use tonic::Status;

/// Calls a method of a gateway.
pub(crate) async fn call(
    gateway: &Fixture,
    method: &'static str,
    message: Bytes,
) -> Result<Bytes, Status> {
    let mut client = tonic::client::Grpc::new(gateway.channel().await);
    client.ready().await.unwrap();
    let path = http::uri::PathAndQuery::from_static(method);
    let answer = client
        .unary(tonic::Request::new(message), path, BytesCodec)
        .await;
    answer.map(tonic::Response::into_inner)
}
