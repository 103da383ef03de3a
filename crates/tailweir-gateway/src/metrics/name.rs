//! The names.

use crate::buckets::Buckets;
use crate::status::PeerRow;
use Metric as M;
use MetricKind::{Counter, Gauge, Histogram};
use tailweir_sampler::AgeHistogram;

/// What a metric does over time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MetricKind {
    /// Only grows.
    Counter,
    /// Goes up and down.
    Gauge,
    /// Counts values by size.
    Histogram,
}

/// A metric as the documents list it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MetricReference {
    /// Its name.
    pub name: &'static str,
    /// What it does over time.
    pub kind: MetricKind,
    /// Its unit, in UCUM: `1`, `By`, `s`, or `{items}` for a count of such.
    pub unit: &'static str,
    /// Its labels.
    pub labels: &'static [&'static str],
    /// What it says.
    pub description: &'static str,
}

macro_rules! metrics {
    ($($variant:ident = $name:literal, $kind:ident, $unit:literal, [$($label:literal),*], $about:literal;)*) => {
        /// Every metric of the gateway.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Metric {
            $(#[doc = $about] $variant,)*
        }

        impl Metric {
            /// Each of them, in the order of the documents.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// What it is.
            #[must_use]
            pub const fn reference(self) -> MetricReference {
                match self {
                    $(M::$variant => MetricReference {
                        name: $name,
                        kind: $kind,
                        unit: $unit,
                        labels: &[$($label),*],
                        description: $about,
                    },)*
                }
            }
        }
    };
}

