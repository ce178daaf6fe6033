//! `keyward login`, `keyward logout`, `keyward whoami`

use std::io::IsTerminal;

use keyward_client::{ClientError, Secret};
use serde_json::json;
use zeroize::Zeroizing;

use crate::backend::Server;
use crate::failure::{Failure, Kind};
use crate::login::{Kept, SignIn};
use crate::output::{self, note};
use crate::tables;

pub(super) async fn login(server: &Server, email: &str, from_stdin: bool) -> Result<(), Failure> {
    let kept = Kept::of_user()?;
    let password = secret("Password: ", "--password-stdin", from_stdin)?;
    let client = server.client();
    let sign_in = SignIn::new(email.to_owned(), client.sign_in(email, &password).await?);
    let ends_at = sign_in.ends_at();
    kept.keep(client.url(), sign_in).await?;
    note!("signed in to {} as {email}; a sign-in that is not used ends at {ends_at}", client.url());
    Ok(())
}

pub(super) async fn logout(server: &Server, everywhere: bool) -> Result<(), Failure> {
    let kept = Kept::of_user()?;
    match server.client().sign_out(everywhere).await {
        Ok(()) => {}
        // It has ended already, or there was none.
        Err(ClientError::NoToken(why)) => note!("{why}"),
        Err(error) if error.status() == Some(401) => {}
        Err(error) => return Err(error.into()),
    }
    kept.forget(server.client().url()).await?;
    note!("signed out of {}", server.client().url());
    Ok(())
}

pub(super) async fn whoami(server: &Server, as_json: bool) -> Result<(), Failure> {
    let client = server.client();
    let user = match client.own_user().await {
        Ok(user) => user,
        Err(error) if error.code() == Some("USER_REQUIRED") => {
            let key = output::key_to_json(&client.own_key().await?);
            let shown = if as_json { json!({"server": client.url(), "key": key}) } else { key };
            return output::object(&shown, as_json);
        }
        Err(error) => return Err(error.into()),
    };
    let accounts = client.walk_accounts(false).all().await?;
    if as_json {
        return output::json_line(&json!({"server": client.url(), "user": user, "accounts": accounts}));
    }
    let user = serde_json::to_value(&user).map_err(|error| Failure::caused(Kind::Database, &error))?;
    output::line(&output::fields(&user))?;
    output::line(&tables::accounts(&accounts))
}

/// A secret from the terminal, where it is not shown, or a line of standard input.
pub(super) fn secret(prompt: &str, flag: &str, from_stdin: bool) -> Result<Secret, Failure> {
    if from_stdin {
        let mut line = Zeroizing::new(String::new());
        std::io::stdin().read_line(&mut line)?;
        return Ok(Secret::new(line.trim_end_matches(['\r', '\n'])));
    }
    if !std::io::stdin().is_terminal() {
        return Err(Failure::new(Kind::Usage, format!("nobody can be asked here: say {flag}")));
    }
    let typed = tokio::task::block_in_place(|| rpassword::prompt_password(prompt));
    Ok(Secret::new(typed.map_err(|error| Failure::new(Kind::Usage, format!("the terminal cannot be read: {error}")))?))
}
