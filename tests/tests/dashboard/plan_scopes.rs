//! The scopes of a plan, on its page and in the forms of keys.

use keyward::AccountId;
use keyward::key::KeyKind;
use keyward::manage::{AccountUpdate, KeyDraft, Plan};
use keyward_needs::needs;
use serde_json::json;

use crate::browser::Browser;
use crate::http::Client;
use crate::site::Site;

async fn customer(site: &Site, plan: Plan) -> AccountId {
    let owner = site.owner().await;
    let name = plan.name.clone();
    site.management.put_plan(&owner, plan, None).await.unwrap();
    let account = site.management.create_account(&owner, "Customer").await.unwrap().value;
    let update = AccountUpdate { plan: Some(Some(name)), ..AccountUpdate::default() };
    let version = site.management.account(&owner, &account.id).await.unwrap().version;
    site.management.update_account(&owner, &account.id, &update, version).await.unwrap();
    account.id
}

async fn scopes_of(site: &Site, plan: &str) -> Option<String> {
    let plans = site.management.plans(&site.owner().await).await.unwrap();
    plans.iter().find(|known| known.name == plan).unwrap().scopes.as_ref().map(ToString::to_string)
}

async fn shown(browser: &Browser, css: &str) -> serde_json::Value {
    let shown = "return [...document.querySelectorAll(arguments[0])].filter((one) => one.checkVisibility()).map((one) => one.value)";
    browser.run(shown, vec![json!(css)]).await
}

#[needs(browser)]
#[tokio::test]
async fn the_operator_limits_the_scopes_of_a_plan_and_forms_offer_no_others() {
    let site = Site::with_owner().await;
    let owner = site.owner().await;
    let account = customer(&site, Plan { description: "For trials".to_owned(), ..Plan::new("Free") }).await;
    let mut old = KeyDraft::secret(account.clone(), "old");
    (old.kind, old.scopes) = (KeyKind::Restricted, "resources:write".parse().unwrap());
    let old = site.management.create_key(&owner, old).await.unwrap().view.id;
    for with_script in [true, false] {
        let browser = if with_script { Browser::open(&site).await } else { Browser::open_without_script(&site).await };
        browser.sign_in().await;
        browser.go("/plans/Free").await;
        browser.see("Scopes of API keys").await;
        browser.choose("scope_limit", "chosen").await;
        browser.press("Change scopes").await;
        browser.see("choose at least one, or any scope").await;
        browser.choose("scope", "resources:read").await;
        browser.fill("other_scopes", "jobs").await;
        browser.press("Change scopes").await;
        browser.see("write them like").await;
        browser.fill("other_scopes", "jobs:*").await;
        browser.press("Change scopes").await;
        browser.see("The plan is changed.").await;
        browser.see("jobs:* resources:read").await;
        if with_script {
            browser.picture("plan-scopes").await;
        }
        assert_eq!(scopes_of(&site, "Free").await.as_deref(), Some("jobs:* resources:read"));
        // The other form of the page keeps them.
        browser.fill("description", "For trials only").await;
        browser.press("Change plan").await;
        browser.see("For trials only").await;
        assert_eq!(scopes_of(&site, "Free").await.as_deref(), Some("jobs:* resources:read"));
        browser.go("/plans").await;
        assert!(browser.text_of("tbody tr").await.contains("jobs:* resources:read"));

        browser.go(&format!("/accounts/{account}/keys/new")).await;
        browser.choose("purpose", "api").await;
        browser.see("The plan “Free” of this account allows API keys only these scopes.").await;
        if with_script {
            assert_eq!(shown(&browser, "[name=kind]").await, json!(["restricted"]));
            let offered = json!(["resources:read", "jobs:*"]);
            assert_eq!(shown(&browser, ".scopes-api [name=scope]").await, offered);
            browser.picture("key-create-plan-scopes").await;
        }
        browser.fill("name", "reader").await;
        browser.fill("other_scopes", "resources:write").await;
        browser.press("Create key").await;
        browser.see("The plan `Free` does not include the scope `resources:write`").await;
        browser.fill("other_scopes", "").await;
        browser.choose("scope", "jobs:*").await;
        browser.press("Create key").await;
        browser.see("you won't see it again").await;

        // A management key is not limited.
        browser.go(&format!("/accounts/{account}/keys/new")).await;
        browser.fill("name", "manager").await;
        browser.choose("purpose", "management").await;
        browser.choose("kind", "secret").await;
        browser.press("Create key").await;
        browser.see("you won't see it again").await;

        // A key keeps what it has, and its form offers that, too.
        browser.go(&format!("/accounts/{account}/keys/{old}/edit")).await;
        browser.see("The plan “Free” of this account allows API keys only these scopes.").await;
        if with_script {
            let offered = json!(["resources:read", "resources:write", "jobs:*"]);
            assert_eq!(shown(&browser, ".scopes-api [name=scope]").await, offered);
        }
        browser.fill("other_scopes", "other:read").await;
        browser.press("Review the change").await;
        browser.see("The plan `Free` does not include the scope `other:read`").await;

        browser.go("/plans/Free").await;
        browser.choose("scope_limit", "any").await;
        if with_script {
            assert_eq!(shown(&browser, ".scopes-api [name=scope]").await, json!([]));
        }
        browser.press("Change scopes").await;
        browser.see("The plan is changed.").await;
        assert_eq!(scopes_of(&site, "Free").await, None);
        browser.go(&format!("/accounts/{account}/keys/new")).await;
        assert!(!browser.text().await.contains("of this account allows API keys only these scopes"));
        browser.close().await;
    }
}

#[tokio::test]
async fn a_form_that_was_not_offered_is_refused() {
    let site = Site::with_owner().await;
    let account = customer(&site, Plan::new("Free").with_scopes("resources:read".parse().unwrap())).await;
    let mut client = Client::signed_in(&site).await;
    let path = format!("/accounts/{account}/keys/new");
    let page = client.get(&path).await;
    assert!(page.body.contains("resources:read") && !page.body.contains("resources:write"), "{}", page.body);
    for (kind, scope, status) in [
        ("secret", "resources:read", 422),
        ("publishable", "resources:read", 422),
        ("restricted", "resources:write", 422),
        ("restricted", "resources:read", 200),
    ] {
        let page = client.get(&path).await;
        let (csrf, form_id) = (page.field("csrf"), page.field("form_id"));
        let fields = [
            ("csrf", csrf.as_str()),
            ("form_id", form_id.as_str()),
            ("name", "a key"),
            ("purpose", "api"),
            ("mode", "test"),
            ("kind", kind),
            ("scope", scope),
            ("other_scopes", ""),
            ("expires", "90"),
        ];
        let answer = client.post(&path, &fields).await;
        assert_eq!(answer.status, status, "{kind} {scope}: {}", answer.body);
        let is_told = answer.body.contains("The plan `Free` does not include the scope");
        assert_eq!(is_told, status == 422, "{kind} {scope}: {}", answer.body);
    }
}
