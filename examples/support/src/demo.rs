//! Keys that are there from the start, shown in the announcement.

use std::error::Error;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use keyward::clock::ManualClock;
use keyward::{Keys, NewKey, Timestamp};

use crate::Announcement;

const HOUR: Duration = Duration::from_secs(3_600);

/// Issues demo keys, and shows each under its name.
#[derive(Debug)]
pub struct Demo<'a> {
    keys: &'a Keys,
    announcement: &'a mut Announcement,
}

impl<'a> Demo<'a> {
    /// Issues with `keys`, and shows in `announcement`.
    pub fn new(keys: &'a Keys, announcement: &'a mut Announcement) -> Self {
        Self { keys, announcement }
    }

    /// A key that works, shown under its own name.
    ///
    /// # Errors
    /// If it cannot be issued.
    pub async fn issue(&mut self, new: NewKey) -> Result<(), Box<dyn Error>> {
        let name = new.name.clone();
        let issued = self.keys.issue(new).await?;
        self.announcement.credential(&name, &issued.key.expose_once());
        Ok(())
    }

    /// A key that is revoked already.
    ///
    /// # Errors
    /// If it cannot be issued or revoked.
    pub async fn revoked(&mut self, new: NewKey) -> Result<(), Box<dyn Error>> {
        let name = new.name.clone();
        let issued = self.keys.issue(new).await?;
        self.keys.revoke(&issued.record.id).await?;
        self.announcement.credential(&name, &issued.key.expose_once());
        Ok(())
    }

    /// A key that has expired. None can be issued with an end in the past, so this one is issued in the past.
    ///
    /// # Errors
    /// If it cannot be issued.
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
