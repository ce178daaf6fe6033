use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Link {
    cut: bool,
    delay: Duration,
    target: SocketAddr,
}

#[derive(Clone, Debug)]
pub struct Proxy {
    pub address: SocketAddr,
    link: Arc<watch::Sender<Link>>,
}

impl Proxy {
    pub async fn start(host: IpAddr, target: SocketAddr) -> Self {
        let listener = TcpListener::bind((host, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let (link, watch) = watch::channel(Link { cut: false, delay: Duration::ZERO, target });
        tokio::spawn(async move {
            while let Ok((inbound, _)) = listener.accept().await {
                tokio::spawn(pass_on(inbound, watch.clone()));
            }
        });
        Self { address, link: Arc::new(link) }
    }

    /// Closes no connection, as an unplugged cable does.
    pub fn cut(&self, cut: bool) {
        self.link.send_modify(|link| link.cut = cut);
    }

    pub fn retarget(&self, target: SocketAddr) {
        self.link.send_modify(|link| link.target = target);
    }

    pub fn delay(&self, delay: Duration) {
        self.link.send_modify(|link| link.delay = delay);
    }
}

async fn pass_on(inbound: TcpStream, mut link: watch::Receiver<Link>) {
    let Ok(target) = link.wait_for(|link| !link.cut).await.map(|link| link.target) else { return };
    let Ok(outbound) = TcpStream::connect(target).await else { return };
    let _ = (inbound.set_nodelay(true), outbound.set_nodelay(true));
    let ((from_node, to_node), (from_store, to_store)) = (inbound.into_split(), outbound.into_split());
    tokio::select! {
        () = one_way(from_node, to_store, link.clone()) => {}
        () = one_way(from_store, to_node, link.clone()) => {}
    }
}

/// Reading does not wait for the delay, so a slow link has the same throughput.
async fn one_way(from: impl AsyncRead + Unpin, to: impl AsyncWrite + Unpin, link: watch::Receiver<Link>) {
    let (sender, chunks) = mpsc::channel(1_024);
    tokio::select! {
        () = receive(from, sender, link.clone()) => {}
        () = deliver(chunks, to, link) => {}
    }
}

/// A chunk and its arrival. The end of a connection is an empty chunk.
type Chunk = (Instant, Vec<u8>);

async fn receive(mut from: impl AsyncRead + Unpin, chunks: mpsc::Sender<Chunk>, link: watch::Receiver<Link>) {
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let read = from.read(&mut buffer).await.unwrap_or(0);
        let arrival = Instant::now() + link.borrow().delay;
        let is_last = read == 0;
        if chunks.send((arrival, buffer[..read].to_vec())).await.is_err() || is_last {
            break;
        }
    }
    std::future::pending().await
}

async fn deliver(mut chunks: mpsc::Receiver<Chunk>, mut to: impl AsyncWrite + Unpin, mut link: watch::Receiver<Link>) {
    while let Some((arrival, bytes)) = chunks.recv().await {
        // A cut link does not carry the end of a connection either.
        if link.wait_for(|link| !link.cut).await.is_err() {
            return;
        }
        tokio::time::sleep_until(arrival).await;
        if bytes.is_empty() || to.write_all(&bytes).await.is_err() {
            return;
        }
    }
}
