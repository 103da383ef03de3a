//! A job that is ready to be run.

use crate::page::Syntax;
use crate::target::populate;
use crate::{JobError, Labels, Relabeling, ScrapeError, Target, TargetError, accept};
use hashbrown::HashSet;
use std::sync::Arc;
use tailweir_config::{ScrapeJob, ScrapeProtocol, TargetGroup};

/// A job: its settings, with rules compiled.
#[derive(Debug)]
pub struct Job {
    pub(crate) settings: ScrapeJob,
    pub(crate) relabeling: Relabeling,
    pub(crate) metric_relabeling: Relabeling,
    accept: String,
}

impl Job {
    /// Compiles the rules. The settings are those of a read configuration: what stands in `global` is in them.
    ///
    /// # Errors
    /// [`JobError::Pattern`].
    pub fn new(settings: &ScrapeJob) -> Result<Self, JobError> {
        let names = settings.metric_name_validation_scheme;
        Ok(Self {
            relabeling: Relabeling::new(&settings.relabel_configs, names)?,
            metric_relabeling: Relabeling::new(&settings.metric_relabel_configs, names)?,
            accept: accept(settings),
            settings: settings.clone(),
        })
    }

    /// Its settings.
    #[must_use]
    pub fn settings(&self) -> &ScrapeJob {
        &self.settings
    }

    /// The header `Accept` of its requests.
    #[must_use]
    pub fn accept(&self) -> &str {
        &self.accept
    }

    /// The targets of these groups, each once, and what is wrong with those that are none. No more than one above `most`
    /// are made, which tells that there are too many.
    #[must_use]
    pub fn targets(
        self: &Arc<Self>,
        groups: &[TargetGroup],
        most: u64,
    ) -> (Vec<Arc<Target>>, Vec<TargetError>) {
        let (mut targets, mut mistakes) = (Vec::new(), Vec::new());
        let mut known = HashSet::new();
        for group in groups {
            for address in &group.targets {
                match populate(self, address.as_str(), group) {
                    Ok(Some(target)) if known.insert(target.identity()) => {
                        targets.push(Arc::new(target));
                    }
                    Ok(_) => {}
                    Err(mistake) => mistakes.push(mistake),
                }
                if targets.len() as u64 > most {
                    return (targets, mistakes);
                }
            }
        }
        (targets, mistakes)
    }

    /// Why none of so many targets is scraped; nothing where they may be.
    ///
    /// # Errors
    /// [`ScrapeError::TooManyTargets`].
    pub fn check_targets(&self, found: usize, most: u64) -> Result<(), ScrapeError> {
        let limit = self.target_limit(most);
        match found as u64 > limit {
            true => Err(ScrapeError::TooManyTargets { found, limit }),
            false => Ok(()),
        }
    }

    /// The lower of `target_limit` and `most`.
    #[must_use]
    pub fn target_limit(&self, most: u64) -> u64 {
        lower(self.settings.target_limit, most)
    }

    /// The format of pages that do not say theirs.
    pub(crate) fn fallback(&self) -> Syntax {
        match self.settings.fallback_scrape_protocol {
            ScrapeProtocol::PrometheusProto => Syntax::Protobuf,
            ScrapeProtocol::OpenMetricsText100 | ScrapeProtocol::OpenMetricsText001 => {
                Syntax::OpenMetrics
            }
            ScrapeProtocol::PrometheusText100 | ScrapeProtocol::PrometheusText004 => Syntax::Text,
        }
    }

    /// Whether a series may have these labels.
    pub(crate) fn check_labels(&self, labels: &Labels) -> Result<(), ScrapeError> {
        let metric = || labels.name().chars().take(50).collect::<String>();
        let settings = &self.settings;
        let limit = settings.label_limit;
        if limit > 0 && labels.len() as u64 > limit {
            let (metric, found) = (metric(), labels.len());
            return Err(ScrapeError::TooManyLabels {
                metric,
                found,
                limit,
            });
        }
        for (name, value) in labels.iter() {
            for (what, found, limit) in [
                ("a name", name.len(), settings.label_name_length_limit),
                ("a value", value.len(), settings.label_value_length_limit),
            ] {
                if limit > 0 && found as u64 > limit {
                    let metric = metric();
                    return Err(ScrapeError::LabelTooLong {
                        metric,
                        what,
                        found,
                        limit,
                    });
                }
            }
        }
        Ok(())
    }
}

/// The lower of two limits, the first of which is none when it is zero.
pub(crate) fn lower(written: u64, most: u64) -> u64 {
    match written {
        0 => most,
        written => written.min(most),
    }
}
