//! Passwords: argon2id with the crate's parameters (19 MiB, two passes).

use std::error::Error;
use std::sync::Arc;

use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use tokio::sync::Semaphore;

use crate::answer::Answer;

const AT_ONCE: usize = 2;

#[derive(Clone)]
pub(crate) struct Passwords {
    permits: Arc<Semaphore>,
    /// For users that do not exist, so that they take as long as others.
    dummy: Arc<str>,
}

impl Passwords {
    pub(crate) fn new() -> Result<Self, Box<dyn Error>> {
        let dummy = hash("no user has this password").ok_or("argon2 cannot hash a password")?;
        Ok(Self { permits: Arc::new(Semaphore::new(AT_ONCE)), dummy: dummy.into() })
    }

    pub(crate) async fn hash(&self, password: String) -> Result<String, Answer> {
        self.work(move || hash(&password)).await?.ok_or(Answer::Failed)
    }

    /// Without a hash it takes as long and returns `false`.
    pub(crate) async fn verify(&self, password: String, stored: Option<String>) -> Result<bool, Answer> {
        let dummy = Arc::clone(&self.dummy);
        self.work(move || {
            let is_right = |hash: &str| {
                PasswordHash::new(hash)
                    .is_ok_and(|hash| Argon2::default().verify_password(password.as_bytes(), &hash).is_ok())
            };
            let matches = is_right(stored.as_deref().unwrap_or(&dummy));
            matches && stored.is_some()
        })
        .await
    }

    async fn work<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, Answer> {
        let permit = Arc::clone(&self.permits).acquire_owned().await.map_err(|_| Answer::Failed)?;
        tokio::task::spawn_blocking(move || {
            let _permit = permit;
            work()
        })
        .await
        .map_err(|_| Answer::Failed)
    }
}

fn hash(password: &str) -> Option<String> {
    Argon2::default().hash_password(password.as_bytes()).ok().map(|hash| hash.to_string())
}
