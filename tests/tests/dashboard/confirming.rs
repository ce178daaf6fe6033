//! Forms that ask a user with a second factor for it, however recent the sign-in is, and are then sent again with a code.

use keyward::CredentialId;
use keyward::manage::{Actor, Context, KeyDraft, Management, Role};
use keyward::store::KeyStatus;

use crate::http::{Answer, Client};
use crate::security::App;
use crate::site::{PASSWORD, Site};

/// The owner's browser.
struct Owner {
    app: App,
    site: Site,
    client: Client,
    csrf: String,
}

impl Owner {
    async fn new() -> Self {
        let (mut app, site) = App::with_site().await;
        let mut client = Client::signed_in(&site).await;
        let actor = site.management.session(&client.cookies["keyward_session"], Context::new()).await.unwrap();
        app.set_up_for(&site, &actor).await;
        let csrf = client.get("/settings").await.field("csrf");
        Self { app, site, client, csrf }
    }

    async fn send(&mut self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let csrf = self.csrf.clone();
        self.client.post(path, &[&[("csrf", csrf.as_str())], fields].concat()).await
    }

    /// The first time, the page asks for a code. Returns the answer to the form with one.
    async fn confirm(&mut self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let asked = self.send(path, fields).await;
        assert_eq!(asked.status, 401, "{path}: {}", asked.body);
        assert!(asked.body.contains("Confirm with your second factor"), "{path}: {}", asked.body);
        assert!(asked.body.contains("Nothing was done yet"), "{path}: {}", asked.body);
        let code = self.app.code();
        self.send(path, &[fields, &[("code", code.as_str())]].concat()).await
    }

    async fn disabled_key(&self, scopes: &str) -> CredentialId {
        let (management, system) = (&self.site.management, system());
        let draft = KeyDraft::management(management.operator().clone(), scopes, scopes.parse().unwrap());
        let id = management.create_key(&system, draft).await.unwrap().view.id;
        management.set_key_disabled(&system, &id, true).await.unwrap();
        id
    }

    async fn status(&self, id: &CredentialId) -> KeyStatus {
        self.site.management.key(&system(), id).await.unwrap().status
    }
}

async fn join(management: &Management, email: &str, name: &str) {
    let invited = management.invite(&system(), management.operator(), email, Role::Developer).await.unwrap();
    management.accept_invitation(&Context::new(), &invited.secret, name, PASSWORD).await.unwrap();
}

fn system() -> Actor {
    Actor::system("test", Context::new())
}

#[tokio::test]
async fn one_code_enables_the_selected_keys_and_nothing_is_done_before() {
    let mut owner = Owner::new().await;
    let mut keys = Vec::new();
    for scopes in ["keys:read", "members:write", "usage:read", "users:sign_in"] {
        keys.push(owner.disabled_key(scopes).await);
    }
    let ids: Vec<_> = keys.iter().map(|id| ("id", id.as_str())).collect();
    let fields = [&[("action", "enable")], &ids[..]].concat();
    let path = "/accounts/operator/keys/selected";
    let asked = owner.send(path, &fields).await;
    assert_eq!(asked.status, 401, "{}", asked.body);
    for key in &keys {
        assert_eq!(owner.status(key).await, KeyStatus::Disabled, "{key}");
    }
    let done = owner.confirm(path, &fields).await;
    assert_eq!(done.status, 303, "{}", done.body);
    for key in &keys {
        assert_eq!(owner.status(key).await, KeyStatus::Active, "{key}");
    }
    assert!(owner.client.get(done.header("location")).await.body.contains("4 keys"), "one form is one change");
    // Keys that make no owners ask for nothing.
    let harmless = owner.disabled_key("keys:read").await;
    assert_eq!(owner.send(path, &[("action", "enable"), ("id", harmless.as_str())]).await.status, 303);
}

