mod database;
mod server;

use std::sync::Arc;

use keyward_client::Client;
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
}

#[derive(Clone, Copy)]
pub(crate) enum Records<'a> {
    Database(&'a Management),
    Server(&'a Client),
}

impl Records<'_> {
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
