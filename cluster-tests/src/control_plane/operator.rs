//! An operator: asks until it has an answer, and keeps what it was told.

use super::defect::ControlDefect;
use super::network::Simulated;
use super::seat::{CLUSTER, addresses, controllers};
use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tailweir_control::{ClusterInfo, ControlError, Drain, Operator};
use tailweir_link::{Identity, Link, Roles, Security};
use tailweir_placement::{Epoch, Incarnation, MemberName};
use tokio::sync::Notify;

/// What was not done is asked for again after this.
const AGAIN: Duration = Duration::from_millis(400);

/// What an operator is to see to.
#[derive(Debug, Clone)]
pub(super) enum Order {
    Policies(String),
    Drain(MemberName, Incarnation),
    Remove(MemberName),
    /// Looks until each controller votes in its place, and nobody else is left of those that lost their disk.
    Controllers,
}

/// What the controllers said that they did.
#[derive(Debug, Clone)]
pub(super) enum Done {
    /// Nothing, where the operator only believes that it is done.
    Policies(String, Option<u64>),
    Drained(Incarnation),
    Removed(MemberName, Epoch),
    InPlace,
}

/// What lies before an operator, and what is behind it.
#[derive(Debug, Default)]
pub(super) struct Desk {
    /// The first is being done.
    orders: Mutex<VecDeque<Order>>,
    done: Mutex<Vec<Done>>,
    news: Notify,
}

impl Desk {
    pub(super) fn put(&self, order: Order) {
        self.orders.lock().expect("nothing panics").push_back(order);
        self.news.notify_one();
    }

    /// How much is not done.
    pub(super) fn open(&self) -> usize {
        self.orders.lock().expect("nothing panics").len()
    }

    /// What was done since this was asked last.
    pub(super) fn take_done(&self) -> Vec<Done> {
        std::mem::take(&mut self.done.lock().expect("nothing panics"))
    }

    async fn first(&self) -> Order {
        loop {
            let first = self.orders.lock().expect("nothing panics").front().cloned();
            match first {
                Some(order) => return order,
                None => self.news.notified().await,
            }
        }
    }

    fn close(&self, done: Option<Done>) {
        self.orders.lock().expect("nothing panics").pop_front();
        self.done.lock().expect("nothing panics").extend(done);
    }
}

/// Sees to one order after the other.
pub(super) async fn operate(desk: Arc<Desk>, defect: Option<ControlDefect>) -> turmoil::Result {
    let identity = Identity::new(CLUSTER, Roles::GATEWAY, "operator")?;
    let link = Link::over(Arc::new(Simulated), identity, &Security::Insecure)?;
    let mut operator = Operator::new(link, addresses());
    loop {
        let order = desk.first().await;
        match ask(&mut operator, &order).await {
            Ok(Some(done)) => desk.close(Some(done)),
            Ok(None) => tokio::time::sleep(AGAIN).await,
            Err(ControlError::Refused(_)) => desk.close(None),
            Err(ControlError::Unavailable(_)) => match (&order, defect) {
                (Order::Policies(text), Some(ControlDefect::HastyOperator)) => {
                    desk.close(Some(Done::Policies(text.clone(), None)));
                }
                _ => tokio::time::sleep(AGAIN).await,
            },
        }
    }
}

/// Asks once. Nothing, when it has to wait.
async fn ask(operator: &mut Operator, order: &Order) -> Result<Option<Done>, ControlError> {
    Ok(match order {
        Order::Policies(text) => {
            let revision = operator.apply_policies(text).await?;
            Some(Done::Policies(text.clone(), Some(revision)))
        }
        Order::Drain(name, life) => match operator.drain(name, Some(*life)).await? {
            Drain::Granted => Some(Done::Drained(*life)),
            Drain::Waits(_) => None,
        },
        Order::Remove(name) => {
            let epoch = operator.remove(name).await?;
            Some(Done::Removed(name.clone(), epoch))
        }
        Order::Controllers => {
            let info = operator.info().await?;
            are_in_place(&info).then_some(Done::InPlace)
        }
    })
}

fn are_in_place(info: &ClusterInfo) -> bool {
    let mut expected = controllers().zip(addresses());
    info.controllers.len() == addresses().len()
        && expected.all(|(name, address)| {
            let mut all = info.controllers.iter();
            all.any(|it| it.votes && (&it.name, &it.address) == (&name, &address))
        })
}
