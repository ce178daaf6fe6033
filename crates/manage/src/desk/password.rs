//! Passwords: argon2id, a few at a time, and as slow for who does not exist.

use std::sync::Arc;

use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use argon2::{Algorithm, Argon2, Params, Version};
use tokio::sync::Semaphore;
use zeroize::Zeroizing;
use zxcvbn::{Score, zxcvbn};

use crate::error::DeskError;

/// Hashes at a time: each takes 19 MiB and a processor.
const AT_ONCE: usize = 4;

#[derive(Clone)]
pub(crate) struct Passwords {
    permits: Arc<Semaphore>,
    /// What the password of nobody is compared with.
    nobody: Arc<str>,
    params: Params,
}

impl Passwords {
    /// argon2id with 19 MiB, two passes and one lane: what OWASP's password storage cheat sheet says first.
    pub(crate) fn owasp() -> Params {
        Params::new(19 * 1_024, 2, 1, None).unwrap_or_default()
    }

    pub(crate) fn new(params: Params) -> Result<Self, DeskError> {
        let nobody = hash("nobody has this password", &params)?;
        Ok(Self { permits: Arc::new(Semaphore::new(AT_ONCE)), nobody: nobody.into(), params })
    }

    /// Whether somebody may have this password, of whom this much is known. As the only factor it has 15 characters at least; what they are is not
    /// prescribed, and what is quickly guessed is refused: words in lists, names, dates, rows of keys (NIST SP 800-63B-4, section 3.1.1.2).
    pub(crate) async fn check(&self, password: &str, about: &[&str]) -> Result<(), DeskError> {
        if !(15..=200).contains(&password.chars().count()) {
            return Err(DeskError::invalid("password", "15 to 200 characters"));
        }
        // What is long enough by then is long enough; more would take longer to look at.
        let beginning: Zeroizing<String> = Zeroizing::new(password.chars().take(64).collect());
        let about: Vec<String> = about.iter().map(|&text| text.to_owned()).collect();
        let is_guessed = self
            .work(move || {
                let about: Vec<&str> = about.iter().map(String::as_str).collect();
                zxcvbn(&beginning, &about).score() < Score::Three
            })
            .await?;
        if is_guessed {
            return Err(DeskError::invalid(
                "password",
                "not one that is guessed quickly: take four or five words that have nothing to do with each other",
            ));
        }
        Ok(())
    }

    pub(crate) async fn hash(&self, password: String) -> Result<String, DeskError> {
        let params = self.params.clone();
        self.work(move || hash(&password, &params)).await?
    }

    /// Whether the password is the one that was hashed; without a hash it takes as long, and is not.
    pub(crate) async fn verify(&self, password: String, stored: Option<String>) -> Result<bool, DeskError> {
        let nobody = Arc::clone(&self.nobody);
        self.work(move || {
            let is_right = |hash: &str| {
                PasswordHash::new(hash)
                    .is_ok_and(|hash| Argon2::default().verify_password(password.as_bytes(), &hash).is_ok())
            };
            let matches = is_right(stored.as_deref().unwrap_or(&nobody));
            matches && stored.is_some()
        })
        .await
    }

    /// Whether a hash was made with other parameters than these.
    pub(crate) fn is_outdated(&self, stored: &str) -> bool {
        PasswordHash::new(stored).is_ok_and(|hash| {
            hash.algorithm.as_str() != Algorithm::Argon2id.as_str()
                || Params::try_from(&hash).is_ok_and(|params| {
                    (params.m_cost(), params.t_cost(), params.p_cost())
                        != (self.params.m_cost(), self.params.t_cost(), self.params.p_cost())
                })
        })
    }

    async fn work<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, DeskError> {
        let permit = Arc::clone(&self.permits).acquire_owned().await.map_err(|_| DeskError::Internal)?;
        tokio::task::spawn_blocking(move || {
            let _permit = permit;
            work()
        })
        .await
        .map_err(|_| DeskError::Internal)
    }
}

fn hash(password: &str, params: &Params) -> Result<String, DeskError> {
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params.clone());
    argon2.hash_password(password.as_bytes()).map(|hash| hash.to_string()).map_err(|_| DeskError::Internal)
}
