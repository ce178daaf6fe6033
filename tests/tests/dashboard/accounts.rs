//! Forms act on the account that they show, even if the browser visits another account in between.

use keyward::clock::{Clock as _, SystemClock};
use keyward::id::UserId;
use keyward::manage::{AccountUpdate, Actor, AuditQuery, Context, KeyDraft, NewUser, PageRequest, Role};
use keyward::{AccountId, CredentialId};

use crate::http::{Answer, Client};
use crate::site::{PASSWORD, Site};
use crate::usage::rows;

struct Two {
    site: Site,
    customer: AccountId,
    key: CredentialId,
    member: UserId,
    webhook: String,
}

async fn joined(site: &Site, owner: &Actor, account: &AccountId) -> UserId {
    let context = Context::new();
    let invited = site.management.invite(owner, account, "grace@example.com", Role::Developer).await.unwrap();
    site.management.accept_invitation(&context, &invited.secret, "Grace", PASSWORD).await.unwrap();
    site.management.user_with_email(owner, "grace@example.com").await.unwrap().value.id
}

impl Two {
    async fn start() -> Self {
        let site = Site::with_owner().await;
        let owner = site.owner().await;
        let customer = site.management.create_account(&owner, "Customer X").await.unwrap().value.id;
        let key =
            site.management.create_key(&owner, KeyDraft::secret(customer.clone(), "of the customer")).await.unwrap();
        let member = joined(&site, &owner, &customer).await;
        let url = "https://example.com/hooks";
        let webhook = site.management.create_webhook(&owner, &customer, url, "", &[]).await.unwrap().webhook.id;
        Self { site, customer, key: key.view.id, member, webhook }
    }

    fn path(&self, rest: &str) -> String {
        let rest = rest.replace("{key}", self.key.as_str()).replace("{member}", self.member.as_str());
        let rest = rest.replace("{webhook}", &self.webhook);
        format!("/accounts/{}{rest}", self.customer)
    }

    /// Actions on users belong to no account, so they count for the customer.
    async fn times(&self, account: &AccountId, action: &str) -> usize {
        let page = PageRequest { limit: 500, ..PageRequest::default() };
        let query = AuditQuery { page, ..AuditQuery::default() };
        let log = self.site.management.audit_log(&Actor::system("test", Context::new()), &query).await.unwrap();
        let fits = |of: &Option<AccountId>| of.as_ref().unwrap_or(&self.customer) == account;
        log.items.iter().filter(|entry| entry.action == action && fits(&entry.account)).count()
    }
}

fn form_of(page: &Answer, ending: &str) -> (String, Vec<(String, String)>) {
    let value_of = |tag: &str, name: &str| {
        let rest = tag.split(&format!("{name}=\"")).nth(1)?;
        rest.split('"').next().map(str::to_owned)
    };
    for form in page.body.split("<form method=\"post\"").skip(1) {
        let form = form.split("</form>").next().unwrap();
        let action = value_of(form, "action").unwrap();
        if action.ends_with(ending) {
            let hidden = form.split("<input type=\"hidden\"").skip(1);
            let fields = hidden.map(|tag| (value_of(tag, "name").unwrap(), value_of(tag, "value").unwrap()));
            return (action, fields.collect());
        }
    }
    panic!("no form to {ending} in {}", page.body)
}

type Fields = &'static [(&'static str, &'static str)];

/// The page, the end of the form's action, the fields, and the logged action.
const FORMS: [(&str, &str, Fields, &str); 18] = [
    ("/keys/new", "/keys/new", &[("name", "new"), ("kind", "secret"), ("mode", "live")], "key.create"),
    ("/keys/{key}", "/rename", &[("name", "renamed")], "key.update"),
    ("/keys/selected?action=disable&id={key}", "/keys/selected", &[], "key.disable"),
    ("/keys/{key}", "/enable", &[], "key.enable"),
    ("/keys/{key}/rotate", "/rotate", &[("overlap", "24h")], "key.rotate"),
    ("/keys/{key}/revoke", "/revoke", &[], "key.revoke"),
    ("/members", "/members", &[("email", "partner@example.com"), ("role", "owner")], "member.invite"),
    ("/members", "/{member}/role", &[("role", "viewer")], "member.update"),
    ("/members/{member}/reset", "/reset", &[], "user.create_password_reset"),
    ("/members/{member}/remove", "/remove", &[], "member.remove"),
    ("/webhooks/new", "/new", &[("url", "https://example.com/other")], "webhook.create"),
    ("/webhooks/{webhook}/edit", "/edit", &[("url", "https://example.com/new"), ("enabled", "1")], "webhook.update"),
    ("/webhooks/{webhook}", "/test", &[], "webhook.test"),
    ("/webhooks/{webhook}", "/disable", &[], "webhook.update"),
    ("/webhooks/{webhook}", "/enable", &[], "webhook.update"),
    ("/webhooks/{webhook}/rotate", "/rotate", &[], "webhook.rotate_secret"),
    ("/webhooks/{webhook}/remove", "/remove", &[], "webhook.remove"),
    ("/settings", "/settings", &[("account_name", "Customer Y")], "account.update"),
];

