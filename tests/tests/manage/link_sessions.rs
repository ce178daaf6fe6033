//! What a session of a sign-in link may do.

use keyward::manage::{Context, ManagementError, Role, SignInLinkDraft};

use crate::setting::everywhere;

fn says<T>(result: Result<T, ManagementError>) -> &'static str {
    result.map_or_else(|error| error.code(), |_| "done")
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
