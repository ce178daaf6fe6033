//! A second use of a refresh token ends the sign-in. So a process that refreshes holds a lock from before it reads the file
//! until it has written the new tokens.

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

use crate::error::{Error, ErrorKind};

/// Longer than any call takes.
const RENEW_BEFORE: Duration = Duration::from_secs(60);
/// Longer than the retries of another process that refreshes.
const LOCK_TIMEOUT: Duration = Duration::from_secs(60);
const POLL_INTERVAL: Duration = Duration::from_millis(50);

#[derive(Clone, Debug)]
pub(crate) struct SignInFile {
    folder: PathBuf,
}

/// By URL of the server.
#[derive(Default, Serialize, Deserialize)]
struct SignIns {
    servers: BTreeMap<String, SignIn>,
    /// Management keys, of users without a second factor that a terminal can ask for.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    keys: BTreeMap<String, Zeroizing<String>>,
}

#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct SignIn {
    pub(crate) email: String,
    access_token: Zeroizing<String>,
    expires_at: Timestamp,
    refresh_token: Zeroizing<String>,
    refresh_expires_at: Timestamp,
}

/// Locked against other processes.
struct Locked<'a> {
    folder: &'a Path,
    /// Released on drop.
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
        self.expires_at.saturating_since(SystemClock.now()) > RENEW_BEFORE
    }
}

impl SignInFile {
    pub(crate) fn of_user() -> Result<Self, Error> {
        let folders = etcetera::choose_base_strategy();
        let folders = folders.map_err(|error| Error::caused(ErrorKind::Usage, &error))?;
        Ok(Self { folder: folders.config_dir().join("keyward") })
    }

    pub(crate) async fn keep(&self, url: &str, sign_in: SignIn) -> Result<(), Error> {
        let locked = self.lock().await?;
        let mut all = locked.read()?;
        all.keys.remove(url);
        all.servers.insert(url.to_owned(), sign_in);
        locked.write(&all)
    }

    pub(crate) async fn keep_key(&self, url: &str, key: &Secret) -> Result<(), Error> {
        let locked = self.lock().await?;
        let mut all = locked.read()?;
        all.servers.remove(url);
        all.keys.insert(url.to_owned(), Zeroizing::new(key.expose().to_owned()));
        locked.write(&all)
    }

    pub(crate) async fn forget(&self, url: &str) -> Result<(), Error> {
        let locked = self.lock().await?;
        let mut all = locked.read()?;
        let (sign_in, key) = (all.servers.remove(url), all.keys.remove(url));
        if sign_in.is_some() || key.is_some() {
            locked.write(&all)?;
        }
        Ok(())
    }

    async fn lock(&self) -> Result<Locked<'_>, Error> {
        make_folder(&self.folder)?;
        let path = self.folder.join("credentials.lock");
        let mut options = File::options();
        options.write(true).create(true).truncate(false);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let lock = options.open(&path).map_err(|error| Error::in_file(&path, &error))?;
        let give_up = tokio::time::Instant::now() + LOCK_TIMEOUT;
        loop {
            match lock.try_lock() {
                Ok(()) => return Ok(Locked { folder: &self.folder, _lock: lock }),
                Err(TryLockError::WouldBlock) if tokio::time::Instant::now() < give_up => {
                    tokio::time::sleep(POLL_INTERVAL).await;
                }
                Err(TryLockError::WouldBlock) => {
                    let message = format!("{}: another keyward process has locked it for a minute", path.display());
                    return Err(Error::new(ErrorKind::Failed, message));
                }
                Err(TryLockError::Error(error)) => return Err(Error::in_file(&path, &error)),
            }
        }
    }
}

