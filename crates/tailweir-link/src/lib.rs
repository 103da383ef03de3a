//! Authenticated connections between members of a cluster.
//!
//! A [`Link`] is this process among the others: who it is, and how it shows it. It opens lazily connecting
//! [`Channel`]s to [`Peer`]s, and one [`Server`], a listener to which rooms add their gRPC services. Both sides show a
//! certificate of the cluster's authority, in which stands who they are: `tailweir://CLUSTER/ROLE[+ROLE]/NAME`
//! ([`Identity`]). Files of certificates are read again while running. Plain text is spoken only when asked for by name
//! ([`Security::Insecure`]), and a member then is who it says it is.
//!
//! ```text
//! Link::channel --> TCP, TLS, the other's identity --> HTTP/2 --> call + metadata (Stamp)
//!                                                                     |
//! Link::listen  --> TCP, TLS, the other's identity --> HTTP/2 --> Guard: cluster, name, roles, wire, addressee
//!                                                                     |
//!                                                     service, with the Caller in the request's extensions
//! ```
//!
//! Every call says which cluster, name, roles, incarnation and version of the wire it comes from, and the server checks all of
//! it: against its own, against the certificate, and against the roles that may call this method. Whoever is refused is
//! counted ([`Refused`]) and logged. The bytes go by [`Tcp`], or by another [`Network`] ([`Link::over`]). This room knows nothing of what is said in the calls.

mod accept;
mod caller;
mod dial;
mod error;
mod guard;
mod identity;
mod link;
mod network;
mod refused;
mod roles;
mod server;
mod services;
mod stamp;
mod wire;

pub use caller::Caller;
pub use dial::{Channel, Peer};
pub use error::{IdentityError, LinkError};
pub use identity::Identity;
pub use link::{Link, Security};
pub use network::{Connection, Listener, Network, Opening, Tcp};
pub use refused::{Reason, Refused};
pub use roles::{Role, Roles};
pub use server::Server;
pub use services::Access;
pub use stamp::Stamp;
pub use wire::Wire;
