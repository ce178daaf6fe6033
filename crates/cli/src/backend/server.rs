use keyward_client::{Client, ClientError, Credential, Secret};
use zeroize::Zeroizing;

use crate::error::Error;
use crate::login::{Login, SignInFile};
use crate::options::Options;

const TOKEN: &str = "KEYWARD_TOKEN";

pub(crate) fn connect(options: &Options) -> Result<Client, Error> {
    match credential(options)? {
        Some(secret) => Ok(anonymous(options)?.with_credential(Credential::bearer(secret))),
        None => connect_signed_in(options),
    }
}

/// Ignores other credentials.
pub(crate) fn connect_signed_in(options: &Options) -> Result<Client, Error> {
    let client = anonymous(options)?;
    let login = Login::new(client.clone(), SignInFile::of_user()?);
    Ok(client.with_credential(Credential::source(login)))
}

fn anonymous(options: &Options) -> Result<Client, Error> {
    let Some(url) = &options.server else {
        return Err(Error::usage("this command needs a server: pass --server, or set KEYWARD_SERVER"));
    };
    if !options.prefix.is_empty() || options.explicit.pepper_file {
        return Err(Error::usage("--prefix and --pepper-file do not apply to a server: it has its own settings"));
    }
    Client::builder(url).allow_plain_http(options.allow_plain_http).build().map_err(|error| match error {
        // A password before the host is not shown.
        ClientError::Url(why) if !url.contains('@') => Error::usage(format!("invalid --server URL {url:?}: {why}")),
        error => error.into(),
    })
}

/// A flag overrides the variable.
fn credential(options: &Options) -> Result<Option<Secret>, Error> {
    let variable = std::env::var(TOKEN).ok().filter(|text| !text.trim().is_empty());
    match (&options.token_file, variable) {
        (Some(file), variable) if options.explicit.token_file || variable.is_none() => {
            let text = std::fs::read_to_string(file).map_err(|error| Error::unreadable(file, &error))?;
            Ok(Some(Secret::new(Zeroizing::new(text).lines().next().unwrap_or_default().trim())))
        }
        (_, Some(text)) => Ok(Some(Secret::new(Zeroizing::new(text).trim()))),
        (_, None) => Ok(None),
    }
}
