//! What can be said of accounts, those who belong to them, plans and the audit log.

use std::path::PathBuf;

use clap::{ArgGroup, Args, Subcommand};
use keyward_client::{Role, Theme};
use keyward_core::id::UserId;
use keyward_core::{AccountId, Timestamp};

#[derive(Subcommand)]
pub(crate) enum Accounts {
    /// Adds an account.
    Create {
        /// Its id; a server chooses it itself.
        id: Option<AccountId>,
        /// What people call it; its id without this.
        #[arg(long)]
        name: Option<String>,
        /// Its plan.
        #[arg(long)]
        plan: Option<String>,
    },
    /// Lists one's own accounts on a server.
    List {
        /// Every account of the deployment, for the operator.
        #[arg(long)]
        all: bool,
        /// As a JSON array.
        #[arg(long)]
        json: bool,
    },
    /// Shows an account.
    Show {
        /// Its id.
        id: AccountId,
        /// As a JSON object.
        #[arg(long)]
        json: bool,
    },
    /// Gives an account another name.
    Rename {
        /// Its id.
        id: AccountId,
        /// What people call it.
        name: String,
    },
    /// Gives an account another plan, from the next request on.
    SetPlan {
        /// Its id.
        id: AccountId,
        /// The plan; none without this.
        plan: Option<String>,
    },
    /// Refuses every key of an account.
    Suspend {
        /// Its id.
        id: AccountId,
    },
    /// Accepts the keys of a suspended account again.
    Resume {
        /// Its id.
        id: AccountId,
    },
}

