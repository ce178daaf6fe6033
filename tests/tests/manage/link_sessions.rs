//! What a session of a sign-in link may do, and what a link leaves to others who know the user.

use std::time::Duration;

use keyward::NewKey;
use keyward::manage::{Actor, AuditQuery, Context, Management, ManagementError, Purpose, Role, SignInLinkDraft};

use crate::authority::holder;
use crate::second_factor::Person;
use crate::setting::{PASSWORD, Setting, everywhere};

fn says<T>(result: Result<T, ManagementError>) -> &'static str {
    result.map_or_else(|error| error.code(), |_| "done")
}

async fn newest(management: &Management, action: &str) -> serde_json::Value {
    let system = keyward::manage::Actor::system("test", Context::new());
    let log = management.audit_log(&system, &AuditQuery::default()).await.unwrap().items;
    log.into_iter().find(|entry| entry.action == action).unwrap().after.unwrap()
}

/// A key of the operator for a host application.
async fn host(setting: &Setting, scopes: &str) -> Actor {
    let new = NewKey::restricted(setting.management.operator().clone(), "host", scopes.parse().unwrap());
    holder(setting, &setting.system(), Purpose::Management, new).await.0
}

/// A session of the user, by a link of this maker.
async fn by_link(management: &Management, maker: &Actor, email: &str) -> Actor {
    let link = management.create_sign_in_link(maker, &SignInLinkDraft::new(email)).await.unwrap();
    let signed_in = management.sign_in_with_link(&Context::new(), &link.secret).await.unwrap();
    management.session(&signed_in.session, Context::new()).await.unwrap()
}

#[tokio::test]
async fn a_session_of_a_link_widens_no_user_beyond_its_maker() {
    const NEW: &str = "another good password";
    for setting in everywhere().await {
        let management = &setting.management;
        setting.operator().await;
        let (_, account) = setting.customer("ada@example.com").await;
        let (other, elsewhere) = setting.customer("eve@example.com").await;
        // The program's own invitation verifies the address, so that the link leaves the password.
        let email = "grace@example.com";
        let grace = setting.member(&setting.system(), &account, email, Role::Developer).await;
        let host = host(&setting, "users:sign_in").await;
        let invited = management.invite(&other, &elsewhere, email, Role::Owner).await.unwrap();
        let (secret, id) = (invited.secret.as_str(), invited.invitation.id.as_str());
        let by_link = by_link(management, &host, email).await;
        let codes = async |actor: &Actor| {
            [
                ("create an account", says(management.create_account(actor, "Own").await)),
                ("join", says(management.join(actor, id).await)),
                ("join by link", says(management.join_by_link(actor, secret).await)),
                ("set up a second factor", says(management.begin_second_factor(actor, PASSWORD).await)),
                ("change the password", says(management.change_password(actor, PASSWORD, NEW).await)),
            ]
        };
        for (what, code) in codes(&by_link).await {
            assert_eq!(code, "OWN_SIGN_IN_REQUIRED", "{what}");
        }
        let draft = SignInLinkDraft::new(email);
        assert_eq!(says(management.create_sign_in_link(&host, &draft).await), "done");
        // The user may, after an own sign-in. Then the user has more rights than the key.
        for (what, code) in codes(&grace).await {
            let expected = if what == "join by link" { "LINK_ENDED" } else { "done" };
            assert_eq!(code, expected, "{what}");
        }
        assert_eq!(says(management.create_sign_in_link(&host, &draft).await), "ESCALATION");
    }
}

