use std::fs;
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use rustix::thread::{CpuSet, sched_getaffinity};

/// Servers and clients run on different processors, so that they do not compete for time.
#[derive(Clone, Copy)]
pub(crate) enum Side {
    Server,
    Client,
}

impl Side {
    fn processor(self) -> String {
        let allowed = sched_getaffinity(None).unwrap();
        let mut allowed = (0..CpuSet::MAX_CPU).filter(|processor| allowed.is_set(*processor));
        let processor = match self {
            Self::Server => allowed.next_back(),
            Self::Client => allowed.next(),
        };
        processor.unwrap_or(0).to_string()
    }
}

pub(crate) struct Process(Child);

impl Process {
    pub(crate) fn start(command: &Command, port: u16, log: &Path) -> Result<Self, String> {
        let mut pinned = pinned(Side::Server, command);
        let output = fs::File::create(log).map_err(|error| error.to_string())?;
        pinned.stdin(Stdio::null()).stdout(output.try_clone().unwrap()).stderr(output);
        let name = command.get_program().to_string_lossy().into_owned();
        let mut process = Self(pinned.spawn().map_err(|error| format!("cannot start {name}: {error}"))?);
        let deadline = Instant::now() + Duration::from_secs(60);
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            let ended = process.0.try_wait().ok().flatten();
            if ended.is_some() || Instant::now() > deadline {
                let said = fs::read_to_string(log).unwrap_or_default();
                return Err(format!("{name} does not listen: {}", said.lines().last().unwrap_or("its log is empty")));
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(process)
    }

    pub(crate) fn processor_time(&self) -> Duration {
        let own = self.0.id();
        let children = fs::read_to_string(format!("/proc/{own}/task/{own}/children")).unwrap_or_default();
        std::iter::once(own).chain(children.split_whitespace().filter_map(|id| id.parse().ok())).map(taken).sum()
    }

    pub(crate) fn resident(&self) -> u64 {
        let pages = fs::read_to_string(format!("/proc/{}/statm", self.0.id())).unwrap_or_default();
        let resident: u64 = pages.split(' ').nth(1).and_then(|pages| pages.parse().ok()).unwrap_or(0);
        resident * rustix::param::page_size() as u64
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if let Some(id) = i32::try_from(self.0.id()).ok().and_then(Pid::from_raw) {
            let _ = kill_process(id, Signal::TERM);
        }
        let deadline = Instant::now() + Duration::from_secs(5);
        while matches!(self.0.try_wait(), Ok(None)) {
            if Instant::now() > deadline {
                let _ = self.0.kill();
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

pub(crate) fn pinned(side: Side, command: &Command) -> Command {
    let mut pinned = Command::new("taskset");
    pinned.args(["-c", &side.processor()]).arg(command.get_program()).args(command.get_args());
    for (name, value) in command.get_envs() {
        pinned.env(name, value.unwrap_or_default());
    }
    pinned
}

pub(crate) fn free_port() -> u16 {
    TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port()
}

/// In user and in kernel mode, summed over its threads.
fn taken(id: u32) -> Duration {
    let threads = fs::read_dir(format!("/proc/{id}/task")).into_iter().flatten().flatten();
    let times = threads.filter_map(|thread| -> Option<u64> {
        let line = fs::read_to_string(thread.path().join("schedstat")).ok()?;
        line.split(' ').next()?.parse().ok()
    });
    Duration::from_nanos(times.sum())
}
