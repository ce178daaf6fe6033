//! `keyward login`, `keyward logout`, `keyward whoami`

use clap::Args;
use keyward_client::{Client, ClientError};
use serde_json::json;

use super::prompt::secret;
use super::{accounts, keys};
use crate::error::Error;
use crate::login::{SignIn, SignInFile};
use crate::output::{self, note};

#[derive(Args)]
pub(super) struct Login {
    /// Your e-mail address.
    #[arg(long)]
    email: String,
    /// Read the password from the first line of standard input, instead of asking for it. If the user has a second factor, the next line
    /// is its code.
    #[arg(long)]
    password_stdin: bool,
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
    let Login { email, password_stdin } = command;
    let file = SignInFile::of_user()?;
    let password = secret("Password: ", "--password-stdin", password_stdin)?;
    let tokens = match client.sign_in(&email, &password).await {
        Err(error) if error.code() == Some("CODE_REQUIRED") => {
            let code =
                secret("Code of your authenticator app, or a recovery code: ", "--password-stdin", password_stdin)?;
            client.sign_in_with_code(&email, &password, Some(&code)).await?
        }
        signed_in => signed_in?,
    };
    let sign_in = SignIn::new(email.clone(), tokens);
    let ends_at = sign_in.ends_at();
    file.keep(client.url(), sign_in).await?;
    note!("signed in to {} as {email}; the sign-in expires at {ends_at} if it is not used", client.url());
    Ok(())
}

pub(super) async fn logout(client: &Client, command: Logout) -> Result<(), Error> {
    let file = SignInFile::of_user()?;
    match client.sign_out(command.everywhere).await {
        Ok(()) => {}
        // The sign-in has expired already, or there was none.
        Err(ClientError::NoToken(why)) => note!("{why}"),
        Err(error) if error.status() == Some(401) => {}
        Err(error) => return Err(error.into()),
    }
    file.forget(client.url()).await?;
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
