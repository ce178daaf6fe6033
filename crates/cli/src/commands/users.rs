//! `keyward users …`

use keyward_client::{Client, Secret};
use keyward_manage::NewUser;
use zeroize::Zeroizing;

use super::management::system;
use super::session::secret;
use crate::arguments::{Arguments, Users, UsersOnServer};
use crate::backend::{self, Database};
use crate::failure::{Failure, Kind};
use crate::output::{self, note};
use crate::tables;

pub(super) async fn run(arguments: &Arguments, command: &Users) -> Result<(), Failure> {
    match command {
        Users::Create { email, name, password_stdin, .. } => {
            create_owner(&backend::database(arguments, "users create")?, email, name, *password_stdin).await
        }
        Users::Reset { email } if arguments.server.is_none() => {
            reset(&backend::database(arguments, "users reset")?, email).await
        }
        Users::Reset { email } => reset_on_server(backend::server(arguments)?.client(), email).await,
        Users::OnServer(command) => on_server(backend::server(arguments)?.client(), command).await,
    }
}

async fn on_server(client: &Client, command: &UsersOnServer) -> Result<(), Failure> {
    match command {
        UsersOnServer::List { email, json } => {
            let users = client.walk_users(email.as_deref()).all().await?;
            output::list(&users, *json, "there are no such users", tables::users)
        }
        UsersOnServer::Invitations { json } => {
            let open = client.own_invitations().await?;
            output::list(&open, *json, "there are no open invitations to your verified address", tables::invitations)
        }
        UsersOnServer::Join { invitation: Some(id), .. } => {
            let account = client.accept_own_invitation(id).await?;
            output::line(&format!("you are a member of {account} now"))
        }
        UsersOnServer::Join { invitation: None, stdin } => {
            let link = secret("Invitation: ", "--stdin", *stdin)?;
            let account = client.accept_invitation_link(&link).await?;
            output::line(&format!("you are a member of {account} now"))
        }
        UsersOnServer::Decline { invitation } => {
            client.decline_invitation(invitation).await?;
            output::line(&format!("{invitation} is declined"))
        }
        UsersOnServer::Disable { id } => {
            let user = client.set_user_disabled(id, true).await?;
            output::line(&format!("{} is disabled, and signed out everywhere", user.id))
        }
        UsersOnServer::Enable { id } => {
            let user = client.set_user_disabled(id, false).await?;
            output::line(&format!("{} may sign in again", user.id))
        }
        UsersOnServer::Remove { id, yes } => {
            let user = client.user(id).await?;
            if !yes {
                super::confirm(&format!("Delete {} ({})? This cannot be undone.", user.email, user.id))?;
            }
            client.remove_user(id, user.version).await?;
            output::line(&format!("{} is deleted", user.id))
        }
        UsersOnServer::ChoosePassword { stdin } => {
            let reset = secret("Secret of the link: ", "--stdin", *stdin)?;
            let password = new_password("--stdin", *stdin)?;
            client.reset_password(&reset, &password).await?;
            note!("sign in with this password: keyward login --server {} --email YOU", client.url());
            Ok(())
        }
        UsersOnServer::SignUp { email, name, password_stdin } => {
            let password = new_password("--password-stdin", *password_stdin)?;
            client.sign_up(email, name, &password).await?;
            note!("sign in with this address and password: keyward login --server {} --email {email}", client.url());
            Ok(())
        }
        UsersOnServer::AcceptInvitation { name, stdin } => {
            let invitation = secret("Invitation: ", "--stdin", *stdin)?;
            let password = new_password("--stdin", *stdin)?;
            client.accept_invitation(&invitation, name, &password).await?;
            note!("sign in with this password: keyward login --server {} --email YOU", client.url());
            Ok(())
        }
        UsersOnServer::Rename { name } => {
            let user = client.own_user().await?;
            let renamed = client.rename_own_user(name, user.version).await?;
            output::line(&format!("{} is called {}", renamed.id, renamed.name))
        }
        UsersOnServer::Password { stdin } => {
            let current = secret("Present password: ", "--stdin", *stdin)?;
            let new = new_password("--stdin", *stdin)?;
            client.change_password(&current, &new).await?;
            note!("sign in again with the new password: keyward login --server {} --email YOU", client.url());
            Ok(())
        }
        UsersOnServer::Sessions { json } => {
            let sessions = client.walk_sessions().all().await?;
            output::list(&sessions, *json, "there are no sessions", tables::sessions)
        }
    }
}

/// A password that is chosen: typed twice, as nobody sees what they type.
fn new_password(flag: &str, from_stdin: bool) -> Result<Secret, Failure> {
    let password = secret("New password: ", flag, from_stdin)?;
    if !from_stdin && secret("The same again: ", flag, false)?.expose() != password.expose() {
        return Err(Failure::new(Kind::Usage, "the two passwords differ: nothing was changed"));
    }
    Ok(password)
}

async fn reset(database: &Database<'_>, email: &str) -> Result<(), Failure> {
    let management = database.management().await?;
    let user = management.user_with_email(&system(), email).await?.value;
    let link = management.create_password_reset(&system(), &user.id).await?;
    note!("choose another password within an hour, at /reset?reset= of the server with this behind it");
    output::line(&link.secret)
}

async fn reset_on_server(client: &Client, email: &str) -> Result<(), Failure> {
    let found = client.walk_users(Some(email)).all().await?;
    let user = found.first().ok_or_else(|| Failure::new(Kind::NotFound, "there is no such user"))?;
    let link = client.create_password_reset(&user.id).await?;
    note!("choose another password within an hour, at {}reset?reset= with this behind it", client.url());
    output::line(link.reset.expose())
}

async fn create_owner(database: &Database<'_>, email: &str, name: &str, password_stdin: bool) -> Result<(), Failure> {
    let management = database.management().await?;
    if password_stdin {
        let mut line = Zeroizing::new(String::new());
        std::io::stdin().read_line(&mut line)?;
        let password = line.trim_end_matches(['\r', '\n']);
        let user = management.create_owner(&system(), NewUser::new(email, name, password)).await?;
        return output::line(&format!("{} is an owner: {}", user.email, user.id));
    }
    let invited = management.invite_first_owner(&system(), email).await?;
    note!("choose a password within a week, at /register?invitation= of the server with this behind it");
    output::line(&invited.secret)
}
