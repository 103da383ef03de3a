//! What a gateway is told beside the configuration.

use crate::{Cluster, Console};
use tailweir_core::ByteSize;

/// How a gateway runs on this machine. Everything has a sensible default.
#[derive(Debug, Default)]
pub struct Options {
    /// Shards of each sampler, 1 to 1,024. Default: the runtime's worker threads.
    pub shards: Option<usize>,
    /// Memory that the process may use. Default: the limit of the control group, else the machine's
    /// memory.
    pub memory: Option<ByteSize>,
    /// Bytes of requests that may be in flight at once. Default: an eighth of the memory, 64 to
    /// 512 MiB.
    pub in_flight_max: Option<ByteSize>,
    /// Seeds the hash tables of the samplers and the spread of retries. Default: drawn at random;
    /// tests set it.
    pub seed: Option<u64>,
    /// How `debug` exporters reach standard output and standard error.
    pub console: Console,
    /// The cluster that the process is a member of. Default: it is alone.
    pub cluster: Option<Cluster>,
}

/// Most shards of one sampler.
pub(crate) const SHARDS_MAX: usize = 1024;
