//! The mail server, and secrets in files.

use std::fmt;
use std::path::Path;
use std::str::FromStr;

use keyward_manage::Mailer;
use serde::Deserialize;
use zeroize::Zeroizing;

use super::Settings;
use crate::error::{Error, ErrorKind};

/// May have a password, so reading it fails later, with an error that does not repeat it.
#[derive(Clone, Deserialize)]
#[serde(transparent)]
pub(in crate::commands::serve) struct SmtpUrl(Zeroizing<String>);

impl FromStr for SmtpUrl {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(Self(Zeroizing::new(text.to_owned())))
    }
}

impl fmt::Debug for SmtpUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SmtpUrl(<redacted>)")
    }
}

impl Settings {
    pub(in crate::commands::serve) fn mailer(&self) -> Result<Option<Mailer>, Error> {
        let Some(SmtpUrl(url)) = &self.smtp_url else {
            for (name, is_set) in
                [("smtp_password_file", self.smtp_password_file.is_some()), ("mail_from", self.mail_from.is_some())]
            {
                if is_set {
                    return Err(Error::usage(format!("{name} needs smtp_url, the URL of the mail server")));
                }
            }
            return Ok(None);
        };
        let from = self.mail_from.as_deref().ok_or_else(|| {
            Error::usage("smtp_url needs mail_from, the sender of mails: pass --mail-from keys@example.com")
        })?;
        let public_url = self.public_url.clone().ok_or_else(|| {
            Error::usage(
                "smtp_url needs public_url, because mails have links: pass --public-url https://keys.example.com, with the \
                 address that people open",
            )
        })?;
        let mailer = Mailer::new(url, from, public_url).map_err(|error| Error::caused(ErrorKind::Usage, &error))?;
        let mailer = mailer.provider(self.provider_name());
        Ok(Some(match &self.smtp_password_file {
            Some(file) => mailer.password(secret_in("smtp_password_file", file)?.as_str()),
            None => mailer,
        }))
    }
}

/// The secret in a file, without white space around it.
pub(super) fn secret_in(setting: &str, file: &Path) -> Result<Zeroizing<String>, Error> {
    let failed = |error: &dyn fmt::Display| Error::usage(format!("{setting}: {}: {error}", file.display()));
    let text = Zeroizing::new(std::fs::read_to_string(file).map_err(|error| failed(&error))?);
    match text.trim() {
        "" => Err(failed(&"the file is empty")),
        secret => Ok(Zeroizing::new(secret.to_owned())),
    }
}