/// A stranger signs up with the address of a customer's employee, and sets up a second factor.
#[tokio::test]
async fn the_operator_frees_an_address_that_a_stranger_took() {
    for setting in everywhere().await {
        let (management, context) = (&setting.management, Context::new());
        let operator = setting.operator().await;
        let (owner, account) = setting.customer("ada@example.com").await;
        let email = "cfo@example.com";
        let (stranger, strange) = setting.customer(email).await;
        let app = Person::set_up(management, &setting.clock, &stranger).await;
        let host = host(&setting, "users:sign_in members:write").await;
        let draft = SignInLinkDraft::new(email).account(account.clone()).create("Cfo", Role::Developer);
        assert_eq!(says(management.create_sign_in_link(&host, &draft).await), "ESCALATION");
        let id = stranger.user().unwrap();
        let version = async || management.user(&operator, id).await.unwrap().version;
        let shown = management.account(&operator, &strange).await.unwrap();
        // The host's key removes no customer. The owner goes after the account, so no other person inherits it.
        assert_eq!(says(management.delete_account(&host, &strange, shown.version).await), "INSUFFICIENT_SCOPE");
        assert_eq!(says(management.delete_user(&host, id, version().await).await), "ESCALATION");
        assert_eq!(says(management.delete_user(&operator, id, version().await).await), "LAST_OWNER");
        management.delete_account(&operator, &strange, shown.version).await.unwrap();
        management.delete_user(&operator, id, version().await).await.unwrap();

        let link = management.create_sign_in_link(&host, &draft).await.unwrap();
        let signed_in = management.sign_in_with_link(&context, &link.secret).await.unwrap();
        let cfo = management.session(&signed_in.session, context.clone()).await.unwrap();
        let own = management.own_accounts(&cfo).await.unwrap();
        let own: Vec<_> = own.into_iter().map(|(account, role)| (account.value.id, role)).collect();
        assert_eq!(own, [(account.clone(), Some(Role::Developer))]);
        assert_eq!(management.member(&owner, &account, cfo.user().unwrap()).await.unwrap().user.name, "Cfo");
        // The stranger has nothing left.
        assert_eq!(says(management.own_user(&stranger).await), "NOT_FOUND");
        let code = app.code(&setting.clock);
        let again = management.sign_in_with_code(&context, email, PASSWORD, Some(&code)).await;
        assert_eq!(says(again), "INVALID_CREDENTIALS");
    }
}

/// A stranger used the link of an invitation to the address, and set up a second factor.
#[tokio::test]
async fn an_owner_frees_a_member_whose_second_factor_is_a_strangers() {
    for setting in everywhere().await {
        let (management, context) = (&setting.management, Context::new());
        setting.operator().await;
        let (owner, account) = setting.customer("ada@example.com").await;
        let email = "cfo@example.com";
        let stranger = setting.member(&owner, &account, email, Role::Developer).await;
        let app = Person::set_up(management, &setting.clock, &stranger).await;
        let host = host(&setting, "users:sign_in members:write").await;
        let open = async || {
            let link = management.create_sign_in_link(&host, &SignInLinkDraft::new(email)).await.unwrap();
            says(management.sign_in_with_link(&context, &link.secret).await)
        };
        assert_eq!(open().await, "CODE_REQUIRED");
        let id = stranger.user().unwrap();
        assert_eq!(says(management.remove_second_factor(&host, id).await), "ESCALATION");
        management.remove_second_factor(&owner, id).await.unwrap();
        // The link removes the password, too.
        assert_eq!(open().await, "done");
        setting.clock.advance(Duration::from_secs(30));
        let code = app.code(&setting.clock);
        for code in [None, Some(code.as_str())] {
            let again = management.sign_in_with_code(&context, email, PASSWORD, code).await;
            assert_eq!(says(again), "INVALID_CREDENTIALS");
        }
        assert_eq!(management.member(&owner, &account, id).await.unwrap().role, Role::Developer);
    }
}

