//! Labels of series: those of the page and of the target, rewritten and checked.

use super::Scraper;
use crate::page::Page;
use crate::{Labels, Ruling, ScrapeError};

impl Scraper {
    /// The labels of the last series: those of the page and of the target, rewritten. Nothing where rules drop it.
    pub(super) fn labels(&self, page: &Page<'_>) -> Result<Option<Labels>, ScrapeError> {
        let job = &self.target.job;
        let pairs = page.labels()?;
        let mut labels = match job.settings.honor_labels {
            true => self.honored(pairs),
            false => self.overridden(pairs),
        };
        if job.metric_relabeling.apply(&mut labels) == Ruling::Drop || labels.is_empty() {
            return Ok(None);
        }
        self.check(&labels)?;
        self.add_external(&mut labels);
        Ok(Some(labels))
    }

    /// Whether a series may have these labels.
    fn check(&self, labels: &Labels) -> Result<(), ScrapeError> {
        let job = &self.target.job;
        let name = labels.name();
        if name.is_empty() {
            return Err(ScrapeError::NoName);
        }
        let names = job.settings.metric_name_validation_scheme;
        let mut bad = labels.iter().filter(|(name, _)| !names.is_label_name(name));
        if let Some((bad, _)) = bad.next() {
            return Err(ScrapeError::BadName(bad.to_owned()));
        }
        if !names.is_metric_name(name) {
            return Err(ScrapeError::BadName(name.to_owned()));
        }
        job.check_labels(labels)?;
        match labels.twice() {
            Some(twice) => Err(ScrapeError::LabelTwice {
                metric: name.to_owned(),
                label: twice.to_owned(),
            }),
            None => Ok(()),
        }
    }

    /// Labels of the page win.
    fn honored(&self, pairs: Vec<(String, String)>) -> Labels {
        let target = self.target.labels.iter();
        let missing: Vec<_> = target
            .filter(|(name, _)| pairs.iter().all(|(known, _)| known != name))
            .collect();
        let mut labels = Labels::of(pairs);
        for (name, value) in missing {
            labels.set(name, value);
        }
        labels
    }

    /// Labels of the target win; those of the page are called `exported_...`.
    fn overridden(&self, pairs: Vec<(String, String)>) -> Labels {
        let mut labels = Labels::of(pairs);
        let mut moved = Vec::new();
        for (name, value) in self.target.labels.iter() {
            match labels.get(name) {
                "" => {}
                exposed => moved.push((name, exposed.to_owned())),
            }
            labels.set(name, value);
        }
        moved.sort_by_key(|(name, _)| name.len());
        for (name, value) in moved {
            let mut name = format!("exported_{name}");
            while !labels.get(&name).is_empty() {
                name.insert_str(0, "exported_");
            }
            labels.set(&name, value);
        }
        labels
    }

    /// The labels that all series of this process have.
    pub(super) fn add_external(&self, labels: &mut Labels) {
        for (name, value) in self.manner.external_labels.iter() {
            labels.set(name, value);
        }
    }
}
