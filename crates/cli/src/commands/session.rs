//! `keyward login`, `keyward logout`, `keyward whoami`

use clap::{ArgGroup, Args};
use keyward_client::{Client, ClientError, Credential, Purpose, Secret};
use serde_json::json;

use super::prompt::secret;
use super::{accounts, keys};
use crate::error::{Error, ErrorKind};
use crate::login::{SignIn, SignInFile};
use crate::output::{self, note};

#[derive(Args)]
#[command(group = ArgGroup::new("who").required(true).args(["email", "key", "key_stdin"]))]
pub(super) struct Login {
    /// Your e-mail address.
    #[arg(long)]
    email: Option<String>,
    /// Read the password from the first line of standard input, instead of asking for it. If the user has a second factor, the next line
    /// is its code.
    #[arg(long, requires = "email")]
    password_stdin: bool,
    /// Ask for a management key, and use it in later commands. For users whose second factor is a passkey, or who sign in with an
    /// identity provider: create the key in the dashboard.
    #[arg(long)]
    key: bool,
    /// As --key, but read the key from the first line of standard input.
    #[arg(long)]
    key_stdin: bool,
}

#[derive(Args)]
pub(super) struct Logout {
    /// End every session and token of the user, on all machines.
    #[arg(long)]
    everywhere: bool,
}

#[derive(Args)]
pub(super) struct Whoami {
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

pub(super) async fn login(client: &Client, command: Login) -> Result<(), Error> {
    let Login { email, password_stdin, key_stdin, .. } = command;
    let file = SignInFile::of_user()?;
    let Some(email) = email else {
        return use_key(client, &file, secret("Management key: ", "--key-stdin", key_stdin)?).await;
    };
    let password = secret("Password: ", "--password-stdin", password_stdin)?;
    let tokens = match client.sign_in(&email, &password).await {
        Err(error) if error.code() == Some("CODE_REQUIRED") => {
            note!(
                "Passkeys work in the dashboard only. Without an app, use keyward login --key with a management key from there."
            );
            let code =
                secret("Code of your authenticator app, or a recovery code: ", "--password-stdin", password_stdin)?;
            client.sign_in_with_code(&email, &password, Some(&code)).await?
        }
        signed_in => signed_in?,
    };
    let sign_in = SignIn::new(email.clone(), tokens);
    let ends_at = sign_in.ends_at();
    end_earlier(client).await;
    file.keep(client.url(), sign_in).await?;
    note!("signed in to {} as {email}; the sign-in expires at {ends_at} if it is not used", client.url());
    Ok(())
}

async fn use_key(client: &Client, file: &SignInFile, key: Secret) -> Result<(), Error> {
    let stored = Secret::new(key.expose().trim());
    let own = client.clone().with_credential(Credential::bearer(key)).own_key().await.map_err(|error| {
        match error.status() {
            // Also the credential that is no key.
            Some(401 | 404) => Error::new(ErrorKind::Refused, format!("the server does not accept this key: {error}")),
            _ => error.into(),
        }
    })?;
    if own.purpose != Purpose::Management {
        return Err(Error::usage(format!(
            "{} is no management key: create one in the dashboard under API keys, with the purpose Management",
            own.hint
        )));
    }
    end_earlier(client).await;
    file.keep_key(client.url(), &stored).await?;
    let end = own.expires_at.map_or_else(|| "never expires".to_owned(), |end| format!("expires at {end}"));
    note!("later commands on {} use the key {:?} ({}), which {end}", client.url(), own.name, own.id);
    Ok(())
}

/// Signs out what the file has, because its tokens are about to be replaced. The client uses them until then.
async fn end_earlier(client: &Client) {
    match client.sign_out(false).await {
        Ok(()) => note!("the earlier sign-in on this computer has ended"),
        // There was none, or it has expired already.
        Err(ClientError::NoToken(_)) => {}
        Err(error) if error.status() == Some(401) => {}
        Err(error) if error.code() == Some("USER_REQUIRED") => {
            note!("the earlier management key stays valid: revoke it if you no longer need it");
        }
        Err(error) => {
            note!("{error}");
            note!("the earlier sign-in is still valid on the server: end it in the dashboard, under \"Sessions\"");
        }
    }
}

pub(super) async fn logout(client: &Client, command: Logout) -> Result<(), Error> {
    let file = SignInFile::of_user()?;
    let ended = client.sign_out(command.everywhere).await;
    file.forget(client.url()).await?;
    match ended {
        Ok(()) => {}
        // The sign-in has expired already, or there was none.
        Err(ClientError::NoToken(why)) => note!("{why}"),
        Err(error) if error.status() == Some(401) => {}
        // A key is no sign-in.
        Err(error) if error.code() == Some("USER_REQUIRED") => {
            note!("the management key stays valid: revoke it if you no longer need it");
        }
        Err(error) => {
            note!(
                "removed the sign-in from this computer, but it is still valid on the server: end it in the dashboard, under \"Sessions\""
            );
            return Err(error.into());
        }
    }
    note!("signed out of {}", client.url());
    Ok(())
}

pub(super) async fn whoami(client: &Client, command: Whoami) -> Result<(), Error> {
    let user = match client.own_user().await {
        Ok(user) => user,
        Err(error) if error.code() == Some("USER_REQUIRED") => {
            let key = keys::to_json(&client.own_key().await?);
            let shown = if command.json { json!({"server": client.url(), "key": key}) } else { key };
            return output::object(&shown, command.json);
        }
        Err(error) => return Err(error.into()),
    };
    let accounts = client.walk_accounts(false).all().await?;
    if command.json {
        return output::json_line(&json!({"server": client.url(), "user": user, "accounts": accounts}));
    }
    output::line(&output::fields(&serde_json::to_value(&user)?))?;
    output::line(&accounts::table(&accounts))
}
