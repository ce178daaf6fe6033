//! Password hashing with short queues.

use std::sync::Arc;
use std::time::Duration;

use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use argon2::{Algorithm, Argon2, Params, Version};
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;
use unicode_normalization::UnicodeNormalization as _;
use zeroize::Zeroizing;
use zxcvbn::{Score, zxcvbn};

use crate::error::ManagementError;

/// Each takes 19 MiB and a processor.
const AT_ONCE: usize = 4;

const QUEUE: usize = 64;

const KNOWN_QUEUE: usize = 32;

const MAX_WAIT: Duration = Duration::from_secs(5);

const MAX_CHARACTERS: usize = 200;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lane {
    Stranger,
    Known,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Match {
    No,
    Yes,
    NotNormalised,
}

#[derive(Clone)]
pub(crate) struct Passwords {
    permits: Arc<Semaphore>,
    strangers: Arc<Semaphore>,
    known: Arc<Semaphore>,
    dummy: Arc<str>,
    params: Params,
    #[cfg(test)]
    begun: Arc<std::sync::atomic::AtomicUsize>,
}

struct AbortOnDrop<T>(JoinHandle<T>);

impl<T> Drop for AbortOnDrop<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Passwords {
    /// OWASP's first choice.
    pub(crate) fn owasp() -> Params {
        Params::new(19 * 1_024, 2, 1, None).unwrap_or_default()
    }

    pub(crate) fn new(params: Params) -> Self {
        Self {
            permits: Arc::new(Semaphore::new(AT_ONCE)),
            strangers: Arc::new(Semaphore::new(AT_ONCE + QUEUE)),
            known: Arc::new(Semaphore::new(AT_ONCE + KNOWN_QUEUE)),
            dummy: dummy(&params).into(),
            params,
            #[cfg(test)]
            begun: Arc::default(),
        }
    }

    /// NIST SP 800-63B-4, section 3.1.1.2.
    pub(crate) async fn check(&self, password: &str, about: &[&str]) -> Result<(), ManagementError> {
        self.check_in(Lane::Stranger, password, about).await
    }

    pub(crate) async fn check_in(&self, lane: Lane, password: &str, about: &[&str]) -> Result<(), ManagementError> {
        let password = with_length(password)?;
        // 64 characters are enough to judge a password. More would take longer.
        let beginning: Zeroizing<String> = Zeroizing::new(password.chars().take(64).collect());
        let about: Vec<String> = about.iter().map(|&text| text.to_owned()).collect();
        let is_guessed = self
            .work(lane, move || {
                let about: Vec<&str> = about.iter().map(String::as_str).collect();
                zxcvbn(&beginning, &about).score() < Score::Three
            })
            .await?;
        if is_guessed {
            return Err(ManagementError::invalid("password", "too easy to guess: choose four or five unrelated words"));
        }
        Ok(())
    }

    pub(crate) async fn hash(&self, password: impl Into<Zeroizing<String>>) -> Result<String, ManagementError> {
        self.hash_in(Lane::Stranger, &password.into()).await
    }

    pub(crate) async fn hash_in(&self, lane: Lane, password: &str) -> Result<String, ManagementError> {
        let (password, params) = (normal(password), self.params.clone());
        self.work(lane, move || hash(&password, &params)).await?
    }

    /// Without a hash, it takes as long and never matches.
    pub(crate) async fn verify(
        &self,
        lane: Lane,
        password: &str,
        stored: Option<String>,
    ) -> Result<Match, ManagementError> {
        let (written, normal) = (Zeroizing::new(password.to_owned()), normal(password));
        if written.chars().count().min(normal.chars().count()) > MAX_CHARACTERS {
            return Ok(Match::No);
        }
        let dummy = Arc::clone(&self.dummy);
        self.work(lane, move || {
            let is_right = |password: &str| {
                PasswordHash::new(stored.as_deref().unwrap_or(&dummy))
                    .is_ok_and(|hash| Argon2::default().verify_password(password.as_bytes(), &hash).is_ok())
            };
            let matches = if is_right(&normal) {
                Match::Yes
            } else if *written != *normal && is_right(&written) {
                Match::NotNormalised
            } else {
                Match::No
            };
            if stored.is_some() { matches } else { Match::No }
        })
        .await
    }

    pub(crate) fn is_outdated(&self, stored: &str) -> bool {
        PasswordHash::new(stored).is_ok_and(|hash| {
            hash.algorithm.as_str() != Algorithm::Argon2id.as_str()
                || Params::try_from(&hash).is_ok_and(|params| {
                    (params.m_cost(), params.t_cost(), params.p_cost())
                        != (self.params.m_cost(), self.params.t_cost(), self.params.p_cost())
                })
        })
    }

    #[cfg(test)]
    pub(crate) fn begun(&self) -> usize {
        self.begun.load(std::sync::atomic::Ordering::SeqCst)
    }

    #[cfg(test)]
    pub(crate) async fn hold(&self) -> tokio::sync::OwnedSemaphorePermit {
        Arc::clone(&self.permits).acquire_many_owned(4).await.unwrap()
    }

    async fn work<T: Send + 'static>(
        &self,
        lane: Lane,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, ManagementError> {
        let places = match lane {
            Lane::Stranger => &self.strangers,
            Lane::Known => &self.known,
        };
        let busy = || ManagementError::Busy { retry_after: MAX_WAIT };
        let place = Arc::clone(places).try_acquire_owned().map_err(|_| busy())?;
        let turn = tokio::time::timeout(MAX_WAIT, Arc::clone(&self.permits).acquire_owned()).await;
        let permit = turn.map_err(|_| busy())?.map_err(|_| ManagementError::Internal)?;
        #[cfg(test)]
        let begun = Arc::clone(&self.begun);
        let mut task = AbortOnDrop(tokio::task::spawn_blocking(move || {
            // Held until the work ends, even if its caller has left.
            let _held = (place, permit);
            #[cfg(test)]
            begun.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
            work()
        }));
        (&mut task.0).await.map_err(|_| ManagementError::Internal)
    }
}

fn hash(password: &str, params: &Params) -> Result<String, ManagementError> {
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params.clone());
    argon2.hash_password(password.as_bytes()).map(|hash| hash.to_string()).map_err(|_| ManagementError::Internal)
}

