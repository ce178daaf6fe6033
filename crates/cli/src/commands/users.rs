//! `keyward users …`

use keyward_manage::NewUser;
use zeroize::Zeroizing;

use super::desk::system;
use super::session::secret;
use crate::arguments::{Arguments, Users};
use crate::failure::{Failure, Kind};
use crate::output;
use crate::place::{self, Database};
use crate::tables;

pub(super) async fn run(arguments: &Arguments, command: &Users) -> Result<(), Failure> {
    if let Users::Create { email, name, password_stdin, .. } = command {
        return create_owner(&place::database(arguments, "users create")?, email, name, *password_stdin).await;
    }
    let server = place::server(arguments)?;
    let client = server.client();
    match command {
        Users::Create { .. } => Ok(()),
        Users::SignUp { email, name, password_stdin } => {
            let password = new_password("--password-stdin", *password_stdin)?;
            client.sign_up(email, name, &password).await?;
            eprintln!(
                "sign in with this address and password: keyward login --server {} --email {email}",
                client.url()
            );
            Ok(())
        }
        Users::AcceptInvitation { name, stdin } => {
            let invitation = secret("Invitation: ", "--stdin", *stdin)?;
            let password = new_password("--stdin", *stdin)?;
            client.accept_invitation(&invitation, name, &password).await?;
            eprintln!("sign in with this password: keyward login --server {} --email YOU", client.url());
            Ok(())
        }
        Users::Rename { name } => {
            let user = client.own_user().await?;
            let renamed = client.rename_own_user(name, user.version).await?;
            output::line(&format!("{} is called {}", renamed.id, renamed.name))
        }
        Users::Password { stdin } => {
            let current = secret("Present password: ", "--stdin", *stdin)?;
            let new = new_password("--stdin", *stdin)?;
            client.change_password(&current, &new).await?;
            eprintln!("sign in again with the new password: keyward login --server {} --email YOU", client.url());
            Ok(())
        }
        Users::Sessions { json } => {
            let sessions = client.walk_sessions().all().await?;
            output::list(&sessions, *json, "there are no sessions", tables::sessions)
        }
    }
}

/// A password that is chosen: typed twice, as nobody sees what they type.
fn new_password(flag: &str, from_stdin: bool) -> Result<keyward_client::Secret, Failure> {
    let password = secret("New password: ", flag, from_stdin)?;
    if !from_stdin && secret("The same again: ", flag, false)?.expose() != password.expose() {
        return Err(Failure::new(Kind::Usage, "the two passwords differ: nothing was changed"));
    }
    Ok(password)
}

async fn create_owner(database: &Database<'_>, email: &str, name: &str, password_stdin: bool) -> Result<(), Failure> {
    let desk = database.desk().await?;
    if password_stdin {
        let mut line = Zeroizing::new(String::new());
        std::io::stdin().read_line(&mut line)?;
        let password = line.trim_end_matches(['\r', '\n']);
        let user = desk.create_owner(&system(), NewUser::new(email, name, password)).await?;
        return output::line(&format!("{} is an owner: {}", user.email, user.id));
    }
    let invited = desk.invite_first_owner(&system(), email).await?;
    if let Some(invitation) = invited.invitation {
        eprintln!("choose a password within a week, at /register?invitation= of the server with this behind it");
        output::line(&invitation)?;
    }
    Ok(())
}
