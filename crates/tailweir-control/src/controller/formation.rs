//! How a controller without an id gets one: a new cluster forms, or an old one takes it in.
//!
//! A cluster forms only when every expected seed says that it belongs to none: a seed that lost its disk while others are
//! silent must not found a second cluster. Only the first seed forms one. It gives each of the others its id, and these keep
//! it before they answer; so whoever is still without an id once somebody is a member has lost its disk, and joins.

use super::{Accept, Shared};
use crate::dial::{self, Caller};
use crate::follow::Follower;
use std::time::Duration;
use tailweir_proto::control::cluster_info_answer::Standing;
use tailweir_proto::control::{
    AllocateIdRequest, ClusterInfoAnswer, ClusterInfoRequest, FormRequest,
};
use tokio::sync::mpsc;
use tonic::Status;

/// How long another seed may take to answer.
const PATIENCE: Duration = Duration::from_secs(2);

/// The first seed asks this process to have an id.
#[derive(Debug)]
pub(crate) struct Asked {
    pub(crate) id: u64,
    pub(crate) accept: Accept,
}

/// An id that this process has from now on.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) id: u64,
    accept: Option<Accept>,
}

impl Found {
    /// The id is kept: tells whoever gave it.
    pub(super) fn tell(self) {
        if let Some(accept) = self.accept {
            // The answer is lost when it went away; it asks again.
            let _ = accept.send(true);
        }
    }
}

/// Waits until this process has an id.
pub(super) async fn find_id(shared: &Shared, mut requests: mpsc::Receiver<Asked>) -> Found {
    let place = shared.place();
    let mut interval = tokio::time::interval(shared.settings.pace.search);
    loop {
        tokio::select! {
            biased;
            Some(asked) = requests.recv() => {
                if place.map(|place| place as u64 + 1) == Some(asked.id) {
                    return Found { id: asked.id, accept: Some(asked.accept) };
                }
                // It sees another list of seeds. The answer is lost when it went away.
                let _ = asked.accept.send(false);
            }
            _ = interval.tick() => {
                if let Some(id) = look(shared, place).await {
                    return Found { id, accept: None };
                }
            }
        }
    }
}

/// One look at the other seeds.
async fn look(shared: &Shared, place: Option<usize>) -> Option<u64> {
    let infos = ask_others(shared).await;
    let is_member = |info: &Result<ClusterInfoAnswer, Status>| matches!(info, Ok(info) if info.standing() == Standing::Member);
    if infos.iter().any(is_member) {
        return allocate(shared).await;
    }
    let is_first = place == Some(0) && infos.iter().all(Result::is_ok);
    (is_first && give_ids(shared).await).then_some(1)
}

/// Asks each of the other seeds how it stands.
pub(super) async fn ask_others(shared: &Shared) -> Vec<Result<ClusterInfoAnswer, Status>> {
    each_other(shared, |_, mut caller| async move {
        let info = caller.cluster_info(ClusterInfoRequest {}).await?;
        Ok(info.into_inner())
    })
    .await
}

/// Gives each of the other seeds its id. Says whether all have theirs, and none belongs to a cluster.
pub(super) async fn give_ids(shared: &Shared) -> bool {
    let answers = each_other(shared, |id, mut caller| async move {
        let answer = caller.form(FormRequest { id }).await?;
        Ok(answer.into_inner().accepted)
    })
    .await;
    answers.iter().all(|answer| matches!(answer, Ok(true)))
}

/// Asks the leader for an id that nobody else has.
async fn allocate(shared: &Shared) -> Option<u64> {
    let seeds = shared.settings.seeds.clone();
    let mut follower = Follower::new(shared.link.clone(), seeds);
    let answer = follower.call(
        AllocateIdRequest {},
        PATIENCE,
        |mut caller, request| async move { caller.allocate_id(request).await },
    );
    match answer.await {
        // A leader of a version that gave the number of the entry alone. The next one is higher.
        Ok(answer) if answer.id <= shared.settings.seeds.len() as u64 => None,
        Ok(answer) => Some(answer.id),
        Err(error) => {
            tracing::info!(%error, "no id yet");
            None
        }
    }
}

/// What each of the other seeds answers, all asked at once, in their order.
async fn each_other<Answer, Calling>(
    shared: &Shared,
    call: impl Fn(u64, Caller) -> Calling,
) -> Vec<Result<Answer, Status>>
where
    Answer: Send + 'static,
    Calling: Future<Output = Result<Answer, Status>> + Send + 'static,
{
    let own = &shared.settings.address;
    let others = (1..).zip(&shared.settings.seeds);
    let tasks: Vec<_> = others
        .filter(|(_, address)| *address != own)
        .map(|(id, address)| {
            let caller = dial::dial(&shared.link, address)?;
            let calling = tokio::time::timeout(PATIENCE, call(id, caller));
            Ok(tokio::spawn(calling))
        })
        .collect();
    let mut answers = Vec::new();
    for task in tasks {
        answers.push(match task {
            Err(status) => Err(status),
            Ok(task) => match task.await {
                Ok(Ok(answer)) => answer,
                Ok(Err(_)) => Err(Status::deadline_exceeded("no answer")),
                Err(error) => Err(Status::internal(error.to_string())),
            },
        });
    }
    answers
}

impl Shared {
    /// The place of this process among the seeds, if it is one.
    pub(crate) fn place(&self) -> Option<usize> {
        let own = &self.settings.address;
        self.settings.seeds.iter().position(|seed| seed == own)
    }
}
