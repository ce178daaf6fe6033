//! A thief with an open session creates a key of the user. The key does to the user what the session may not.

use std::time::Duration;

use keyward::manage::{Actor, Context, KeyChange, ManagementError, Purpose, Role, SignInLinkDraft};
use keyward::{AccountId, CredentialId, Identity, NewKey};

use crate::authority::holder;
use crate::second_factor::Person;
use crate::setting::{Setting, everywhere};

const HOUR: Duration = Duration::from_secs(3_600);

fn says<T>(result: Result<T, ManagementError>) -> &'static str {
    result.map_or_else(|error| error.code(), |_| "done")
}

async fn key(setting: &Setting, by: &Actor, account: &AccountId) -> (Actor, CredentialId) {
    holder(setting, by, Purpose::Management, NewKey::secret(account.clone(), "a key")).await
}

/// The user, a key of the user, a key of that key, and its successor by a rotation that somebody else made.
async fn all_of(setting: &Setting, user: &Actor, account: &AccountId) -> [(&'static str, Actor); 4] {
    let (own, id) = key(setting, user, account).await;
    let (of_own, _) = key(setting, &own, account).await;
    let rotated = setting.management.rotate_key(&setting.system(), &id, HOUR).await.unwrap().view;
    let successor = Actor::of_identity(&Identity::api_key(rotated.id, rotated.account), Context::new());
    [("the user", user.clone()), ("own key", own), ("key of a key", of_own), ("successor", successor)]
}

#[tokio::test]
async fn no_key_that_goes_back_to_a_user_takes_the_sign_in_over() {
    for setting in everywhere().await {
        let management = &setting.management;
        setting.operator().await;
        // The address of this user is not verified, so a sign-in link would remove the password.
        let (owner, account) = setting.customer("ada@example.com").await;
        let id = owner.user().unwrap().clone();
        let all = all_of(&setting, &owner, &account).await;
        Person::set_up(management, &setting.clock, &owner).await;
        let link = SignInLinkDraft::new("ada@example.com").account(account.clone());
        for (whose, actor) in &all {
            for (what, result) in [
                ("remove the factor", says(management.remove_second_factor(actor, &id).await)),
                ("reset the password", says(management.create_password_reset(actor, &id).await)),
                ("replace the password by a link", says(management.create_sign_in_link(actor, &link).await)),
            ] {
                // Links of a customer's user are made by keys only.
                let is_hidden = actor.user().is_some() && what.contains("link");
                assert_eq!(result, if is_hidden { "NOT_FOUND" } else { "INVALID_VALUE" }, "{whose}: {what}");
            }
        }
        let mut of_user = NewKey::secret(account.clone(), "of the user");
        of_user.user = Some(id.clone());
        let (of_user, _) = holder(&setting, &setting.system(), Purpose::Management, of_user).await;
        assert_eq!(says(management.remove_second_factor(&of_user, &id).await), "INVALID_VALUE", "a key of the user");
        // Another owner's key may help.
        let other = setting.member(&setting.system(), &account, "bob@example.com", Role::Owner).await;
        let (other, _) = key(&setting, &other, &account).await;
        assert_eq!(says(management.remove_second_factor(&other, &id).await), "done");
    }
}

#[tokio::test]
async fn no_key_that_goes_back_to_a_user_disables_or_deletes_the_user() {
    for setting in everywhere().await {
        let management = &setting.management;
        let operator = setting.operator().await;
        let id = operator.user().unwrap().clone();
        let version = management.user(&setting.system(), &id).await.unwrap().version;
        for (whose, actor) in all_of(&setting, &operator, management.operator()).await {
            assert_eq!(says(management.set_user_disabled(&actor, &id, true).await), "INVALID_VALUE", "{whose}");
            assert_eq!(says(management.delete_user(&actor, &id, version).await), "INVALID_VALUE", "{whose}");
        }
    }
}

/// The session of a link, and what it leaves behind, go back to who made the link.
#[tokio::test]
async fn no_link_that_an_own_key_made_for_another_owner_takes_the_sign_in_over() {
    for setting in everywhere().await {
        let management = &setting.management;
        setting.operator().await;
        let (owner, account) = setting.customer("ada@example.com").await;
        let id = owner.user().unwrap().clone();
        let (own, own_id) = key(&setting, &owner, &account).await;
        let bob = setting.member(&owner, &account, "bob@example.com", Role::Owner).await;
        let (_, key_of_bob) = key(&setting, &bob, &account).await;
        Person::set_up(management, &setting.clock, &owner).await;
        let link = SignInLinkDraft::new("bob@example.com").account(account.clone());
        let link = management.create_sign_in_link(&own, &link).await.unwrap();
        let session = management.sign_in_with_link(&Context::new(), &link.secret).await.unwrap().session;
        let by_link = management.session(&session, Context::new()).await.unwrap();
        let (created, _) = key(&setting, &by_link, &account).await;
        let rotated = management.rotate_key(&by_link, &key_of_bob, HOUR).await.unwrap().view;
        let rotated = Actor::of_identity(&Identity::api_key(rotated.id, rotated.account), Context::new());
        for whole in [true, false] {
            for (whose, actor) in [("session", &by_link), ("created", &created), ("rotated", &rotated)] {
                if !whole && whose == "session" {
                    continue;
                }
                assert_eq!(says(management.remove_second_factor(actor, &id).await), "INVALID_VALUE", "{whose}");
                assert_eq!(says(management.create_password_reset(actor, &id).await), "INVALID_VALUE", "{whose}");
            }
            // The session ends with the key that made its link.
            management.revoke_key(&owner, &own_id).await.unwrap();
        }
        assert!(management.session(&session, Context::new()).await.is_err());
    }
}

/// A weak key does not say who is responsible for the session that created it, so this session does not make it a strong one.
#[tokio::test]
async fn no_key_that_a_session_of_a_link_widens_takes_the_sign_in_over() {
    for setting in everywhere().await {
        let management = &setting.management;
        setting.operator().await;
        let (owner, account) = setting.customer("ada@example.com").await;
        let id = owner.user().unwrap().clone();
        let (own, _) = key(&setting, &owner, &account).await;
        let bob = setting.member(&owner, &account, "bob@example.com", Role::Owner).await;
        let strong =
            NewKey { scopes: "members:* keys:read".parse().unwrap(), ..NewKey::secret(account.clone(), "strong") };
        let (_, strong) = holder(&setting, &bob, Purpose::Management, strong).await;
        Person::set_up(management, &setting.clock, &owner).await;
        let link = SignInLinkDraft::new("bob@example.com").account(account.clone());
        let link = management.create_sign_in_link(&own, &link).await.unwrap();
        let session = management.sign_in_with_link(&Context::new(), &link.secret).await.unwrap().session;
        let by_link = management.session(&session, Context::new()).await.unwrap();
        let weak = NewKey { scopes: "keys:read".parse().unwrap(), ..NewKey::secret(account.clone(), "weak") };
        let (created, weak) = holder(&setting, &by_link, Purpose::Management, weak).await;
        let change = KeyChange { scopes: Some("*".parse().unwrap()), ..KeyChange::default() };
        assert_eq!(says(management.update_key(&by_link, &weak, change.clone(), 1).await), "OWN_SIGN_IN_REQUIRED");
        // The maker of the link knows the text of that key, and gives it no more either.
        let (of_own, _) = key(&setting, &own, &account).await;
        for maker in [&own, &of_own] {
            assert_eq!(says(management.update_key(maker, &weak, change.clone(), 1).await), "INVALID_VALUE");
        }
        assert_eq!(says(management.remove_second_factor(&created, &id).await), "INSUFFICIENT_SCOPE");
        // A key that goes back to the maker may get more, also by a key between them.
        for maker in [&own, &of_own] {
            let weak = NewKey { scopes: "keys:read".parse().unwrap(), ..NewKey::secret(account.clone(), "of a key") };
            let (of_key, weak) = holder(&setting, &of_own, Purpose::Management, weak).await;
            assert_eq!(says(management.update_key(maker, &weak, change.clone(), 1).await), "done");
            assert_eq!(says(management.remove_second_factor(&of_key, &id).await), "INVALID_VALUE");
        }
        // What the key had may stay, and less is no harm.
        let change = KeyChange { scopes: Some("members:*".parse().unwrap()), ..KeyChange::default() };
        assert_eq!(says(management.update_key(&by_link, &strong, change, 1).await), "done");
        let change = KeyChange { scopes: Some("*".parse().unwrap()), ..KeyChange::default() };
        assert_eq!(says(management.update_key(&by_link, &strong, change.clone(), 2).await), "OWN_SIGN_IN_REQUIRED");
        // A key that the session created with these rights goes back to the maker, and may get more.
        let (created, managing) = {
            let new = NewKey { scopes: "members:*".parse().unwrap(), ..NewKey::secret(account.clone(), "managing") };
            holder(&setting, &by_link, Purpose::Management, new).await
        };
        assert_eq!(says(management.update_key(&by_link, &managing, change, 1).await), "done");
        assert_eq!(says(management.remove_second_factor(&created, &id).await), "INVALID_VALUE");
    }
}

#[tokio::test]
async fn no_key_of_a_user_sheds_the_user_and_takes_the_sign_in_over() {
    for setting in everywhere().await {
        let management = &setting.management;
        setting.operator().await;
        let (owner, account) = setting.customer("ada@example.com").await;
        let id = owner.user().unwrap().clone();
        Person::set_up(management, &setting.clock, &owner).await;
        let mut of_user = NewKey::secret(account.clone(), "of the user");
        of_user.user = Some(id.clone());
        let (of_user, key) = holder(&setting, &setting.system(), Purpose::Management, of_user).await;
        let change = KeyChange { user: Some(None), ..KeyChange::default() };
        assert_eq!(says(management.update_key(&of_user, &key, change.clone(), 1).await), "INVALID_VALUE");
        assert_eq!(says(management.remove_second_factor(&of_user, &id).await), "INVALID_VALUE");
        // Another owner may take it away.
        let other = setting.member(&setting.system(), &account, "bob@example.com", Role::Owner).await;
        assert_eq!(says(management.update_key(&other, &key, change, 1).await), "done");
    }
}
