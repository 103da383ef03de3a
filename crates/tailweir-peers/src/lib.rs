//! Streams between the members of a cluster: gateways bring spans to samplers, samplers write letters to each other.
//!
//! [`Peers`] is the way to the others, the [`Post`](tailweir_gateway::Post) of a gateway: for each sampler of the routing
//! table one connection, one task and two streams. [`serve`] is the way in, a service for a
//! [`Server`](tailweir_link::Server). What is said comes from the gateway and goes to one; nothing here decides.
//!
//! ```text
//! gateway --bring--> parts ---+                      +--> Bring: parts, answered in any order ---> Members::part
//!                             +--> Line (task) ------+
//! shards  --tell---> letters -+    one a member      +--> Tell: letters, in order ---------------> Members::letters
//! ```
//!
//! What bounds it: letters wait in 64 MiB for each member, parts in what the gateway admits of requests; a stream is read
//! no further than its parts are answered and its letters are taken. What is lost: when a stream breaks, parts that are
//! not answered are given back without an answer, and letters that were under way are gone, as letters may be; the shards are
//! then told to remind that member ([`Members::remind`](tailweir_gateway::Members::remind)).

mod backoff;
mod bring;
mod counts;
mod letters;
mod line;
mod lives;
mod peers;
mod service;
mod settings;
mod tell;
mod tidings;

pub use peers::Peers;
pub use service::serve;
pub use settings::PeersSettings;
