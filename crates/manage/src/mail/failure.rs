//! Failures of mails: whether another attempt helps, and the reason for the log.

use std::error::Error;
use std::io;

use lettre::transport::smtp;

use super::session::Failure;

/// RFC 5321: the mailbox does not exist, is not local, or has a name that is not allowed.
const NO_SUCH_MAILBOX: [u16; 3] = [550, 551, 553];
const MAX_REASON: usize = 300;

impl Failure {
    /// Another attempt would fail, too. Other refusals are mended by an administrator, so the mail is sent later.
    pub(super) fn is_final(&self) -> bool {
        let Self::Mail(error) = self else { return false };
        let code = error.status().map(u16::from);
        // RFC 3463: 5.7 is policy, such as a relay that does not know this machine.
        let is_policy = status_of(error).is_some_and(|status| status.starts_with("5.7."));
        code.is_some_and(|code| NO_SUCH_MAILBOX.contains(&code)) && !is_policy
    }

    /// An untrusted certificate is a failure to connect, but no outage.
    pub(super) fn is_outage(&self) -> bool {
        match self {
            Self::Connection(error) => !causes(error).any(is_certificate),
            Self::Session(error) | Self::Mail(error) => {
                let is_wrong = error.is_permanent() || error.is_client() || error.is_response() || error.is_tls();
                !is_wrong && !causes(error).any(is_certificate)
            }
        }
    }

    /// One line of bounded length. A mail with a secret gets no words of the server, which may quote the mail in any form.
    pub(super) fn reason(&self, has_secret: bool) -> String {
        let error = match self {
            Self::Connection(error) => return line(error),
            Self::Session(error) | Self::Mail(error) => error,
        };
        match error.status() {
            Some(code) if has_secret => match status_of(error) {
                Some(status) => format!("the mail server answered {code} {status}"),
                None => format!("the mail server answered {code}"),
            },
            None if has_secret && error.is_response() => "the mail server sent a malformed answer".to_owned(),
            _ => line(error),
        }
    }
}

/// The enhanced status code, such as `5.1.1`.
fn status_of(error: &smtp::Error) -> Option<String> {
    let text = error.source()?.to_string();
    let status = text.split_whitespace().next()?;
    let parts: Vec<&str> = status.split('.').collect();
    let is_number = |part: &&str| (1..=3).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit());
    (parts.len() == 3 && parts.iter().all(is_number)).then(|| status.to_owned())
}

fn line(error: &(dyn Error + 'static)) -> String {
    let mut text = String::new();
    for cause in causes(error).map(ToString::to_string) {
        if !text.contains(&cause) {
            text = if text.is_empty() { cause } else { format!("{text}: {cause}") };
        }
    }
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(MAX_REASON).collect()
}

fn is_certificate(cause: &(dyn Error + 'static)) -> bool {
    let inner = cause.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
    cause.is::<rustls::Error>() || inner.is_some_and(|inner| inner.is::<rustls::Error>())
}

fn causes<'a>(first: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(first), |&error| error.source())
}
