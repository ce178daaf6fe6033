//! The keys that are there from the start.

use std::error::Error;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use example_support::Announcement;
use keyward::{AccountRecord, KeyQuery, Keys, ManualClock, NewKey, Timestamp};

const HOUR: Duration = Duration::from_secs(3_600);

/// Issues what is to be shown in the announcement, and gives the name there of a key that may read and not write.
pub(crate) async fn issue(
    keys: &Keys,
    seed: bool,
    announcement: &mut Announcement,
) -> Result<Option<&'static str>, Box<dyn Error>> {
    let account = AccountRecord::new("acct_demo".parse()?, "Demo");
    let reader =
        |name| Ok::<_, Box<dyn Error>>(NewKey::restricted(account.id.clone(), name, "resources:read".parse()?));
    if seed {
        keys.put_account(&account).await?;
        let full = keys.issue(NewKey::secret(account.id.clone(), "full")).await?;
        announcement.credential("full", &full.key.expose_once());
        let read_only = keys.issue(reader("read_only")?).await?;
        announcement.credential("read_only", &read_only.key.expose_once());
        let revoked = keys.issue(NewKey::secret(account.id.clone(), "revoked")).await?;
        keys.revoke(&revoked.record.id).await?;
        announcement.credential("revoked", &revoked.key.expose_once());
        let expired = issue_expired(keys, NewKey::secret(account.id.clone(), "expired")).await?;
        announcement.credential("expired", &expired);
        return Ok(Some("read_only"));
    }
    if !keys.list(&KeyQuery { limit: 1, ..KeyQuery::default() }).await?.keys.is_empty() {
        return Ok(None);
    }
    keys.put_account(&account).await?;
    let first = keys.issue(reader("first")?).await?;
    announcement.credential("first", &first.key.expose_once());
    Ok(Some("first"))
}

/// A key cannot be issued with an end in the past, so this one is issued in the past.
async fn issue_expired(keys: &Keys, new: NewKey) -> Result<String, Box<dyn Error>> {
    let now = Timestamp::from(SystemTime::now()).as_millis();
    let hours_ago = |hours: u32| Timestamp::from_millis(now - (HOUR * hours).as_millis() as i64);
    let in_the_past = keys.clone().with_clock(Arc::new(ManualClock::at(hours_ago(2))));
    let issued = in_the_past.issue(NewKey { expires_at: Some(hours_ago(1)), ..new }).await?;
    Ok(issued.key.expose_once().to_string())
}
