//! What an invitation says, and what follows it.

use crate::http::Client;
use crate::site::{PASSWORD, Site};

/// Before it accepts anything, the page names the inviter, the account, the role and the address.
#[tokio::test]
async fn an_invitation_names_inviter_account_role_and_address() {
    let site = Site::with_owner().await;
    let (owner, context) = (site.owner().await, keyward::manage::Context::new());
    let account = site.management.create_account(&owner, "Example Ltd").await.unwrap().value.id;
    let invite = async |email: &str| {
        site.management.invite(&owner, &account, email, keyward::manage::Role::Developer).await.unwrap().secret
    };
    let words = |html: &str| {
        let text = html.split('<').map(|part| part.split_once('>').map_or(part, |(_, text)| text)).collect::<String>();
        text.split_whitespace().collect::<Vec<_>>().join(" ")
    };
    let secret = invite("grace@example.com").await;
    let mut visitor = Client::new(&site);
    let page = words(&visitor.get(&format!("/register?invitation={}", *secret)).await.body);
    let sentence = "You are invited by Ada (ada@example.com) to the account Example Ltd as developer. \
        You will sign in as grace@example.com with the password that you choose here.";
    assert!(page.contains(sentence), "{page}");
    // Afterwards, only the password is missing.
    let form = visitor.get(&format!("/register?invitation={}", *secret)).await;
    let (csrf, email) = (form.field("csrf"), form.field("email"));
    let fields = [
        ("csrf", csrf.as_str()),
        ("invitation", &secret),
        ("email", &email),
        ("name", "Grace"),
        ("password", PASSWORD),
    ];
    let done = visitor.post("/register", &fields).await;
    assert_eq!((done.status, done.header("location")), (303, "/login?email=grace%40example.com"), "{}", done.body);
    assert!(visitor.get("/login?email=grace%40example.com").await.body.contains("value=\"grace@example.com\""));

    // A user who is signed in sees the same, and joins at once.
    let other = site.management.create_account(&owner, "Second Ltd").await.unwrap().value.id;
    let again =
        site.management.invite(&owner, &other, "grace@example.com", keyward::manage::Role::Admin).await.unwrap().secret;
    let login = visitor.get("/login").await.field("csrf");
    visitor.post("/login", &[("csrf", &login), ("email", "grace@example.com"), ("password", PASSWORD)]).await;
    let page = visitor.get(&format!("/invitations?invitation={}", *again)).await;
    let text = words(&page.body);
    for known in ["Join Second Ltd", "Invited byAda (ada@example.com)", "Roleadmin", "E-mail addressgrace@example.com"]
    {
        assert!(text.contains(known), "{known}: {text}");
    }
    let fields = [("csrf", page.field("csrf")), ("invitation", again.to_string())];
    let fields: Vec<_> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let joined = visitor.post("/invitations", &fields).await;
    assert_eq!(joined.header("location"), format!("/accounts/{other}/keys"), "{}", joined.body);
    // A program of the operator has no name for a stranger.
    let system = keyward::manage::Actor::system("test", context);
    let by_program =
        site.management.invite(&system, &account, "lin@example.com", keyward::manage::Role::Viewer).await.unwrap();
    let page = Client::new(&site).get(&format!("/register?invitation={}", *by_program.secret)).await.body;
    assert!(
        words(&page).contains("You are invited by an administrator to the account Example Ltd as viewer."),
        "{page}"
    );
}
