//! The `group_by_trace` processor, where something behind it does its work.

use crate::setting::settings;
use std::time::Duration;

settings! {
    /// Puts the spans of a trace together, which `tail_sampling` and `load_balancing` behind it do by themselves. So it does
    /// nothing, and without them it is refused.
    pub struct GroupByTrace {
    }
    ignored {
        "wait_duration": Duration = "what is behind it puts traces together",
        "num_traces": i64 = "what is behind it puts traces together",
        "num_workers": i64 = "what is behind it puts traces together",
        "discard_orphans": bool = "what is behind it puts traces together",
        "store_on_disk": bool = "what is behind it puts traces together",
    }
}
