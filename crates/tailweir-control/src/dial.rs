//! Connections to controllers.

use std::sync::Arc;
use tailweir_link::{Channel, Link, Peer, Role};
use tailweir_proto::control::control_client::ControlClient;
use tonic::Status;

/// Calls to one controller.
pub(crate) type Caller = ControlClient<Channel>;

/// Most bytes of one message: a snapshot, or a routing table.
pub(crate) const MESSAGE_BYTES_MAX: usize = 32 << 20;

/// Calls to the controller at `address`. Nothing is opened before the first.
///
/// # Errors
/// When it is no address.
pub(crate) fn dial(link: &Link, address: &str) -> Result<Caller, Status> {
    let peer = Peer {
        address: Arc::from(address),
        role: Role::Controller,
        name: None,
        incarnation: None,
    };
    let channel = link.channel(&peer);
    let channel = channel.map_err(|error| Status::invalid_argument(error.to_string()))?;
    Ok(ControlClient::new(channel)
        .max_decoding_message_size(MESSAGE_BYTES_MAX)
        .max_encoding_message_size(MESSAGE_BYTES_MAX))
}
