mod database;
mod server;

use std::sync::Arc;

use keyward_client::Client;
use keyward_core::lifecycle::KeysError;
use keyward_core::store::WriteRefused;
use keyward_core::{AccountId, Keys};
use keyward_limits::LimitStore;
use keyward_manage::{Management, ManagementError, PageRequest};

use crate::error::{Error, ErrorKind};
use crate::options::Options;

pub(crate) use database::{Database, Managed, MissingFile, key_format, system};
pub(crate) use server::{connect, connect_signed_in};

pub(crate) enum Backend {
    /// SQLite or PostgreSQL. Keys and accounts are read from the store.
    Management(Management, Keys),
    /// Valkey or Redis, without management records.
    Keys(Keys, Arc<dyn LimitStore>),
    Server(Client),
}

impl Backend {
    pub(crate) async fn open(options: &Options, missing: MissingFile) -> Result<Self, Error> {
        if options.server.is_some() && options.database.is_some() {
            return Err(Error::usage("KEYWARD_SERVER and KEYWARD_DATABASE are both set: pass --server or --database"));
        }
        if options.server.is_some() {
            return Ok(Self::Server(connect(options)?));
        }
        let Database { keys, managed, limits } = Database::open(options, missing).await?;
        Ok(match managed {
            Some(managed) => Self::Management(managed.management, keys),
            None => Self::Keys(keys, limits),
        })
    }

    pub(crate) fn records(&self) -> Result<Records<'_>, Error> {
        match self {
            Self::Management(management, _) => Ok(Records::Database(management)),
            Self::Keys(..) => Err(database::no_records()),
            Self::Server(client) => Ok(Records::Server(client)),
        }
    }

    /// As [`Records::require_account`].
    pub(crate) async fn require_account(&self, account: &AccountId) -> Result<(), Error> {
        let Self::Keys(keys, _) = self else { return self.records()?.require_account(account).await };
        match keys.get_account(account).await? {
            Some(_) => Ok(()),
            None => Err(Error::from(KeysError::Denied(WriteRefused::NoSuchAccount)).of(format!("account {account}"))),
        }
    }
}

#[derive(Clone, Copy)]
pub(crate) enum Records<'a> {
    Database(&'a Management),
    Server(&'a Client),
}

impl Records<'_> {
    /// Refuses an account that does not exist. An empty list would hide that its id is mistyped.
    pub(crate) async fn require_account(&self, account: &AccountId) -> Result<(), Error> {
        let found = match self {
            Self::Database(management) => management.account(&system(), account).await.map(drop).map_err(Error::from),
            Self::Server(client) => client.account(account).await.map(drop).map_err(Error::from),
        };
        match found {
            Err(error) if error.kind() == ErrorKind::NotFound => Err(error.of(format!("account {account}"))),
            // A caller who may list keys may lack the right to see accounts.
            _ => Ok(()),
        }
    }

    /// Defaults to the operator's account on a database, and to the caller's first on a server.
    pub(crate) async fn account_or_default(&self, account: Option<&AccountId>) -> Result<AccountId, Error> {
        match (account, self) {
            (Some(account), _) => Ok(account.clone()),
            (None, Self::Database(management)) => Ok(management.operator().clone()),
            (None, Self::Server(client)) => {
                let first = client.walk_accounts(false).at_most(1).await?.pop();
                let none = || Error::new(ErrorKind::NotFound, "you belong to no account: pass --account");
                Ok(first.ok_or_else(none)?.id)
            }
        }
    }
}

pub(crate) async fn every_page<T, F>(read: impl Fn(PageRequest) -> F) -> Result<Vec<T>, Error>
where
    F: Future<Output = Result<keyward_manage::Page<T>, ManagementError>>,
{
    let (mut after, mut found) = (None, Vec::new());
    loop {
        let page = read(PageRequest { after, limit: 500 }).await?;
        found.extend(page.items);
        match page.next {
            Some(next) => after = Some(next),
            None => return Ok(found),
        }
    }
}
