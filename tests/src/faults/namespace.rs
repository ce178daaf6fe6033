//! A network namespace with a link to the host, so that a node seems to run on another machine.

use std::net::Ipv4Addr;
use std::process::{Command, Stdio};

/// A namespace and both ends of its link.
#[derive(Debug)]
pub struct Namespace {
    name: String,
    link: String,
    /// Address of the host's end.
    pub here: Ipv4Addr,
    /// Address of the namespace's end.
    pub there: Ipv4Addr,
}

impl Namespace {
    /// Creates a namespace, or returns `None` if this machine does not allow it.
    pub fn new() -> Option<Self> {
        let id = std::process::id();
        let [_, _, third, fourth] = id.to_be_bytes();
        // Only this machine sees these addresses.
        let here = Ipv4Addr::new(10, 231, third, fourth & 0xfc | 1);
        let there = Ipv4Addr::new(10, 231, third, fourth & 0xfc | 2);
        let namespace = Self { name: format!("keyward{id}"), link: format!("kw{id}"), here, there };
        let (name, link, inner) = (&namespace.name, &namespace.link, format!("kx{id}"));
        let made = ip(&format!("netns add {name}"))
            && ip(&format!("link add {link} type veth peer name {inner} netns {name}"))
            && ip(&format!("addr add {here}/30 dev {link}"))
            && ip(&format!("link set {link} up"))
            && ip(&format!("-n {name} addr add {there}/30 dev {inner}"))
            && ip(&format!("-n {name} link set {inner} up"))
            && ip(&format!("-n {name} link set lo up"));
        made.then_some(namespace)
    }

    /// Returns a command that runs a program in the namespace.
    pub fn command(&self, program: &str) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.name, program]);
        command
    }

    /// Takes the link down.
    pub fn cut(&self) {
        assert!(ip(&format!("link set {} down", self.link)));
    }

    /// Brings the link up again.
    pub fn heal(&self) {
        assert!(ip(&format!("link set {} up", self.link)));
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        // Deleting the namespace deletes the link too.
        ip(&format!("netns del {}", self.name));
    }
}

fn ip(arguments: &str) -> bool {
    let mut command = Command::new("ip");
    command.args(arguments.split(' ')).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}
