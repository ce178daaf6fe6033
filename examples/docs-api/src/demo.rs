use std::error::Error;

use example_support::{Announcement, Demo};
use keyward::key::KeyKind;
use keyward::{AccountRecord, Keys, Mode, NewKey};

pub(crate) async fn seed(keys: &Keys, announcement: &mut Announcement) -> Result<(), Box<dyn Error>> {
    let account = AccountRecord::new("acct_demo".parse()?, "Demo");
    keys.put_account(&account).await?;
    let secret = |name, mode| NewKey { mode, ..NewKey::secret(account.id.clone(), name) };
    let mut demo = Demo::new(keys, announcement);
    for (mode, pk, sk) in [(Mode::Live, "pk_live", "sk_live"), (Mode::Test, "pk_test", "sk_test")] {
        // A publishable key may be public, so it only reads resources.
        let scopes = "resources:read".parse()?;
        demo.issue(NewKey { kind: KeyKind::Publishable, scopes, ..secret(pk, mode) }).await?;
        demo.issue(secret(sk, mode)).await?;
    }
    for (name, scope) in [
        ("restricted_read", "resources:read"),
        ("restricted_write", "resources:write"),
        ("restricted_jobs", "jobs:write"),
    ] {
        demo.issue(NewKey::restricted(account.id.clone(), name, scope.parse()?)).await?;
    }
    demo.revoked(secret("revoked", Mode::Live)).await?;
    demo.expired(secret("expired", Mode::Live)).await?;
    Ok(())
}