#[tokio::test]
async fn a_form_acts_on_the_account_that_its_page_shows() {
    let two = Two::start().await;
    let operator = two.site.management.operator().clone();
    let mut client = Client::signed_in(&two.site).await;
    for (page, ending, typed, logged) in FORMS {
        let first = client.get(&two.path(page)).await;
        assert_eq!(first.status, 200, "{page}: {}", first.body);
        assert!(
            first.body.contains("<bdi>Customer X</bdi></a> <code>"),
            "{page} does not name its account: {}",
            first.body
        );
        // Select and visit the operator's account in another tab.
        let switched = client.get("/account?account=operator").await;
        assert_eq!(switched.header("location"), "/accounts/operator/keys");
        assert_eq!(client.get("/accounts/operator/keys").await.status, 200);
        assert_eq!(client.get("/keys").await.header("location"), "/accounts/operator/keys");

        let before = (two.times(&two.customer, logged).await, two.times(&operator, logged).await);
        let (action, hidden) = form_of(&first, &ending.replace("{member}", two.member.as_str()));
        assert!(action.starts_with(&two.path("/")), "{action} does not name the account");
        let mut fields: Vec<_> = hidden.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        fields.extend(typed);
        let answer = client.post(&action, &fields).await;
        assert!(matches!(answer.status, 200 | 303), "{action}: {} {}", answer.status, answer.body);
        let after = (two.times(&two.customer, logged).await, two.times(&operator, logged).await);
        assert_eq!(after, (before.0 + 1, before.1), "{action}");
        // The redirect leads to the same account and reports the result there.
        if answer.status == 303 {
            let next = answer.header("location").to_owned();
            assert!(next.starts_with(&two.path("/")), "{action} leads to {next}");
            let other = client.get("/accounts/operator/keys").await;
            assert!(
                !other.body.contains("class=\"note good\""),
                "{action} is reported on another account's page: {}",
                other.body
            );
            let next = client.get(&next).await;
            assert!(next.body.contains("class=\"note good\""), "{action} is not reported: {}", next.body);
        } else {
            assert!(answer.body.contains("<bdi>Customer X</bdi></a> <code>"), "{action}: {}", answer.body);
            assert!(!answer.body.contains("/accounts/operator/keys/new"), "{action} leads elsewhere");
        }
    }
}

fn without_tokens(page: &str) -> String {
    let mut parts = page.split("name=\"csrf\" value=\"");
    let mut plain = parts.next().unwrap().to_owned();
    for part in parts {
        plain += part.split_once('"').unwrap().1;
    }
    plain
}

#[tokio::test]
async fn a_form_to_an_account_of_others_is_not_found() {
    let two = Two::start().await;
    two.site
        .management
        .sign_up(&Context::new(), NewUser::new("nora@example.com", "Northwind", PASSWORD))
        .await
        .unwrap();
    let mut client = Client::new(&two.site);
    let session = two.site.management.sign_in(&Context::new(), "nora@example.com", PASSWORD).await.unwrap().session;
    client.cookies.insert("keyward_session".to_owned(), session.to_string());
    // The cookie selects an account but gives no access to it.
    client.cookies.insert("keyward_account".to_owned(), two.customer.to_string());
    let home = client.get("/keys").await.header("location").to_owned();
    assert!(!home.contains(two.customer.as_str()), "{home}");
    let token = client.get(&home.replace("/keys", "/keys/new")).await.field("csrf");
    let own = home.strip_suffix("/keys").unwrap().to_owned();
    for (page, ending, typed, logged) in FORMS {
        let action = match ending {
            "/rename" | "/disable" | "/enable" | "/test" => format!("{page}{ending}"),
            "/{member}/role" => format!("/members{ending}"),
            _ => page.to_owned(),
        };
        let before = two.times(&two.customer, logged).await;
        let mut fields = vec![("csrf", token.as_str()), ("form_id", "0123456789abcdef"), ("version", "1")];
        fields.extend(typed);
        let mut bodies = Vec::new();
        let nobody = two.path(&action).replace(two.customer.as_str(), "acct_nobody");
        for path in [two.path(&action), nobody] {
            for answer in [client.get(&two.path(page)).await, client.post(&path, &fields).await] {
                assert_eq!(answer.status, 404, "{path}: {}", answer.body);
                assert!(!answer.body.contains("Customer X"), "{path}: {}", answer.body);
                assert!(
                    answer.body.contains(&format!("href=\"{own}/keys\"")),
                    "{path} has no link to the own account: {}",
                    answer.body
                );
                // Each page has another mask of the form token.
                bodies.push(without_tokens(&answer.body));
            }
        }
        assert!(bodies.iter().all(|body| *body == bodies[0]), "{page} reveals whether the account exists");
        // Keys and members of another account are not found in this one.
        // A selection names its keys in fields.
        if action.contains('{') && !action.contains('?') {
            let path = two.path(&action).replace(&two.path(""), "");
            let answer = client.post(&format!("{own}{path}"), &fields).await;
            assert_eq!(answer.status, 404, "{own}{path}: {}", answer.body);
        }
        assert_eq!(two.times(&two.customer, logged).await, before, "{page}");
    }
}

