//! A linked network namespace, in which a node seems to run on another machine.

use std::net::Ipv4Addr;
use std::process::{Command, Stdio};

#[derive(Debug)]
pub struct Namespace {
    name: String,
    link: String,
    pub here: Ipv4Addr,
    pub there: Ipv4Addr,
}

impl Namespace {
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

    pub fn command(&self, program: &str) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.name, program]);
        command
    }

    pub fn cut(&self) {
        assert!(ip(&format!("link set {} down", self.link)));
    }

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