metrics! {
    AcceptedSpans = "otelcol_receiver_accepted_spans", Counter, "{spans}", ["receiver", "transport"],
        "Spans that were acknowledged.";
    RefusedSpans = "otelcol_receiver_refused_spans", Counter, "{spans}", ["receiver", "transport"],
        "Spans of requests that were read and refused.";
    AcceptedPoints = "otelcol_receiver_accepted_metric_points", Counter, "{datapoints}", ["receiver", "transport"],
        "Data points that were acknowledged.";
    RefusedPoints = "otelcol_receiver_refused_metric_points", Counter, "{datapoints}", ["receiver", "transport"],
        "Data points of requests that were read and refused.";
    AcceptedRecords = "otelcol_receiver_accepted_log_records", Counter, "{records}", ["receiver", "transport"],
        "Log records that were acknowledged.";
    RefusedRecords = "otelcol_receiver_refused_log_records", Counter, "{records}", ["receiver", "transport"],
        "Log records of requests that were read and refused.";
    SentSpans = "otelcol_exporter_sent_spans", Counter, "{spans}", ["exporter"],
        "Spans that the backend took.";
    SentPoints = "otelcol_exporter_sent_metric_points", Counter, "{datapoints}", ["exporter"],
        "Data points that the backend took.";
    SentRecords = "otelcol_exporter_sent_log_records", Counter, "{records}", ["exporter"],
        "Log records that the backend took.";
    SendFailedSpans = "otelcol_exporter_send_failed_spans", Counter, "{spans}", ["exporter"],
        "Spans that were given up after they left the queue.";
    SendFailedPoints = "otelcol_exporter_send_failed_metric_points", Counter, "{datapoints}", ["exporter"],
        "Data points that were given up after they left the queue.";
    SendFailedRecords = "otelcol_exporter_send_failed_log_records", Counter, "{records}", ["exporter"],
        "Log records that were given up after they left the queue.";
    EnqueueFailedSpans = "otelcol_exporter_enqueue_failed_spans", Counter, "{spans}", ["exporter"],
        "Spans that found no room in the queue. Held ones are offered again, and counted again.";
    EnqueueFailedPoints = "otelcol_exporter_enqueue_failed_metric_points", Counter, "{datapoints}", ["exporter"],
        "Data points that found no room in the queue.";
    EnqueueFailedRecords = "otelcol_exporter_enqueue_failed_log_records", Counter, "{records}", ["exporter"],
        "Log records that found no room in the queue.";
    QueueSize = "otelcol_exporter_queue_size", Gauge, "{batches}", ["exporter", "data_type"],
        "What the sending queue holds, in the unit of its sizer.";
    QueueCapacity = "otelcol_exporter_queue_capacity", Gauge, "{batches}", ["exporter", "data_type"],
        "Most that the sending queue may hold, in the unit of its sizer.";
    ProcessorIncoming = "otelcol_processor_incoming_items", Counter, "{items}", ["processor", "otel_signal"],
        "Items that came into a processor that changes requests.";
    ProcessorOutgoing = "otelcol_processor_outgoing_items", Counter, "{items}", ["processor", "otel_signal"],
        "Items that it handed on.";
    FilteredSpans = "otelcol_processor_filter_spans_filtered", Counter, "{spans}", ["filter"],
        "Spans that a filter processor dropped.";
    FilteredPoints = "otelcol_processor_filter_datapoints_filtered", Counter, "{datapoints}", ["filter"],
        "Data points that a filter processor dropped.";
    FilteredRecords = "otelcol_processor_filter_logs_filtered", Counter, "{records}", ["filter"],
        "Log records that a filter processor dropped.";
    GroupedSpans = "otelcol_processor_groupbyattrs_num_grouped_spans", Counter, "{spans}", [],
        "Spans that gave attributes to their resource.";
    NotGroupedSpans = "otelcol_processor_groupbyattrs_num_non_grouped_spans", Counter, "{spans}", [],
        "Spans that had none to give.";
    GroupedPoints = "otelcol_processor_groupbyattrs_num_grouped_metrics", Counter, "{datapoints}", [],
        "Data points that gave attributes to their resource.";
    NotGroupedPoints = "otelcol_processor_groupbyattrs_num_non_grouped_metrics", Counter, "{datapoints}", [],
        "Data points that had none to give.";
    GroupedRecords = "otelcol_processor_groupbyattrs_num_grouped_logs", Counter, "{records}", [],
        "Log records that gave attributes to their resource.";
    NotGroupedRecords = "otelcol_processor_groupbyattrs_num_non_grouped_logs", Counter, "{records}", [],
        "Log records that had none to give.";
    ChanceTraces = "otelcol_processor_probabilistic_sampler_count_traces_sampled", Counter, "{spans}", ["policy", "sampled"],
        "Spans that a probabilistic sampler decided, by where their randomness came from.";
    ChanceRecords = "otelcol_processor_probabilistic_sampler_count_logs_sampled", Counter, "{records}", ["policy", "sampled"],
        "Log records that a probabilistic sampler decided, by where their randomness came from.";
    Backends = "otelcol_loadbalancer_num_backends", Gauge, "{backends}", ["exporter", "data_type", "resolver"],
        "Endpoints that share the load.";
    BackendUpdates = "otelcol_loadbalancer_num_backend_updates", Counter, "{updates}", ["exporter", "data_type", "resolver"],
        "Times that the endpoints changed.";
    Resolutions = "otelcol_loadbalancer_num_resolutions", Counter, "{resolutions}", ["exporter", "data_type", "resolver", "success"],
        "Times that the endpoints were looked up.";
    BackendOutcome = "otelcol_loadbalancer_backend_outcome", Counter, "{outcomes}", ["exporter", "data_type", "endpoint", "success"],
        "Requests by endpoint, taken and given up. Attempts that are tried again do not count.";
    BatchBySize = "otelcol_processor_batch_batch_size_trigger_send", Counter, "{times}", ["processor"],
        "Batches that were sent because they were full.";
    BatchByTimeout = "otelcol_processor_batch_timeout_trigger_send", Counter, "{times}", ["processor"],
        "Batches that were sent because their time had come.";
    BatchSize = "otelcol_processor_batch_batch_send_size", Histogram, "{units}", ["processor"],
        "Items of a batch, rounded up to the Collector's bounds.";
    BatchCombinations = "otelcol_processor_batch_metadata_cardinality", Gauge, "{combinations}", ["processor"],
        "Combinations of metadata that have a batch of their own.";
    SampledTraces = "otelcol_processor_tail_sampling_count_traces_sampled", Counter, "{traces}", ["policy", "sampled", "decision"],
        "Traces by the vote of each policy. One that was not asked, because an earlier one had sampled or dropped the trace, has no vote.";
    SampledSpans = "otelcol_processor_tail_sampling_count_spans_sampled", Counter, "{spans}", ["policy", "sampled", "decision"],
        "Spans of these traces.";
    SampledBytes = "otelcol_processor_tail_sampling_count_bytes_sampled", Counter, "By", ["policy", "sampled", "decision"],
        "Bytes of these spans.";
    UnparseableTraceStates = "otelcol_processor_tail_sampling_count_spans_with_unparseable_tracestate", Counter, "{spans}", [],
        "Kept spans whose tracestate is damaged or full, so that no threshold could be written.";
    GlobalTraces = "otelcol_processor_tail_sampling_global_count_traces_sampled", Counter, "{traces}", ["sampled", "decision"],
        "Traces by decision.";
    EarlyReleases = "otelcol_processor_tail_sampling_early_releases_from_cache_decision", Counter, "{spans}", ["sampled"],
        "Spans that came after the decision and followed it.";
    NewTraces = "otelcol_processor_tail_sampling_new_trace_id_received", Counter, "{traces}", [],
        "Trace ids that were not known when a span came.";
    DecisionTime = "otelcol_processor_tail_sampling_sampling_decision_timer_latency", Histogram, "ms", [],
        "Time of a round of decisions of one shard, rounded up to the Collector's bounds.";
    LateSpanAge = "otelcol_processor_tail_sampling_sampling_late_span_age", Histogram, "s", [],
        "Time from the decision to spans that came late, rounded up to 1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1800 s.";
    RemovalAge = "otelcol_processor_tail_sampling_sampling_trace_removal_age", Histogram, "s", [],
        "Time from the first span to the decision, rounded up like the age of late spans.";
    EvaluationErrors = "otelcol_processor_tail_sampling_sampling_policy_evaluation_error", Counter, "{errors}", [],
        "Times that a policy failed on a trace.";
    PolicyExecutions = "otelcol_processor_tail_sampling_sampling_policy_execution_count", Counter, "{executions}", ["policy"],
        "Times that a policy was asked.";
    PolicyTime = "otelcol_processor_tail_sampling_sampling_policy_execution_time_sum", Counter, "us", ["policy"],
        "Time that this took, estimated from one decision in 64.";
    DroppedTooEarly = "otelcol_processor_tail_sampling_sampling_trace_dropped_too_early", Counter, "{traces}", [],
        "Traces that were decided before their time for want of room. None is dropped for that.";
    TracesOnMemory = "otelcol_processor_tail_sampling_sampling_traces_on_memory", Gauge, "{traces}", [],
        "Undecided traces.";
    TooLarge = "otelcol_processor_tail_sampling_traces_dropped_too_large", Counter, "{traces}", [],
        "Traces that were not sampled because of maximum_trace_size_bytes.";
    Acknowledged = "tailweir_acknowledged_items", Counter, "{items}", ["signal"],
        "Items that clients were told to be safe.";
    AcknowledgedBytes = "tailweir_acknowledged_bytes", Counter, "By", ["signal"],
        "Bytes of these items as they arrived.";
    Refused = "tailweir_refused_items", Counter, "{items}", ["signal"],
        "Items that clients were told not to be taken.";
    Taken = "tailweir_taken_items", Counter, "{items}", ["signal"],
        "Items that the gateway took: what it acknowledged, and parts of requests that it refused as a whole.";
    Copied = "tailweir_copied_items", Counter, "{items}", ["signal"],
        "Further copies, where items go to several pipelines or exporters.";
    HandedOver = "tailweir_handed_over_items", Counter, "{items}", ["signal"],
        "Items that another member of the cluster took over.";
    Delivered = "tailweir_delivered_items", Counter, "{items}", ["signal"],
        "Items that backends accepted.";
    DeliveredBytes = "tailweir_delivered_bytes", Counter, "By", ["signal"],
        "Bytes of these items as they arrived.";
    Dropped = "tailweir_dropped_items", Counter, "{items}", ["signal", "reason"],
        "Items that were left out on purpose.";
    Lost = "tailweir_lost_items", Counter, "{items}", ["signal", "reason"],
        "Items that were acknowledged and are gone. Not zero means that data was lost.";
    Held = "tailweir_held_items", Gauge, "{items}", ["signal"],
        "Items in stores, batches and queues in memory.";
    HeldBytes = "tailweir_held_bytes", Gauge, "By", ["signal"],
        "Bytes of these items as they arrived.";
    Spooled = "tailweir_spooled_items", Gauge, "{items}", ["signal"],
        "Items on disk, in sending queues that `file_storage` keeps.";
    SpooledBytes = "tailweir_spooled_bytes", Gauge, "By", ["signal"],
        "Bytes of these items as they arrived.";
    Imbalance = "tailweir_ledger_imbalance", Gauge, "1", [],
        "By how much taken + copied differs from delivered + dropped + spooled + held + lost. For long not zero: a defect.";
    InFlight = "tailweir_in_flight_bytes", Gauge, "By", [],
        "Bytes of requests being worked on.";
    InFlightMax = "tailweir_in_flight_bytes_max", Gauge, "By", [],
        "Bound of the bytes in flight: what memory allows.";
    Sampling = "tailweir_sampling_bytes", Gauge, "By", [],
        "Bytes of requests that samplers work on, while somebody waits for them or has given up.";
    SamplingMax = "tailweir_sampling_bytes_max", Gauge, "By", [],
        "Bound of the bytes that samplers work on: those in flight, or while they answer late what they answer in time.";
    AdmissionRefused = "tailweir_admission_refused_requests", Counter, "{requests}", [],
        "Requests that were refused before they were read, for want of room.";
    StoreMemory = "tailweir_store_memory_bytes", Gauge, "By", ["pipeline", "processor"],
        "Memory of undecided traces.";
    StoreMemoryMax = "tailweir_store_memory_bytes_max", Gauge, "By", ["pipeline", "processor"],
        "Bound of the memory of undecided traces: `memory_budget`, or the share of the memory there is.";
    RememberedMemory = "tailweir_remembered_memory_bytes", Gauge, "By", ["pipeline", "processor"],
        "Memory of decisions and span ids that are remembered.";
    RememberedDecisions = "tailweir_remembered_decisions", Gauge, "{decisions}", ["pipeline", "processor"],
        "Decisions that late spans can still follow.";
    EarlyDecisions = "tailweir_early_decisions", Counter, "{traces}", ["pipeline", "processor", "reason"],
        "Traces that were decided before their time.";
    Duplicates = "tailweir_duplicate_spans", Counter, "{spans}", ["pipeline", "processor"],
        "Spans that had come before and were left out.";
    FileReceiverFiles = "tailweir_receiver_files", Gauge, "{files}", ["receiver"],
        "Files that the receiver reads, max_concurrent_files at most.";
    ScrapeTargets = "tailweir_scrape_targets", Gauge, "{targets}", ["receiver"],
        "Targets that the receiver scrapes, target_limit and max_targets of each job at most.";
    ScrapeTargetsElsewhere = "tailweir_scrape_targets_elsewhere", Gauge, "{targets}", ["receiver"],
        "Targets of the receiver that other members of the cluster scrape.";
    ScrapeSharers = "tailweir_scrape_sharers", Gauge, "{members}", ["receiver"],
        "Members of the cluster that share the targets of the receiver, 1,024 at most; 0 without a cluster.";
    ScrapeUnansweredCalls = "tailweir_scrape_unanswered_calls", Counter, "{calls}", ["receiver"],
        "Times that no member said who shares the targets, or refused another sharer, so that the receiver kept its own.";
    ScrapeRefusedTargets = "tailweir_scrape_refused_targets", Gauge, "{targets}", ["receiver"],
        "Targets that cannot be scraped, because labels or rules make no address, interval or timeout of them.";
    ScrapeUnreadableFiles = "tailweir_scrape_unreadable_files", Gauge, "{files}", ["receiver"],
        "Files of targets that cannot be read; their targets are those of before.";
    Scrapes = "tailweir_scrapes", Counter, "{scrapes}", ["receiver", "outcome"],
        "Scrapes: good; unanswered by the target; unreadable, as the page is not well-formed; limited, as a limit was passed.";
    ScrapeLeftOut = "tailweir_scrape_left_out_samples", Counter, "{samples}", ["receiver"],
        "Samples of good scrapes that were left out: told twice, more than ten minutes ahead, without a label that their kind needs, or of another time than what they belong to.";
    ScrapesLost = "tailweir_scrapes_lost", Counter, "{scrapes}", ["receiver"],
        "Scrapes that no pipeline took before the next was due, or that were refused for good.";
    FileReceiverUnreadable = "tailweir_receiver_unreadable_records", Counter, "{records}", ["receiver"],
        "Records of files that could not be read, were too large or were refused for good, and files that could not be opened.";
    TraceAwareRecords = "tailweir_trace_aware_records", Counter, "{records}", ["pipeline", "processor", "outcome"],
        "Log records by what became of them: kept or dropped with their trace, passed for their severity, without a trace id, undecided in time, or without room to wait (overflow); in a cluster also those that another member took over, and those sent again.";
    TraceAwareTraces = "tailweir_trace_aware_waiting_traces", Gauge, "{traces}", ["pipeline", "processor"],
        "Traces whose decision log records wait for.";
    TraceAwareWaiting = "tailweir_trace_aware_waiting_bytes", Gauge, "By", ["pipeline", "processor"],
        "Log records that wait for decisions, memory_budget at most.";
    TraceAwareLeaving = "tailweir_trace_aware_leaving_bytes", Gauge, "By", ["pipeline", "processor"],
        "Log records that wait for room behind; above 16 MiB requests are refused.";
    TraceAwareCopied = "tailweir_trace_aware_copied_bytes", Gauge, "By", ["pipeline", "processor"],
        "Log records that are kept for other members of the cluster, half of memory_budget at most.";
    TraceAwareCopiesRefused = "tailweir_trace_aware_copies_refused", Counter, "{records}", ["pipeline", "processor"],
        "Fragments of log records that were not kept for other members, for want of room; their senders try again.";
    KubernetesObjects = "tailweir_kubernetes_objects", Gauge, "{objects}", ["processor", "kind"],
        "Objects of Kubernetes that a processor remembers.";
    KubernetesEvents = "tailweir_kubernetes_events", Counter, "{events}", ["processor", "kind", "event"],
        "Objects of Kubernetes that were set, that are gone, or that were refused because `max_objects` are remembered.";
    KubernetesAttributesCut = "tailweir_kubernetes_attributes_cut", Counter, "{attributes}", ["processor", "kind"],
        "Attributes that are left out because those of their object have `max_object_bytes`.";
    KubernetesFailures = "tailweir_kubernetes_failures", Counter, "{failures}", ["processor", "kind"],
        "Lists and watches of Kubernetes that failed. They are tried again.";
    KubernetesResources = "tailweir_kubernetes_resources", Counter, "{resources}", ["processor", "outcome"],
        "Resources whose pod was `found`, is `unknown`, or that say nothing that tells pods apart: `unidentified`.";
    RouteReceived = "tailweir_routing_received_items", Counter, "{items}", ["connector"],
        "Items that pipelines brought to a routing connector.";
    RouteUnrouted = "tailweir_routing_unrouted_items", Counter, "{items}", ["connector"],
        "Items that no route wanted, of a connector without default_pipelines.";
    RouteFailed = "tailweir_routing_failed_items", Counter, "{items}", ["connector"],
        "Items of requests that were not routed, because a condition failed under error_mode propagate.";
    ConnectorReceived = "tailweir_connector_received_items", Counter, "{items}", ["connector", "signal"],
        "Items that pipelines brought to a connector that makes telemetry.";
    ConnectorMade = "tailweir_connector_made_items", Counter, "{items}", ["connector", "signal"],
        "Items that the connector made.";
    ConnectorWaiting = "tailweir_connector_waiting_bytes", Gauge, "By", ["connector"],
        "What the connector made and that waits for room behind it, 16 MiB at most.";
    ConnectorSeries = "tailweir_connector_series", Gauge, "{series}", ["connector"],
        "Series that the connector keeps.";
    ConnectorSeriesBytes = "tailweir_connector_series_bytes", Gauge, "By", ["connector"],
        "Memory of the connector's series: 256 MiB at most for span_metrics, 64 MiB for others.";
    ConnectorOverflowed = "tailweir_connector_overflowed_items", Counter, "{items}", ["connector"],
        "Items that found no room for a series of their own and are in otel.metric.overflow; exceptions beyond the 64 MiB of log records that one request becomes, which are left out.";
    ConnectorResources = "tailweir_connector_resources", Gauge, "{resources}", ["connector"],
        "Resources whose series span_metrics keeps, resource_metrics_cache_size at most.";
    ConnectorEvicted = "tailweir_connector_evicted_resources", Counter, "{resources}", ["connector"],
        "Resources that had to leave span_metrics for others.";
    ConnectorWithoutService = "tailweir_connector_spans_without_service", Counter, "{spans}", ["connector"],
        "Spans that were not counted, because their resource has no service.name.";
    ConnectorExemplarsWaiting = "tailweir_connector_waiting_exemplars", Gauge, "{exemplars}", ["connector"],
        "Exemplars that wait for the sampler's decision on their trace, 65,536 at most.";
    ConnectorExemplarsLetGo = "tailweir_connector_exemplars_let_go", Counter, "{exemplars}", ["connector"],
        "Exemplars that were let go before a decision, the oldest first, for want of room.";
    ConnectorExemplarsGivenUp = "tailweir_connector_exemplars_given_up", Counter, "{exemplars}", ["connector"],
        "Exemplars that were given up a minute after the window, because no member of the cluster knew what became of their trace.";
    ConnectorFailed = "tailweir_connector_failed_requests", Counter, "{requests}", ["connector"],
        "Requests that were not counted, because a condition failed.";
    ConnectorEdges = "tailweir_connector_waiting_edges", Gauge, "{edges}", ["connector"],
        "Edges of a service graph that wait for their other half, store.max_items at most.";
    TotalsWritten = "tailweir_totals_written_items", Counter, "{items}", ["connector"],
        "Data points that a member of a cluster wrote of what all members counted.";
    TotalsWaiting = "tailweir_totals_waiting_bytes", Gauge, "By", ["connector"],
        "What a member wrote of totals and that waits for room behind it, 16 MiB at most.";
    TotalsSeries = "tailweir_totals_series", Gauge, "{series}", ["connector"],
        "Series of all members that this one adds up.";
    TotalsBytes = "tailweir_totals_series_bytes", Gauge, "By", ["connector"],
        "Memory of these series: 256 MiB at most for span_metrics, 64 MiB for others.";
    TotalsOverflowed = "tailweir_totals_overflowed_items", Counter, "{items}", ["connector"],
        "Data points of changes that found no room for a series of their own: they are in otel.metric.overflow, or left out where their resource is new too.";
    TotalsRepeated = "tailweir_totals_repeated_changes", Counter, "{changes}", ["connector"],
        "Changes of a slot that were brought again, and known: they are counted once.";
    TotalsTakenOver = "tailweir_totals_taken_over_slots", Counter, "{slots}", ["connector"],
        "Slots whose totals another owner handed over.";
    TotalsBegunAnew = "tailweir_totals_begun_anew_slots", Counter, "{slots}", ["connector"],
        "Slots whose totals their owner before did not hand over, so that their series began anew: it is gone, or it took too long.";
    TotalsLeaving = "tailweir_totals_leaving_slots", Gauge, "{slots}", ["connector"],
        "Slots whose totals wait to be handed over to their next owner.";
    EdgesTotal = "otelcol_connector_servicegraph_total_edges", Counter, "{edges}", ["connector"],
        "Edges of a service graph that were begun.";
    EdgesExpired = "otelcol_connector_servicegraph_expired_edges", Counter, "{edges}", ["connector"],
        "Edges that never found their other half.";
    EdgesDropped = "otelcol_connector_servicegraph_dropped_spans", Counter, "{spans}", ["connector"],
        "Spans of edges that found no room to wait.";
    HeldBack = "tailweir_held_back_bytes", Gauge, "By", ["pipeline", "processor"],
        "Kept spans that wait for room behind the sampler.";
    DecidedTraces = "tailweir_decided_traces", Counter, "{traces}", ["policy", "decision"],
        "Traces that were kept or dropped, by the policy that is named for it: the first that said so.";
    UnwrittenThresholds = "tailweir_unwritten_thresholds", Counter, "{spans}", ["pipeline", "processor"],
        "Kept spans whose tracestate is damaged or full, so that no threshold could be written.";
    Tenures = "tailweir_tenures", Gauge, "{tenures}", ["pipeline", "processor", "state"],
        "Tenures of slots in which this member has a part: opens, serves, finishes or closed as owner, copies or attaches as second member.";
    CopiedBytes = "tailweir_copied_span_bytes", Gauge, "By", ["pipeline", "processor"],
        "Bytes of spans that this member keeps for others.";
    Verdicts = "tailweir_verdicts", Gauge, "{verdicts}", ["pipeline", "processor"],
        "Verdicts that a member of a cluster remembers for late spans, its own and those of the tenures that it copies.";
    TableEpoch = "tailweir_table_epoch", Gauge, "{epochs}", ["pipeline", "processor"],
        "Epoch of the newest routing table that all shards of the sampler know.";
    PartsWaiting = "tailweir_parts_waiting", Gauge, "{parts}", ["pipeline", "processor"],
        "Parts of requests that wait for their copy, for a tenure to open, or for a table.";
    CopiesRefused = "tailweir_copies_refused", Counter, "{records}", ["pipeline", "processor"],
        "Records of other members that were not stored because too much is kept for others already.";
    PeerSentBytes = "tailweir_peer_sent_bytes", Counter, "By", ["member", "stream"],
        "Bytes that went to another member: spans of parts, and letters.";
    PeerReceivedBytes = "tailweir_peer_received_bytes", Counter, "By", ["member", "stream"],
        "Bytes that came from another member: spans of parts, and letters.";
    PeerSentMessages = "tailweir_peer_sent_messages", Counter, "{messages}", ["member", "stream"],
        "Parts that were brought to another member, and messages in letters to it.";
    PeerReceivedMessages = "tailweir_peer_received_messages", Counter, "{messages}", ["member", "stream"],
        "Parts that another member brought, and messages in its letters.";
    PeerSentLetters = "tailweir_peer_sent_letters", Counter, "{letters}", ["member"],
        "Letters to another member. A letter has all messages that were there when it left, so a busy member writes long ones.";
    PeerReceivedLetters = "tailweir_peer_received_letters", Counter, "{letters}", ["member"],
        "Letters of another member.";
    PeerQueueBytes = "tailweir_peer_queue_bytes", Gauge, "By", ["member"],
        "Bytes of letters that wait for another member.";
    PeerDroppedMessages = "tailweir_peer_dropped_messages", Counter, "{messages}", ["member"],
        "Messages to another member that found no room or whose stream broke. They are said again.";
    PeerBreaks = "tailweir_peer_breaks", Counter, "{breaks}", ["member"],
        "Times that a stream to another member broke.";
    PeerRoundTrip = "tailweir_peer_round_trip", Histogram, "ms", ["member"],
        "Time from a part to its answer, rounded up to the Collector's bounds.";
    ProcessorDropped = "tailweir_processor_dropped_items", Counter, "{items}", ["pipeline", "processor"],
        "Items that a processor left out on purpose. By reason they are part of tailweir_dropped_items.";
    ProcessorFailed = "tailweir_processor_failed_items", Counter, "{items}", ["pipeline", "processor"],
        "Items of requests that a processor could not process.";
    ProcessorEvaluationErrors = "tailweir_processor_evaluation_errors", Counter, "{errors}", ["pipeline", "processor"],
        "Conditions and statements of a processor that failed on an item and were passed over.";
    ExporterRetries = "tailweir_exporter_retries", Counter, "{attempts}", ["exporter", "data_type"],
        "Attempts beyond the first of their request.";
    QueueBytes = "tailweir_exporter_queue_bytes", Gauge, "By", ["exporter", "data_type"],
        "Bytes that the sending queue holds in memory.";
    SpoolEntries = "tailweir_spool_entries", Gauge, "{requests}", ["exporter", "data_type"],
        "Requests on disk, in a sending queue that `file_storage` keeps.";
    SpoolBytes = "tailweir_spool_bytes", Gauge, "By", ["exporter", "data_type"],
        "Bytes of the files of such a queue.";
    SpoolCapacity = "tailweir_spool_bytes_max", Gauge, "By", ["exporter", "data_type"],
        "Most that they may become: `max_size`. What finds no room is treated as with a full queue.";
    SpoolFailures = "tailweir_spool_failures", Counter, "{calls}", ["exporter", "data_type"],
        "Calls that the file system refused such a queue.";
    SpoolIgnored = "tailweir_spool_ignored_bytes", Counter, "By", ["exporter", "data_type"],
        "Bytes that such a queue found at the start and that are no request: writes that a crash tore, or damage.";
    PageSeries = "tailweir_prometheus_series", Gauge, "{series}", ["exporter"],
        "Series of a `prometheus` exporter; `max_series` is their bound.";
    PageMemory = "tailweir_prometheus_memory_bytes", Gauge, "By", ["exporter"],
        "Memory of these series, about.";
    PageTroubles = "tailweir_prometheus_troubled_points", Counter, "{datapoints}", ["exporter", "trouble"],
        "Points that a `prometheus` exporter refused (`series_limit`, `type_conflict`, `same_labels`, `temporality`, `overlap`) or could not show as they came (`nameless`, `label_conflict`, `buckets`).";
    Connections = "tailweir_receiver_connections", Gauge, "{connections}", ["receiver", "transport"],
        "Open connections.";
    FailedHandshakes = "tailweir_receiver_failed_handshakes", Counter, "{connections}", ["receiver", "transport"],
        "Connections that never became HTTP: no TLS, no preface, or not in time.";
    DroppedDatagrams = "tailweir_receiver_dropped_datagrams", Counter, "{datagrams}", ["receiver", "transport"],
        "Datagrams that found no room (`queue_size`), were larger than `max_packet_size` or could not be read.";
    Restarts = "tailweir_actor_restarts", Counter, "{restarts}", [],
        "Actors that were started again after a failure.";
    Ready = "tailweir_ready", Gauge, "1", [],
        "1 while requests are taken, else 0.";
    Uptime = "tailweir_uptime_seconds", Gauge, "s", [],
        "Time since the start.";
}

