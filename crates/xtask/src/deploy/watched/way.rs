//! A way between two processes that can be cut: connections are passed on until then.

use anyhow::Result;
use std::io;
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

/// See the module.
pub(super) struct Way {
    address: SocketAddr,
    /// Both ends of what is open; nothing once it is cut.
    open: Open,
}

type Open = Arc<Mutex<Option<Vec<TcpStream>>>>;

impl Way {
    /// One to this address.
    pub(super) fn to(target: SocketAddr) -> Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let address = listener.local_addr()?;
        let open: Open = Arc::new(Mutex::new(Some(Vec::new())));
        let shared = Arc::clone(&open);
        thread::spawn(move || {
            for near in listener.incoming().map_while(Result::ok) {
                // Who cannot be passed on is hung up on, as by a process that is not there.
                if pass_on(&near, target, &shared).is_err() {
                    let _ = near.shutdown(Shutdown::Both);
                }
            }
        });
        Ok(Self { address, open })
    }

    /// Where it begins.
    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Ends every connection; further ones are hung up on.
    pub(super) fn cut(&self) {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        for stream in open.take().into_iter().flatten() {
            // It may have ended by itself.
            let _ = stream.shutdown(Shutdown::Both);
        }
    }
}

fn pass_on(near: &TcpStream, target: SocketAddr, open: &Open) -> io::Result<()> {
    let far = TcpStream::connect(target)?;
    let mut open = open.lock().unwrap_or_else(PoisonError::into_inner);
    let Some(open) = &mut *open else {
        return Err(io::ErrorKind::ConnectionRefused.into());
    };
    open.extend([near.try_clone()?, far.try_clone()?]);
    for (from, to) in [(near, &far), (&far, near)] {
        let (mut from, mut to) = (from.try_clone()?, to.try_clone()?);
        thread::spawn(move || {
            let _ = io::copy(&mut from, &mut to);
            let _ = to.shutdown(Shutdown::Write);
        });
    }
    Ok(())
}
