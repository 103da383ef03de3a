//! What connectors count of themselves.

/// Figures of a connector that keeps series.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SeriesFigures {
    /// Series that are kept.
    pub series: u64,
    /// Bytes that they take, about.
    pub memory: u64,
    /// Their bound.
    pub memory_max: u64,
    /// Spans and events that were counted in the series of the rest, for want of room; and exceptions of which no log record
    /// was made, because those of their request before them had taken all room.
    pub overflowed: u64,
    /// Resources whose series are kept.
    pub resources: u64,
    /// Resources that had to leave for others.
    pub resources_evicted: u64,
    /// Spans that were not counted, because their resource has no `service.name`.
    pub without_service: u64,
    /// Exemplars that wait for the decision on their trace.
    pub exemplars_waiting: u64,
    /// Exemplars that were let go before a decision, for want of room.
    pub exemplars_without_room: u64,
    /// Exemplars that were given up, because nobody in the cluster could say what became of their trace.
    pub exemplars_given_up: u64,
    /// Edges of a service graph that wait for their other half.
    pub edges: u64,
    /// Edges that were begun.
    pub edges_total: u64,
    /// Edges that never found their other half.
    pub edges_expired: u64,
    /// Spans of edges that found no room to wait.
    pub edges_without_room: u64,
    /// Requests that could not be counted, because a condition failed.
    pub failed_requests: u64,
}
