use std::error::Error;

use example_support::{Announcement, Demo};
use keyward::{AccountRecord, Keys, Mode, NewKey};

use crate::account::Accounts;

/// In the base64 form of <https://www.standardwebhooks.com>.
const WEBHOOK_SECRET: &str = "whsec_ZGVtb25zdHJhdGlvbiBzZWNyZXQgb2YgdmliZXBlYWs=";

pub(crate) async fn seed(
    keys: &Keys,
    accounts: &Accounts,
    announcement: &mut Announcement,
) -> Result<(), Box<dyn Error>> {
    for plan in ["Free", "Starter", "Plus", "Pro", "Max"] {
        let account = AccountRecord::new(format!("acct_{}", plan.to_lowercase()).parse()?, plan).with_plan(plan);
        keys.put_account(&account).await?;
        accounts.put(&account.id, 1_000, WEBHOOK_SECRET)?;
        Demo::new(keys, announcement).issue(NewKey::secret(account.id, plan.to_lowercase())).await?;
    }
    let of_plus = |name| Ok::<_, Box<dyn Error>>(NewKey::secret("acct_plus".parse()?, name));
    let mut demo = Demo::new(keys, announcement);
    demo.issue(NewKey { mode: Mode::Test, ..of_plus("test")? }).await?;
    demo.revoked(of_plus("revoked")?).await?;
    demo.expired(of_plus("expired")?).await?;
    Ok(())
}
