use std::error::Error;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use keyward::clock::ManualClock;
use keyward::{Keys, NewKey, Timestamp};

use crate::Announcement;

const HOUR: Duration = Duration::from_secs(3_600);

/// An issuer of demo keys.
#[derive(Debug)]
pub struct Demo<'a> {
    keys: &'a Keys,
    announcement: &'a mut Announcement,
}

impl<'a> Demo<'a> {
    /// Creates an issuer.
    pub fn new(keys: &'a Keys, announcement: &'a mut Announcement) -> Self {
        Self { keys, announcement }
    }

    /// Issues a valid key.
    ///
    /// # Errors
    /// If the key cannot be issued.
    pub async fn issue(&mut self, new: NewKey) -> Result<(), Box<dyn Error>> {
        let name = new.name.clone();
        let issued = self.keys.issue(new).await?;
        self.announcement.credential(&name, &issued.key.expose_once());
        Ok(())
    }

    /// Issues a key and revokes it.
    ///
    /// # Errors
    /// If the key cannot be issued or revoked.
    pub async fn revoked(&mut self, new: NewKey) -> Result<(), Box<dyn Error>> {
        let name = new.name.clone();
        let issued = self.keys.issue(new).await?;
        self.keys.revoke(&issued.record.id).await?;
        self.announcement.credential(&name, &issued.key.expose_once());
        Ok(())
    }

    /// Issues a key that has expired. A key's end must be in the future, so the issuing clock is set to the past.
    ///
    /// # Errors
    /// If the key cannot be issued.
    pub async fn expired(&mut self, new: NewKey) -> Result<(), Box<dyn Error>> {
        let name = new.name.clone();
        let now = Timestamp::from(SystemTime::now()).as_millis();
        let hours_ago = |hours: u32| Timestamp::from_millis(now - (HOUR * hours).as_millis() as i64);
        let in_the_past = self.keys.clone().with_clock(Arc::new(ManualClock::at(hours_ago(2))));
        let issued = in_the_past.issue(NewKey { expires_at: Some(hours_ago(1)), ..new }).await?;
        self.announcement.credential(&name, &issued.key.expose_once());
        Ok(())
    }
}
