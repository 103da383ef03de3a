//! What controllers are asked, over gRPC.

mod speaking;
mod watching;

use crate::change::{Answer, Change};
use crate::controller::{Shared, Stage, formation, joining};
use crate::dial::MESSAGE_BYTES_MAX;
use crate::leader::Ask;
use crate::network;
use crate::running::Running;
use std::sync::Arc;
use tailweir_core::Slot;
use tailweir_link::{Access, Caller, Roles, Server};
use tailweir_placement::{
    Command, Epoch, Incarnation, MemberName, Presence, Report, RoutingTable, TenureId, Weight, Wish,
};
use tailweir_proto::control as wire;
use tailweir_proto::control::cluster_info_answer::Standing as WireStanding;
use tailweir_proto::control::control_server::{Control, ControlServer};
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;
use tonic::{Request, Response, Status};
use watching::Watching;

/// Who may ask for what. What is about one life of a sampler, only that sampler may ask for; for a drain it asks as an operator
/// does.
const ACCESS: Access = &[
    ("Raft", Roles::CONTROLLER),
    ("Form", Roles::CONTROLLER),
    ("AllocateId", Roles::CONTROLLER),
    ("Join", Roles::CONTROLLER),
    ("Register", Roles::SAMPLER),
    ("Renew", Roles::SAMPLER),
    ("Report", Roles::SAMPLER),
    ("Leave", Roles::SAMPLER),
    ("ClusterInfo", Roles::ALL),
    ("WatchRoutingTable", Roles::ALL),
    ("Drain", Roles::ALL),
    ("Evacuate", Roles::ALL),
    ("Remove", Roles::ALL),
    ("RemoveController", Roles::ALL),
    ("Forget", Roles::ALL),
    ("ApplyPolicies", Roles::ALL),
    ("ProposePolicies", Roles::ALL),
];

/// Most bytes of policies.
const POLICIES_BYTES_MAX: usize = 1 << 20;

/// The service of one controller.
#[derive(Debug, Clone)]
pub(crate) struct ControlService {
    shared: Arc<Shared>,
    stop: CancellationToken,
}

impl ControlService {
    pub(crate) fn new(shared: Arc<Shared>, stop: CancellationToken) -> Self {
        Self { shared, stop }
    }

    /// Takes calls.
    pub(crate) fn serve(self, server: &Server) {
        let service = ControlServer::new(self)
            .max_decoding_message_size(MESSAGE_BYTES_MAX)
            .max_encoding_message_size(MESSAGE_BYTES_MAX);
        server.add(service, ACCESS);
    }

    fn running(&self) -> Result<Arc<Running>, Status> {
        let running = self.shared.running();
        running.ok_or_else(|| Status::unavailable("this controller belongs to no cluster yet"))
    }

    fn leading(&self) -> Result<Arc<Running>, Status> {
        let running = self.running()?;
        running.require_leader()?;
        Ok(running)
    }

    /// Leads, for a call about this life of its caller, by the table in which it was looked up.
    fn leading_for<T>(
        &self,
        request: &Request<T>,
        life: Incarnation,
    ) -> Result<(Arc<Running>, Arc<RoutingTable>), Status> {
        let running = self.leading()?;
        let table = Arc::clone(&running.state.borrow().table);
        speaking::for_own_life(Caller::of(request)?, &table, life)?;
        Ok((running, table))
    }

    /// Asks the leader's task.
    async fn ask<T>(&self, ask: impl FnOnce(oneshot::Sender<T>) -> Ask) -> Result<T, Status> {
        let gone = || Status::unavailable("another controller leads since");
        let (reply, answer) = oneshot::channel();
        let sent = self.shared.leader.send(ask(reply)).await;
        sent.map_err(|_| gone())?;
        answer.await.map_err(|_| gone())
    }

