mod accounts;
#[cfg(feature = "dashboard")]
mod apart;
mod api_description;
mod appearance;
#[cfg(any(feature = "mail", feature = "webhooks"))]
mod attempts;
mod audit;
mod authenticator;
mod builder;
mod device_name;
mod email;
mod event_worker;
mod events;
mod idempotency;
mod invitations;
mod keys;
mod lifetimes;
mod limits;
mod limits_sweep;
mod mail;
mod members;
mod page;
mod plan_removal;
mod plans;
mod requests;
mod rights;
mod seal;
mod second_factor;
mod settings;
mod sign_in;
mod steps;
mod usage;
mod users;
#[cfg(feature = "webhooks")]
mod webhooks;

#[cfg(feature = "dashboard")]
pub(crate) use crate::proof::{PasskeyAnswer, PasskeyRequest, Proof, RelyingParty};
#[cfg(feature = "dashboard")]
pub(crate) use accounts::AccountSearch;
pub use accounts::AccountUpdate;
pub use api_description::{ApiDescription, ExampleUrl, ExampleUrlError};
pub use appearance::{Appearance, AppearanceUpdate};
pub use audit::{AuditCheckpoint, AuditEntry, AuditQuery, AuditVerdict, Outcome, Target};
#[cfg(feature = "dashboard")]
pub(crate) use audit::{AuditFound, AuditSearch};
pub use builder::ManagementBuilder;
#[cfg(feature = "dashboard")]
pub(crate) use device_name::device_name;
#[cfg(feature = "dashboard")]
pub(crate) use email::normal_email;
pub use events::Event;
pub use idempotency::{Answer, IdempotentRequest};
pub use invitations::{InvitationView, Invited};
#[cfg(feature = "dashboard")]
pub(crate) use keys::MAX_OVERLAP;
pub use keys::{
    ACCESS_TOKEN_PREFIX, KeyChange, KeyDraft, KeyRotation, KeyView, LeakPolicy, LeakReport, MANAGEMENT_PREFIX,
    NewlyIssued, NewlyRotated, SECRET_MANAGEMENT_PREFIX, key_filters, key_view, purpose_of,
};
#[cfg(feature = "dashboard")]
pub(crate) use lifetimes::BOUNDS as LIFETIME_BOUNDS;
pub use limits::{store_limits, stored_limits};
pub use members::MemberView;
#[cfg(feature = "dashboard")]
pub(crate) use members::{MemberCount, MemberFactor};
#[cfg(feature = "dashboard")]
pub(crate) use page::MOST_COUNTED;
pub(crate) use page::invalid_cursor;
pub use page::{Page, PageRequest};
#[cfg(feature = "dashboard")]
pub(crate) use plans::wrong_fields_of_plan;
pub use requests::RecentRequest;
#[cfg(feature = "dashboard")]
pub(crate) use second_factor::{BegunPasskey, OwnFactors, PasskeyView};
pub use second_factor::{SecondFactor, SecondFactorSetUp};
pub use settings::{SignUpPolicy, UserKeyPolicy};
#[cfg(feature = "dashboard")]
pub(crate) use sign_in::{LinkTarget, SecondStep, SignInStep, passkey_binding};
pub use sign_in::{SessionView, SignInLink, SignInLinkDraft, SignedIn, Tokens};
#[cfg(feature = "dashboard")]
pub(crate) use usage::{Days, INSUFFICIENT_SCOPE, KeyOutcomes};
pub use usage::{Usage, UsageDay, UsageScope, UsageTotal};
pub use users::{NewUser, ResetLink};
#[cfg(all(feature = "dashboard", feature = "webhooks"))]
pub(crate) use webhooks::is_undelivered;
#[cfg(feature = "webhooks")]
pub use webhooks::{Delivery, DeliveryAttempt, DeliveryState, IssuedWebhook, WebhookState, WebhookUpdate, WebhookView};

use std::fmt;
use std::pin::pin;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use keyward_core::clock::Clock;
use keyward_core::key::{Hasher, KeyFormat};
use keyward_core::store::{Freshness, KeyStore, StoreError};
use keyward_core::{AccountId, Authenticator, Keys, Timestamp, TrustedProxies};
use keyward_limits::LimitStore;
use tokio::sync::{Mutex, OnceCell};
use zeroize::Zeroizing;

use crate::actor::{Actor, Who};
use crate::error::ManagementError;
use crate::records::{Entity, Versioned};
use crate::store::{Kind, List, ManagementStore, Write, Written};
#[cfg(feature = "dashboard")]
use apart::Turns;
use audit::{Head, Refused};
use events::EventHook;
use limits_sweep::LimitsSweep;
use requests::RequestBuffer;
use settings::Settings;
use sign_in::{Passwords, Throttle};
use steps::Steps;
use usage::Counters;
use users::ResetLinkSender;

const ATTEMPTS: usize = 64;
const MINUTE: Duration = Duration::from_secs(60);

/// `None` without a record. Methods that return it check no rights.
type CurrentVersion = Result<Option<u64>, ManagementError>;

