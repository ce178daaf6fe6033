use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::{sleep, timeout};

use crate::serve::PATH;

#[derive(Clone, Copy)]
pub(crate) enum Attack {
    IdleHttp2,
    NeverRead,
}

/// More than `keyward::serve::Limits` has room for.
const CLIENTS: usize = 1_100;
/// From 127.0.1.1.
const ADDRESSES: usize = 8;
const PAUSE: Duration = Duration::from_secs(2);
/// After this time without progress, buffers count as full.
const STALL: Duration = Duration::from_millis(500);
const LOOK: Duration = Duration::from_millis(50);

/// Sends to `in_place` when each client holds a connection or has tried to.
pub(crate) fn attack(port: u16, attack: Attack, in_place: &mpsc::Sender<()>, done: &AtomicBool) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let in_position = Arc::new(AtomicUsize::new(0));
        for client in 0..CLIENTS {
            let in_position = Arc::clone(&in_position);
            tokio::spawn(async move {
                let mut is_first = true;
                loop {
                    let mut ready = || {
                        if std::mem::take(&mut is_first) {
                            in_position.fetch_add(1, Ordering::Relaxed);
                        }
                    };
                    // If the server accepts no connection, the system's queue fills up and connecting takes long.
                    match timeout(STALL * 4, connect(port, client)).await {
                        Ok(Ok(stream)) => hold(stream, attack, &mut ready).await,
                        _ => ready(),
                    }
                    ready();
                    sleep(PAUSE).await;
                }
            });
        }
        while in_position.load(Ordering::Relaxed) < CLIENTS {
            sleep(LOOK).await;
        }
        in_place.send(()).unwrap();
        while !done.load(Ordering::Relaxed) {
            sleep(LOOK).await;
        }
    });
}

async fn connect(port: u16, client: usize) -> std::io::Result<TcpStream> {
    let socket = TcpSocket::new_v4()?;
    // Small, because a thousand connections are not read from.
    socket.set_recv_buffer_size(4 * 1024)?;
    socket.set_reuseaddr(true)?;
    socket.bind(([127, 0, 1, 1 + (client % ADDRESSES) as u8], 0).into())?;
    socket.connect(([127, 0, 0, 1], port).into()).await
}

async fn hold(mut stream: TcpStream, attack: Attack, ready: &mut impl FnMut()) {
    match attack {
        Attack::IdleHttp2 => {
            if let Ok((_sender, connection)) = h2::client::handshake(stream).await {
                ready();
                let _ = connection.await;
            }
        }
        Attack::NeverRead => {
            let requests = format!("GET {PATH} HTTP/1.1\r\nHost: localhost\r\n\r\n").repeat(100);
            let mut sent = 0;
            loop {
                match timeout(STALL, stream.write(&requests.as_bytes()[sent..])).await {
                    Ok(Ok(length)) => sent = (sent + length) % requests.len(),
                    Ok(Err(_)) => return,
                    Err(_) => ready(),
                }
            }
        }
    }
}
