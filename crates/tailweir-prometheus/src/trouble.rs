//! What can be wrong with metrics on their way to Prometheus.

/// Why a point is not shown as it came. Counted, and logged once for each name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Trouble {
    /// There are `max_series` series, or they take all memory that they may; this would be a new one, or a large one that grew.
    /// Not shown. Also a target whose new attributes find no room: it is shown with the old ones.
    SeriesLimit,
    /// Another metric of the same name is of another type. Not shown.
    TypeConflict,
    /// Another stream has the same name and labels. Not shown.
    SameLabels,
    /// A sum or histogram without temporality, or a sum of changes that may fall. Not shown.
    Temporality,
    /// A histogram of changes that overlaps what is there. Not shown.
    Overlap,
    /// Nothing is left of a name. Shown with its characters as numbers; under `compat: collector` not.
    Nameless,
    /// Labels become one, or have a name that is taken. Shown with values joined, or under a name that
    /// begins with `exported_`; under `compat: collector` not.
    LabelConflict,
    /// An exponential histogram that Prometheus cannot take: a scale below -4, or buckets that do not make
    /// up the count. Shown without buckets; under `compat: collector` not.
    Buckets,
    /// In a cluster: its target became another member's while the point was under way. Not shown here; the next point is
    /// shown there.
    Elsewhere,
}

impl Trouble {
    /// Each of them, in the order in which reports list them.
    pub const ALL: [Self; 9] = [
        Self::SeriesLimit,
        Self::TypeConflict,
        Self::SameLabels,
        Self::Temporality,
        Self::Overlap,
        Self::Nameless,
        Self::LabelConflict,
        Self::Buckets,
        Self::Elsewhere,
    ];

    /// Its name in metrics and logs.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::SeriesLimit => "series_limit",
            Self::TypeConflict => "type_conflict",
            Self::SameLabels => "same_labels",
            Self::Temporality => "temporality",
            Self::Overlap => "overlap",
            Self::Nameless => "nameless",
            Self::LabelConflict => "label_conflict",
            Self::Buckets => "buckets",
            Self::Elsewhere => "elsewhere",
        }
    }

    /// What to do about it.
    #[must_use]
    pub const fn advice(self) -> &'static str {
        match self {
            Self::SeriesLimit => "raise `max_series`, or remove attributes that take many values",
            Self::TypeConflict => "give the metrics different names",
            Self::SameLabels => "give the streams an attribute that tells them apart",
            Self::Temporality => "send cumulative sums and histograms",
            Self::Overlap => "let one source alone write the stream",
            Self::Nameless => "use a name with letters, or `translation_strategy: NoTranslation`",
            Self::LabelConflict => "rename the attribute",
            Self::Buckets => "send a scale of -4 or more, and counts that add up",
            Self::Elsewhere => "nothing: the next point is shown by another member of the cluster",
        }
    }
}

/// The first time that something went wrong with a metric.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// What.
    pub trouble: Trouble,
    /// Name of the metric as it came, cut to 256 bytes; may be hostile.
    pub metric: String,
}

/// Counts by kind of trouble, and what was told already.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    counts: [u64; Trouble::ALL.len()],
    told: hashbrown::HashSet<(Trouble, u64)>,
}

impl Ledger {
    /// Troubles that are told, in all; later ones are counted alone.
    const TOLD_MAX: usize = 1000;
    const NAME_MAX: usize = 256;

    /// Counts one; a notice when it is the first of this metric.
    pub(crate) fn note(&mut self, trouble: Trouble, metric: &[u8]) -> Option<Notice> {
        self.counts[trouble as usize] += 1;
        let key = (trouble, xxhash_rust::xxh3::xxh3_64(metric));
        if self.told.len() >= Self::TOLD_MAX || !self.told.insert(key) {
            return None;
        }
        let name = &metric[..metric.len().min(Self::NAME_MAX)];
        Some(Notice {
            trouble,
            metric: String::from_utf8_lossy(name).into_owned(),
        })
    }

    pub(crate) fn count(&self, trouble: Trouble) -> u64 {
        self.counts[trouble as usize]
    }
}
