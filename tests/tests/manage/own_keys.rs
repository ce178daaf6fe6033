//! A thief with an open session creates a key of the user. The key does to the user what the session may not.

use std::time::Duration;

use keyward::manage::{Actor, Context, ManagementError, Purpose, SignInLinkDraft};
use keyward::{CredentialId, Identity, NewKey};

use crate::authority::holder;
use crate::second_factor::Person;
use crate::setting::{Setting, everywhere};

fn says<T>(result: Result<T, ManagementError>) -> &'static str {
    result.map_or_else(|error| error.code(), |_| "done")
}

async fn key(setting: &Setting, by: &Actor, scopes: &str) -> (Actor, CredentialId) {
    let new = NewKey::restricted(setting.management.operator().clone(), "a key", scopes.parse().unwrap());
    holder(setting, by, Purpose::Management, new).await
}

#[tokio::test]
async fn no_key_that_goes_back_to_a_user_takes_the_sign_in_over() {
    for setting in everywhere().await {
        let management = &setting.management;
        let operator = setting.operator().await;
        let id = operator.user().unwrap().clone();
        let email = "operator@example.com";
        Person::set_up(management, &setting.clock, &operator).await;
        let scopes = "members:write users:sign_in keys:write keys:read accounts:write accounts:read";
        let (own, own_id) = key(&setting, &operator, scopes).await;
        let (of_own, _) = key(&setting, &own, scopes).await;
        let rotated = management.rotate_key(&setting.system(), &own_id, Duration::ZERO).await.unwrap();
        let rotated = Identity::api_key(rotated.view.id.clone(), rotated.view.account.clone());
        let rotated = Actor::of_identity(&rotated, Context::new());
        for (whose, actor) in
            [("the user", &operator), ("own key", &own), ("key of a key", &of_own), ("successor", &rotated)]
        {
            for (what, result) in [
                ("remove the factor", says(management.remove_second_factor(actor, &id).await)),
                ("reset the password", says(management.create_password_reset(actor, &id).await)),
                (
                    "sign in, without the password",
                    says(management.create_sign_in_link(actor, &SignInLinkDraft::new(email)).await),
                ),
                ("disable", says(management.set_user_disabled(actor, &id, true).await)),
            ] {
                assert_eq!(result, "INVALID_VALUE", "{whose}: {what}");
            }
        }
    }
}
