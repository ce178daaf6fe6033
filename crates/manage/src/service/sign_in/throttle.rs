use std::hash::{BuildHasher as _, Hash, RandomState};
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use governor::clock::{Clock as _, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};
#[cfg(any(feature = "dashboard", feature = "webhooks"))]
use keyward_core::AccountId;
use keyward_core::id::UserId;

use super::devices::Device;
use crate::actor::{Actor, Context, Through, Who};
use crate::error::ManagementError;

/// Bounds memory in a flood.
const MAX_BUDGETS: usize = 500_000;

/// Tests and redeliveries of webhooks, for each account.
#[cfg(feature = "webhooks")]
const WEBHOOK_SENDS: NonZeroU32 = NonZeroU32::new(60).expect("it is not zero");

/// Calls with a new key to the provider's API, for each account.
#[cfg(feature = "dashboard")]
const TEST_CALLS: NonZeroU32 = NonZeroU32::new(60).expect("it is not zero");

/// Sign-in links, for each maker. A host application creates one for each page that it shows.
const LINKS: NonZeroU32 = NonZeroU32::new(600).expect("it is not zero");
/// Sign-in links, for each user.
const LINKS_PER_USER: NonZeroU32 = NonZeroU32::new(30).expect("it is not zero");

const SHARED: u64 = 4_096;

