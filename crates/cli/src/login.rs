//! What `keyward login` keeps between calls: tokens, in a file that its owner alone may read.
//!
//! A refresh token is good for one refreshing, and one that is used twice looks stolen and ends the sign-in. So whoever refreshes holds
//! a lock, over all processes, from before the file is read until what came of it is written.

use std::collections::BTreeMap;
use std::fs::{self, File, TryLockError};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use etcetera::BaseStrategy;
use keyward_client::{Client, ClientError, Secret, TokenSource, Tokens};
use keyward_core::Timestamp;
use keyward_core::clock::{Clock, SystemClock};
use keyward_core::store::async_trait;
use serde::{Deserialize, Serialize};
use tokio::sync::Mutex;
use zeroize::Zeroizing;

use crate::failure::{Failure, Kind};

/// A token that ends within this is renewed first: longer than any call takes.
const TOO_SOON: Duration = Duration::from_secs(60);
/// How long another process may take that refreshes: longer than its tries take.
const LOCKED: Duration = Duration::from_secs(60);
const LOOK_AGAIN: Duration = Duration::from_millis(50);

/// The folder in which sign-ins are kept.
#[derive(Clone, Debug)]
pub(crate) struct Kept {
    folder: PathBuf,
}

/// Sign-ins, by the URLs of their servers.
#[derive(Default, Serialize, Deserialize)]
struct SignIns {
    servers: BTreeMap<String, SignIn>,
}

/// A sign-in.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct SignIn {
    pub(crate) email: String,
    access_token: Zeroizing<String>,
    expires_at: Timestamp,
    refresh_token: Zeroizing<String>,
    refresh_expires_at: Timestamp,
}

/// The folder while nobody else changes what is in it.
struct Locked<'a> {
    folder: &'a Path,
    /// Given up when it is dropped.
    _lock: File,
}

impl SignIn {
    pub(crate) fn new(email: String, tokens: Tokens) -> Self {
        Self {
            email,
            access_token: tokens.access_token.expose_once(),
            expires_at: tokens.expires_at,
            refresh_token: tokens.refresh_token.expose_once(),
            refresh_expires_at: tokens.refresh_expires_at,
        }
    }

    pub(crate) fn ends_at(&self) -> Timestamp {
        self.refresh_expires_at
    }

    fn token(&self) -> Arc<Secret> {
        Arc::new(Secret::from(self.access_token.clone()))
    }

    fn is_good(&self) -> bool {
        self.expires_at.saturating_since(SystemClock.now()) > TOO_SOON
    }
}

impl Kept {
    /// In the user's configuration folder.
    pub(crate) fn of_user() -> Result<Self, Failure> {
        let folders = etcetera::choose_base_strategy();
        let folders = folders.map_err(|error| Failure::caused(Kind::Usage, &error))?;
        Ok(Self { folder: folders.config_dir().join("keyward") })
    }

    /// Keeps a sign-in in place of the one before.
    pub(crate) async fn keep(&self, url: &str, sign_in: SignIn) -> Result<(), Failure> {
        let locked = self.lock().await?;
        let mut all = locked.read()?;
        all.servers.insert(url.to_owned(), sign_in);
        locked.write(&all)
    }

    /// Forgets a sign-in.
    pub(crate) async fn forget(&self, url: &str) -> Result<(), Failure> {
        let locked = self.lock().await?;
        let mut all = locked.read()?;
        if all.servers.remove(url).is_some() {
            locked.write(&all)?;
        }
        Ok(())
    }

    async fn lock(&self) -> Result<Locked<'_>, Failure> {
        make_folder(&self.folder)?;
        let path = self.folder.join("credentials.lock");
        let mut options = File::options();
        options.write(true).create(true).truncate(false);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let lock = options.open(&path).map_err(|error| failed(&path, &error))?;
        let give_up = tokio::time::Instant::now() + LOCKED;
        loop {
            match lock.try_lock() {
                Ok(()) => return Ok(Locked { folder: &self.folder, _lock: lock }),
                Err(TryLockError::WouldBlock) if tokio::time::Instant::now() < give_up => {
                    tokio::time::sleep(LOOK_AGAIN).await;
                }
                Err(TryLockError::WouldBlock) => {
                    let message = format!("{}: another keyward has held it for a minute", path.display());
                    return Err(Failure::new(Kind::Database, message));
                }
                Err(TryLockError::Error(error)) => return Err(failed(&path, &error)),
            }
        }
    }
}