    /// Writes a command, and says which table there is then.
    async fn change(&self, command: &Command) -> Result<Response<wire::ChangeAnswer>, Status> {
        let running = self.leading()?;
        running.write(Change::from(command)).await?;
        let epoch = running.state.borrow().table.epoch().0;
        Ok(Response::new(wire::ChangeAnswer { epoch }))
    }

    /// Writes policies, and says which revision they are.
    async fn put_policies(
        &self,
        text: &str,
        change: Change,
    ) -> Result<Response<wire::ApplyPoliciesAnswer>, Status> {
        if text.len() > POLICIES_BYTES_MAX {
            let text = format!(
                "the policies take {} bytes; there can be {POLICIES_BYTES_MAX}",
                text.len()
            );
            return Err(Status::invalid_argument(text));
        }
        match self.leading()?.write(change).await? {
            Answer::Revision(revision) => Ok(Response::new(wire::ApplyPoliciesAnswer { revision })),
            other => Err(Status::internal(format!("no revision but {other:?}"))),
        }
    }

    fn lease(&self) -> u64 {
        self.shared.settings.lease.as_millis() as u64
    }
}

fn name(text: &str) -> Result<MemberName, Status> {
    MemberName::new(text).map_err(|error| Status::invalid_argument(error.to_string()))
}

fn tenure(slot: u32, created: u64) -> Result<TenureId, Status> {
    let slot = Slot::new(slot as usize)
        .ok_or_else(|| Status::invalid_argument(format!("there is no slot {slot}")))?;
    let created = Epoch(created);
    Ok(TenureId { slot, created })
}

#[tonic::async_trait]
impl Control for ControlService {
    async fn raft(
        &self,
        request: Request<wire::RaftMessage>,
    ) -> Result<Response<wire::RaftMessage>, Status> {
        let (running, message) = (self.running()?, request.into_inner());
        if message.to != running.id {
            let text = format!("this is controller {}, and not {}", running.id, message.to);
            return Err(Status::not_found(text));
        }
        let answer = network::receive(&running.raft, &message).await?;
        Ok(Response::new(answer))
    }

    async fn form(
        &self,
        request: Request<wire::FormRequest>,
    ) -> Result<Response<wire::FormAnswer>, Status> {
        let id = request.into_inner().id;
        let accepted = match self.shared.running() {
            Some(running) => {
                let is_initialised = running.raft.is_initialized().await;
                running.id == id && matches!(is_initialised, Ok(false))
            }
            None => {
                let (accept, accepted) = oneshot::channel();
                let asked = formation::Asked { id, accept };
                let gone = || Status::unavailable("this controller is starting");
                self.shared.asked.try_send(asked).map_err(|_| gone())?;
                accepted.await.map_err(|_| gone())?
            }
        };
        Ok(Response::new(wire::FormAnswer { accepted }))
    }

    async fn allocate_id(
        &self,
        _: Request<wire::AllocateIdRequest>,
    ) -> Result<Response<wire::AllocateIdAnswer>, Status> {
        match self.leading()?.write(Change::AllocateId).await? {
            Answer::Id(id) => Ok(Response::new(wire::AllocateIdAnswer { id })),
            other => Err(Status::internal(format!("no id but {other:?}"))),
        }
    }

    async fn join(
        &self,
        request: Request<wire::JoinRequest>,
    ) -> Result<Response<wire::JoinAnswer>, Status> {
        let wanted = request.into_inner().controller;
        let wanted = wanted.ok_or_else(|| Status::invalid_argument("which controller?"))?;
        joining::put(&self.shared, &*self.leading()?, &wanted).await?;
        Ok(Response::new(wire::JoinAnswer {}))
    }

