//! Pages of Prometheus' targets, asked for: the `prometheus` receiver.
//!
//! ```text
//! settings, files -> targets -> own targets -> Rounds, one task a target: wait, GET, tailweir_scrape, ReceiverIntake
//! ```
//!
//! Targets are looked for every few seconds; each is scraped in a task of its own, at moments that are spread over the
//! interval. What a target told is kept between its scrapes. Pages are read under permits of the admission, and a request
//! that finds no room is offered again until the next scrape is due; then it is lost, and counted.
//!
//! In a cluster each target is scraped by one of the members that have the receiver (`Sharing`, by the rules of `roll`). One that
//! another member takes over has not ended, and is not told so.

mod discovery;
mod fetch;
mod figures;
mod roll;
mod rolls;
mod rounds;
mod sharing;

pub(crate) use figures::ScrapeFigures;
pub use roll::{Roll, RollNumber};
pub(crate) use rolls::Rolls;

use crate::admission::Admission;
use crate::buffer::BufferPool;
use crate::error::StartError;
use crate::intake::ReceiverIntake;
use crate::membership::Membership;
use discovery::{Discovery, Found};
use parking_lot::Mutex;
use rounds::Rounds;
use sharing::Sharing;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;
use tailweir_config::{ComponentId, PrometheusReceiver, ScrapeJob};
use tailweir_export::PageClient;
use tailweir_scrape::{Job, Labels, Manner, ScrapeError, Target};
use tailweir_transform::Surroundings;
use tokio::task::{AbortHandle, JoinSet};
use tokio_util::sync::CancellationToken;

/// How often targets are looked for, where none is scraped more often.
const LOOK_EVERY: Duration = Duration::from_secs(5);
/// How often they are looked for at most.
const LOOK_EVERY_MIN: Duration = Duration::from_millis(20);

/// What scraping needs of its process.
pub(crate) struct ScrapeGround {
    pub(crate) intake: Arc<ReceiverIntake>,
    pub(crate) admission: Arc<Admission>,
    pub(crate) buffers: Arc<BufferPool>,
    /// Tells the time of day.
    pub(crate) surroundings: Arc<dyn Surroundings>,
    /// Differs from process to process.
    pub(crate) seed: u64,
    /// The cluster that the process is a member of: the targets are shared with the others.
    pub(crate) membership: Option<Arc<Membership>>,
}

/// A receiver that scrapes.
pub(crate) struct Scraping {
    id: String,
    jobs: Vec<Arc<RunningJob>>,
    shared: Arc<Shared>,
    /// Held while it runs.
    running: tokio::sync::Mutex<()>,
}

/// What all targets of a receiver share.
struct Shared {
    id: String,
    settings: PrometheusReceiver,
    manner: Arc<Manner>,
    ground: ScrapeGround,
    figures: Arc<ScrapeFigures>,
    stopping: CancellationToken,
    /// The targets that there are, whoever scrapes them.
    active: Mutex<HashSet<TargetKey>>,
    /// In a cluster, which of them are its own.
    sharing: Option<Sharing>,
}

/// A job that runs.
struct RunningJob {
    job: Arc<Job>,
    client: PageClient,
    discovery: Arc<Mutex<Discovery>>,
    /// Why none of its targets is scraped.
    refused: Mutex<Option<ScrapeError>>,
}

/// The job's number, and what tells the target from others of it.
type TargetKey = (usize, (Labels, String));

/// A target that is scraped.
struct Running {
    gone: CancellationToken,
    task: AbortHandle,
}

impl Scraping {
    /// Compiles rules and reads certificates and credentials; asks nobody yet.
    ///
    /// # Errors
    ///
    /// The option of the job that cannot be used.
    pub(crate) fn new(
        id: &ComponentId,
        settings: &PrometheusReceiver,
        ground: ScrapeGround,
    ) -> Result<Self, StartError> {
        let jobs = settings.config.scrape_configs.iter().enumerate();
        let jobs = jobs.map(|(index, job)| RunningJob::new(id, index, job).map(Arc::new));
        let external = settings.config.global.external_labels.iter();
        let external = external.map(|(name, value)| (name.clone(), value.as_str().to_owned()));
        let manner = Manner {
            external_labels: Labels::of(external.collect()),
            trim_metric_suffixes: settings.trim_metric_suffixes,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            max_series: settings.max_series,
            max_page_bytes: settings.max_page_bytes,
        };
        let membership = ground.membership.clone();
        let sharing = membership.map(|membership| Sharing::new(membership, &id.to_string()));
        Ok(Self {
            id: id.to_string(),
            jobs: jobs.collect::<Result<_, _>>()?,
            shared: Arc::new(Shared {
                id: id.to_string(),
                settings: settings.clone(),
                manner: Arc::new(manner),
                ground,
                figures: Arc::default(),
                stopping: CancellationToken::new(),
                active: Mutex::default(),
                sharing,
            }),
            running: tokio::sync::Mutex::new(()),
        })
    }

    /// Compiles rules and reads certificates and credentials.
    ///
    /// # Errors
    ///
    /// As [`Self::new`].
    pub(crate) fn check(id: &ComponentId, settings: &PrometheusReceiver) -> Result<(), StartError> {
        let jobs = settings.config.scrape_configs.iter().enumerate();
        for (index, job) in jobs {
            RunningJob::new(id, index, job)?;
        }
        Ok(())
    }

    /// Its id.
    pub(crate) fn id(&self) -> &str {
        &self.id
    }

    /// What it has counted.
    pub(crate) fn figures(&self) -> &ScrapeFigures {
        &self.shared.figures
    }