impl Locked<'_> {
    fn path(&self) -> PathBuf {
        self.folder.join("credentials.json")
    }

    fn read(&self) -> Result<SignIns, Failure> {
        let path = self.path();
        let text = match fs::read(&path) {
            Ok(text) => Zeroizing::new(text),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(SignIns::default()),
            Err(error) => return Err(failed(&path, &error)),
        };
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let metadata = fs::metadata(&path).map_err(|error| failed(&path, &error))?;
            if metadata.permissions().mode() & 0o077 != 0 {
                let message = format!(
                    "{}: others than its owner may read or change it. Run chmod 600 on it, or remove it and sign in again",
                    path.display()
                );
                return Err(Failure::new(Kind::Usage, message));
            }
        }
        // What serde would say of it may quote a token.
        serde_json::from_slice(&text).map_err(|_| {
            let message =
                format!("{}: this is not what keyward login writes: remove it, and sign in again", path.display());
            Failure::new(Kind::Usage, message)
        })
    }

    /// Writes all of it, or nothing: a program that ends half-way leaves the file as it was.
    fn write(&self, all: &SignIns) -> Result<(), Failure> {
        let path = self.path();
        let text = serde_json::to_vec(all).map_err(|error| Failure::caused(Kind::Usage, &error))?;
        let text = Zeroizing::new(text);
        let say = |error: std::io::Error| failed(&path, &error);
        // On Unix it is made for its owner alone.
        let mut file = tempfile::Builder::new().prefix(".credentials").tempfile_in(self.folder).map_err(say)?;
        file.write_all(&text).and_then(|()| file.as_file().sync_all()).map_err(say)?;
        file.persist(&path).map_err(|error| say(error.error))?;
        #[cfg(unix)]
        File::open(self.folder).and_then(|folder| folder.sync_all()).map_err(say)?;
        Ok(())
    }
}

fn make_folder(folder: &Path) -> Result<(), Failure> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder).map_err(|error| failed(folder, &error))
}

fn failed(path: &Path, error: &std::io::Error) -> Failure {
    Failure::new(Kind::Usage, format!("{}: {error}", path.display()))
}

/// The tokens of a sign-in that is kept, renewed in time.
pub(crate) struct Login {
    /// Without a credential of its own.
    client: Client,
    kept: Kept,
    current: Mutex<Option<SignIn>>,
}

impl Login {
    pub(crate) fn new(client: Client, kept: Kept) -> Self {
        Self { client, kept, current: Mutex::new(None) }
    }

    async fn renewed(&self) -> Result<SignIn, ClientError> {
        let url = self.client.url();
        let none = |failure: Failure| ClientError::NoToken(failure.to_string());
        let sign_in = |why: &str| ClientError::NoToken(format!("{why}: keyward login --server {url} --email YOU"));
        let locked = self.kept.lock().await.map_err(none)?;
        let mut all = locked.read().map_err(none)?;
        let known = all.servers.get(url).ok_or_else(|| {
            sign_in("there is no credential for this server: set KEYWARD_TOKEN, give --token-file, or sign in")
        })?;
        // Another process may have renewed it in the meantime.
        if known.is_good() {
            return Ok(known.clone());
        }
        let tokens = self.client.refresh_tokens(&Secret::from(known.refresh_token.clone())).await;
        let tokens = tokens.map_err(|error| match error.status() {
            Some(401) => sign_in("the sign-in has ended: sign in again"),
            _ => error,
        })?;
        let renewed = SignIn::new(known.email.clone(), tokens);
        all.servers.insert(url.to_owned(), renewed.clone());
        locked.write(&all).map_err(none)?;
        Ok(renewed)
    }
}

#[async_trait]
impl TokenSource for Login {
    async fn token(&self) -> Result<Arc<Secret>, ClientError> {
        let mut current = self.current.lock().await;
        if let Some(good) = current.as_ref().filter(|sign_in| sign_in.is_good()) {
            return Ok(good.token());
        }
        Ok(current.insert(self.renewed().await?).token())
    }
}