    async fn register(
        &self,
        request: Request<wire::RegisterRequest>,
    ) -> Result<Response<wire::RegisterAnswer>, Status> {
        let name = name(&request.get_ref().name)?;
        speaking::for_itself(Caller::of(&request)?, &name)?;
        let request = request.into_inner();
        let weight = u16::try_from(request.weight).ok().and_then(Weight::new);
        let weight =
            weight.ok_or_else(|| Status::invalid_argument("the weight is not 1 to 100"))?;
        let command = Command::register(name, &request.address, &request.zone, weight);
        match self.leading()?.write(Change::from(&command)).await? {
            Answer::Registered(incarnation) => Ok(Response::new(wire::RegisterAnswer {
                incarnation,
                lease: self.lease(),
            })),
            other => Err(Status::internal(format!("no incarnation but {other:?}"))),
        }
    }

    async fn renew(
        &self,
        request: Request<wire::RenewRequest>,
    ) -> Result<Response<wire::RenewAnswer>, Status> {
        let member = Incarnation(request.get_ref().incarnation);
        let (running, _) = self.leading_for(&request, member)?;
        let epoch = request.get_ref().epoch.map(Epoch);
        let ask = |reply| Ask::Renew {
            member,
            epoch,
            reply,
        };
        let presence = self.ask(ask).await?;
        if presence == Presence::Down {
            running.write(Change::from(&Command::Renew(member))).await?;
        }
        Ok(Response::new(wire::RenewAnswer {
            unknown: presence == Presence::Unknown,
            lease: self.lease(),
        }))
    }

    async fn report(
        &self,
        request: Request<wire::ReportRequest>,
    ) -> Result<Response<wire::ReportAnswer>, Status> {
        let member = Incarnation(request.get_ref().incarnation);
        self.leading_for(&request, member)?;
        let request = request.into_inner();
        let in_sync = request.in_sync.iter().map(|it| {
            let tenure = tenure(it.slot, it.created)?;
            let view = Epoch(it.epoch);
            Ok(Report::InSync { tenure, view })
        });
        let clear = request.clear.iter().map(|it| {
            let tenure = tenure(it.slot, it.created)?;
            let into = Epoch(it.epoch);
            Ok(Report::Clear { tenure, into })
        });
        let reports = in_sync.chain(clear).collect::<Result<_, Status>>()?;
        self.ask(|reply| Ask::Report { reports, reply }).await?;
        Ok(Response::new(wire::ReportAnswer {}))
    }

    async fn leave(
        &self,
        request: Request<wire::LeaveRequest>,
    ) -> Result<Response<wire::ChangeAnswer>, Status> {
        let member = Incarnation(request.get_ref().incarnation);
        let (_, table) = self.leading_for(&request, member)?;
        let command = match table.member(member) {
            // What it held is needed, and may come back with it.
            Some(_) if table.names(member) => Command::Expire(vec![member]),
            Some((name, _)) => Command::Remove(name.clone()),
            None => {
                let epoch = table.epoch().0;
                return Ok(Response::new(wire::ChangeAnswer { epoch }));
            }
        };
        self.change(&command).await
    }

    async fn cluster_info(
        &self,
        _: Request<wire::ClusterInfoRequest>,
    ) -> Result<Response<wire::ClusterInfoAnswer>, Status> {
        let stage = self.shared.stage.borrow().clone();
        let mut answer = wire::ClusterInfoAnswer::default();
        match stage {
            Stage::Failed(error) => return Err(Status::unavailable(error.to_string())),
            // Whoever asks may ask another, and must not take it for one that belongs to no cluster.
            Stage::Starting => return Err(Status::unavailable("this controller is starting")),
            Stage::Empty => answer.set_standing(WireStanding::Empty),
            Stage::Running(running) => {
                let is_initialised = running.raft.is_initialized().await;
                let is_member =
                    is_initialised.map_err(|error| Status::unavailable(error.to_string()))?;
                let standing = match is_member {
                    true => WireStanding::Member,
                    false => WireStanding::Forming,
                };
                answer = info(&running, standing);
            }
        }
        Ok(Response::new(answer))
    }

    type WatchRoutingTableStream = Watching;

    async fn watch_routing_table(
        &self,
        request: Request<wire::WatchRequest>,
    ) -> Result<Response<Watching>, Status> {
        let running = self.running()?;
        if !running.is_current() {
            return Err(Status::unavailable("this controller hears no leader"));
        }
        let watching = watching::watch(running, request.into_inner(), self.stop.clone());
        Ok(Response::new(watching))
    }