#[tokio::test]
async fn a_key_is_shown_below_its_own_account_alone() {
    let two = Two::start().await;
    let mut client = Client::signed_in(&two.site).await;
    // The operator may see the key, but not as a key of the operator's account.
    for rest in ["", "/rotate", "/revoke"] {
        let path = format!("/keys/{}{rest}", two.key);
        assert_eq!(client.get(&two.path(&path)).await.status, 200, "{path}");
        assert_eq!(client.get(&format!("/accounts/operator{path}")).await.status, 404, "{path}");
    }
    let token = client.get("/accounts/operator/keys/new").await.field("csrf");
    let mut fields = vec![("csrf", token.as_str()), ("form_id", "0123456789abcdef"), ("overlap", "now")];
    fields.extend([("name", "renamed"), ("version", "1")]);
    for action in ["rename", "disable", "enable", "rotate", "revoke"] {
        let path = format!("/accounts/operator/keys/{}/{action}", two.key);
        assert_eq!(client.post(&path, &fields).await.status, 404, "{action}");
    }
    let key = two.site.management.key(&two.site.owner().await, &two.key).await.unwrap();
    assert_eq!((key.status, key.name.as_str()), (keyward::store::KeyStatus::Active, "of the customer"));
    // An old link to a key still leads to it, whichever account was visited last.
    let answer = client.get(&format!("/keys/{}", two.key)).await;
    assert_eq!(answer.header("location"), two.path("/keys/{key}"));
}

#[tokio::test]
async fn accounts_of_the_same_name_are_told_apart() {
    let two = Two::start().await;
    let owner = two.site.owner().await;
    let alike = two.site.management.create_account(&owner, "Customer X").await.unwrap().value.id;
    let mut client = Client::signed_in(&two.site).await;
    let page = client.get(&two.path("/members")).await.body;
    for id in [&alike, &two.customer] {
        assert!(page.contains(&format!("<bdi>Customer X</bdi> <code>{id}</code>")), "{page}");
    }
    assert!(page.contains(&format!("<code>{}</code></p>", two.customer)), "{page}");
}

#[tokio::test]
async fn what_was_typed_comes_back_to_the_account_it_was_for() {
    let recent = std::time::Duration::from_secs(600);
    let (site, clock) = Site::with_clock(|management| management.recent_sign_in(recent)).await;
    site.add_owner().await;
    let owner = site.owner().await;
    let customer = site.management.create_account(&owner, "Customer X").await.unwrap().value.id;
    let member = joined(&site, &owner, &customer).await;
    let key = site.management.create_key(&owner, KeyDraft::secret(customer.clone(), "k")).await.unwrap().view.id;
    let here = format!("/accounts/{customer}");
    let mut client = Client::signed_in(&site).await;
    let token = client.get("/settings").await.field("csrf");
    clock.advance(recent + std::time::Duration::from_secs(1));
    for (path, typed, back) in [
        ("/keys/new".to_owned(), vec![("name", "a")], "/keys/new?name=a".to_owned()),
        (format!("/keys/{key}/rename"), vec![("name", "a")], format!("/keys/{key}?name=a")),
        (format!("/keys/{key}/enable"), vec![], format!("/keys/{key}")),
        (format!("/keys/{key}/rotate"), vec![("overlap", "1h")], format!("/keys/{key}/rotate?overlap=1h")),
        ("/members".to_owned(), vec![("email", "a"), ("role", "admin")], "/members?email=a&role=admin".to_owned()),
        (format!("/members/{member}/role"), vec![("role", "admin")], format!("/members?member={member}&role=admin")),
        (format!("/members/{member}/reset"), vec![], format!("/members/{member}/reset")),
    ] {
        let mut fields = vec![("csrf", token.as_str()), ("form_id", "0123456789abcdef"), ("version", "1")];
        fields.extend(typed);
        let answer = client.post(&format!("{here}{path}"), &fields).await;
        assert_eq!(answer.status, 401, "{path}: {}", answer.body);
        let to = answer.field("to").replace("&#38;", "&");
        assert_eq!(to, format!("{here}{back}"), "{path}");
    }
    let answer = client.post(&format!("/users/{member}/enable"), &[("csrf", token.as_str())]).await;
    assert_eq!((answer.status, answer.field("to").as_str()), (401, &*format!("/users/{member}")), "{}", answer.body);
    // The chosen role is selected again for that member, but not in the form for invitations.
    let page = client.get(&format!("{here}/members?member={member}&role=admin")).await.body;
    let row = page.split(&format!("role-{member}\" name")).nth(1).unwrap().split("</select>").next().unwrap();
    assert!(row.contains("<option value=\"admin\" selected>admin"), "{row}");
    let invite = page.split("id=\"invite\"").nth(1).unwrap();
    assert!(!invite.contains("selected"), "{invite}");
}

