use std::path::Path;
use std::sync::Arc;

use keyward_core::key::{Hasher, KeyFormat, KeyKind, Pepper};
use keyward_core::store::KeyAdmin;
use keyward_core::{Keys, Mode};
use keyward_limits::LimitStore;
#[cfg(feature = "postgres")]
use keyward_manage::PostgresManagementStore;
use keyward_manage::{
    Actor, Context, Management, ManagementBuilder, ManagementStore, Purpose, SqliteManagementStore, purpose_of,
};
#[cfg(feature = "postgres")]
use keyward_postgres::{PostgresLimits, PostgresStore};
use keyward_sqlite::{SqliteLimits, SqliteStore};
#[cfg(feature = "valkey")]
use keyward_valkey::{ValkeyLimits, ValkeyStore};
use zeroize::Zeroizing;

use crate::error::{Error, ErrorKind};
use crate::options::Options;

/// What to do if the database is a file that does not exist.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum MissingFile {
    /// For commands that fill a new database.
    Create,
    /// For all other commands. The path may be mistyped.
    Refuse,
}

pub(crate) struct Database {
    /// For reading. Changes go through the management service, if any.
    pub(crate) keys: Keys,
    /// None on Valkey and Redis.
    pub(crate) managed: Option<Managed>,
    pub(crate) limits: Arc<dyn LimitStore>,
}

pub(crate) struct Managed {
    pub(crate) management: Management,
    pub(crate) records: Arc<dyn ManagementStore>,
}

pub(crate) fn system() -> Actor {
    Actor::system("command line", Context::new())
}

impl Database {
    /// Accounts without a plan have no key limit here: that is a setting of the server.
    pub(crate) async fn open(options: &Options, missing: MissingFile) -> Result<Self, Error> {
        Self::open_with(options, missing, |management| Ok(management.key_limit(u32::MAX))).await
    }

    pub(crate) async fn open_for(options: &Options, command: &str, missing: MissingFile) -> Result<Self, Error> {
        Self::refuse_server(options, command)?;
        Self::open(options, missing).await
    }

    pub(crate) fn refuse_server(options: &Options, command: &str) -> Result<(), Error> {
        match &options.server {
            Some(_) => {
                Err(Error::usage(format!("keyward {command} needs the database: pass --database instead of --server")))
            }
            None => Ok(()),
        }
    }

    pub(crate) async fn open_with(
        options: &Options,
        missing: MissingFile,
        configure: impl FnOnce(ManagementBuilder) -> Result<ManagementBuilder, Error>,
    ) -> Result<Self, Error> {
        let database = options.database_or_default();
        let settings = KeySettings::new(options)?;
        let failed = |error: &dyn std::error::Error| Error::caused(ErrorKind::Failed, error).at(&options.place());
        match database.split_once("://") {
            None => {
                if missing == MissingFile::Refuse && !Path::new(database).exists() {
                    let message = format!(
                        "there is no database {database}: check --database, or create one with keyward keys create, keys import \
                         or serve"
                    );
                    return Err(Error::placed(ErrorKind::Failed, message));
                }
                let keys = SqliteStore::open(database).map_err(|error| failed(&error))?;
                let records = SqliteManagementStore::open(&keys).map_err(|error| failed(&error))?;
                let limits = SqliteLimits::new(&keys);
                settings.manage(keys, records, limits, configure)
            }
            #[cfg(feature = "postgres")]
            Some(("postgres" | "postgresql", _)) => {
                let keys = PostgresStore::connect(database).await.map_err(|error| failed(&error))?;
                let records = PostgresManagementStore::open(&keys).await.map_err(|error| failed(&error))?;
                let limits = PostgresLimits::new(&keys);
                settings.manage(keys, records, limits, configure)
            }
            #[cfg(not(feature = "postgres"))]
            Some(("postgres" | "postgresql", _)) => Err(Error::not_built("PostgreSQL", "postgres")),
            #[cfg(feature = "valkey")]
            Some(("redis" | "rediss" | "valkey" | "valkeys", _)) => {
                let keys = ValkeyStore::connect(database).await.map_err(|error| failed(&error))?;
                let limits = Arc::new(ValkeyLimits::new(&keys));
                Ok(Self { keys: settings.apply(Keys::new(keys)), managed: None, limits })
            }
            #[cfg(not(feature = "valkey"))]
            Some(("redis" | "rediss" | "valkey" | "valkeys", _)) => Err(Error::not_built("Valkey and Redis", "valkey")),
            Some((scheme, _)) => Err(Error::usage(format!(
                "unknown database {scheme}://…: pass the path of an SQLite file, or a postgres:// or redis:// URL"
            ))),
        }
    }

