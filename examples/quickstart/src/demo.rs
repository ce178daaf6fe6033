use std::error::Error;

use example_support::{Announcement, Demo};
use keyward::store::KeyQuery;
use keyward::{AccountRecord, Keys, NewKey};

/// Returns the name of a key that may read and not write.
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
        let secret = |name| NewKey::secret(account.id.clone(), name);
        let mut demo = Demo::new(keys, announcement);
        demo.issue(secret("full")).await?;
        demo.issue(reader("read_only")?).await?;
        demo.revoked(secret("revoked")).await?;
        demo.expired(secret("expired")).await?;
        return Ok(Some("read_only"));
    }
    if !keys.list(&KeyQuery { limit: 1, ..KeyQuery::default() }).await?.keys.is_empty() {
        return Ok(None);
    }
    keys.ensure_account(&account).await?;
    Demo::new(keys, announcement).issue(reader("first")?).await?;
    Ok(Some("first"))
}
