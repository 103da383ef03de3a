//! Clients, which send again what was not taken.

use super::{GATEWAYS, World};
use crate::simulation::clock::{MILLI, SECOND, Time};
use crate::simulation::event::Event;

/// A client waits so long for an answer.
const PATIENCE: Time = 6 * SECOND;

impl World {
    pub(super) fn client_sends(&mut self, request: usize, attempt: u32) {
        let now = self.now;
        let sent = &mut self.traffic.requests[request];
        if sent.taken_at.is_some() || attempt != sent.attempts {
            return;
        }
        sent.attempts += 1;
        sent.first_sent.get_or_insert(now);
        let gateway = self.random.usize(..GATEWAYS);
        let transit = self.random.u64(MILLI / 2..5 * MILLI);
        let received = Event::Received {
            gateway,
            request,
            attempt,
        };
        self.later(transit, received);
        let is_taken = false;
        let gives_up = Event::Answered {
            request,
            attempt,
            is_taken,
        };
        self.later(PATIENCE, gives_up);
    }

    /// A gateway answers a client; now and then the answer is lost.
    pub(crate) fn answer_client(&mut self, request: usize, attempt: u32, is_taken: bool) {
        self.note(&[14, request as u64, u64::from(is_taken)], || {
            format!("request {request}, attempt {attempt}: taken {is_taken}")
        });
        if self.random.u8(..50) == 0 {
            return;
        }
        let transit = self.random.u64(MILLI / 2..5 * MILLI);
        let answered = Event::Answered {
            request,
            attempt,
            is_taken,
        };
        self.later(transit, answered);
    }

    pub(super) fn client_hears(&mut self, request: usize, attempt: u32, is_taken: bool) {
        let sent = &mut self.traffic.requests[request];
        if is_taken {
            self.traffic.taken(self.now, request);
        } else if sent.taken_at.is_none() && sent.attempts == attempt + 1 {
            let back_off = (50 * MILLI) << attempt.min(5);
            let pause = self.random.u64(back_off / 2..=back_off);
            let attempt = attempt + 1;
            self.later(pause, Event::Send { request, attempt });
        }
    }
}
