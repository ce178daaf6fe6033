//! `keyward users …`

use clap::Subcommand;
use keyward_client::{Client, CreateSignInLink, Role, Secret, Session, SignInLink, VersionedUser};
use keyward_core::AccountId;
use keyward_core::id::UserId;
use keyward_manage::{Management, NewUser, SignInLinkDraft};

use super::members::invitation_table;
use super::prompt::{confirm, new_password, secret};
use crate::backend::{Backend, Database, MissingFile, Records, connect, system};
use crate::error::{Error, ErrorKind};
use crate::options::Options;
use crate::output::{self, note};

#[derive(Subcommand)]
pub(super) enum Command {
    /// Create an owner of the whole deployment. Needs a database. Without --password-stdin, print an invitation secret once. The owner
    /// uses it to choose a password.
    Create {
        /// Create an owner. Members of an account invite other users.
        #[arg(long, required = true)]
        owner: bool,
        /// The e-mail address.
        #[arg(long)]
        email: String,
        /// The name.
        #[arg(long, default_value = "Owner")]
        name: String,
        /// Read the password from the first line of standard input.
        #[arg(long)]
        password_stdin: bool,
    },
    /// Print the secret of a link with which a user chooses a new password within an hour. On a database, this helps a user whom no
    /// member may help.
    Reset {
        /// The e-mail address.
        #[arg(long)]
        email: String,
    },
    /// Print a link that signs a user in, once and within a minute, for your application that has signed the user in. On a server, this
    /// needs `users:sign_in`, and all rights of the user.
    SignInLink {
        /// The user's id or e-mail address.
        user: String,
        /// The account whose pages open. The user must be a member.
        #[arg(long)]
        account: Option<AccountId>,
        /// The page that opens, such as /usage. Defaults to the list of keys.
        #[arg(long)]
        path: Option<String>,
        /// The name of a new user: create the user as a member of the account if the address is unknown.
        #[arg(long, requires_all = ["account", "role"])]
        name: Option<String>,
        /// The role of a new user.
        #[arg(long, requires = "name")]
        role: Option<Role>,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Remove the second factor of a user who has lost it, and end the user's sessions and tokens. On a database, this helps a user
    /// whom no member may help.
    RemoveSecondFactor {
        /// The e-mail address.
        #[arg(long)]
        email: String,
    },
    #[command(flatten)]
    OnServer(OnServer),
}

/// Commands that need a server.
#[derive(Subcommand)]
pub(super) enum OnServer {
    /// List the open invitations to your own address, if it is verified.
    Invitations {
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Join an account that has invited you: with the id of an invitation to your verified address, or with its link.
    Join {
        /// The invitation's id, as `users invitations` lists it. Defaults to asking for the secret of the link.
        invitation: Option<String>,
        /// Read the secret of the link from standard input.
        #[arg(long, conflicts_with = "invitation")]
        stdin: bool,
    },
    /// Decline an invitation to your own address.
    Decline {
        /// The invitation's id, as `users invitations` lists it.
        invitation: String,
    },
    /// List the users. For the operator.
    List {
        /// The user with this e-mail address only.
        #[arg(long)]
        email: Option<String>,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Disable a user: end the user's sessions and tokens, and refuse new ones.
    Disable {
        /// The user's id.
        id: UserId,
    },
    /// Enable a disabled user.
    Enable {
        /// The user's id.
        id: UserId,
    },
    /// Delete a user. Keys of the user's accounts keep working.
    Remove {
        /// The user's id.
        id: UserId,
        /// Do not ask for confirmation.
        #[arg(long)]
        yes: bool,
    },
    /// Choose a new password with the secret of a link.
    ChoosePassword {
        /// Read the secret and the password from the first two lines of standard input, instead of asking for them.
        #[arg(long)]
        stdin: bool,
    },
    /// Sign up, on a server where sign-up is open.
    SignUp {
        /// Your e-mail address.
        #[arg(long)]
        email: String,
        /// Your name.
        #[arg(long)]
        name: String,
        /// Read the password from the first line of standard input, instead of asking for it.
        #[arg(long)]
        password_stdin: bool,
    },
    /// Accept an invitation as a new user, and choose a password.
    AcceptInvitation {
        /// Your name.
        #[arg(long)]
        name: String,
        /// Read the invitation and the password from the first two lines of standard input, instead of asking for them.
        #[arg(long)]
        stdin: bool,
    },
    /// Change your own name.
    Rename {
        /// The new name.
        name: String,
    },
    /// Change your own password. Ends all of your sessions and tokens.
    Password {
        /// Read the current password and the new one from the first two lines of standard input, instead of asking for them.
        #[arg(long)]
        stdin: bool,
    },
    /// List your own sessions in the dashboard.
    Sessions {
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
}

pub(super) async fn run(options: &Options, command: Command) -> Result<(), Error> {
    match command {
        Command::Create { email, name, password_stdin, .. } => {
            let database = Database::open_for(options, "users create", MissingFile::Create).await?;
            create_owner(&database.management()?.management, &email, &name, password_stdin).await
        }
        Command::Reset { email } => reset(Backend::open(options, MissingFile::Refuse).await?.records()?, &email).await,
        Command::SignInLink { user, account, path, name, role, json } => {
            let link = CreateSignInLink { user, account, path, name, role };
            sign_in_link(Backend::open(options, MissingFile::Refuse).await?.records()?, &link, json).await
        }
        Command::RemoveSecondFactor { email } => {
            remove_second_factor(Backend::open(options, MissingFile::Refuse).await?.records()?, &email).await
        }
        Command::OnServer(command) => on_server(&connect(options)?, command).await,
    }
}

async fn create_owner(management: &Management, email: &str, name: &str, password_stdin: bool) -> Result<(), Error> {
    if password_stdin {
        let password = secret("", "--password-stdin", true)?;
        let user = management.create_owner(&system(), NewUser::new(email, name, password.expose())).await?;
        return output::line(&format!("{} is an owner: {}", user.email, user.id));
    }
    let invited = management.invite_first_owner(&system(), email).await?;
    note!("choose a password within a week: open /register?invitation= of the server, followed by this secret");
    output::line(&invited.secret)
}

async fn reset(records: Records<'_>, email: &str) -> Result<(), Error> {
    const OPEN: &str = "choose a new password within an hour: open";
    match records {
        Records::Database(management) => {
            let user = management.user_with_email(&system(), email).await?.value;
            let link = management.create_password_reset(&system(), &user.id).await?;
            note!("{OPEN} /reset?reset= of the server, followed by this secret");
            output::line(&link.secret)
        }
        Records::Server(client) => {
            let link = client.create_password_reset(&with_email(client, email).await?).await?;
            let Some(secret) = &link.reset else {
                return output::line(&format!("the server mails {} a link", link.user.email));
            };
            note!("{OPEN} {}reset?reset= followed by this secret", client.url());
            output::line(secret.expose())
        }
    }
}

async fn with_email(client: &Client, email: &str) -> Result<UserId, Error> {
    let found = client.walk_users(Some(email)).all().await?;
    let user = found.into_iter().next();
    Ok(user.ok_or_else(|| Error::new(ErrorKind::NotFound, "there is no such user"))?.id)
}

async fn sign_in_link(records: Records<'_>, link: &CreateSignInLink, json: bool) -> Result<(), Error> {
    let made = match records {
        Records::Database(management) => {
            let mut draft = SignInLinkDraft::new(&link.user);
            if let Some(account) = &link.account {
                draft = draft.account(account.clone());
            }
            if let Some(path) = &link.path {
                draft = draft.path(path);
            }
            if let (Some(name), Some(role)) = (&link.name, link.role) {
                draft = draft.create(name, role);
            }
            let made = management.create_sign_in_link(&system(), &draft).await?;
            SignInLink { user: made.user, url: Secret::new(made.url.as_str()), ends_at: made.ends_at }
        }
        Records::Server(client) => client.create_sign_in_link(link).await?,
    };
    if json {
        return output::json_line(&serde_json::to_value(&made)?);
    }
    if made.url.expose().starts_with('/') {
        note!("open this path of the server within a minute, once");
    } else {
        note!("open this link within a minute, once");
    }
    output::line(made.url.expose())
}

async fn remove_second_factor(records: Records<'_>, email: &str) -> Result<(), Error> {
    match records {
        Records::Database(management) => {
            let user = management.user_with_email(&system(), email).await?.value;
            management.remove_second_factor(&system(), &user.id).await?;
        }
        Records::Server(client) => client.remove_second_factor(&with_email(client, email).await?).await?,
    }
    output::line(&format!("{email} signs in with the password alone, and is signed out everywhere"))
}

async fn on_server(client: &Client, command: OnServer) -> Result<(), Error> {
    match command {
        OnServer::List { email, json } => {
            let users = client.walk_users(email.as_deref()).all().await?;
            output::list(&users, json, "there are no such users", table)
        }
        OnServer::Invitations { json } => {
            let open = client.own_invitations().await?;
            output::list(&open, json, "there are no open invitations to your verified address", invitation_table)
        }
        OnServer::Join { invitation, stdin } => {
            let account = match invitation {
                Some(id) => client.accept_own_invitation(&id).await?,
                None => client.accept_invitation_link(&secret("Invitation: ", "--stdin", stdin)?).await?,
            };
            output::line(&format!("you are now a member of {account}"))
        }
        OnServer::Decline { invitation } => {
            client.decline_invitation(&invitation).await?;
            output::line(&format!("{invitation} is declined"))
        }
        OnServer::Disable { id } => {
            let user = client.set_user_disabled(&id, true).await?;
            output::line(&format!("{} is disabled, and signed out everywhere", user.id))
        }
        OnServer::Enable { id } => {
            let user = client.set_user_disabled(&id, false).await?;
            output::line(&format!("{} may sign in again", user.id))
        }
        OnServer::Remove { id, yes } => {
            let user = client.user(&id).await?;
            if !yes {
                confirm(&format!("Delete {} ({})? This cannot be undone.", user.email, user.id))?;
            }
            client.remove_user(&id, user.version).await?;
            output::line(&format!("{} is deleted", user.id))
        }
        OnServer::ChoosePassword { stdin } => {
            let reset = secret("Secret of the link: ", "--stdin", stdin)?;
            client.reset_password(&reset, &new_password("--stdin", stdin)?).await?;
            note_sign_in(client, "YOU");
            Ok(())
        }
        OnServer::SignUp { email, name, password_stdin } => {
            client.sign_up(&email, &name, &new_password("--password-stdin", password_stdin)?).await?;
            note_sign_in(client, &email);
            Ok(())
        }
        OnServer::AcceptInvitation { name, stdin } => {
            let invitation = secret("Invitation: ", "--stdin", stdin)?;
            client.accept_invitation(&invitation, &name, &new_password("--stdin", stdin)?).await?;
            note_sign_in(client, "YOU");
            Ok(())
        }
        OnServer::Rename { name } => {
            let user = client.own_user().await?;
            let renamed = client.rename_own_user(&name, user.version).await?;
            output::line(&format!("{} is now called {}", renamed.id, renamed.name))
        }
        OnServer::Password { stdin } => {
            let current = secret("Current password: ", "--stdin", stdin)?;
            client.change_password(&current, &new_password("--stdin", stdin)?).await?;
            note_sign_in(client, "YOU");
            Ok(())
        }
        OnServer::Sessions { json } => {
            let sessions = client.walk_sessions().all().await?;
            output::list(&sessions, json, "there are no sessions", session_table)
        }
    }
}

fn note_sign_in(client: &Client, email: &str) {
    note!("sign in with the new password: keyward login --server {} --email {email}", client.url());
}

fn table(users: &[VersionedUser]) -> String {
    output::table(["USER", "E-MAIL", "NAME", "SINCE", "LAST SIGN-IN", "DISABLED"], users, |user| {
        [
            user.id.to_string(),
            user.email.clone(),
            user.name.clone(),
            output::day(Some(user.created_at), "-"),
            output::day(user.last_sign_in_at, "never"),
            output::day(user.disabled_at, "no"),
        ]
    })
}

fn session_table(sessions: &[Session]) -> String {
    output::table(["SINCE", "LAST SEEN", "FROM", "DEVICE", "LINK FROM"], sessions, |session| {
        [
            session.created_at.to_string(),
            session.last_seen_at.to_string(),
            output::or_dash(session.last_seen_from.as_ref()),
            session.device.clone(),
            output::or_dash(session.link_from.as_ref()),
        ]
    })
}
