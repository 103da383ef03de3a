//! Asks the controllers, and follows them to their leader.

use crate::dial::{self, Caller};
use crate::running::LEADER;
use std::collections::HashMap;
use std::time::Duration;
use tailweir_link::Link;
use tonic::{Code, Request, Response, Status};

/// Redirects that are followed in one call; there can be more only while leaders change.
const HOPS_MAX: usize = 4;

/// Asks controllers. Remembers where the last answer came from.
#[derive(Debug)]
pub(crate) struct Follower {
    link: Link,
    controllers: Vec<String>,
    callers: HashMap<String, Caller>,
    /// Who is asked first.
    preferred: String,
}

impl Follower {
    /// Asks these controllers, at least one.
    pub(crate) fn new(link: Link, controllers: Vec<String>) -> Self {
        Self {
            link,
            callers: HashMap::new(),
            preferred: controllers.first().cloned().unwrap_or_default(),
            controllers,
        }
    }

    /// Calls the leader: whoever was it last, then each of the others. Each may take `patience`.
    ///
    /// # Errors
    /// What the last one said, when none could answer; what the leader said, when it refused.
    pub(crate) async fn call<Message, Answer, Calling>(
        &mut self,
        message: Message,
        patience: Duration,
        call: impl Fn(Caller, Request<Message>) -> Calling,
    ) -> Result<Answer, Status>
    where
        Message: Clone,
        Calling: Future<Output = Result<Response<Answer>, Status>>,
    {
        let mut last = Status::unavailable("no controller is known");
        for address in self.in_order() {
            let mut address = address;
            for _ in 0..HOPS_MAX {
                let asked = self.ask(&address, message.clone(), patience, &call).await;
                let status = match asked {
                    Ok(answer) => {
                        self.preferred = address;
                        return Ok(answer);
                    }
                    Err(status) => status,
                };
                let leader = leader_of(&status);
                let is_final = leader.is_none() && !is_passing(status.code());
                last = status;
                match leader {
                    Some(leader) if leader != address => address = leader,
                    _ if is_final => return Err(last),
                    _ => break,
                }
            }
        }
        Err(last)
    }

    async fn ask<Message, Answer, Calling>(
        &mut self,
        address: &str,
        message: Message,
        patience: Duration,
        call: impl Fn(Caller, Request<Message>) -> Calling,
    ) -> Result<Answer, Status>
    where
        Calling: Future<Output = Result<Response<Answer>, Status>>,
    {
        let caller = self.caller(address)?;
        let mut request = Request::new(message);
        request.set_timeout(patience);
        let answer = tokio::time::timeout(patience, call(caller, request)).await;
        let answer = answer.unwrap_or_else(|_| {
            Err(Status::deadline_exceeded(format!(
                "the controller {address} did not answer within {patience:?}"
            )))
        });
        if let Err(status) = &answer
            && is_silence(status.code())
        {
            // The connection may swallow whatever is sent, and takes seconds to notice. The next call has its own.
            self.callers.remove(address);
        }
        Ok(answer?.into_inner())
    }

    /// Calls to one of them.
    fn caller(&mut self, address: &str) -> Result<Caller, Status> {
        if let Some(caller) = self.callers.get(address) {
            return Ok(caller.clone());
        }
        // Controllers that moved leave their address behind.
        if self.callers.len() > 2 * self.controllers.len() + HOPS_MAX {
            self.callers.clear();
        }
        let caller = dial::dial(&self.link, address)?;
        self.callers.insert(address.to_owned(), caller.clone());
        Ok(caller)
    }

    fn in_order(&self) -> Vec<String> {
        let others = self.controllers.iter().filter(|it| **it != self.preferred);
        [&self.preferred]
            .into_iter()
            .chain(others)
            .cloned()
            .collect()
    }
}

/// Where the leader is, if the controller that refused says so.
fn leader_of(status: &Status) -> Option<String> {
    let address = status.metadata().get(LEADER)?.to_str().ok()?;
    Some(address.to_owned())
}

/// Whether a call ran out of time: here, or on the way.
fn is_silence(code: Code) -> bool {
    matches!(code, Code::DeadlineExceeded | Code::Cancelled)
}

/// Whether another controller, or the same one later, may answer otherwise.
fn is_passing(code: Code) -> bool {
    matches!(
        code,
        Code::Unavailable
            | Code::DeadlineExceeded
            | Code::FailedPrecondition
            | Code::Unknown
            | Code::Internal
            | Code::Cancelled
            | Code::ResourceExhausted
    )
}

#[cfg(test)]
mod tests {
    use super::Follower;
    use std::time::Duration;
    use tailweir_link::{Identity, Link, Roles, Security};
    use tailweir_proto::control::ClusterInfoRequest;
    use tokio::net::TcpListener;

    /// Scenario: a controller takes connections and never answers, as one to which a network has lost the way.
    /// Guarantees: the call after one that ran out of time goes over another connection.
    #[tokio::test]
    async fn a_silent_connection_is_not_used_again() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let identity = Identity::new("test", Roles::GATEWAY, "gateway").unwrap();
        let link = Link::new(identity, &Security::Insecure).unwrap();
        let mut follower = Follower::new(link, vec![address]);
        let mut connections = Vec::new();
        for _ in 0..2 {
            let call = follower.call(
                ClusterInfoRequest {},
                Duration::from_millis(100),
                |mut caller, request| async move { caller.cluster_info(request).await },
            );
            let accepted = tokio::time::timeout(Duration::from_secs(10), listener.accept());
            let (answer, accepted) = tokio::join!(call, accepted);
            assert!(answer.is_err());
            connections.push(accepted.expect("it is dialled").unwrap());
        }
    }
}
