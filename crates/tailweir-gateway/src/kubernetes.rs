//! Asks the API of Kubernetes what there is, for `k8s_attributes` processors, and by [`Connection`] for detectors.
//!
//! ```text
//! Feed: list, page by page -> watch, event by event -> tailweir_kubernetes::Table
//!         ^------ the version is gone ------'
//! ```
//!
//! Each processor has a thread for this with a runtime of its own, so that reading a large list delays no span. It goes on
//! as long as the processor is in use, whatever the API does: what fails is asked again after a pause, and what is known
//! counts until then.

mod connection;
mod follow;

use crate::clock::Clock;
use crate::error::StartError;
pub(crate) use connection::{AskError, Connection};
use follow::Following;
use std::sync::Arc;
use std::time::Duration;
use tailweir_config::{ComponentId, KubernetesAttributes};
use tailweir_kubernetes::{Rules, Table};
use tailweir_transform::Transform;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

/// How long pods wait for what is known of their owners, which they are asked for after.
const OWNERS_WAIT: Duration = Duration::from_secs(5);
/// How often pods are forgotten whose time is over.
const EXPIRE_EVERY: Duration = Duration::from_secs(1);

/// How far it is.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Stage {
    /// The API is not known yet.
    Starting,
    /// The API can be asked.
    Asking,
    /// The lists were read once.
    Knowing,
    /// The API cannot be asked.
    Failed(String),
}

/// What a processor knows, and the thread that keeps it so.
#[derive(Debug)]
pub(crate) struct Watching {
    settings: KubernetesAttributes,
    /// Whether it asks at all.
    is_used: bool,
    rules: Arc<Rules>,
    table: Arc<Table>,
    stage: watch::Receiver<Stage>,
    stopping: CancellationToken,
}

impl Watching {
    /// Compiles settings, and starts to ask if `is_used`.
    ///
    /// # Errors
    ///
    /// An expression that does not compile, a variable that is not set.
    pub(crate) fn start(
        id: &ComponentId,
        settings: &KubernetesAttributes,
        clock: Clock,
        is_used: bool,
    ) -> Result<Self, StartError> {
        let refused = |message| StartError::Processor {
            processor: id.clone(),
            message,
        };
        let rules = compile(settings).map_err(refused)?;
        let rules = Arc::new(rules);
        let table = Arc::new(Table::new(Arc::clone(&rules)));
        let (tell, stage) = watch::channel(Stage::Starting);
        let stopping = CancellationToken::new();
        let work = Work {
            processor: id.to_string(),
            settings: settings.clone(),
            rules: Arc::clone(&rules),
            table: Arc::clone(&table),
            clock,
            tell,
        };
        if settings.passthrough || !is_used {
            work.tell.send_replace(Stage::Knowing);
        } else {
            let stopped = stopping.clone();
            let thread = std::thread::Builder::new().name("kubernetes".to_owned());
            let thread = thread.spawn(move || work.run(&stopped));
            thread.map_err(|error| refused(format!("no thread for it: {error}")))?;
        }
        Ok(Self {
            settings: settings.clone(),
            is_used,
            rules,
            table,
            stage,
            stopping,
        })
    }

    /// Whether it can go on for these.
    pub(crate) fn suits(&self, settings: &KubernetesAttributes, is_used: bool) -> bool {
        self.settings == *settings && self.is_used == is_used
    }

    /// The processor.
    pub(crate) fn transform(&self) -> Arc<dyn Transform> {
        let (rules, table) = (Arc::clone(&self.rules), Arc::clone(&self.table));
        Arc::new(tailweir_kubernetes::PodAttributes::new(rules, table))
    }

    /// Whether it asks the API.
    pub(crate) const fn asks(&self) -> bool {
        self.is_used && !self.settings.passthrough
    }

    /// What it knows.
    pub(crate) fn table(&self) -> &Table {
        &self.table
    }

    /// Whether it has read everything once.
    pub(crate) fn is_complete(&self) -> bool {
        *self.stage.borrow() == Stage::Knowing
    }

