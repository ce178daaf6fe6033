use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::str::FromStr;
use std::sync::Arc;

use keyward::Keys;
use keyward::limits::LimitStore;
use keyward::postgres::PostgresLimits;
use keyward::sqlite::{SqliteLimits, SqliteStore};
use keyward::valkey::ValkeyLimits;
use tempfile::TempDir;

use crate::{postgres, valkey};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Sqlite,
    Postgres,
    Valkey,
}

impl FromStr for Kind {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "sqlite" => Ok(Self::Sqlite),
            "postgres" => Ok(Self::Postgres),
            "valkey" => Ok(Self::Valkey),
            other => Err(format!("{other:?} is none of sqlite, postgres, valkey")),
        }
    }
}

fn copy(from: &Path, to: &Path) {
    assert!(Command::new("cp").arg("-a").args([from, to]).status().unwrap().success());
}

#[derive(Debug)]
pub enum Store {
    Sqlite(TempDir),
    Postgres(postgres::Server, String),
    Valkey(valkey::Server),
}

impl Store {
    pub fn start(kind: Kind) -> Self {
        match kind {
            Kind::Sqlite => Self::Sqlite(tempfile::tempdir().unwrap()),
            Kind::Postgres => {
                let server = postgres::Server::new();
                let url = server.database();
                Self::Postgres(server, url)
            }
            Kind::Valkey => Self::Valkey(valkey::Server::new(&[])),
        }
    }

    pub fn url(&self) -> String {
        match self {
            Self::Sqlite(folder) => folder.path().join("keys.db").display().to_string(),
            Self::Postgres(_, url) => url.clone(),
            Self::Valkey(server) => server.url(),
        }
    }

    pub fn address(&self) -> Option<SocketAddr> {
        let url = self.url();
        let rest = url.get(url.find("127.0.0.1:")?..)?;
        rest.split('/').next()?.parse().ok()
    }

    pub async fn keys(&self) -> Keys {
        match self {
            Self::Sqlite(_) => Keys::new(SqliteStore::open(PathBuf::from(self.url())).unwrap()),
            Self::Postgres(..) => Keys::new(postgres::store(&self.url()).await),
            Self::Valkey(_) => Keys::new(valkey::store(&self.url()).await),
        }
    }

    pub async fn limits(&self) -> Arc<dyn LimitStore> {
        match self {
            Self::Sqlite(_) => Arc::new(SqliteLimits::new(&SqliteStore::open(PathBuf::from(self.url())).unwrap())),
            Self::Postgres(..) => Arc::new(PostgresLimits::new(&postgres::store(&self.url()).await)),
            Self::Valkey(_) => Arc::new(ValkeyLimits::new(&valkey::store(&self.url()).await)),
        }
    }

    pub fn crash(&self) {
        match self {
            Self::Sqlite(_) => {}
            Self::Postgres(server, _) => server.crash(),
            Self::Valkey(server) => server.crash(),
        }
    }

    pub fn restart(&self) {
        match self {
            Self::Sqlite(_) => {}
            Self::Postgres(server, _) => server.start(),
            Self::Valkey(server) => server.start(),
        }
    }

    /// Call it only after a crash.
    pub fn back_up(&self) {
        copy(&self.data(), &self.backup());
    }

    /// Call it only after a crash.
    pub fn restore(&self) {
        assert!(Command::new("rm").arg("-rf").arg(self.data()).status().unwrap().success());
        copy(&self.backup(), &self.data());
    }

    fn backup(&self) -> PathBuf {
        self.data().with_extension("backup")
    }

    fn data(&self) -> PathBuf {
        match self {
            Self::Sqlite(folder) => folder.path().join("keys.db"),
            Self::Postgres(server, _) => server.data(),
            Self::Valkey(server) => server.data(),
        }
    }

    pub fn signal(&self, name: &str) {
        match self {
            Self::Sqlite(_) => {}
            Self::Postgres(server, _) => server.signal_all(name),
            Self::Valkey(server) => server.signal(name),
        }
    }
}
