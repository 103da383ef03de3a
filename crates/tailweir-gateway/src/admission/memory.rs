//! How much memory the process may use, as the machine and its control groups say.

use std::fs;
use std::path::Path;
use tailweir_core::ByteSize;

/// Memory that the process may use: the least of the control group's limit and the machine's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MemoryLimit {
    /// The limit.
    pub limit: ByteSize,
    /// Whether a control group set it.
    pub from_control_group: bool,
}

impl MemoryLimit {
    /// Reads it from this machine. Nothing where the system does not say.
    #[must_use]
    pub fn detect() -> Option<Self> {
        Self::read(Path::new("/"))
    }

    fn read(root: &Path) -> Option<Self> {
        let machine = machine_total(&root.join("proc/meminfo"));
        let group = group_limit(root);
        match (group, machine) {
            (Some(group), Some(machine)) if group < machine => Some(Self::new(group, true)),
            (Some(group), None) => Some(Self::new(group, true)),
            (_, Some(machine)) => Some(Self::new(machine, false)),
            (None, None) => None,
        }
    }

    fn new(bytes: u64, from_control_group: bool) -> Self {
        Self {
            limit: ByteSize(bytes),
            from_control_group,
        }
    }

    /// This share of it; `percent` is 0 to 100.
    #[must_use]
    pub fn percent(self, percent: u64) -> ByteSize {
        ByteSize(self.limit.bytes() / 100 * percent.min(100))
    }
}

/// The least limit on the way from this process's group to the root of the hierarchy.
fn group_limit(root: &Path) -> Option<u64> {
    let groups = fs::read_to_string(root.join("proc/self/cgroup")).ok()?;
    groups
        .lines()
        .filter_map(|line| one_group(root, line))
        .min()
}

/// A line of `/proc/self/cgroup`: `0::/path` (version 2) or `5:memory:/path` (version 1).
fn one_group(root: &Path, line: &str) -> Option<u64> {
    let mut parts = line.splitn(3, ':');
    let (_, controllers, path) = (parts.next()?, parts.next()?, parts.next()?);
    let (mount, file) = match controllers {
        "" => ("sys/fs/cgroup", "memory.max"),
        list if list.split(',').any(|name| name == "memory") => {
            ("sys/fs/cgroup/memory", "memory.limit_in_bytes")
        }
        _ => return None,
    };
    let mount = root.join(mount);
    // In a container the path may be of the host; its own group is then mounted at the root.
    Path::new(path.trim_start_matches('/'))
        .ancestors()
        .filter_map(|group| fs::read_to_string(mount.join(group).join(file)).ok())
        .filter_map(|text| text.trim().parse::<u64>().ok())
        .min()
}

fn machine_total(meminfo: &Path) -> Option<u64> {
    let text = fs::read_to_string(meminfo).ok()?;
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix("MemTotal:"))?;
    let kib: u64 = line.trim().trim_end_matches("kB").trim().parse().ok()?;
    Some(kib << 10)
}

#[cfg(test)]
mod tests {
    use super::MemoryLimit;
    use std::fs;
    use std::path::Path;
    use tailweir_core::ByteSize;

    fn machine(files: &[(&str, &str)]) -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let path = root.path().join(path);
            fs::create_dir_all(path.parent().unwrap_or(Path::new("/"))).unwrap();
            fs::write(path, text).unwrap();
        }
        root
    }

    /// Scenario: machines with a control group of either version, without one, and with one that
    /// says "max".
    /// Guarantees: the least of all limits holds.
    #[test]
    fn the_least_limit_holds() {
        let meminfo = ("proc/meminfo", "MemTotal:       1000 kB\nMemFree: 1 kB\n");
        let limit = |files: &[(&str, &str)]| MemoryLimit::read(machine(files).path()).unwrap();

        let none = limit(&[meminfo]);
        assert_eq!(
            (none.limit, none.from_control_group),
            (ByteSize(1_024_000), false)
        );
        let second = limit(&[
            meminfo,
            ("proc/self/cgroup", "0::/a/b\n"),
            ("sys/fs/cgroup/a/b/memory.max", "max\n"),
            ("sys/fs/cgroup/a/memory.max", "5000\n"),
        ]);
        assert_eq!(
            (second.limit, second.from_control_group),
            (ByteSize(5000), true)
        );
        let first = limit(&[
            meminfo,
            ("proc/self/cgroup", "3:cpu:/x\n5:memory:/host/path\n"),
            ("sys/fs/cgroup/memory/memory.limit_in_bytes", "7000\n"),
        ]);
        assert_eq!(first.limit, ByteSize(7000));
        let unlimited = limit(&[
            meminfo,
            ("proc/self/cgroup", "0::/\n"),
            ("sys/fs/cgroup/memory.max", "9000000000\n"),
        ]);
        assert_eq!(
            (unlimited.limit, unlimited.from_control_group),
            (ByteSize(1_024_000), false)
        );
    }

    /// Scenario: shares of a limit, one of them over the whole.
    /// Guarantees: a share is of the limit and never more than it.
    ///
    /// Conforms: processor `memory_limiter` | traces, metrics, logs | `limit_percentage` | same
    #[test]
    fn a_share_is_at_most_the_whole() {
        let limit = MemoryLimit::new(1000, false);
        assert_eq!(limit.percent(80), ByteSize(800));
        assert_eq!(limit.percent(180), ByteSize(1000));
    }
}
