//! Where processes live: each in a network namespace of its own, or each at an address of loopback.
//!
//! As root the harness starts itself again in a namespace that has no name, so that everything in it, the bridge and
//! the members' cables, is gone as soon as nothing runs in it any more, however the harness ends. Each member has a
//! process that does nothing but keep its namespace, so that its address and its partitions outlive a crash.

use super::tool::{can_run, run};
use anyhow::{Context, Result, ensure};
use std::env;
use std::net::{IpAddr, Ipv4Addr};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::time::Duration;
use tokio::process::{Child, Command};

/// Set in the process that was started again.
const INSIDE: &str = "TAILWEIR_CHAOS_NAMESPACE";
const BRIDGE: &str = "chaos";
/// A bridge without an address of its own takes the lowest of its cables', so that it would change when a member comes or
/// goes: until the others have asked anew, for as long as 15 s, what they send to the backend would be lost.
const BRIDGE_ADDRESS: &str = "02:00:0a:4d:00:01";
/// The harness and the backend. Members come after.
const HARNESS: Ipv4Addr = Ipv4Addr::new(10, 77, 0, 1);
const BACKEND: Ipv4Addr = Ipv4Addr::new(10, 77, 0, 2);
const FIRST_MEMBER: u8 = 11;
const PATIENCE: Duration = Duration::from_secs(5);

/// See the module.
#[derive(Debug)]
pub(super) enum Network {
    /// Namespaces behind a bridge.
    Namespaces {
        /// Members so far.
        places: u8,
    },
    /// Addresses of `127.0.0.0/8`.
    Loopback {
        /// The run's own part of them.
        subnet: (u8, u8),
        /// Members so far.
        places: u8,
    },
}

/// Where a member lives.
#[derive(Debug)]
pub(super) struct Place {
    pub(super) address: IpAddr,
    /// Keeps the namespace, if there is one.
    keeper: Option<Child>,
}

/// Starts this program again in a namespace of its own, if it is not in one yet and may. Returns only where it may not.
///
/// # Errors
/// When there are the tools for it, but they cannot be run.
pub fn enter_namespace(binary: &Path) -> Result<()> {
    if is_inside() || !rustix::process::geteuid().is_root() {
        return Ok(());
    }
    let tools = ["unshare", "nsenter", "setpriv", "ip"];
    if !tools.iter().all(|tool| can_run(tool)) {
        return Ok(());
    }
    let this = env::current_exe().context("this program has no path")?;
    let error = std::process::Command::new("unshare")
        .args(["--net", "--"])
        .arg(this)
        .args(env::args_os().skip(1))
        .env(INSIDE, "1")
        .env(super::binary::VARIABLE, binary)
        .exec();
    Err(error).context("unshare cannot be run")
}

fn is_inside() -> bool {
    env::var_os(INSIDE).is_some()
}

impl Network {
    pub(super) async fn build() -> Result<Self> {
        if !is_inside() {
            let [.., high, low] = std::process::id().to_be_bytes();
            return Ok(Self::Loopback {
                subnet: (high % 254 + 1, low),
                places: 0,
            });
        }
        run("ip", ["link", "set", "lo", "up"]).await?;
        let bridge = [
            "link",
            "add",
            BRIDGE,
            "address",
            BRIDGE_ADDRESS,
            "type",
            "bridge",
        ];
        run("ip", bridge).await?;
        for address in [HARNESS, BACKEND] {
            let address = format!("{address}/24");
            run("ip", ["address", "add", &address, "dev", BRIDGE]).await?;
        }
        run("ip", ["link", "set", BRIDGE, "up"]).await?;
        Ok(Self::Namespaces { places: 0 })
    }

    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Namespaces { .. } => "namespaces",
            Self::Loopback { .. } => "loopback",
        }
    }

    /// Where the backend listens.
    pub(super) fn backend(&self) -> IpAddr {
        match self {
            Self::Namespaces { .. } => BACKEND.into(),
            Self::Loopback { subnet, .. } => loopback(*subnet, 2),
        }
    }

    /// A place for one more member.
    pub(super) async fn place(&mut self) -> Result<Place> {
        match self {
            Self::Namespaces { places } => {
                let number = FIRST_MEMBER + *places;
                *places += 1;
                namespace(number).await
            }
            Self::Loopback { subnet, places } => {
                let number = FIRST_MEMBER + *places;
                *places += 1;
                Ok(Place {
                    address: loopback(*subnet, number),
                    keeper: None,
                })
            }
        }
    }
}

fn loopback((high, low): (u8, u8), number: u8) -> IpAddr {
    Ipv4Addr::new(127, high, low, number).into()
}

/// A namespace with one cable to the bridge.
async fn namespace(number: u8) -> Result<Place> {
    let keeper = bound_to_us("unshare")
        .args(["--net", "--", "sleep", "infinity"])
        .kill_on_drop(true)
        .spawn()
        .context("unshare cannot be run")?;
    let id = keeper.id().context("the keeper of a namespace has ended")?;
    wait_until_apart(id).await?;
    let (outer, inner) = (format!("chaos{number}"), format!("inner{number}"));
    let cable = [
        "link", "add", &outer, "type", "veth", "peer", "name", &inner,
    ];
    run("ip", cable).await?;
    run("ip", ["link", "set", &inner, "netns", &id.to_string()]).await?;
    run("ip", ["link", "set", &outer, "master", BRIDGE, "up"]).await?;
    let address = Ipv4Addr::new(10, 77, 0, number);
    let place = Place {
        address: address.into(),
        keeper: Some(keeper),
    };
    place.run("ip", ["link", "set", "lo", "up"]).await?;
    place
        .run("ip", ["link", "set", &inner, "name", "eth0"])
        .await?;
    let address = format!("{address}/24");
    place
        .run("ip", ["address", "add", &address, "dev", "eth0"])
        .await?;
    place.run("ip", ["link", "set", "eth0", "up"]).await?;
    Ok(place)
}

/// Waits until a process has a namespace other than ours.
async fn wait_until_apart(id: u32) -> Result<()> {
    let ours = std::fs::read_link("/proc/self/ns/net")?;
    let theirs = format!("/proc/{id}/ns/net");
    let apart = async {
        while std::fs::read_link(Path::new(&theirs)).is_ok_and(|theirs| theirs == ours) {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    tokio::time::timeout(PATIENCE, apart)
        .await
        .context("a namespace does not come")?;
    ensure!(Path::new(&theirs).exists(), "a namespace has no keeper");
    Ok(())
}

/// A command that dies with the thread that starts it, however that ends.
fn bound_to_us(program: impl AsRef<std::ffi::OsStr>) -> Command {
    if can_run("setpriv") {
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "KILL"]).arg(program);
        command
    } else {
        Command::new(program)
    }
}

impl Place {
    /// A command in this place. It dies with the harness.
    pub(super) fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        match self.keeper.as_ref().and_then(Child::id) {
            Some(id) => {
                let mut command = bound_to_us("nsenter");
                command.arg(format!("--net=/proc/{id}/ns/net")).arg("--");
                command.arg(program);
                command
            }
            None => bound_to_us(program),
        }
    }

    /// Runs a tool here to its end; returns what it wrote.
    pub(super) async fn run<const N: usize>(
        &self,
        program: &str,
        arguments: [&str; N],
    ) -> Result<String> {
        let mut command = self.command(program);
        command.args(arguments);
        super::tool::output(command, program).await
    }

    /// Whether packets of this member alone can be dropped and slowed.
    pub(super) fn is_apart(&self) -> bool {
        self.keeper.is_some()
    }
}