impl Metric {
    /// Upper bounds of a histogram's buckets, in its unit; none of anything else. A recorder that is not told them shows
    /// quantiles, which cannot be added up.
    #[must_use]
    pub fn bounds(self) -> &'static [u64] {
        match self {
            Self::BatchSize => Buckets::BATCH_ITEMS,
            Self::DecisionTime => Buckets::MILLISECONDS,
            Self::LateSpanAge | Self::RemovalAge => &AgeHistogram::BOUNDS,
            Self::PeerRoundTrip => PeerRow::ROUND_TRIP_BOUNDS,
            _ => &[],
        }
    }
}

/// Every metric of the gateway, for the generated documents.
#[must_use]
pub fn metric_reference() -> Vec<MetricReference> {
    Metric::ALL
        .iter()
        .map(|metric| metric.reference())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::{Metric, MetricKind, metric_reference};
    use std::collections::BTreeSet;

    /// Scenario: all metrics are listed.
    /// Guarantees: histograms have buckets, and nothing else has.
    #[test]
    fn a_histogram_has_buckets() {
        for metric in Metric::ALL {
            let is_histogram = metric.reference().kind == MetricKind::Histogram;
            assert_eq!(!metric.bounds().is_empty(), is_histogram, "{metric:?}");
        }
    }

    /// Scenario: all metrics are listed.
    /// Guarantees: no name occurs twice, and every description is a sentence.
    #[test]
    fn each_metric_has_a_name_of_its_own_and_a_sentence() {
        let mut names = BTreeSet::new();
        for metric in metric_reference() {
            assert!(names.insert(metric.name), "{} twice", metric.name);
            assert!(metric.description.ends_with('.'), "{}", metric.name);
            assert!(!metric.name.ends_with("_total"), "{}", metric.name);
        }
    }
}