#[tokio::test]
async fn a_key_a_user_and_a_lower_requirement_are_confirmed() {
    let mut owner = Owner::new().await;
    let management = owner.site.management.clone();
    let account = management.operator().clone();
    let key = owner.disabled_key("members:write").await;
    let done = owner.confirm(&format!("/accounts/operator/keys/{key}/enable"), &[]).await;
    assert_eq!((done.status, owner.status(&key).await), (303, KeyStatus::Active), "{}", done.body);

    join(&management, "grace@example.com", "Grace").await;
    let grace = management.user_with_email(&system(), "grace@example.com").await.unwrap().value.id;
    management.set_user_disabled(&system(), &grace, true).await.unwrap();
    let done = owner.confirm(&format!("/users/{grace}/enable"), &[]).await;
    assert_eq!(done.status, 303, "{}", done.body);
    assert_eq!(management.user(&system(), &grace).await.unwrap().value.disabled_at, None);

    let path = "/accounts/operator/second-factor";
    assert_eq!(owner.send(path, &[("required", "1"), ("without", "1")]).await.status, 303);
    let done = owner.confirm(path, &[("required", "")]).await;
    assert_eq!(done.status, 303, "{}", done.body);
    assert!(!management.requires_second_factor(&system(), &account).await.unwrap());
}

#[tokio::test]
async fn an_owner_sees_who_loses_access_before_a_second_factor_is_required() {
    let mut owner = Owner::new().await;
    let management = owner.site.management.clone();
    let account = management.operator().clone();
    join(&management, "grace@example.com", "Grace").await;
    let members = owner.client.get("/accounts/operator/members").await.body;
    for badge in ["<span class=\"badge active\">on</span>", "<span class=\"badge soon\">none</span>"] {
        assert_eq!(members.matches(badge).count(), 1, "{badge}: {members}");
    }

    let path = "/accounts/operator/second-factor";
    let asked = owner.send(path, &[("required", "1")]).await;
    assert!(asked.status == 200 && asked.body.contains("1 of 2 members has no second factor."), "{}", asked.body);
    // Another one joins before the owner has answered.
    join(&management, "alan@example.com", "Alan").await;
    let again = owner.send(path, &[("required", "1"), ("without", &asked.field("without"))]).await;
    assert!(again.status == 200 && again.body.contains("2 of 3 members have no second factor."), "{}", again.body);
    assert!(!management.requires_second_factor(&system(), &account).await.unwrap());
    let done = owner.send(path, &[("required", "1"), ("without", &again.field("without"))]).await;
    assert_eq!((done.status, done.header("location")), (303, "/accounts/operator/settings"), "{}", done.body);
    assert!(management.requires_second_factor(&system(), &account).await.unwrap());

    let mut grace = Client::new(&owner.site);
    let csrf = grace.get("/login").await.field("csrf");
    let fields = [("csrf", csrf.as_str()), ("email", "grace@example.com"), ("password", PASSWORD)];
    assert_eq!(grace.post("/login", &fields).await.status, 303);
    let led = grace.get("/accounts/operator/keys").await;
    assert_eq!((led.status, led.header("location")), (303, "/settings/second-factor"));
    let page = grace.get("/settings/second-factor").await.body;
    assert!(page.contains("<bdi>Operator</bdi> requires a second factor of its members."), "{page}");
    let own = owner.client.get("/settings/second-factor").await.body;
    assert!(!own.contains("requires a second factor"), "{own}");
}

#[tokio::test]
async fn an_owner_without_a_second_factor_sets_one_up_first() {
    let site = Site::with_owner().await;
    let mut client = Client::signed_in(&site).await;
    let csrf = client.get("/accounts/operator/settings").await.field("csrf");
    let fields = [("csrf", csrf.as_str()), ("required", "1")];
    let refused = client.post("/accounts/operator/second-factor", &fields).await;
    assert_eq!(refused.status, 403, "{}", refused.body);
    assert!(refused.body.contains("Set up your own second factor first"), "{}", refused.body);
    assert!(refused.body.contains("href=\"/settings/second-factor\""), "{}", refused.body);
}

#[tokio::test]
async fn only_those_who_manage_members_see_their_second_factors() {
    let owner = Owner::new().await;
    join(&owner.site.management, "grace@example.com", "Grace").await;
    let mut grace = Client::new(&owner.site);
    let csrf = grace.get("/login").await.field("csrf");
    let fields = [("csrf", csrf.as_str()), ("email", "grace@example.com"), ("password", PASSWORD)];
    assert_eq!(grace.post("/login", &fields).await.status, 303);
    let members = grace.get("/accounts/operator/members").await;
    assert_eq!(members.status, 200, "{}", members.body);
    assert!(members.body.contains("<bdi>Grace</bdi>") && !members.body.contains("Second factor"), "{}", members.body);
}
