//! What a session of a sign-in link may do, and what a link leaves to others who know the user.

use keyward::manage::{AuditQuery, Context, Management, ManagementError, Role, SignInLinkDraft};

use crate::setting::{PASSWORD, everywhere};

fn says<T>(result: Result<T, ManagementError>) -> &'static str {
    result.map_or_else(|error| error.code(), |_| "done")
}

async fn newest(management: &Management, action: &str) -> serde_json::Value {
    let system = keyward::manage::Actor::system("test", Context::new());
    let log = management.audit_log(&system, &AuditQuery::default()).await.unwrap().items;
    log.into_iter().find(|entry| entry.action == action).unwrap().after.unwrap()
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
            assert_eq!(says(management.join_by_link(&by_link, secret).await), "INVALID_VALUE");
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
