//! Names of right-to-left languages.

use keyward::AccountId;
use keyward::manage::{AccountUpdate, Context, KeyDraft, PageRequest, Plan, Role};
use keyward::store::{Revocation, RevocationReason};
use keyward_needs::needs;
use serde_json::{Value, json};

use crate::browser::Browser;
use crate::site::{PASSWORD, Site};

/// Hebrew and Arabic: a customer, two people, a key and a plan, the first without a space to break its line.
const CUSTOMER: &str = "חברתלדוגמהבעירגדולהעםשםארוךמאודבלירווחים";
const OWNER: &str = "ליאת בן־דוד";
const MEMBER: &str = "عبد الرحمن بن محمد الخوارزمي";
const KEY: &str = "שרת ייצור (2) — גיבוי לילי של כל הלקוחות בארץ ובעולם";
const PLAN: &str = "خطة";
const NOTE: &str = "המפתח הוחלף!";

/// Texts that hold such letters beside others, so that those would change their order.
const MIXED: &str = "const found = []; \
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT); \
    while (walker.nextNode()) { \
        const text = walker.currentNode; \
        const parent = text.parentElement; \
        if (!/[\\u0590-\\u06ff]/.test(text.data) || parent.closest('bdi, [dir], .hidden, option, script')) continue; \
        const alone = getComputedStyle(parent).display !== 'inline' && parent.textContent === text.data; \
        if (!alone) found.push(parent.outerHTML); \
    } \
    return found";

#[needs(browser)]
#[tokio::test]
async fn right_to_left_names_keep_the_layout_and_the_order_of_words() {
    let site = Site::with_owner().await;
    let (owner, operator) = (site.owner().await, "operator".parse::<AccountId>().unwrap());
    let account = site.management.account(&owner, &operator).await.unwrap();
    let update = AccountUpdate { name: Some(CUSTOMER.to_owned()), ..AccountUpdate::default() };
    site.management.update_account(&owner, &operator, &update, account.version).await.unwrap();
    let profile = site.management.user(&owner, owner.user().unwrap()).await.unwrap();
    site.management.rename_own_user(&owner, OWNER, profile.version).await.unwrap();
    let invited = site.management.invite(&owner, &operator, "liat@example.com", Role::Developer).await.unwrap();
    site.management.accept_invitation(&Context::new(), &invited.secret, MEMBER, PASSWORD).await.unwrap();
    let members = site.management.members(&owner, &operator, &PageRequest::default()).await.unwrap().items;
    let member = members.into_iter().map(|view| view.user).find(|user| user.name == MEMBER).unwrap();
    site.management.put_plan(&owner, Plan { description: NOTE.to_owned(), ..Plan::new(PLAN) }, None).await.unwrap();
    let mut draft = KeyDraft::secret(operator.clone(), KEY);
    draft.user = Some(member.id.clone());
    let key = site.management.create_key(&owner, draft).await.unwrap().view.id;
    let revoked = site.management.create_key(&owner, KeyDraft::secret(operator, KEY)).await.unwrap().view.id;
    let revocation = Revocation::new(RevocationReason::Superseded).with_note(NOTE).unwrap();
    site.management.revoke_key_with(&owner, &revoked, &revocation).await.unwrap();

    let browser = Browser::open(&site).await;
    browser.sign_in().await;
    let at = |page: String| format!("/accounts/operator/{page}");
    let pages = [
        at("keys?inactive=1".to_owned()),
        at(format!("keys?user={}", member.id)),
        at(format!("keys/{key}")),
        at(format!("keys/{revoked}")),
        at(format!("keys/{key}/edit")),
        at(format!("keys/{key}/rotate")),
        at(format!("keys/{key}/revoke")),
        at(format!("keys/selected?action=disable&id={key}")),
        at("usage".to_owned()),
        at("members".to_owned()),
        at(format!("members/{}/remove", member.id)),
        at(format!("members/{}/reset", member.id)),
        at(format!("members/{}/keys", member.id)),
        at("audit".to_owned()),
        at("settings".to_owned()),
        "/accounts".to_owned(),
        "/plans".to_owned(),
        format!("/plans/{PLAN}"),
        "/users".to_owned(),
        format!("/users/{}", member.id),
        format!("/users/{}/delete", member.id),
        "/settings".to_owned(),
    ];
    let mut wrong = Vec::new();
    for width in [1_280, 320] {
        browser.emulate(json!({"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": width < 500})).await;
        for path in &pages {
            browser.go(path).await;
            browser.find("main h1").await;
            let overflow = "return document.documentElement.scrollWidth - document.documentElement.clientWidth";
            let overflow = browser.run(overflow, vec![]).await;
            if overflow != json!(0) {
                wrong.push(format!("{path} is {overflow} pixels too wide at {width}"));
            }
            let language = browser.run("return [document.documentElement.lang, document.dir]", vec![]).await;
            assert_eq!(language, json!(["en", ""]), "{path}");
            if let Value::Array(mixed) = browser.run(MIXED, vec![]).await {
                wrong.extend(mixed.iter().map(|element| format!("{path} mixes directions: {element}")));
            }
        }
    }
    browser.close().await;
    wrong.dedup();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
