//! How often somebody may try to sign in.

use std::net::IpAddr;
use std::num::NonZeroU32;
use std::time::Duration;

use governor::clock::{Clock as _, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};
use sha2::{Digest as _, Sha256};

use crate::actor::Context;
use crate::error::DeskError;

/// Attempts per minute by address and by e-mail address.
pub(crate) struct Throttle {
    addresses: DefaultKeyedRateLimiter<IpAddr>,
    /// By a part of the e-mail address's hash, so that what strangers send takes no more room than this.
    emails: DefaultKeyedRateLimiter<u64>,
    clock: DefaultClock,
}

impl Throttle {
    pub(crate) fn new(per_address: NonZeroU32, per_email: NonZeroU32) -> Self {
        Self {
            addresses: RateLimiter::keyed(Quota::per_minute(per_address)),
            emails: RateLimiter::keyed(Quota::per_minute(per_email)),
            clock: DefaultClock::default(),
        }
    }

    pub(crate) fn check(&self, context: &Context, email: Option<&str>) -> Result<(), DeskError> {
        let throttled = |wait: Duration| DeskError::Throttled { retry_after: wait };
        if let Some(address) = context.address {
            let checked = self.addresses.check_key(&network(address));
            checked.map_err(|until| throttled(until.wait_time_from(self.clock.now())))?;
        }
        if let Some(email) = email {
            let digest = Sha256::digest(email.as_bytes());
            let key = digest.iter().take(8).fold(0_u64, |key, &byte| key << 8 | u64::from(byte));
            self.emails.check_key(&key).map_err(|until| throttled(until.wait_time_from(self.clock.now())))?;
        }
        Ok(())
    }

    /// Forgets who has not tried for a while.
    pub(crate) fn shrink(&self) {
        self.addresses.retain_recent();
        self.emails.retain_recent();
    }
}

/// One subscriber has a whole /64 of IPv6.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => {
            let bits = u128::from(v6) & !u128::from(u64::MAX);
            IpAddr::V6(bits.into())
        }
        v4 => v4,
    }
}