    async fn drain(
        &self,
        request: Request<wire::DrainRequest>,
    ) -> Result<Response<wire::DrainAnswer>, Status> {
        let request = request.into_inner();
        let (name, life) = (name(&request.name)?, request.incarnation.map(Incarnation));
        self.leading()?;
        let asked = name.clone();
        let wish = self.ask(|reply| Ask::Drain {
            name: asked,
            life,
            reply,
        });
        let wish = wish.await?;
        let (granted, waits_for) = match wish {
            Wish::Granted => (true, String::new()),
            Wish::Waits(reason) => (false, reason),
            Wish::Unknown => return Err(Status::not_found(format!("no sampler is called {name}"))),
        };
        Ok(Response::new(wire::DrainAnswer { granted, waits_for }))
    }

    async fn evacuate(
        &self,
        request: Request<wire::EvacuateRequest>,
    ) -> Result<Response<wire::ChangeAnswer>, Status> {
        let member = Incarnation(request.get_ref().incarnation);
        self.leading_for(&request, member)?;
        self.change(&Command::Evacuate(member)).await
    }

    async fn remove(
        &self,
        request: Request<wire::MemberRequest>,
    ) -> Result<Response<wire::ChangeAnswer>, Status> {
        let name = name(&request.into_inner().name)?;
        self.change(&Command::Remove(name)).await
    }

    async fn remove_controller(
        &self,
        request: Request<wire::MemberRequest>,
    ) -> Result<Response<wire::ChangeAnswer>, Status> {
        let name = request.into_inner().name;
        let running = self.leading()?;
        let _alone = self.shared.membership.lock().await;
        let known = joining::controllers(&running);
        let found = known.iter().find(|it| it.name == name);
        let found =
            found.ok_or_else(|| Status::not_found(format!("no controller is called {name}")))?;
        if found.id == running.id {
            let text = "it leads now; stop it, and remove it once another leads";
            return Err(Status::aborted(text));
        }
        joining::remove(&running, found.id).await?;
        let epoch = running.state.borrow().table.epoch().0;
        Ok(Response::new(wire::ChangeAnswer { epoch }))
    }

    async fn forget(
        &self,
        request: Request<wire::ForgetRequest>,
    ) -> Result<Response<wire::ChangeAnswer>, Status> {
        let tenures = request.into_inner().tenures;
        let tenures = tenures.iter().map(|it| tenure(it.slot, it.created));
        let tenures = tenures.collect::<Result<_, _>>()?;
        self.change(&Command::Forget(tenures)).await
    }

    async fn apply_policies(
        &self,
        request: Request<wire::ApplyPoliciesRequest>,
    ) -> Result<Response<wire::ApplyPoliciesAnswer>, Status> {
        let text = request.into_inner().text;
        self.put_policies(&text, Change::Policies(text.clone()))
            .await
    }

    async fn propose_policies(
        &self,
        request: Request<wire::ProposePoliciesRequest>,
    ) -> Result<Response<wire::ApplyPoliciesAnswer>, Status> {
        let wire::ProposePoliciesRequest { text, base } = request.into_inner();
        let change = Change::ProposePolicies {
            text: text.clone(),
            base,
        };
        self.put_policies(&text, change).await
    }
}

fn info(running: &Running, standing: WireStanding) -> wire::ClusterInfoAnswer {
    let metrics = running.metrics();
    wire::ClusterInfoAnswer {
        standing: standing.into(),
        id: running.id,
        controllers: joining::controllers(running),
        leader: running.leader().unwrap_or(0),
        term: metrics.current_term,
        last_log: metrics.last_log_index.unwrap_or(0),
        last_applied: metrics.last_applied.map_or(0, |id| id.index),
        epoch: running.state.borrow().table.epoch().0,
    }
}
