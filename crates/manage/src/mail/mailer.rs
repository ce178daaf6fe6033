use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use lettre::address::AddressError;
use lettre::message::header::{HeaderName, HeaderValue};
use lettre::message::{Mailbox, MultiPart};
use lettre::transport::smtp::client::TlsParameters;
use lettre::{Address, Message};
use zeroize::Zeroizing;

use super::address::{Encryption, MailServer};
use super::letter::Letter;
use super::session::{Failure, Security, Session};
use crate::origin::PublicUrl;
use crate::outbound::{native_roots, tls_config};

const TIMEOUT: Duration = Duration::from_secs(45);

/// Sends the service's mails over SMTP.
///
/// # Examples
/// ```
/// use keyward::manage::{Mailer, Management, PublicUrl, SqliteManagementStore};
/// use keyward::sqlite::SqliteStore;
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let store = SqliteStore::temporary()?;
/// let dashboard: PublicUrl = "https://keys.example.com".parse()?;
/// let mailer = Mailer::new("smtps://keyward@mail.example.com", "keys@example.com", dashboard)?.password("from a vault");
/// let management = Management::builder(store.clone(), SqliteManagementStore::open(&store)?).mailer(mailer).build()?;
/// // It also sends the mails.
/// tokio::spawn(management.run_events());
/// # Ok(()) }
/// ```
#[derive(Clone)]
#[must_use]
pub struct Mailer {
    server: MailServer,
    security: Security,
    from: Mailbox,
    links: String,
    provider: String,
}

/// Mail cannot be sent.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MailerError {
    /// Malformed URL of the server. The text never repeats it.
    #[error("invalid URL of the mail server: {0}; write it like smtps://user:password@mail.example.com")]
    Url(&'static str),
    /// Malformed sender.
    #[error("invalid sender `{0}`: expected an address, such as keys@example.com or Example <keys@example.com>")]
    From(String),
    /// TLS is unavailable on this machine.
    #[error("TLS is unavailable: {0}")]
    Tls(String),
    /// The server cannot be reached.
    #[error("the mail server {0} cannot be reached: {1}")]
    Unavailable(String, String),
    /// The server refuses the connection, its encryption or the sign-in.
    #[error("the mail server {0} cannot be used: {1}")]
    Refused(String, String),
}

impl MailerError {
    /// Returns `true` if waiting may help.
    #[must_use]
    pub fn is_outage(&self) -> bool {
        matches!(self, Self::Unavailable(..))
    }
}

/// A letter with its recipient.
pub(crate) struct Outgoing {
    /// The same for every attempt, so that servers and programs recognise a repetition.
    pub(crate) id: String,
    pub(crate) name: Option<String>,
    pub(crate) address: String,
    pub(crate) letter: Letter,
    /// Whether it has a link with a token.
    pub(crate) has_secret: bool,
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) struct SendError {
    /// Another attempt would fail, too.
    pub(crate) is_final: bool,
    pub(crate) reason: String,
}

impl Mailer {
    /// Creates a mailer for a server, a sender, and the URL of the dashboard.
    ///
    /// The URL is `smtps://` for TLS, or `smtp://` for STARTTLS, which the server must then offer. On loopback, `smtp://` means
    /// no encryption. `?tls=required` and `?tls=none` override it. A user and a password in the URL are percent-encoded.
    ///
    /// # Errors
    /// [`MailerError::Url`], [`MailerError::From`], [`MailerError::Tls`].
    pub fn new(url: &str, from: &str, dashboard: PublicUrl) -> Result<Self, MailerError> {
        let server = MailServer::parse(url).map_err(MailerError::Url)?;
        let wrong = || MailerError::From(from.to_owned());
        let from: Mailbox = from.parse().map_err(|_| wrong())?;
        if from.name.as_ref().is_some_and(|name| name.chars().any(char::is_control)) {
            return Err(wrong());
        }
        let security = match server.encryption {
            Encryption::None => Security::None,
            Encryption::StartTls => {
                let parameters = TlsParameters::new_rustls(server.host.clone());
                Security::StartTls(parameters.map_err(|error| MailerError::Tls(error.to_string()))?)
            }
            Encryption::Tls => {
                let config = tls_config(native_roots()).map_err(|error| MailerError::Tls(error.to_string()))?;
                Security::Tls(Arc::new(config))
            }
        };
        Ok(Self { server, security, from, links: dashboard.to_string(), provider: "keyward".to_owned() })
    }

