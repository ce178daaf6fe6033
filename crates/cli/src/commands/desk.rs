//! `keyward users …`, `keyward audit …`, and the desk for all that needs one.

use std::sync::Arc;

use keyward_manage::{Actor, Context, Desk, DeskBuilder, DeskError, DeskStore, NewUser, PostgresDesk, SqliteDesk};
use keyward_postgres::PostgresStore;
use zeroize::Zeroizing;

use crate::arguments::{Arguments, Users};
use crate::failure::{Failure, Kind};
use crate::output;
use crate::settings::Settings;

use super::{DATABASE, format, hasher, open_sqlite};

/// A desk, and where its records are.
pub(super) struct Opened {
    pub(super) desk: Desk,
    pub(super) records: Arc<dyn DeskStore>,
}

pub(super) fn system() -> Actor {
    Actor::system("command line", Context::new())
}

pub(super) async fn open(arguments: &Arguments, settings: &Settings) -> Result<Opened, Failure> {
    let database = arguments.database.as_deref().or(settings.database.as_deref()).unwrap_or(DATABASE);
    let failed = |error: &dyn std::error::Error| Failure::caused(Kind::Database, error);
    let (builder, records): (DeskBuilder, Arc<dyn DeskStore>) = match database.split_once("://") {
        None => {
            let keys = open_sqlite(database)?;
            let records = SqliteDesk::open(&keys).map_err(|error| failed(&error))?;
            (Desk::builder(keys, records.clone()), Arc::new(records))
        }
        Some(("postgres" | "postgresql", _)) => {
            let keys = PostgresStore::connect(database).await.map_err(|error| failed(&error))?;
            let records = PostgresDesk::open(&keys).await.map_err(|error| failed(&error))?;
            (Desk::builder(keys, records.clone()), Arc::new(records))
        }
        Some(_) => {
            let message = "users, the audit log and the server need an SQLite file or a postgres:// URL";
            return Err(Failure::new(Kind::Usage, message));
        }
    };
    let mut builder = settings.apply(builder)?;
    if let Some(file) = arguments.pepper_file.as_deref().or(settings.pepper_file.as_deref()) {
        builder = builder.hasher(hasher(file)?);
    }
    if let Some(format) = format(arguments)? {
        builder = builder.format(format);
    }
    Ok(Opened { desk: builder.build()?, records })
}

pub(super) async fn users(arguments: &Arguments, command: &Users) -> Result<(), Failure> {
    let Opened { desk, .. } = open(arguments, &Settings::default()).await?;
    let (email, name, password_stdin) = match command {
        Users::Create { email, name, password_stdin, .. } => (email, name, password_stdin),
        Users::Reset { email } => {
            let user = desk.user_with_email(&system(), email).await?.value;
            let link = desk.create_password_reset(&system(), &user.id).await?;
            eprintln!("choose another password within an hour, at /reset?reset= of the server with this behind it");
            return output::line(&link.secret);
        }
    };
    if *password_stdin {
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

pub(super) async fn verify(arguments: &Arguments) -> Result<(), Failure> {
    let Opened { desk, .. } = open(arguments, &Settings::default()).await?;
    let verdict = desk.verify_audit_log(&system()).await?;
    if let Some((number, why)) = verdict.first_bad {
        return Err(Failure::new(Kind::Refused, format!("entry {number} of the audit log is bad: {why}")));
    }
    output::line(&format!("{} entries, the last with the hash {}", verdict.entries, verdict.hash))
}

impl From<DeskError> for Failure {
    fn from(error: DeskError) -> Self {
        let kind = match &error {
            DeskError::NotFound(_) => Kind::NotFound,
            DeskError::Store(_) | DeskError::Internal => Kind::Database,
            DeskError::Invalid { .. } => Kind::Usage,
            _ => Kind::Refused,
        };
        Self::caused(kind, &error)
    }
}
