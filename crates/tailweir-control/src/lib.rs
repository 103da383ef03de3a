//! The controllers of a cluster: what they agree on through Raft, and how every process follows it.
//!
//! A [`Controller`] is one of 1 to 7 processes that keep a log of changes in files of their own. Applied in order, the
//! changes make the routing table of [`tailweir_placement`] and the policies in force; no span passes through here. The
//! controller that leads does what nobody asks for: it gives up samplers whose lease ran out, moves slots to those that
//! came, exchanges copies that do not get in step, and lets samplers leave one at a time. A [`Client`] is any process that
//! follows: it holds a sampler's place, has the newest table in a [`watch`](tokio::sync::watch), and keeps the last one on
//! disk. An [`Operator`] asks for changes.
//!
//! ```text
//! Client, Operator --> Control service --> duties (leader) --> Raft: log file, state machine, snapshot file
//!        ^                                                            |
//!        +------- stream of routing tables <-------- State (watch) <--+
//! ```
//!
//! Without a majority of the controllers nothing changes and the data path goes on by the last table. What is on disk is
//! the truth: an id stands for one data directory for ever, and a directory that lost something is refused.
//!
//! This room knows nothing of gateways and shards. Connections, and who may call what, are those of
//! [`tailweir_link`]; files are those of a [`Disk`], which is a [`Folder`].

mod change;
mod client;
mod codec;
mod controller;
mod dial;
mod disk;
mod follow;
mod form;
mod frame;
mod identity;
mod leader;
mod log;
mod machine;
mod network;
mod operator;
mod raft;
mod reach;
mod running;
mod service;
mod settings;
mod state;
mod store;

pub use client::{Client, ClientSettings, Departure, Proposal, SamplerSettings};
pub use controller::{Controller, ControllerError, ControllerStatus};
pub use disk::{Claim, Disk, Folder, Tail, Work};
pub use form::InvalidTable;
pub use identity::IdentityError;
pub use log::LogError;
pub use operator::{ClusterInfo, ControlError, ControllerInfo, Drain, Operator};
pub use settings::{ControllerSettings, Pace};
pub use state::PolicyRevision;