#[tokio::test]
async fn a_suspended_account_looks_suspended_on_all_of_its_pages() {
    const BANNER: &str = "This account is suspended: every request with its keys is refused.";
    let site = Site::with_owner().await;
    let owner = site.owner().await;
    let account = site.management.create_account(&owner, "Customer").await.unwrap();
    let id = account.value.id.clone();
    let issued = site.management.create_key(&owner, KeyDraft::secret(id.clone(), "worker")).await.unwrap();
    let key = issued.key.expose_once().to_string();
    let mut client = Client::signed_in(&site).await;
    let pages = ["keys", "keys/new", "usage", "members", "settings", "audit", "webhooks"];
    let key_page = format!("keys/{}", issued.view.id);
    for suspended in [false, true, false] {
        let known = site.management.account(&owner, &id).await.unwrap();
        let update = AccountUpdate { suspended: Some(suspended), ..AccountUpdate::default() };
        site.management.update_account(&owner, &id, &update, known.version).await.unwrap();
        assert_eq!(site.call_api(&key).await, if suspended { 403 } else { 200 });
        for page in pages.into_iter().chain([key_page.as_str()]) {
            let body = client.get(&format!("/accounts/{id}/{page}")).await.body;
            assert_eq!(body.contains(BANNER), suspended, "{page}: {body}");
        }
        let list = client.get(&format!("/accounts/{id}/keys")).await.body;
        let row = rows(&list, "Keys").remove(0);
        let status = if suspended { "worker refused the account is suspended" } else { "worker active" };
        assert!(row.contains(status), "{row}");
        let body = client.get(&format!("/accounts/{id}/{key_page}")).await.body;
        assert_eq!(body.contains("refused: the account is suspended"), suspended, "{body}");
        // The API creates keys then, too.
        let body = client.get(&format!("/accounts/{id}/keys/new")).await.body;
        assert_eq!(body.contains("Requests with it are refused until the account is reinstated."), suspended, "{body}");
        assert!(!client.get("/accounts/operator/keys").await.body.contains(BANNER));
    }
    let update = AccountUpdate { suspended: Some(true), ..AccountUpdate::default() };
    let known = site.management.account(&owner, &id).await.unwrap();
    site.management.update_account(&owner, &id, &update, known.version).await.unwrap();
    assert!(site.management.create_key(&owner, KeyDraft::secret(id, "later")).await.is_ok());
}

/// Below the name of a user without keys, nothing is said or offered about the keys of others.
#[tokio::test]
async fn the_list_of_the_keys_of_a_user_is_about_this_user() {
    let site = Site::with_owner().await;
    let owner = site.owner().await;
    let soon = SystemClock.now().saturating_add(std::time::Duration::from_secs(3 * 86_400));
    let mut draft = KeyDraft::secret("operator".parse().unwrap(), "soon");
    draft.expires_at = Some(soon);
    site.management.create_key(&owner, draft).await.unwrap();
    let me = site.management.own_user(&owner).await.unwrap().value.id;
    let mut client = Client::signed_in(&site).await;
    assert!(client.get("/accounts/operator/keys").await.body.contains("in the next 14 days"));
    let path = format!("/accounts/operator/keys?user={me}");
    let body = client.get(&path).await.body;
    assert!(!body.contains("in the next 14 days") && !body.contains("Revoke all"), "{body}");
    let mut draft = KeyDraft::secret("operator".parse().unwrap(), "mine");
    (draft.expires_at, draft.user) = (Some(soon), Some(me));
    site.management.create_key(&owner, draft).await.unwrap();
    let body = client.get(&path).await.body;
    assert!(body.contains("in the next 14 days") && body.contains("Revoke all"), "{body}");
    assert!(body.contains("keys?expires=soon&amp;user="), "{body}");
}
