use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Mutex, RwLock};

use super::NODES;
use super::history::{History, Seen};
use super::namespace::Namespace;
use super::proxy::Proxy;
use super::schedule::{Fault, Planned};
use super::store::Store;
use crate::program::signal;

#[derive(Debug)]
struct Node {
    program: String,
    url: String,
    address: SocketAddr,
    proxy: Option<Proxy>,
    /// Only the last node has one, where the machine allows it.
    namespace: Option<Arc<Namespace>>,
    process: Option<Child>,
}

#[derive(Debug)]
pub struct Deployment {
    /// A crash takes the write lock.
    pub store: RwLock<Store>,
    nodes: Vec<Mutex<Node>>,
    addresses: Vec<SocketAddr>,
}

impl Deployment {
    pub async fn start(program: &str, store: Store) -> Self {
        let namespace = store.address().and_then(|_| Namespace::new()).map(Arc::new);
        if namespace.is_none() && store.address().is_some() {
            eprintln!("this machine allows no network namespace: all nodes are on loopback");
        }
        let (mut nodes, mut addresses) = (Vec::new(), Vec::new());
        for number in 0..NODES {
            let namespace = namespace.clone().filter(|_| number == NODES - 1);
            let (here, there) = match &namespace {
                Some(namespace) => (namespace.here, namespace.there),
                None => (Ipv4Addr::LOCALHOST, Ipv4Addr::LOCALHOST),
            };
            let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port();
            let address = SocketAddr::from((there, port));
            let (mut url, mut proxy) = (store.url(), None);
            if let Some(target) = store.address() {
                let own = Proxy::start(IpAddr::V4(here), target).await;
                url = url.replace(&target.to_string(), &own.address.to_string());
                proxy = Some(own);
            }
            let mut node = Node { program: program.to_owned(), url, address, proxy, namespace, process: None };
            node.spawn();
            nodes.push(Mutex::new(node));
            addresses.push(address);
        }
        Self { store: RwLock::new(store), nodes, addresses }
    }

    pub fn address(&self, node: usize) -> SocketAddr {
        self.addresses[node]
    }

    /// Faults of one node run one after the other, as do those of the store.
    pub async fn carry_out(&self, planned: Planned, history: &History) {
        let Planned { lasts, fault, .. } = planned;
        let begun;
        match fault.node() {
            Some(node) => {
                let mut node = self.nodes[node].lock().await;
                begun = history.now();
                node.suffer(fault, lasts).await;
            }
            None => {
                let store = self.store.write().await;
                begun = history.now();
                suffer(&store, fault, lasts).await;
            }
        }
        history.add(begun, Seen::Fault(fault));
    }
}

async fn suffer(store: &Store, fault: Fault, lasts: Duration) {
    // These calls block. `block_in_place` lets the clients continue on other threads.
    tokio::task::block_in_place(|| if fault == Fault::Crash { store.crash() } else { store.signal("-STOP") });
    tokio::time::sleep(lasts).await;
    tokio::task::block_in_place(|| if fault == Fault::Crash { store.restart() } else { store.signal("-CONT") });
}

impl Node {
    fn spawn(&mut self) {
        let mut command = match &self.namespace {
            Some(namespace) => namespace.command(&self.program),
            None => Command::new(&self.program),
        };
        command.arg(&self.url).arg(self.address.to_string()).stdin(Stdio::piped());
        self.process = Some(command.spawn().unwrap());
    }

    async fn suffer(&mut self, fault: Fault, lasts: Duration) {
        let process = self.process.as_ref().map_or(0, Child::id);
        match fault {
            Fault::Stop(_) => {
                signal("-STOP", process);
                tokio::time::sleep(lasts).await;
                signal("-CONT", process);
            }
            Fault::Kill(_) => {
                self.end();
                tokio::time::sleep(lasts).await;
                self.spawn();
            }
            Fault::Cut(_) => {
                self.cut(true);
                tokio::time::sleep(lasts).await;
                self.cut(false);
            }
            Fault::Delay(_, millis) => {
                let delay = |millis| {
                    if let Some(proxy) = &self.proxy {
                        proxy.delay(Duration::from_millis(millis));
                    }
                };
                delay(millis);
                tokio::time::sleep(lasts).await;
                delay(0);
            }
            Fault::Crash | Fault::Freeze => {}
        }
    }

    fn cut(&self, cut: bool) {
        match (&self.namespace, &self.proxy) {
            (Some(namespace), _) => {
                if cut {
                    namespace.cut()
                } else {
                    namespace.heal()
                }
            }
            (None, Some(proxy)) => proxy.cut(cut),
            (None, None) => {}
        }
    }

    fn end(&mut self) {
        if let Some(mut process) = self.process.take() {
            let _ = process.kill();
            let _ = process.wait();
        }
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        self.end();
    }
}