#[tokio::test]
async fn a_session_of_a_link_accepts_no_invitation() {
    for setting in everywhere().await {
        let (management, context) = (&setting.management, Context::new());
        let operator = setting.operator().await;
        let home = management.operator().clone();
        let (owner, account) = setting.customer("ada@example.com").await;
        let grace = setting.member(&owner, &account, "grace@example.com", Role::Developer).await;
        let link = management.create_sign_in_link(&operator, &SignInLinkDraft::new("grace@example.com")).await.unwrap();
        let signed_in = management.sign_in_with_link(&context, &link.secret).await.unwrap();
        let by_link = management.session(&signed_in.session, context.clone()).await.unwrap();
        let invited = management.invite(&operator, &home, "grace@example.com", Role::Owner).await.unwrap();
        for secret in [invited.secret.as_str(), "kwi_nonsense"] {
            assert_eq!(says(management.join_by_link(&by_link, secret).await), "OWN_SIGN_IN_REQUIRED");
        }
        // The invitation still works for a session of the user.
        assert_eq!(says(management.join_by_link(&grace, &invited.secret).await), "done");
    }
}

#[tokio::test]
async fn a_link_removes_a_password_that_a_stranger_may_have_chosen() {
    for setting in everywhere().await {
        let (management, context) = (&setting.management, Context::new());
        let operator = setting.operator().await;
        let (owner, account) = setting.customer("ada@example.com").await;
        // The program's own invitation verifies the address. An owner may have used the one that the owner made.
        for (email, inviter, is_kept) in
            [("cfo@example.com", &owner, false), ("staff@example.com", &setting.system(), true)]
        {
            let invited = management.invite(inviter, &account, email, Role::Developer).await.unwrap();
            management.accept_invitation(&context, &invited.secret, "Member", PASSWORD).await.unwrap();
            let before = management.sign_in(&context, email, PASSWORD).await.unwrap().session;
            let tokens = management.issue_tokens(&context, email, PASSWORD).await.unwrap();
            let begin = async || {
                let link = management.create_sign_in_link(&operator, &SignInLinkDraft::new(email)).await.unwrap();
                management.sign_in_with_link(&context, &link.secret).await.unwrap().session
            };
            let by_link = begin().await;
            let is_removed = !newest(management, "session.begin").await["password"].is_null();
            assert_eq!(is_removed, !is_kept, "{email}");
            let (ended, wrong) = if is_kept { ("done", "done") } else { ("SIGNED_OUT", "INVALID_CREDENTIALS") };
            assert_eq!(says(management.session(&before, context.clone()).await), ended, "{email}");
            assert_eq!(says(management.refresh_tokens(&context, &tokens.refresh).await), ended, "{email}");
            assert_eq!(says(management.sign_in(&context, email, PASSWORD).await), wrong, "{email}");
            // The next link ends nothing.
            begin().await;
            assert_eq!(says(management.session(&by_link, context.clone()).await), "done", "{email}");
        }
    }
}

/// A stolen key signs an owner in. The thief prepares ways back in, and the key is revoked.
#[tokio::test]
async fn invitations_and_resets_of_a_session_of_a_link_end_with_the_rights_of_its_maker() {
    const NEW: &str = "another good password";
    for setting in everywhere().await {
        let (management, context, system) = (&setting.management, Context::new(), setting.system());
        let (_, account) = setting.customer("ada@example.com").await;
        setting.member(&system, &account, "bob@example.com", Role::Owner).await;
        let carol = setting.member(&system, &account, "carol@example.com", Role::Owner).await;
        for is_revoked in [false, true] {
            let (stolen, id) =
                holder(&setting, &system, Purpose::Management, NewKey::secret(account.clone(), "stolen")).await;
            let session = by_link(management, &stolen, "bob@example.com").await;
            let email = format!("eve-{is_revoked}@example.com");
            let invited = management.invite(&session, &account, &email, Role::Owner).await.unwrap();
            let reset = management.create_password_reset(&session, carol.user().unwrap()).await.unwrap();
            if is_revoked {
                management.revoke_key(&system, &id).await.unwrap();
            }
            let expected = if is_revoked { "LINK_ENDED" } else { "done" };
            let accepted = management.accept_invitation(&context, &invited.secret, "Eve", PASSWORD).await;
            assert_eq!(says(accepted), expected);
            assert_eq!(says(management.reset_password(&context, &reset.secret, NEW).await), expected);
        }
    }
}