    /// Waits until the API can be asked, and until what there is is known if the settings want that.
    ///
    /// # Errors
    ///
    /// Why that will not be, or that it takes too long.
    pub(crate) async fn settle(&self) -> Result<(), String> {
        let (mut stage, wait) = (self.stage.clone(), self.settings.wait_for_metadata);
        let is_settled = |stage: &Stage| match stage {
            Stage::Starting => false,
            Stage::Asking => !wait,
            Stage::Knowing | Stage::Failed(_) => true,
        };
        let limit = match wait {
            true => self.settings.wait_for_metadata_timeout,
            // A kubeconfig may have a program that says who one is.
            false => KubernetesAttributes::default().wait_for_metadata_timeout,
        };
        let settled = timeout(limit, stage.wait_for(is_settled)).await;
        match settled.map(|stage| stage.map(|stage| stage.clone())) {
            Ok(Ok(Stage::Failed(why))) => Err(why),
            Ok(Ok(_)) => Ok(()),
            Ok(Err(_)) => Err("the thread that asks the API has stopped".to_owned()),
            Err(_) => Err(format!(
                "the API did not say within {limit:?} which pods there are, raise \
                 `wait_for_metadata_timeout` or leave `wait_for_metadata` out"
            )),
        }
    }
}

impl Drop for Watching {
    fn drop(&mut self) {
        self.stopping.cancel();
    }
}

fn compile(settings: &KubernetesAttributes) -> Result<Rules, String> {
    let node = match settings.filter.node_from_env_var.as_str() {
        "" => None,
        name => Some(std::env::var(name).map_err(|_| {
            format!(
                "`node_from_env_var` names {name}, which is not set: set it from `spec.nodeName`"
            )
        })?),
    };
    Rules::new(settings, node).map_err(|error| error.to_string())
}

/// What the thread does.
struct Work {
    processor: String,
    settings: KubernetesAttributes,
    rules: Arc<Rules>,
    table: Arc<Table>,
    clock: Clock,
    tell: watch::Sender<Stage>,
}

impl Work {
    fn run(self, stopped: &CancellationToken) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build();
        match runtime {
            // What still runs ends with the runtime.
            Ok(runtime) => {
                runtime.block_on(stopped.run_until_cancelled(self.ask()));
            }
            Err(error) => {
                self.tell.send_replace(Stage::Failed(error.to_string()));
            }
        }
    }

    async fn ask(self) {
        let connection =
            match Connection::new(self.settings.auth_type, &self.settings.context).await {
                Ok(connection) => Arc::new(connection),
                Err(why) => {
                    self.tell.send_replace(Stage::Failed(why));
                    return;
                }
            };
        self.tell.send_replace(Stage::Asking);
        let mut tasks = JoinSet::new();
        let mut known = Vec::new();
        let mut feeds = self.rules.feeds().into_iter();
        let pods = feeds.next();
        for feed in feeds {
            known.push(self.follow(feed, &connection, &mut tasks));
        }
        let owners = async {
            for known in &mut known {
                // Whoever told it is gone only when everything stops.
                let _ = known.wait_for(|known| *known).await;
            }
        };
        if timeout(OWNERS_WAIT, owners).await.is_err() {
            tracing::warn!(
                processor = self.processor,
                "pods are asked for before their owners are known"
            );
        }
        known.extend(pods.map(|feed| self.follow(feed, &connection, &mut tasks)));
        tasks.spawn(expire(Arc::clone(&self.table), self.clock));
        for known in &mut known {
            let _ = known.wait_for(|known| *known).await;
        }
        tracing::info!(
            processor = self.processor,
            "the pods of Kubernetes are known"
        );
        self.tell.send_replace(Stage::Knowing);
        // None of them ends by itself.
        while let Some(ended) = tasks.join_next().await {
            let processor = self.processor.as_str();
            tracing::error!(
                processor,
                ?ended,
                "nobody follows Kubernetes any more: a defect"
            );
        }
    }

    fn follow(
        &self,
        feed: tailweir_kubernetes::Feed,
        connection: &Arc<Connection>,
        tasks: &mut JoinSet<()>,
    ) -> watch::Receiver<bool> {
        let (tell, known) = watch::channel(false);
        let following = Following {
            processor: self.processor.clone(),
            feed,
            connection: Arc::clone(connection),
            table: Arc::clone(&self.table),
            clock: self.clock,
            tell,
        };
        tasks.spawn(following.run());
        known
    }
}

async fn expire(table: Arc<Table>, clock: Clock) {
    loop {
        tokio::time::sleep(EXPIRE_EVERY).await;
        table.expire(clock.now());
    }
}
