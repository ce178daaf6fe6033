use keyward::limits::Subject;
use keyward::manage::{Actor, Context, KeyDraft, Plan, Role};
use keyward_client::PutLimits;
use keyward_needs::needs;

use crate::browser::Browser;
use crate::http::Client;
use crate::site::{PASSWORD, Site};

#[tokio::test]
async fn limits_are_shown_and_changed_by_who_may_change_them() {
    let site = Site::with_owner().await;
    let (owner, system) = (site.owner().await, Actor::system("test", Context::new()));
    let mut client = Client::signed_in(&site).await;
    let page = client.get("/accounts/operator/settings").await;
    assert!(page.body.contains("No limits are set here."), "{}", page.body);
    let csrf = page.field("csrf");
    let change =
        [("csrf", csrf.as_str()), ("version", "0"), ("rates", "default=100/60s exports=5/1h,strict"), ("tasks", "3")];
    let changed = client
        .post(
            "/accounts/operator/limits",
            &[&change[..], &[("credits", "10000"), ("refill", "month"), ("rollover", "50")]].concat(),
        )
        .await;
    assert_eq!((changed.status, changed.header("location")), (303, "/accounts/operator/settings"), "{}", changed.body);
    let page = client.get("/accounts/operator/settings").await;
    for text in [
        "The limits are changed.",
        "100 requests a minute",
        "exports: 5 requests an hour, strict",
        "10,000 credits a month, up to 50 carried over",
        "10,000 of 10,000 credits, refilled in",
        "3 at once",
        "name=\"requests\" value=\"100\"",
        ">exports=5/3600s,strict</textarea>",
        "name=\"credits\" value=\"10000\"",
        "<option value=\"month\" selected>",
        "name=\"rollover\" value=\"50\"",
    ] {
        assert!(page.body.contains(text), "no {text} in {}", page.body);
    }
    // What was typed stays, and the mistake is named.
    let wrong = [("csrf", csrf.as_str()), ("version", "1"), ("rates", "default=many/60s"), ("credits", "5")];
    let refused = client.post("/accounts/operator/limits", &wrong).await;
    assert_eq!(refused.status, 422);
    assert!(
        refused.body.contains("&#34;many&#34; is no quota") && refused.body.contains("name=\"credits\" value=\"5\""),
        "{}",
        refused.body
    );
    let stale = client.post("/accounts/operator/limits", &[("csrf", csrf.as_str()), ("version", "9")]).await;
    assert_eq!(stale.status, 412);

    let key =
        site.management.create_key(&owner, KeyDraft::secret("operator".parse().unwrap(), "a")).await.unwrap().view.id;
    let of_key = format!("/accounts/operator/keys/{key}");
    let limits = [("csrf", csrf.as_str()), ("version", "0"), ("rates", "default=2/1s"), ("credits", "7")];
    assert_eq!(client.post(&format!("{of_key}/limits"), &limits).await.status, 303);
    let page = client.get(&of_key).await;
    assert!(
        page.body.contains("2 requests a second for each key") && page.body.contains("7 of 7 credits"),
        "{}",
        page.body
    );

    // A customer sees the account's limits, and changes those of a key only.
    let account = site.management.create_account(&owner, "Example Ltd").await.unwrap().value.id;
    let invited = site.management.invite(&owner, &account, "bob@example.com", Role::Owner).await.unwrap();
    site.management.accept_invitation(&Context::new(), &invited.secret, "Bob", PASSWORD).await.unwrap();
    let mut bob = Client::new(&site);
    let token = bob.get("/login").await.field("csrf");
    bob.post("/login", &[("csrf", &token), ("email", "bob@example.com"), ("password", PASSWORD)]).await;
    let page = bob.get(&format!("/accounts/{account}/settings")).await;
    assert!(page.body.contains("No limits are set here.") && !page.body.contains("Change limits"), "{}", page.body);
    let csrf = page.field("csrf");
    let raised = [("csrf", csrf.as_str()), ("version", "0"), ("credits", "1000000")];
    assert_eq!(bob.post(&format!("/accounts/{account}/limits"), &raised).await.status, 403);
    let version = site.management.limits(&system, &Subject::Account(account)).await.unwrap().version;
    assert_eq!(version, 0);
}

