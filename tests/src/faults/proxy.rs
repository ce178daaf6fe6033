use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

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

async fn one_way(mut from: impl AsyncRead + Unpin, mut to: impl AsyncWrite + Unpin, mut link: watch::Receiver<Link>) {
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let read = from.read(&mut buffer).await.unwrap_or(0);
        // A cut link does not carry the end of a connection either.
        let Ok(delay) = link.wait_for(|link| !link.cut).await.map(|link| link.delay) else { return };
        tokio::time::sleep(delay).await;
        let Some(bytes) = buffer.get(..read).filter(|bytes| !bytes.is_empty()) else { return };
        if to.write_all(bytes).await.is_err() {
            return;
        }
    }
}