/// Constant, so that starting hashes nothing.
fn dummy(params: &Params) -> String {
    let (salt, output) = ("A".repeat(22), "A".repeat(43));
    let (memory, passes, lanes) = (params.m_cost(), params.t_cost(), params.p_cost());
    format!("$argon2id$v=19$m={memory},t={passes},p={lanes}${salt}${output}")
}

#[cfg(feature = "dashboard")]
pub(crate) fn check_length(password: &str) -> Result<(), ManagementError> {
    with_length(password).map(drop)
}

/// Returns the normal form of a password that is neither too short nor too long.
fn with_length(password: &str) -> Result<Zeroizing<String>, ManagementError> {
    let password = normal(password);
    if (15..=MAX_CHARACTERS).contains(&password.chars().count()) {
        return Ok(password);
    }
    Err(ManagementError::invalid("password", "wrong length: expected 15 to 200 characters"))
}

/// RFC 8265 section 4.2.2.
fn normal(password: &str) -> Zeroizing<String> {
    let spaces = |c| match c {
        '\u{a0}' | '\u{1680}' | '\u{2000}'..='\u{200a}' | '\u{202f}' | '\u{205f}' | '\u{3000}' => ' ',
        _ => c,
    };
    Zeroizing::new(password.chars().map(spaces).nfc().collect())
}

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::sync::atomic::Ordering::SeqCst;
    use std::sync::mpsc;

    use super::*;

    const COMPOSED: &str = "Z\u{fc}ge fahren nach K\u{f6}ln";
    const APART: &str = "Zu\u{308}ge\u{a0}fahren nach Ko\u{308}ln";

    fn passwords() -> Passwords {
        Passwords::new(Params::new(8, 1, 1, None).unwrap())
    }

    #[test]
    fn the_dummy_costs_as_much_as_a_real_hash() {
        let params = Passwords::owasp();
        let passwords = Passwords::new(params.clone());
        let real = hash("any password", &params).unwrap();
        let (real, dummy) = (PasswordHash::new(&real).unwrap(), PasswordHash::new(&passwords.dummy).unwrap());
        assert!(!passwords.is_outdated(&passwords.dummy));
        assert_eq!((dummy.algorithm, dummy.version, &dummy.params), (real.algorithm, real.version, &real.params));
        let lengths = |hash: &PasswordHash| (hash.salt.unwrap().as_ref().len(), hash.hash.unwrap().as_bytes().len());
        assert_eq!(lengths(&dummy), lengths(&real));
    }

    #[tokio::test]
    async fn spellings_of_one_password_match() {
        let passwords = passwords();
        for (hashed, sent) in [(COMPOSED, APART), (APART, COMPOSED), (APART, APART)] {
            let stored = passwords.hash(hashed.to_owned()).await.unwrap();
            let verdict = passwords.verify(Lane::Stranger, sent, Some(stored)).await.unwrap();
            assert_eq!(verdict, Match::Yes, "{hashed} {sent}");
        }
    }

    #[tokio::test]
    async fn a_hash_of_the_raw_form_matches_it_once() {
        let passwords = passwords();
        let old = hash(APART, &passwords.params).unwrap();
        for (sent, verdict) in [(APART, Match::NotNormalised), (COMPOSED, Match::No), ("another one", Match::No)] {
            assert_eq!(passwords.verify(Lane::Stranger, sent, Some(old.clone())).await.unwrap(), verdict, "{sent}");
        }
        assert_eq!(passwords.verify(Lane::Stranger, APART, None).await.unwrap(), Match::No);
    }

    #[tokio::test(start_paused = true)]
    async fn departed_waiters_cost_no_hash_and_no_place() {
        let passwords = passwords();
        let (release, held) = mpsc::channel::<()>();
        let held = Arc::new(std::sync::Mutex::new(held));
        let working: Vec<_> = (0..AT_ONCE)
            .map(|_| {
                let (passwords, held) = (passwords.clone(), Arc::clone(&held));
                tokio::spawn(async move {
                    passwords.work(Lane::Stranger, move || held.lock().unwrap().recv().is_ok()).await
                })
            })
            .collect();
        while passwords.begun.load(SeqCst) < AT_ONCE {
            tokio::task::yield_now().await;
        }
        // Thousands of callers wait for their turn, and leave before it comes.
        for _ in 0..50 {
            let mut waiting: Vec<_> =
                (0..QUEUE).map(|_| Box::pin(passwords.verify(Lane::Stranger, "guess", None))).collect();
            for waiter in &mut waiting {
                assert!(futures_poll(waiter.as_mut()).await.is_none());
            }
            // The queue is full, so one more is refused at once.
            let verdict = passwords.verify(Lane::Stranger, "guess", None).await;
            assert!(matches!(verdict, Err(ManagementError::Busy { .. })));
        }
        assert_eq!(passwords.begun.load(SeqCst), AT_ONCE);
        let stored = hash("the right one", &passwords.params).unwrap();
        let mut real = pin!(passwords.verify(Lane::Stranger, "the right one", Some(stored)));
        assert!(futures_poll(real.as_mut()).await.is_none());
        for _ in 0..AT_ONCE {
            release.send(()).unwrap();
        }
        assert_eq!(real.await.unwrap(), Match::Yes);
        assert_eq!(passwords.begun.load(SeqCst), AT_ONCE + 1);
        for task in working {
            assert!(task.await.unwrap().unwrap());
        }
    }

    #[tokio::test]
    async fn known_devices_have_places_of_their_own() {
        let passwords = passwords();
        let all: Vec<_> = std::iter::repeat_with(|| Arc::clone(&passwords.strangers).try_acquire_owned())
            .take_while(Result::is_ok)
            .collect();
        assert_eq!(all.len(), AT_ONCE + QUEUE);
        let stored = hash("the right one", &passwords.params).unwrap();
        for (lane, is_busy) in [(Lane::Stranger, true), (Lane::Known, false)] {
            let verdict = passwords.verify(lane, "the right one", Some(stored.clone())).await;
            assert_eq!(matches!(verdict, Err(ManagementError::Busy { .. })), is_busy, "{lane:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_turn_that_does_not_come_is_given_up() {
        let passwords = passwords();
        let _all = passwords.permits.acquire_many(4).await.unwrap();
        let verdict = passwords.verify(Lane::Known, "guess", None).await;
        assert!(matches!(verdict, Err(ManagementError::Busy { .. })));
        assert_eq!(passwords.known.available_permits(), AT_ONCE + KNOWN_QUEUE);
    }

    async fn futures_poll<F: Future>(mut future: std::pin::Pin<&mut F>) -> Option<F::Output> {
        std::future::poll_fn(|context| match future.as_mut().poll(context) {
            std::task::Poll::Ready(output) => std::task::Poll::Ready(Some(output)),
            std::task::Poll::Pending => std::task::Poll::Ready(None),
        })
        .await
    }
}
