//! `keyward accounts …`

use keyward::{AccountId, AccountRecord, Clock, Denial, Keys, KeysError, SystemClock};

use crate::arguments::Accounts;
use crate::failure::{Failure, Kind};
use crate::output;

pub(super) async fn run(keys: &Keys, command: &Accounts) -> Result<(), Failure> {
    match command {
        Accounts::Create { id, name, plan } => {
            if keys.get_account(id).await?.is_some() {
                return Err(Failure::new(Kind::Refused, format!("there is an account {id} already")));
            }
            let mut account = AccountRecord::new(id.clone(), name.as_deref().unwrap_or(id.as_str()));
            account.plan = plan.as_deref().map(Into::into);
            put(keys, &account).await
        }
        Accounts::Show { id, json } => output::object(&output::account_to_json(&get(keys, id).await?), *json),
        Accounts::SetPlan { id, plan } => {
            let plan = plan.as_deref().map(Into::into);
            put(keys, &AccountRecord { plan, ..get(keys, id).await? }).await
        }
        Accounts::Suspend { id } => {
            let account = get(keys, id).await?;
            let suspended_at = account.suspended_at.or(Some(SystemClock.now()));
            put(keys, &AccountRecord { suspended_at, ..account }).await
        }
        Accounts::Resume { id } => put(keys, &AccountRecord { suspended_at: None, ..get(keys, id).await? }).await,
    }
}

async fn get(keys: &Keys, id: &AccountId) -> Result<AccountRecord, Failure> {
    Ok(keys.get_account(id).await?.ok_or(KeysError::Denied(Denial::NoSuchAccount))?)
}

async fn put(keys: &Keys, account: &AccountRecord) -> Result<(), Failure> {
    let propagation = keys.put_account(account).await?;
    output::line(&format!("{}: {}", account.id, output::effective(&propagation)))
}