/// Manages accounts, users, members, keys, plans and tokens. Clones are cheap.
///
/// Operations take an [`Actor`], check its rights, and write the audit log. Any may also fail with
/// [`ManagementError::Invalid`], [`ManagementError::Store`], [`ManagementError::Forbidden`] without the scope, or
/// [`ManagementError::NotFound`] without rights.
///
/// # Examples
/// ```
/// use keyward::manage::{Actor, Context, Management, KeyDraft, NewUser, SqliteManagementStore};
/// use keyward::sqlite::SqliteStore;
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let store = SqliteStore::temporary()?;
/// let management = Management::builder(store.clone(), SqliteManagementStore::open(&store)?).build()?;
/// let system = Actor::system("example", Context::new());
/// management.create_owner(&system, NewUser::new("ada@example.com", "Ada", "correct horse battery")).await?;
///
/// let signed_in = management.sign_in(&Context::new(), "ada@example.com", "correct horse battery").await?;
/// let ada = management.session(&signed_in.session, Context::new()).await?;
/// let account = management.own_accounts(&ada).await?.remove(0).0.value.id;
/// let issued = management.create_key(&ada, KeyDraft::secret(account, "production")).await?;
/// println!("shown this once: {}", *issued.key.expose_once());
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct Management(pub(crate) Arc<Inner>);

pub(crate) struct Inner {
    keys: Keys,
    management: Keys,
    key_store: Arc<dyn KeyStore>,
    freshness: Freshness,
    store: Arc<dyn ManagementStore>,
    format: KeyFormat,
    management_format: KeyFormat,
    token_format: KeyFormat,
    hasher: Hasher,
    clock: Arc<dyn Clock>,
    settings: Settings,
    passwords: Passwords,
    throttle: Throttle,
    counters: Counters,
    requests: RequestBuffer,
    refused: Refused,
    #[cfg(feature = "dashboard")]
    turns: Turns,
    head: Mutex<Option<Head>>,
    /// So that requests of this process seldom conflict.
    creation_locks: [Mutex<()>; 16],
    authenticator: OnceLock<Authenticator>,
    pages: OnceLock<appearance::Pages>,
    send_reset_link: Option<ResetLinkSender>,
    limits: Option<Arc<dyn LimitStore>>,
    limits_sweep: Mutex<LimitsSweep>,
    shared_secret: OnceCell<Zeroizing<String>>,
    on_event: Option<EventHook>,
    #[cfg(feature = "mail")]
    mailer: Option<crate::mail::Mailer>,
    #[cfg(feature = "webhooks")]
    webhook_clients: webhooks::Clients,
}

impl Management {
    /// Creates a builder over these stores.
    pub fn builder<S: keyward_core::store::KeyAdmin + Clone>(
        keys: S,
        records: impl ManagementStore,
    ) -> ManagementBuilder {
        ManagementBuilder::new(keys, Arc::new(records))
    }

    /// Returns the operator's account, whose roles hold everywhere.
    #[must_use]
    pub fn operator(&self) -> &AccountId {
        &self.0.settings.operator
    }

    /// Returns the trusted proxies.
    #[must_use]
    pub fn trusted_proxies(&self) -> &TrustedProxies {
        &self.0.settings.proxies
    }

    /// Returns the format of the provider's keys.
    #[must_use]
    pub fn key_format(&self) -> &KeyFormat {
        &self.0.format
    }

    /// Returns the key's account, or the user's first.
    ///
    /// # Errors
    /// [`ManagementError::NotFound`] if there is none.
    pub async fn default_account(&self, actor: &Actor) -> Result<AccountId, ManagementError> {
        match &actor.who {
            Who::System(_) => Ok(self.operator().clone()),
            Who::Key(identity) => Ok(identity.account().clone()),
            Who::User { id, .. } => self.first_account(id).await?.ok_or(ManagementError::NotFound("account")),
        }
    }

    /// Removes expired records and old usage, prunes the audit log, ends keys of users who have left, completes
    /// deletions of accounts, and writes counts and recent requests. Call it about
    /// once a minute. A step that fails does not stop the next ones.
    ///
    /// # Errors
    /// [`ManagementError::Store`]: the first one.
    pub async fn maintain(&self) -> Result<(), ManagementError> {
        let mut steps = Steps::default();
        self.maintain_quickly(&mut steps).await;
        steps.note("retention", self.prune_by_retention().await);
        // Removing many counts takes minutes. Meanwhile, the other steps go on.
        let mut removal = pin!(self.remove_old_usage());
        let removed = loop {
            match tokio::time::timeout(MINUTE, removal.as_mut()).await {
                Ok(removed) => break removed,
                Err(_) => self.maintain_quickly(&mut steps).await,
            }
        };
        steps.note("old usage", removed);
        steps.end()
    }