    pub(crate) fn management(self) -> Result<Managed, Error> {
        self.managed.ok_or_else(no_records)
    }
}

pub(super) fn no_records() -> Error {
    Error::usage(
        "Valkey and Redis keep keys, accounts and limits only: for users, members, plans, usage, the audit log and the server, pass \
         an SQLite file or a postgres:// URL",
    )
}

struct KeySettings {
    format: KeyFormat,
    hasher: Option<Hasher>,
}

impl KeySettings {
    fn new(options: &Options) -> Result<Self, Error> {
        let format = key_format(options)?;
        check_prefixes(&format)?;
        Ok(Self { format, hasher: options.pepper_file.as_deref().map(read_peppers).transpose()? })
    }

    fn apply(&self, keys: Keys) -> Keys {
        // Imported keys get successors in this format.
        let keys = keys.with_format(self.format.clone()).with_conversion();
        match &self.hasher {
            Some(hasher) => keys.with_hasher(hasher.clone()),
            None => keys,
        }
    }

    fn manage<S: KeyAdmin + Clone, R: ManagementStore + Clone>(
        &self,
        keys: S,
        records: R,
        limits: impl LimitStore,
        configure: impl FnOnce(ManagementBuilder) -> Result<ManagementBuilder, Error>,
    ) -> Result<Database, Error> {
        let builder = Management::builder(keys.clone(), records.clone()).format(self.format.clone());
        let limits: Arc<dyn LimitStore> = Arc::new(limits);
        let builder = builder.limits(Arc::clone(&limits));
        let builder = match &self.hasher {
            Some(hasher) => builder.hasher(hasher.clone()),
            None => builder,
        };
        let management = configure(builder)?.build()?;
        let managed = Managed { management, records: Arc::new(records) };
        Ok(Database { keys: self.apply(Keys::new(keys)), managed: Some(managed), limits })
    }
}

pub(crate) fn key_format(options: &Options) -> Result<KeyFormat, Error> {
    if options.prefix.is_empty() {
        return Ok(KeyFormat::default());
    }
    let format =
        options.prefix.iter().fold(KeyFormat::builder(), |format, (kind, prefix)| format.prefix(prefix, *kind));
    format.build().map_err(|error| Error::caused(ErrorKind::Usage, &error))
}

fn check_prefixes(format: &KeyFormat) -> Result<(), Error> {
    for (kind, mode) in KeyKind::ALL.into_iter().flat_map(|kind| Mode::ALL.map(|mode| (kind, mode))) {
        let Ok(example) = format.generate(kind, mode) else { continue };
        if purpose_of(&example.hint()) == Purpose::Management {
            let prefix = example.hint().first().to_owned();
            return Err(Error::usage(format!("{prefix}… is reserved for management keys: choose another --prefix")));
        }
    }
    Ok(())
}

fn read_peppers(file: &Path) -> Result<Hasher, Error> {
    let text = Zeroizing::new(std::fs::read_to_string(file).map_err(|error| Error::unreadable(file, &error))?);
    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    let peppers = lines.map(|(number, line)| {
        let invalid = |error| Error::in_file(file, &format!("line {}: {error}", number + 1));
        line.trim().parse::<Pepper>().map_err(invalid)
    });
    let peppers = peppers.collect::<Result<Vec<_>, _>>()?;
    Hasher::peppered(peppers).map_err(|error| Error::in_file(file, &error))
}
