//! What axe finds in states of pages that a click or a mistake leads to.

use keyward::manage::{AccountUpdate, KeyDraft};
use keyward_needs::needs;
use serde_json::json;

use crate::browser::Browser;
use crate::docs::Documented;
use crate::looks::{SIZES, axe, choose_theme, emulate, look};
use crate::site::Site;

/// What a page reaches by a form, a menu or the state of its record.
const STATES: [&str; 11] = [
    "docs",
    "access-review",
    "key-tested",
    "invited",
    "account-menu",
    "user-menu",
    "form-errors",
    "all-form-errors",
    "factor-begun",
    "key-revoked",
    "account-suspended",
];

struct States {
    documented: Documented,
    key: String,
    revoked: String,
    suspended: String,
}

impl States {
    async fn furnish(site: &Site) -> Self {
        let owner = site.owner().await;
        let mut draft = KeyDraft::secret("operator".parse().unwrap(), "partner");
        (draft.kind, draft.scopes) = (keyward::key::KeyKind::Restricted, "resources:read".parse().unwrap());
        let key = site.management.create_key(&owner, draft.clone()).await.unwrap().view.id;
        let revoked = site.management.create_key(&owner, draft).await.unwrap().view.id;
        site.management.revoke_key(&owner, &revoked).await.unwrap();
        let account = site.management.create_account(&owner, "Suspended Ltd").await.unwrap();
        let update = AccountUpdate { suspended: Some(true), ..AccountUpdate::default() };
        site.management.update_account(&owner, &account.value.id, &update, account.version).await.unwrap();
        Self {
            documented: Documented::start(std::convert::identity).await,
            key: key.to_string(),
            revoked: revoked.to_string(),
            suspended: account.value.id.to_string(),
        }
    }

    async fn reach(&self, browser: &Browser, state: &str, email: &str) {
        match state {
            "docs" => {
                browser.client.goto(&format!("{}/docs", self.documented.url())).await.unwrap();
                browser.find("#errors").await;
            }
            "access-review" => {
                browser.go(&format!("/accounts/operator/keys/{}/edit?scope=resources:write", self.key)).await;
                browser.press("Review the change").await;
                browser.find("dl.changes").await;
            }
            "key-tested" => {
                browser.create_key("tried").await;
                browser.click("[data-copy=key]").await;
                browser.see("Copied.").await;
                browser.run("document.querySelector('form[target]').removeAttribute('target')", vec![]).await;
                browser.press("Test this key").await;
                browser.see("200").await;
            }
            "invited" => {
                browser.go("/accounts/operator/members").await;
                browser.fill("email", email).await;
                browser.press("Invite").await;
                browser.find("#link").await;
            }
            "account-menu" | "user-menu" => {
                browser.go("/accounts/operator/keys").await;
                browser.click(&format!("#{state} > summary")).await;
                browser.find(&format!("#{state}[open]")).await;
                let pages =
                    "const toggle = document.querySelector('.toggle'); if (toggle.checkVisibility()) toggle.click()";
                browser.run(pages, vec![]).await;
                browser.run("document.querySelector(arguments[0]).open = true", vec![json!(format!("#{state}"))]).await;
            }
            "form-errors" => {
                browser.go("/accounts/operator/keys/new?kind=restricted").await;
                browser.run("document.querySelector('main form').noValidate = true", vec![]).await;
                browser.press("Create key").await;
                browser.see("a restricted key needs at least one scope").await;
            }
            "all-form-errors" => {
                browser.go("/accounts/operator/keys/new?kind=restricted&expires=on").await;
                browser.fill("networks", "here").await;
                browser.press("Create key").await;
                browser.see("Check these 4 fields:").await;
            }
            "factor-begun" => {
                browser.go("/settings/second-factor").await;
                if browser.text().await.contains("Set up") {
                    browser.fill("password", crate::site::PASSWORD).await;
                    browser.press("Set up").await;
                }
                browser.press_summary("Does the code not work?").await;
                browser.see("Start again").await;
            }
            "key-revoked" => browser.go(&format!("/accounts/operator/keys/{}", self.revoked)).await,
            _ => browser.go(&format!("/accounts/{}/keys", self.suspended)).await,
        }
    }
}

#[needs(browser, axe)]
#[tokio::test]
async fn nothing_is_found_in_states_that_pages_reach() {
    let site = Site::calling_its_api(std::convert::identity).await;
    site.add_owner().await;
    let states = States::furnish(&site).await;
    let axe = axe();
    let browser = Browser::open(&site).await;
    let mut found = Vec::new();
    browser.sign_in().await;
    for theme in ["light", "dark"] {
        choose_theme(&browser, theme).await;
        for state in STATES {
            for (size, width) in SIZES {
                emulate(&browser, width).await;
                states.reach(&browser, state, &format!("{size}-{theme}@example.com")).await;
                browser.find(&format!("html[data-theme={theme}]")).await;
                found.extend(look(&browser, &axe, state, theme, size).await);
            }
            emulate(&browser, 1_280).await;
        }
    }
    browser.close().await;
    assert!(found.is_empty(), "{}", found.join("\n"));
}