#[tokio::test]
async fn limits_of_plans_are_changed_by_the_operator() {
    let site = Site::with_owner().await;
    let (owner, system) = (site.owner().await, Actor::system("test", Context::new()));
    let mut client = Client::signed_in(&site).await;
    assert!(client.get("/plans").await.body.contains("No plans yet"));
    let (name, path) = ("Pro & <more>/x", "/plans/Pro%20%26%20%3Cmore%3E%2Fx");
    site.management.put_plan(&owner, Plan::new(name).with_key_limit(1_500), None).await.unwrap();
    let page = client.get("/plans").await.body;
    assert!(page.contains(&format!("href=\"{path}\"")) && page.contains("1,500"), "{page}");
    let page = client.get(path).await;
    assert!(page.body.contains("No limits are set here."), "{}", page.body);
    let csrf = page.field("csrf");
    let to = format!("{path}/limits");
    let typed = [("csrf", csrf.as_str()), ("version", "0"), ("requests", "100"), ("window", "60"), ("credits", "500")];
    let changed = client.post(&to, &[&typed[..], &[("refill", "day"), ("tasks", "3")]].concat()).await;
    assert_eq!((changed.status, changed.header("location")), (303, path), "{}", changed.body);
    let page = client.get(path).await.body;
    for text in ["The limits are changed.", "100 requests a minute", "500 credits a day", "3 at once", "value=\"3\""] {
        assert!(page.contains(text), "no {text} in {page}");
    }
    for (fields, status, text) in [
        ([("version", "1"), ("rates", "default=many/60s")], 422, "&#34;many&#34; is no quota"),
        ([("version", "1"), ("credits", "five")], 422, "&#34;five&#34; is not a number that fits"),
        ([("version", "1"), ("tasks", "-1")], 422, "&#34;-1&#34; is not a number that fits"),
        ([("version", "1"), ("requests", "5")], 422, "Window: choose one"),
        ([("version", "9"), ("tasks", "7")], 412, "Another user changed this"),
    ] {
        let refused = client.post(&to, &[&[("csrf", csrf.as_str())], &fields[..]].concat()).await;
        assert_eq!(refused.status, status, "{fields:?}: {}", refused.body);
        assert!(refused.body.contains(text), "{fields:?}: no {text} in {}", refused.body);
    }
    for unknown in ["/plans/none", "/plans/none/limits"] {
        let fields = [("csrf", csrf.as_str()), ("version", "0")];
        let answer =
            if unknown.ends_with("limits") { client.post(unknown, &fields).await } else { client.get(unknown).await };
        assert_eq!(answer.status, 404, "{unknown}: {}", answer.body);
    }

    // A viewer of the operator's account sees plans, and a customer does not.
    let account = site.management.create_account(&owner, "Example Ltd").await.unwrap().value.id;
    for (email, place, sees, writes) in
        [("grace@example.com", site.management.operator().clone(), 200, 403), ("bob@example.com", account, 404, 404)]
    {
        let role = if sees == 200 { Role::Viewer } else { Role::Owner };
        let invited = site.management.invite(&owner, &place, email, role).await.unwrap();
        site.management.accept_invitation(&Context::new(), &invited.secret, "Bob", PASSWORD).await.unwrap();
        let mut other = Client::new(&site);
        let token = other.get("/login").await.field("csrf");
        other.post("/login", &[("csrf", &token), ("email", email), ("password", PASSWORD)]).await;
        let csrf = other.get("/settings").await.field("csrf");
        let page = other.get("/plans").await;
        assert_eq!(page.status, sees, "{email}: {}", page.body);
        assert_eq!(page.body.contains("href=\"/plans\""), sees == 200, "{email}: {}", page.body);
        let page = other.get(path).await;
        assert_eq!((page.status, page.body.contains("Change limits")), (sees, false), "{email}: {}", page.body);
        let raised = [("csrf", csrf.as_str()), ("version", "1"), ("credits", "1000000")];
        assert_eq!(other.post(&to, &raised).await.status, writes, "{email}");
    }
    let version = site.management.limits(&system, &Subject::Plan(name.into())).await.unwrap().version;
    assert_eq!(version, 1);
}

#[needs(browser)]
#[tokio::test]
async fn plain_fields_change_limits_and_lose_no_other_rule() {
    let site = Site::with_owner().await;
    let (owner, system) = (site.owner().await, Actor::system("test", Context::new()));
    site.management.put_plan(&owner, Plan::new("Pro"), None).await.unwrap();
    let account: keyward::AccountId = "operator".parse().unwrap();
    let key = site.management.create_key(&owner, KeyDraft::secret(account.clone(), "a")).await.unwrap().view.id;
    for with_script in [true, false] {
        let browser = if with_script { Browser::open(&site).await } else { Browser::open_without_script(&site).await };
        browser.sign_in().await;
        for (subject, path, per) in [
            (Subject::Plan("Pro".into()), "/plans/Pro".to_owned(), ""),
            (Subject::Account(account.clone()), "/accounts/operator/settings".to_owned(), ""),
            (Subject::Key(key.clone()), format!("/accounts/operator/keys/{key}"), ",key"),
        ] {
            let rates = |quota: &str, window: &str| {
                let texts = [format!("default={quota}/{window}{per}"), "exports=5/90s,key,strict".to_owned()];
                texts.map(|text| text.parse().unwrap()).to_vec()
            };
            let limits =
                |rates, budget: &str| PutLimits { rates, budget: Some(budget.parse().unwrap()), tasks: Some(3) };
            let version = site.management.limits(&system, &subject).await.unwrap().version;
            let known = limits(rates("100", "60s"), "500/week,rollover=20");
            site.management.put_limits(&owner, &subject, &known, version).await.unwrap();
            browser.go(&path).await;
            browser.fill("requests", "2,000").await;
            browser.click("#window option[value='3600']").await;
            browser.fill("credits", "700").await;
            browser.press("Change limits").await;
            browser.see("The limits are changed.").await;
            let set = PutLimits::from(site.management.limits(&system, &subject).await.unwrap());
            assert_eq!(set, limits(rates("2000", "3600s"), "700/week,rollover=20"), "{path}");
        }
        browser.close().await;
    }
}