    async fn maintain_quickly(&self, steps: &mut Steps) {
        steps.note("catalogue of scopes", self.refresh_listed_scopes().await);
        steps.note("usage", self.flush_usage().await);
        self.report_dropped_counts();
        steps.note("recent requests", self.flush_requests().await);
        steps.note("refused attempts", self.flush_refused().await);
        steps.note("audit log", self.log_unfinished().await);
        steps.note("keys of leavers", self.end_keys_of_leavers().await);
        steps.note("deletions", self.finish_deletions().await);
        steps.note("removals of plans", self.finish_removals_of_plans().await);
        steps.note("limits", self.sweep_limits().await);
        steps.note("events by time", self.announce_by_time().await);
        // A day later, so that an expired token is still reported as expired, and a reuse is still detected.
        let before = self.now().as_millis() - 24 * 3_600 * 1_000;
        let swept = self.0.store.sweep(Timestamp::from_millis(before)).await;
        steps.note("expired records", swept.map(drop).map_err(ManagementError::from));
        self.0.throttle.shrink();
        #[cfg(all(feature = "metrics", feature = "webhooks"))]
        steps.note("queue of webhooks", self.report_queue().await);
        #[cfg(all(feature = "metrics", feature = "mail"))]
        steps.note("queue of mails", self.report_mails().await);
    }

    /// Checks that both stores answer.
    ///
    /// # Errors
    /// [`ManagementError::Store`].
    pub async fn ready(&self) -> Result<(), ManagementError> {
        self.0.keys.get_account(self.operator()).await?;
        self.0.store.get(Kind::User, "").await?;
        Ok(())
    }

    #[cfg(feature = "github")]
    pub(crate) fn clock(&self) -> Arc<dyn Clock> {
        Arc::clone(&self.0.clock)
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.0.clock.now()
    }

    async fn get<T: Entity>(&self, id: &str) -> Result<Option<Versioned<T>>, StoreError> {
        self.0.store.get(T::KIND, id).await?.as_ref().map(Versioned::of).transpose()
    }

    async fn get_many<T: Entity>(&self, ids: &[String]) -> Result<Vec<Versioned<T>>, StoreError> {
        self.0.store.get_many(T::KIND, ids).await?.iter().map(Versioned::of).collect()
    }

    async fn find<T: Entity>(&self, key: &str) -> Result<Option<Versioned<T>>, StoreError> {
        self.0.store.find(T::KIND, key).await?.as_ref().map(Versioned::of).transpose()
    }

    async fn list<T: Entity>(&self, list: &List) -> Result<Vec<Versioned<T>>, StoreError> {
        self.0.store.list(list).await?.iter().map(Versioned::of).collect()
    }

    async fn list_all<T: Entity>(&self, mut list: List) -> Result<Vec<Versioned<T>>, StoreError> {
        let mut all = Vec::new();
        loop {
            let page = self.list::<T>(&list).await?;
            list.after = page.last().map(|last| (last.value.sort(), last.value.id()));
            let is_last = page.len() < list.limit;
            all.extend(page);
            if is_last {
                return Ok(all);
            }
        }
    }

    /// A dropped future could leave a write half-done.
    pub(crate) async fn run_to_completion<T: Send + 'static>(
        work: impl Future<Output = Result<T, ManagementError>> + Send + 'static,
    ) -> Result<T, ManagementError> {
        tokio::spawn(work).await.unwrap_or_else(|error| {
            tracing::error!(%error, "a task of the management service ended without a result");
            Err(ManagementError::Internal)
        })
    }

    async fn write_quietly(&self, writes: &[Write]) -> Result<bool, StoreError> {
        Ok(self.0.store.write(writes).await? == Written::Done)
    }
}

impl fmt::Debug for Management {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Management").field("operator", self.operator()).finish_non_exhaustive()
    }
}

pub(crate) fn check_name(field: &'static str, name: &str) -> Result<String, ManagementError> {
    keyward_core::name::check_name(name)
        .map(str::to_owned)
        .map_err(|error| ManagementError::invalid(field, error.to_string()))
}

/// Returns the checks that found a wrong value. Another failure ends them.
#[cfg(feature = "dashboard")]
pub(crate) fn wrong_fields(
    checks: impl IntoIterator<Item = Result<(), ManagementError>>,
) -> Result<Vec<ManagementError>, ManagementError> {
    let mut wrong = Vec::new();
    for check in checks {
        match check {
            Ok(()) => {}
            Err(
                error @ (ManagementError::Invalid { .. }
                | ManagementError::ScopeNotInPlan { .. }
                | ManagementError::LifetimeTooLong(_)),
            ) => wrong.push(error),
            Err(error) => return Err(error),
        }
    }
    Ok(wrong)
}

/// Up to a tenth, so that the attempts after an outage spread.
#[cfg(any(feature = "mail", feature = "webhooks"))]
pub(crate) fn jitter(pause: u64) -> std::time::Duration {
    let mut random = [0_u8; 1];
    // Without randomness, there is no jitter.
    let _ = getrandom::fill(&mut random);
    std::time::Duration::from_millis(pause * 100 * u64::from(random[0]) / 255)
}