impl Locked<'_> {
    fn path(&self) -> PathBuf {
        self.folder.join("credentials.json")
    }

    fn read(&self) -> Result<SignIns, Error> {
        let path = self.path();
        let text = match fs::read(&path) {
            Ok(text) => Zeroizing::new(text),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(SignIns::default()),
            Err(error) => return Err(Error::in_file(&path, &error)),
        };
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let metadata = fs::metadata(&path).map_err(|error| Error::in_file(&path, &error))?;
            if metadata.permissions().mode() & 0o077 != 0 {
                let message = format!(
                    "{}: other users may read or change it: run chmod 600 on it, or remove it and sign in again",
                    path.display()
                );
                return Err(Error::usage(message));
            }
        }
        // The message of serde may quote a token.
        serde_json::from_slice(&text).map_err(|_| {
            let message = format!("{}: not written by keyward login: remove it, and sign in again", path.display());
            Error::usage(message)
        })
    }

    /// As a whole, so that a crash leaves the old file.
    fn write(&self, all: &SignIns) -> Result<(), Error> {
        let path = self.path();
        let text = serde_json::to_vec(all).map_err(|error| Error::caused(ErrorKind::Usage, &error))?;
        let text = Zeroizing::new(text);
        let failed = |error: std::io::Error| Error::in_file(&path, &error);
        // On Unix its mode is 0600.
        let mut file = tempfile::Builder::new().prefix(".credentials").tempfile_in(self.folder).map_err(failed)?;
        file.write_all(&text).and_then(|()| file.as_file().sync_all()).map_err(failed)?;
        file.persist(&path).map_err(|error| failed(error.error))?;
        #[cfg(unix)]
        File::open(self.folder).and_then(|folder| folder.sync_all()).map_err(failed)?;
        Ok(())
    }
}

fn make_folder(folder: &Path) -> Result<(), Error> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder).map_err(|error| Error::in_file(folder, &error))?;
    // Who may write to the folder may replace the file in it.
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let metadata = fs::metadata(folder).map_err(|error| Error::in_file(folder, &error))?;
        if metadata.permissions().mode() & 0o022 != 0 {
            let message = format!("{}: other users may write to it: run chmod 700 on it", folder.display());
            return Err(Error::usage(message));
        }
    }
    Ok(())
}

pub(crate) struct Login {
    /// Without a credential.
    client: Client,
    file: SignInFile,
    current: Mutex<Option<Held>>,
}

enum Held {
    SignIn(SignIn),
    Key(Arc<Secret>),
}

impl Held {
    fn token(&self) -> Arc<Secret> {
        match self {
            Self::SignIn(sign_in) => sign_in.token(),
            Self::Key(key) => Arc::clone(key),
        }
    }

    fn is_good(&self) -> bool {
        match self {
            Self::SignIn(sign_in) => sign_in.is_good(),
            Self::Key(_) => true,
        }
    }
}

impl Login {
    pub(crate) fn new(client: Client, file: SignInFile) -> Self {
        Self { client, file, current: Mutex::new(None) }
    }

    async fn renewed(&self) -> Result<Held, ClientError> {
        let url = self.client.url();
        let no_token = |error: Error| ClientError::NoToken(error.to_string());
        let sign_in = |why: &str| ClientError::NoToken(format!("{why}: keyward login --server {url} --email YOU"));
        let locked = self.file.lock().await.map_err(no_token)?;
        let mut all = locked.read().map_err(no_token)?;
        if let Some(key) = all.keys.get(url) {
            return Ok(Held::Key(Arc::new(Secret::from(key.clone()))));
        }
        let known = all.servers.get(url).ok_or_else(|| {
            sign_in("no credential for this server: set KEYWARD_TOKEN, pass --token-file, or sign in")
        })?;
        // Another process may have renewed it.
        if known.is_good() {
            return Ok(Held::SignIn(known.clone()));
        }
        let tokens = self.client.refresh_tokens(&Secret::from(known.refresh_token.clone())).await;
        let tokens = tokens.map_err(|error| match error.status() {
            Some(401) => sign_in("the sign-in has expired: sign in again"),
            _ => error,
        })?;
        let renewed = SignIn::new(known.email.clone(), tokens);
        all.servers.insert(url.to_owned(), renewed.clone());
        locked.write(&all).map_err(no_token)?;
        Ok(Held::SignIn(renewed))
    }
}

#[async_trait]
impl TokenSource for Login {
    async fn token(&self) -> Result<Arc<Secret>, ClientError> {
        let mut current = self.current.lock().await;
        if let Some(good) = current.as_ref().filter(|held| held.is_good()) {
            return Ok(good.token());
        }
        Ok(current.insert(self.renewed().await?).token())
    }
}