#[derive(Subcommand)]
pub(crate) enum Members {
    /// Lists who belongs to an account.
    List {
        /// The account. Without it: one's own; on a database, the operator's.
        #[arg(long)]
        account: Option<AccountId>,
        /// As a JSON array.
        #[arg(long)]
        json: bool,
    },
    /// Invite an e-mail address. Its owner becomes a member by accepting. The last line on standard output is the secret of the link, which
    /// is shown once.
    Invite {
        /// Their e-mail address.
        email: String,
        /// `owner`, `admin`, `developer` or `viewer`.
        #[arg(long)]
        role: Role,
        /// The account. Without it: one's own; on a database, the operator's.
        #[arg(long)]
        account: Option<AccountId>,
    },
    /// List the open invitations of an account.
    Invitations {
        /// The account. Defaults to your own; on a database, to the operator's.
        #[arg(long)]
        account: Option<AccountId>,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Withdraw an invitation, so that its link stops working.
    Withdraw {
        /// The invitation's id, as `members invitations` lists it.
        invitation: String,
        /// The account. Defaults to your own; on a database, to the operator's.
        #[arg(long)]
        account: Option<AccountId>,
    },
    /// Gives a member another role.
    Role {
        /// The user's id.
        user: UserId,
        /// `owner`, `admin`, `developer` or `viewer`.
        role: Role,
        /// The account. Without it: one's own; on a database, the operator's.
        #[arg(long)]
        account: Option<AccountId>,
        /// Only if they are at this version still, which `members list --json` says; without this, whatever they are at.
        #[arg(long, value_name = "VERSION")]
        if_version: Option<u64>,
    },
    /// Takes a member out of an account.
    Remove {
        /// The user's id.
        user: UserId,
        /// The account. Without it: one's own; on a database, the operator's.
        #[arg(long)]
        account: Option<AccountId>,
        /// Only if they are at this version still, which `members list --json` says; without this, whatever they are at.
        #[arg(long, value_name = "VERSION")]
        if_version: Option<u64>,
        /// Does not ask.
        #[arg(long)]
        yes: bool,
    },
}

#[derive(Subcommand)]
pub(crate) enum Users {
    /// Adds an owner of the whole deployment. Without a password it prints an invitation, with which one is chosen, once. Needs a
    /// database.
    Create {
        /// Makes them an owner. Other users are invited by members of an account.
        #[arg(long, required = true)]
        owner: bool,
        /// Their e-mail address.
        #[arg(long)]
        email: String,
        /// What they are called.
        #[arg(long, default_value = "Owner")]
        name: String,
        /// Reads their password from standard input: its first line.
        #[arg(long)]
        password_stdin: bool,
    },
    /// Prints what a user chooses another password with, once and within an hour; on a database for those whom nobody else can help.
    Reset {
        /// Their e-mail address.
        #[arg(long)]
        email: String,
    },
    #[command(flatten)]
    OnServer(UsersOnServer),
}

/// What only a server does about users.
#[derive(Subcommand)]
pub(crate) enum UsersOnServer {
    /// List the open invitations to your own address, if it is verified.
    Invitations {
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Join an account that has invited you: with the id of an invitation to your verified address, or with its link.
    Join {
        /// The invitation's id, as `users invitations` lists it. Without it, the secret of the link is asked for.
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
    /// Lists the users of a server, for its operator.
    List {
        /// The one with this e-mail address alone.
        #[arg(long)]
        email: Option<String>,
        /// As a JSON array.
        #[arg(long)]
        json: bool,
    },
    /// Ends a user's sessions and tokens on a server, and lets them sign in no more.
    Disable {
        /// The user's id.
        id: UserId,
    },
    /// Lets a disabled user sign in again.
    Enable {
        /// The user's id.
        id: UserId,
    },
    /// Deletes a user of a server. Keys of their accounts go on working.
    Remove {
        /// The user's id.
        id: UserId,
        /// Does not ask.
        #[arg(long)]
        yes: bool,
    },
    /// Chooses another password on a server, with the secret of a link.
    ChoosePassword {
        /// Reads the secret and the password from standard input: its first two lines. Without this they are asked for.
        #[arg(long)]
        stdin: bool,
    },
    /// Signs somebody up on a server where that is open to everybody.
    SignUp {
        /// The e-mail address.
        #[arg(long)]
        email: String,
        /// What they are called.
        #[arg(long)]
        name: String,
        /// Reads the password from standard input: its first line. Without this it is asked for.
        #[arg(long)]
        password_stdin: bool,
    },
    /// Chooses a password on a server, with an invitation.
    AcceptInvitation {
        /// What they are called.
        #[arg(long)]
        name: String,
        /// Reads the invitation and the password from standard input: its first two lines. Without this they are asked for.
        #[arg(long)]
        stdin: bool,
    },
    /// Gives oneself another name on a server.
    Rename {
        /// The name.
        name: String,
    },
    /// Gives oneself another password on a server, which ends all of one's sessions and tokens.
    Password {
        /// Reads the present password and the new one from standard input: its first two lines. Without this they are asked for.
        #[arg(long)]
        stdin: bool,
    },
    /// Lists one's own sessions of a server's dashboard.
    Sessions {
        /// As a JSON array.
        #[arg(long)]
        json: bool,
    },
}

#[derive(Subcommand)]
pub(crate) enum Plans {
    /// Lists the plans.
    List {
        /// As a JSON array.
        #[arg(long)]
        json: bool,
    },
    /// Adds a plan.
    Create {
        /// Its name.
        name: String,
        /// What people are told of it.
        #[arg(long, default_value = "")]
        description: String,
        /// How many active keys an account may have.
        #[arg(long, value_name = "KEYS")]
        key_limit: Option<u32>,
    },
    /// Changes a plan.
    #[command(group = ArgGroup::new("change").multiple(true).required(true).args(["description", "key_limit", "no_key_limit"]))]
    Update {
        /// Its name.
        name: String,
        /// What people are told of it.
        #[arg(long)]
        description: Option<String>,
        /// How many active keys an account may have.
        #[arg(long, value_name = "KEYS", conflicts_with = "no_key_limit")]
        key_limit: Option<u32>,
        /// Takes the limit away, so that the server's own holds.
        #[arg(long)]
        no_key_limit: bool,
    },
    /// Takes a plan away. Accounts that have it keep its name.
    Remove {
        /// Its name.
        name: String,
        /// Does not ask.
        #[arg(long)]
        yes: bool,
    },
}

#[derive(Subcommand)]
pub(crate) enum Audit {
    /// Lists entries, the newest first.
    List(AuditList),
    /// Walks the audit log from its beginning, or from where it was pruned, and names the first entry that was tampered with.
    Verify {
        /// A checkpoint that was noted before, up to which the log has to be what it was: a log that was cut or written anew shows.
        #[arg(long, value_name = "CHECKPOINT")]
        since: Option<String>,
    },
    /// Removes entries from before a time, and keeps the checkpoint of the last of them, so that `audit verify` can walk the rest. On a
    /// database only.
    Prune {
        /// Entries from before this time go, such as 2026-01-01T00:00:00Z.
        #[arg(long, value_name = "TIME")]
        before: Timestamp,
    },
}

#[derive(Args)]
pub(crate) struct AuditList {
    /// Of this account. Without it: of one's own; on a database, the operator's.
    #[arg(long, conflicts_with = "all")]
    pub(crate) account: Option<AccountId>,
    /// Of every account, for the operator.
    #[arg(long)]
    pub(crate) all: bool,
    /// By this user or key alone.
    #[arg(long, value_name = "ID")]
    pub(crate) actor: Option<String>,
    /// Of actions that begin so, such as `key.` or `member.add`.
    #[arg(long, value_name = "BEGINNING")]
    pub(crate) action: Option<String>,
    /// At most so many.
    #[arg(long, default_value_t = 50)]
    pub(crate) limit: usize,
    /// As a JSON array.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Subcommand)]
pub(crate) enum Pages {
    /// Shows what the pages look like.
    Show {
        /// As a JSON object.
        #[arg(long)]
        json: bool,
    },
    /// Changes what the pages look like, at once.
    #[command(group = ArgGroup::new("change").multiple(true).required(true)
        .args(["name", "no_name", "accent", "no_accent", "theme", "logo", "no_logo"]))]
    Update {
        /// What the provider is called.
        #[arg(long)]
        name: Option<String>,
        /// The name that the server was configured with.
        #[arg(long, conflicts_with = "name")]
        no_name: bool,
        /// The colour of buttons and links, such as `#3c4cc0`.
        #[arg(long)]
        accent: Option<String>,
        /// The colour that the pages come with.
        #[arg(long, conflicts_with = "accent")]
        no_accent: bool,
        /// `system`, `light` or `dark`, for those who have chosen nothing.
        #[arg(long)]
        theme: Option<Theme>,
        /// A PNG, JPEG or WebP image of up to 32 KiB.
        #[arg(long, value_name = "FILE")]
        logo: Option<PathBuf>,
        /// The logo that the server was configured with.
        #[arg(long, conflicts_with = "logo")]
        no_logo: bool,
    },
}
