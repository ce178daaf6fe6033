//! `keyward accounts …`

use keyward_client::UpdateAccount;

use crate::arguments::Accounts;
use crate::backend::{Backend, ChangedAccount, NewAccount};
use crate::failure::Failure;
use crate::output;
use crate::tables;

pub(super) async fn run(place: &dyn Backend, command: &Accounts) -> Result<(), Failure> {
    let (id, update) = match command {
        Accounts::Create { id, name, plan } => {
            let new = NewAccount { id: id.as_ref(), name: name.as_deref(), plan: plan.as_deref() };
            return changed(&place.create_account(new).await?);
        }
        Accounts::List { all, json } => {
            let accounts = place.accounts(*all).await?;
            return output::list(&accounts, *json, "you belong to no account", tables::accounts);
        }
        Accounts::Show { id, json } => return output::object(&place.account(id).await?, *json),
        Accounts::Rename { id, name } => (id, UpdateAccount { name: Some(name.clone()), ..UpdateAccount::default() }),
        Accounts::SetPlan { id, plan } => (id, UpdateAccount { plan: Some(plan.clone()), ..UpdateAccount::default() }),
        Accounts::Suspend { id } => (id, UpdateAccount { suspended: Some(true), ..UpdateAccount::default() }),
        Accounts::Resume { id } => (id, UpdateAccount { suspended: Some(false), ..UpdateAccount::default() }),
    };
    changed(&place.update_account(id, update).await?)
}

fn changed(changed: &ChangedAccount) -> Result<(), Failure> {
    let effect = changed.effect.as_ref().map_or_else(|| "effective on every node".to_owned(), output::effective);
    output::line(&format!("{}: {effect}", changed.id))
}
