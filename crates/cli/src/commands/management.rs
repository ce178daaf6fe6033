//! The management service, for all that needs one on a database.

use std::sync::Arc;

use keyward_manage::{
    Actor, Context, Management, ManagementBuilder, ManagementStore, PostgresManagementStore, SqliteManagementStore,
};
use keyward_postgres::PostgresStore;

use crate::arguments::Arguments;
use crate::failure::{Failure, Kind};
use crate::settings::Settings;

use super::{DATABASE, format, hasher, open_sqlite};

/// A management service, and where its records are.
pub(crate) struct Opened {
    pub(crate) management: Management,
    pub(crate) records: Arc<dyn ManagementStore>,
}

pub(crate) fn system() -> Actor {
    Actor::system("command line", Context::new())
}

pub(crate) async fn open(arguments: &Arguments, settings: &Settings) -> Result<Opened, Failure> {
    let database = arguments.database.as_deref().or(settings.database.as_deref()).unwrap_or(DATABASE);
    let failed = |error: &dyn std::error::Error| Failure::caused(Kind::Database, error);
    let (builder, records): (ManagementBuilder, Arc<dyn ManagementStore>) = match database.split_once("://") {
        None => {
            let keys = open_sqlite(database)?;
            let records = SqliteManagementStore::open(&keys).map_err(|error| failed(&error))?;
            (Management::builder(keys, records.clone()), Arc::new(records))
        }
        Some(("postgres" | "postgresql", _)) => {
            let keys = PostgresStore::connect(database).await.map_err(|error| failed(&error))?;
            let records = PostgresManagementStore::open(&keys).await.map_err(|error| failed(&error))?;
            (Management::builder(keys, records.clone()), Arc::new(records))
        }
        Some(_) => {
            let message =
                "users, members, plans, usage, the audit log and the server need an SQLite file or a postgres:// URL";
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
    Ok(Opened { management: builder.build()?, records })
}