    /// Looks for targets and scrapes them until it is stopped.
    pub(crate) async fn run(&self) {
        let _running = self.running.lock().await;
        let mut targets: HashMap<TargetKey, Running> = HashMap::new();
        let mut tasks = JoinSet::new();
        let sharing = self.shared.sharing.as_ref();
        let calling = async {
            match sharing {
                Some(sharing) => sharing.run().await,
                None => std::future::pending().await,
            }
        };
        let changed = || async {
            match sharing {
                Some(sharing) => sharing.changed.notified().await,
                None => std::future::pending().await,
            }
        };
        tokio::pin!(calling);
        while !self.shared.stopping.is_cancelled() {
            // What died is begun anew.
            targets.retain(|_, running| !running.task.is_finished());
            self.look(&mut targets, &mut tasks).await;
            let looking = tokio::time::sleep(self.look_every());
            tokio::pin!(looking);
            loop {
                tokio::select! {
                    () = self.shared.stopping.cancelled() => break,
                    () = &mut looking => break,
                    () = changed() => break,
                    () = &mut calling => {}
                    Some(_) = tasks.join_next() => {}
                }
            }
        }
        while tasks.join_next().await.is_some() {}
        if let Some(sharing) = sharing {
            sharing.leave().await;
        }
    }

    /// Scrapes no further, and waits until what is being scraped is handed in. Returns whether that was in time.
    pub(crate) async fn stop(&self, grace: Duration) -> bool {
        self.shared.stopping.cancel();
        let stopped = tokio::time::timeout(grace, self.running.lock()).await;
        stopped.is_ok()
    }

    /// As often as anything is scraped, within bounds.
    fn look_every(&self) -> Duration {
        let intervals = self.jobs.iter().map(|running| {
            let interval = running.job.settings().scrape_interval;
            interval.unwrap_or_default().duration()
        });
        let shortest = intervals.min().unwrap_or(LOOK_EVERY);
        shortest.clamp(LOOK_EVERY_MIN, LOOK_EVERY)
    }

    /// Whether this member scrapes a target.
    fn owns(&self, target: &Target) -> bool {
        let sharing = self.shared.sharing.as_ref();
        sharing.is_none_or(|sharing| sharing.owns(target.key()))
    }

    /// Starts what is new, and ends what is gone, or another's.
    async fn look(&self, targets: &mut HashMap<TargetKey, Running>, tasks: &mut JoinSet<()>) {
        let mut wanted = HashMap::new();
        let (mut refused, mut unreadable) = (0, 0);
        for (index, running) in self.jobs.iter().enumerate() {
            let found = running.look(self.shared.settings.max_targets).await;
            refused += found.mistakes;
            unreadable += found.unreadable;
            for target in found.targets {
                let key = (index, target.identity());
                let is_own = self.owns(&target);
                if is_own && !targets.contains_key(&key) {
                    let gone = CancellationToken::new();
                    let rounds = Rounds::new(
                        key.clone(),
                        target,
                        Arc::clone(running),
                        Arc::clone(&self.shared),
                        gone.clone(),
                    );
                    let task = tasks.spawn(rounds.run());
                    targets.insert(key.clone(), Running { gone, task });
                }
                wanted.insert(key, is_own);
            }
        }
        targets.retain(|key, running| {
            let stays = wanted.get(key).copied().unwrap_or_default();
            if !stays {
                running.gone.cancel();
            }
            stays
        });
        let own = wanted.values().filter(|is_own| **is_own).count();
        let figures = &self.shared.figures;
        figures.found((own, wanted.len() - own), refused, unreadable);
        if let Some(sharing) = &self.shared.sharing {
            figures.shared(sharing.sharers(), sharing.unanswered());
        }
        *self.shared.active.lock() = wanted.into_keys().collect();
    }
}

impl RunningJob {
    fn new(id: &ComponentId, index: usize, settings: &ScrapeJob) -> Result<Self, StartError> {
        let block = format!("config.scrape_configs[{index}]");
        let job = Job::new(settings).map_err(|error| StartError::Scraping {
            receiver: id.clone(),
            option: block.clone(),
            message: error.to_string(),
            is_unreadable: false,
        })?;
        let is_secure = settings.scheme.as_str() == "https";
        let client = PageClient::new(&settings.client, is_secure);
        let client = client.map_err(|error| StartError::Scraping {
            receiver: id.clone(),
            option: format!("{block}.{}", error.option),
            message: error.message,
            is_unreadable: error.is_unreadable,
        })?;
        let discovery = Discovery::new(settings).map_err(|message| StartError::Scraping {
            receiver: id.clone(),
            option: format!("{block}.file_sd_configs"),
            message,
            is_unreadable: false,
        })?;
        Ok(Self {
            job: Arc::new(job),
            client,
            discovery: Arc::new(Mutex::new(discovery)),
            refused: Mutex::new(None),
        })
    }

    /// The targets that there are. Files are read off the runtime's threads.
    async fn look(&self, most: u64) -> Found {
        let (discovery, job) = (Arc::clone(&self.discovery), Arc::clone(&self.job));
        let looking = tokio::task::spawn_blocking(move || discovery.lock().look(&job, most));
        let found = match looking
            .await
            .map_err(tokio::task::JoinError::try_into_panic)
        {
            Ok(found) => found,
            Err(Ok(panic)) => std::panic::resume_unwind(panic),
            // Only a runtime that is going down does not run it.
            Err(Err(_)) => Found::default(),
        };
        let refused = self.job.check_targets(found.targets.len(), most).err();
        let mut before = self.refused.lock();
        if let (Some(error), None) = (&refused, &*before) {
            let job = self.job.settings().job_name.as_str();
            tracing::error!(job, %error, "targets are not scraped");
        }
        *before = refused;
        found
    }
}