    /// Sets the password of the URL's user.
    pub fn password(mut self, password: impl Into<String>) -> Self {
        self.server.password = Some(Zeroizing::new(password.into()));
        self
    }

    /// Sets the path of the nested dashboard, such as `/dashboard`.
    pub fn base(mut self, path: &str) -> Self {
        self.links.push_str(path.trim_end_matches('/'));
        self
    }

    /// Sets the provider's name. A name on the appearance page overrides it. Defaults to `keyward`.
    pub fn provider(mut self, name: impl Into<String>) -> Self {
        self.provider = name.into();
        self
    }

    /// Connects to the server and signs in, without sending a mail.
    ///
    /// # Errors
    /// [`MailerError::Unavailable`], [`MailerError::Refused`].
    pub async fn check(&self) -> Result<(), MailerError> {
        let place = format!("{}:{}", self.server.host, self.server.port);
        if self.server.user.is_some() != self.server.password.is_some() {
            return Err(MailerError::Refused(place, "the URL has a user, but there is no password".to_owned()));
        }
        let checked = async {
            let mut session = Session::begin(&self.server, &self.security).await?;
            let is_ready = session.is_ready().await;
            session.end().await;
            Ok::<_, Failure>(is_ready)
        };
        match tokio::time::timeout(TIMEOUT, checked).await {
            Ok(Ok(true)) => Ok(()),
            Ok(Ok(false)) => Err(MailerError::Unavailable(place, "it closed the connection".to_owned())),
            Ok(Err(failure)) if failure.is_outage() => Err(MailerError::Unavailable(place, failure.reason(false))),
            Ok(Err(failure)) => Err(MailerError::Refused(place, failure.reason(false))),
            Err(_) => Err(MailerError::Unavailable(place, "it did not answer in time".to_owned())),
        }
    }

    pub(crate) fn default_provider(&self) -> &str {
        &self.provider
    }

    /// Returns an absolute link to this path of the dashboard.
    pub(crate) fn link(&self, path: &str) -> String {
        format!("{}{path}", self.links)
    }

    pub(crate) async fn send(&self, outgoing: &Outgoing) -> Result<(), SendError> {
        let message = self.message(outgoing)?;
        let sent = async {
            let mut session = Session::begin(&self.server, &self.security).await?;
            let sent = session.send(&message).await;
            Ok::<_, Failure>((session, sent))
        };
        let failed =
            |failure: &Failure| SendError { is_final: failure.is_final(), reason: failure.reason(outgoing.has_secret) };
        match tokio::time::timeout(TIMEOUT, sent).await {
            Ok(Ok((session, sent))) => {
                session.end().await;
                sent.map_err(|failure| failed(&failure))
            }
            Ok(Err(failure)) => Err(failed(&failure)),
            Err(_) => Err(SendError { is_final: false, reason: "the mail server did not answer in time".to_owned() }),
        }
    }

    pub(super) fn message(&self, outgoing: &Outgoing) -> Result<Message, SendError> {
        let letter = &outgoing.letter;
        let internal = |reason: String| SendError { is_final: true, reason };
        let address: Address =
            outgoing.address.parse().map_err(|error: AddressError| internal(format!("the recipient: {error}")))?;
        let mut from = self.from.clone();
        from.name.get_or_insert_with(|| one_line(&letter.provider));
        let id = format!("<{}@{}>", outgoing.id, self.from.email.domain());
        let builder = Message::builder()
            .from(from)
            .to(Mailbox::new(outgoing.name.as_deref().map(one_line), address))
            .subject(one_line(&letter.subject))
            .message_id(Some(id))
            .date_now()
            // RFC 3834: so that no out-of-office program answers.
            .raw_header(HeaderValue::new(
                HeaderName::new_from_ascii_str("Auto-Submitted"),
                "auto-generated".to_owned(),
            ));
        let (plain, html) = letter.render().map_err(|error| internal(error.to_string()))?;
        builder
            .multipart(MultiPart::alternative_plain_html(plain, html))
            .map_err(|error| internal(format!("the message: {error}")))
    }
}

impl fmt::Debug for Mailer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mailer").field("host", &self.server.host).field("from", &self.from).finish_non_exhaustive()
    }
}

/// Names have no control characters. One would make `lettre` panic.
fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}
