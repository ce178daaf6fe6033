//! A session with a mail server, step by step, so that it is known which step failed.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use lettre::Message;
use lettre::address::Envelope;
use lettre::transport::smtp;
use lettre::transport::smtp::authentication::{Credentials, DEFAULT_MECHANISMS};
use lettre::transport::smtp::client::{AsyncSmtpConnection, AsyncTokioStream, TlsParameters};
use lettre::transport::smtp::commands::{Data, Mail, Rcpt};
use lettre::transport::smtp::extension::{ClientId, MailParameter};
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, ReadBuf, Take};
use tokio::net::{TcpStream, lookup_host};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::address::MailServer;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
const FAREWELL_TIMEOUT: Duration = Duration::from_secs(2);
/// For all answers of a session, with the handshake of STARTTLS. lettre reads a line before it looks at its length.
const MOST: u64 = 32 * 1_024;

/// How the connection is encrypted.
#[derive(Clone)]
pub(super) enum Security {
    None,
    /// Without it, nothing is sent.
    StartTls(TlsParameters),
    Tls(Arc<rustls::ClientConfig>),
}

#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    #[error("{0}")]
    Connection(#[from] io::Error),
    /// Before the recipient was named: another mail would fail, too.
    #[error("{0}")]
    Session(#[source] smtp::Error),
    /// The recipient or the content.
    #[error("{0}")]
    Mail(#[source] smtp::Error),
}

pub(super) struct Session(AsyncSmtpConnection);

impl Session {
    /// Connects, encrypts and signs in.
    pub(super) async fn begin(server: &MailServer, security: &Security) -> Result<Self, Failure> {
        let tcp = connect(&server.host, server.port).await?;
        let peer = tcp.peer_addr()?;
        let stream: Box<dyn AsyncTokioStream> = match security {
            Security::Tls(config) => {
                Box::new(Bounded { stream: tls(config, &server.host, tcp).await?.take(MOST), peer })
            }
            Security::None | Security::StartTls(_) => Box::new(Bounded { stream: tcp.take(MOST), peer }),
        };
        let hello = ClientId::default();
        let mut connection =
            AsyncSmtpConnection::connect_with_transport(stream, &hello).await.map_err(Failure::Session)?;
        if let Security::StartTls(parameters) = security {
            connection.starttls(parameters.clone(), &hello).await.map_err(Failure::Session)?;
        }
        if let (Some(user), Some(password)) = (&server.user, &server.password) {
            let credentials = Credentials::new(user.clone(), password.to_string());
            connection.auth(DEFAULT_MECHANISMS, &credentials).await.map_err(Failure::Session)?;
        }
        Ok(Self(connection))
    }

    /// Returns `true` if the server is ready for a mail.
    pub(super) async fn is_ready(&mut self) -> bool {
        self.0.test_connected().await
    }

    pub(super) async fn send(&mut self, message: &Message) -> Result<(), Failure> {
        let envelope = message.envelope();
        // RFC 6531. A server without it refuses the parameter.
        let parameters = if is_ascii(envelope) { Vec::new() } else { vec![MailParameter::SmtpUtfEight] };
        let sender = Mail::new(envelope.from().cloned(), parameters);
        self.0.command(sender).await.map_err(Failure::Session)?;
        for recipient in envelope.to() {
            self.0.command(Rcpt::new(recipient.clone(), Vec::new())).await.map_err(Failure::Mail)?;
        }
        self.0.command(Data).await.map_err(Failure::Mail)?;
        self.0.message(&message.formatted()).await.map_err(Failure::Mail)?;
        Ok(())
    }

    /// Connections are not kept: mails are rare, and servers close idle connections.
    pub(super) async fn end(mut self) {
        let _ = timeout(FAREWELL_TIMEOUT, self.0.abort()).await;
    }
}

async fn connect(host: &str, port: u16) -> io::Result<TcpStream> {
    let mut failure = io::Error::new(io::ErrorKind::NotFound, "its name has no address");
    for address in timeout(CONNECT_TIMEOUT, lookup_host((host, port))).await?? {
        match timeout(CONNECT_TIMEOUT, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => return Ok(stream),
            Ok(Err(error)) => failure = error,
            Err(late) => failure = late.into(),
        }
    }
    Err(failure)
}

async fn tls(config: &Arc<rustls::ClientConfig>, host: &str, tcp: TcpStream) -> io::Result<TlsStream<TcpStream>> {
    let name = ServerName::try_from(host.to_owned()).map_err(io::Error::other)?;
    timeout(CONNECT_TIMEOUT, TlsConnector::from(Arc::clone(config)).connect(name, tcp)).await?
}

fn is_ascii(envelope: &Envelope) -> bool {
    envelope.to().iter().chain(envelope.from()).all(|address| address.to_string().is_ascii())
}

/// It is read up to a number of bytes.
#[derive(Debug)]
struct Bounded<S> {
    stream: Take<S>,
    peer: SocketAddr,
}

impl<S: AsyncRead + Unpin> AsyncRead for Bounded<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if self.stream.limit() == 0 {
            return Poll::Ready(Err(io::Error::other(format!("the mail server sent more than {MOST} bytes"))));
        }
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Bounded<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(self.stream.get_mut()).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(self.stream.get_mut()).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(self.stream.get_mut()).poll_shutdown(cx)
    }
}

impl<S: AsyncRead + AsyncWrite + Send + Sync + Unpin + std::fmt::Debug> AsyncTokioStream for Bounded<S> {
    fn peer_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.peer)
    }
}