const DEVICES_PER_USER: NonZeroU32 = NonZeroU32::new(5).expect("it is not zero");

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Attempt {
    SignIn,
    Code,
    SignUp,
    ForgotPassword,
    Link,
    SignInLink,
    Refresh,
    #[cfg(feature = "oidc")]
    External,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Source {
    Client(IpAddr),
    Behind(IpAddr),
    Unknown,
}

impl Source {
    fn of(context: &Context) -> Self {
        match (context.address, context.peer) {
            (Some(address), _) => Self::Client(network(address)),
            (None, Some(peer)) => Self::Behind(network(peer)),
            (None, None) => Self::Unknown,
        }
    }
}

/// Per minute and node.
pub(crate) struct Throttle {
    addresses: Budgets,
    emails: Budgets,
    proven: Budgets,
    devices: Budgets,
    link_makers: Budgets,
    link_users: Budgets,
    #[cfg(feature = "webhooks")]
    webhooks: Budgets,
    #[cfg(feature = "dashboard")]
    test_calls: Budgets,
    has_warned: AtomicBool,
}

impl Throttle {
    pub(crate) fn new(per_address: NonZeroU32, per_email: NonZeroU32) -> Self {
        Self {
            addresses: Budgets::new(per_address),
            emails: Budgets::new(per_email),
            proven: Budgets::new(per_email),
            devices: Budgets::new(per_email.saturating_mul(DEVICES_PER_USER)),
            link_makers: Budgets::new(LINKS),
            link_users: Budgets::new(LINKS_PER_USER),
            #[cfg(feature = "webhooks")]
            webhooks: Budgets::new(WEBHOOK_SENDS),
            #[cfg(feature = "dashboard")]
            test_calls: Budgets::new(TEST_CALLS),
            has_warned: AtomicBool::new(false),
        }
    }

    /// Clients with an unknown address share their proxy's budget.
    pub(crate) fn check_address(&self, attempt: Attempt, context: &Context) -> Result<(), ManagementError> {
        let source = Source::of(context);
        if let Source::Behind(proxy) = source
            && !self.has_warned.swap(true, Ordering::Relaxed)
        {
            tracing::warn!(
                %proxy,
                "a trusted proxy does not forward its client's address, so its clients share one budget of attempts: \
                 check which forwarded fields it sets"
            );
        }
        self.addresses.take((attempt, source))
    }

    pub(crate) fn check_email(&self, attempt: Attempt, email: &str) -> Result<(), ManagementError> {
        self.emails.take((attempt, email))
    }

    pub(crate) fn check_device(&self, email: &str, device: &Device) -> Result<(), ManagementError> {
        // The device comes first, so that one device cannot use up the budget of all.
        self.proven.take(("device", email, device.id))?;
        self.devices.take(email)
    }

    pub(crate) fn check_known(&self, user: &UserId, network: IpAddr) -> Result<(), ManagementError> {
        self.proven.take(("network", user.as_str(), network))
    }

    pub(crate) fn check_actor(&self, actor: &Actor) -> Result<(), ManagementError> {
        match &actor.who {
            Who::User { id, through: Through::Session(session) } => self.proven.take(("session", id.as_str(), session)),
            Who::User { id, through: Through::Token(token) } => {
                self.proven.take(("token", id.as_str(), token.as_str()))
            }
            Who::Key(_) | Who::System(_) => Ok(()),
        }
    }

    pub(crate) fn check_link_maker(&self, actor: &Actor) -> Result<(), ManagementError> {
        let name = actor.name();
        self.link_makers.take((&name.kind, &name.id))
    }

    pub(crate) fn check_link_user(&self, user: &UserId) -> Result<(), ManagementError> {
        self.link_users.take(user)
    }

    #[cfg(feature = "webhooks")]
    pub(crate) fn check_webhooks(&self, account: &AccountId) -> Result<(), ManagementError> {
        self.webhooks.take(account)
    }

    #[cfg(feature = "dashboard")]
    pub(crate) fn check_test_call(&self, account: &AccountId) -> Result<(), ManagementError> {
        self.test_calls.take(account)
    }

    pub(crate) fn shrink(&self) {
        #[cfg(feature = "dashboard")]
        self.test_calls.limiter.retain_recent();
        #[cfg(feature = "webhooks")]
        self.webhooks.limiter.retain_recent();
        let Self { addresses, emails, proven, devices, link_makers, link_users, .. } = self;
        for budgets in [addresses, emails, proven, devices, link_makers, link_users] {
            budgets.limiter.retain_recent();
        }
    }
}

struct Budgets {
    /// Hashes, so that long input takes no memory.
    limiter: DefaultKeyedRateLimiter<u64>,
    hasher: RandomState,
    clock: DefaultClock,
    crowded: AtomicU32,
    most: usize,
}

impl Budgets {
    fn new(per_minute: NonZeroU32) -> Self {
        Self {
            limiter: RateLimiter::keyed(Quota::per_minute(per_minute)),
            hasher: RandomState::new(),
            clock: DefaultClock::default(),
            crowded: AtomicU32::new(0),
            most: MAX_BUDGETS,
        }
    }

    fn take(&self, key: impl Hash) -> Result<(), ManagementError> {
        let mut key = self.hasher.hash_one(key);
        if self.limiter.len() >= self.most {
            // Cleaning is slow, so it runs once in a while.
            if self.crowded.fetch_add(1, Ordering::Relaxed).is_multiple_of(1_024) {
                self.limiter.retain_recent();
            }
            key %= SHARED;
        }
        let checked = self.limiter.check_key(&key);
        checked.map_err(|until| {
            let retry_after: Duration = until.wait_time_from(self.clock.now());
            ManagementError::Throttled { retry_after }
        })
    }
}

/// An IPv4 address or IPv6 /64.
pub(crate) fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => {
            let bits = u128::from(v6) & !u128::from(u64::MAX);
            IpAddr::V6(bits.into())
        }
        v4 => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn throttle() -> Throttle {
        let three = NonZeroU32::new(3).unwrap();
        Throttle::new(three, three)
    }

    #[test]
    fn an_unknown_address_is_counted_by_its_peer() {
        let known = Context::new().address([192, 0, 2, 7]).peer([10, 0, 0, 1]);
        for (context, other) in [
            (known.clone(), Context::new().address([192, 0, 2, 8]).peer([10, 0, 0, 1])),
            (Context::new().peer([10, 0, 0, 1]), Context::new().peer([10, 0, 0, 2])),
            (Context::new().peer([10, 0, 0, 1]), known.clone()),
            (Context::new().peer([10, 0, 0, 1]), Context::new().address([10, 0, 0, 1])),
            (Context::new(), known),
        ] {
            let throttle = throttle();
            throttle.check_address(Attempt::SignIn, &context).unwrap();
            let mut verdicts = (0..50).map(|_| throttle.check_address(Attempt::SignIn, &context));
            assert!(verdicts.any(|verdict| matches!(verdict, Err(ManagementError::Throttled { .. }))), "{context:?}");
            throttle.check_address(Attempt::SignIn, &other).unwrap();
            throttle.check_address(Attempt::Refresh, &context).unwrap();
        }
    }

    #[test]
    fn a_flood_of_addresses_takes_bounded_memory() {
        let mut throttle = throttle();
        throttle.addresses.most = 100;
        for n in 0..100_000_u32 {
            let context = Context::new().address(n.to_be_bytes());
            let _ = throttle.check_address(Attempt::SignIn, &context);
        }
        assert!(throttle.addresses.limiter.len() <= 100 + usize::try_from(SHARED).unwrap());
        // New keys are still counted.
        let late = Context::new().address([192, 0, 2, 7]);
        assert!((0..50).any(|_| throttle.check_address(Attempt::SignIn, &late).is_err()));
    }
}
