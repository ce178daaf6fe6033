use std::fmt;
use std::time::Duration;

use lettre::address::AddressError;
use lettre::message::header::{HeaderName, HeaderValue};
use lettre::message::{Mailbox, MultiPart};
use lettre::transport::smtp;
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Tls, TlsParameters};
use lettre::{Address, AsyncSmtpTransport, AsyncTransport as _, Message, Tokio1Executor};
use zeroize::Zeroizing;

use super::address::{Encryption, MailServer};
use super::letter::Letter;
use crate::origin::PublicUrl;

/// For one answer of the server.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);
const TIMEOUT: Duration = Duration::from_secs(45);
/// The codes of RFC 4954 for a missing or refused sign-in. The administrator mends it, so the mail is sent later.
const SIGN_IN_CODES: [u16; 4] = [530, 534, 535, 538];
const MAX_REASON: usize = 300;

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
    tls: Tls,
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
    /// The token in the link, if any.
    pub(crate) secret: Option<Zeroizing<String>>,
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
        let tls = match server.encryption {
            Encryption::None => Tls::None,
            wanted => {
                let parameters = TlsParameters::new_rustls(server.host.clone())
                    .map_err(|error| MailerError::Tls(error.to_string()))?;
                if wanted == Encryption::Tls { Tls::Wrapper(parameters) } else { Tls::Required(parameters) }
            }
        };
        Ok(Self { server, tls, from, links: dashboard.to_string(), provider: "keyward".to_owned() })
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
        match tokio::time::timeout(TIMEOUT, self.transport().test_connection()).await {
            Ok(Ok(true)) => Ok(()),
            Ok(Ok(false)) => Err(MailerError::Unavailable(place, "it closed the connection".to_owned())),
            Ok(Err(error)) if is_outage(&error) => Err(MailerError::Unavailable(place, reason(&error))),
            Ok(Err(error)) => Err(MailerError::Refused(place, reason(&error))),
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
        let failed = |is_final, text: &str| {
            // A server may repeat the message.
            let reason = match &outgoing.secret {
                Some(secret) => text.replace(secret.as_str(), "(secret)"),
                None => text.to_owned(),
            };
            SendError { is_final, reason }
        };
        match tokio::time::timeout(TIMEOUT, self.transport().send(message)).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) => Err(failed(is_final(&error), &reason(&error))),
            Err(_) => Err(failed(false, "the mail server did not answer in time")),
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

    /// Connections are not kept: mails are rare, and servers close idle connections.
    fn transport(&self) -> AsyncSmtpTransport<Tokio1Executor> {
        let mut builder = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(&self.server.host)
            .port(self.server.port)
            .tls(self.tls.clone())
            .timeout(Some(ANSWER_TIMEOUT));
        if let (Some(user), Some(password)) = (&self.server.user, &self.server.password) {
            builder = builder.credentials(Credentials::new(user.clone(), password.to_string()));
        }
        builder.build()
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

fn is_final(error: &smtp::Error) -> bool {
    let code = error.status().map(u16::from);
    error.is_permanent() && code.is_none_or(|code| !SIGN_IN_CODES.contains(&code))
}

/// An untrusted certificate is a failure to connect to lettre, but no outage.
fn is_outage(error: &smtp::Error) -> bool {
    let is_wrong = error.is_permanent() || error.is_client() || error.is_response() || error.is_tls();
    !is_wrong && !causes(error).any(is_certificate)
}

fn is_certificate(cause: &(dyn std::error::Error + 'static)) -> bool {
    let inner = cause.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
    cause.is::<rustls::Error>() || inner.is_some_and(|inner| inner.is::<rustls::Error>())
}

fn causes<'a>(error: &'a smtp::Error) -> impl Iterator<Item = &'a (dyn std::error::Error + 'static)> {
    let first: &'a (dyn std::error::Error + 'static) = error;
    std::iter::successors(Some(first), |&error| error.source())
}

/// One line of bounded length.
fn reason(error: &smtp::Error) -> String {
    let mut text = String::new();
    for cause in causes(error).map(ToString::to_string) {
        if !text.contains(&cause) {
            text = if text.is_empty() { cause } else { format!("{text}: {cause}") };
        }
    }
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(MAX_REASON).collect()
}
