use axum::response::Response;

use crate::dashboard::error::PageError;
use crate::dashboard::forms::SignedInForm;
use crate::dashboard::member::Member;

pub(super) async fn sign_out(SignedInForm { at: member, form }: SignedInForm<Member>) -> Result<Response, PageError> {
    let (management, visitor) = (member.management(), &member.visitor);
    if form.has("everywhere") {
        management.sign_out_everywhere(&member.actor).await?;
        let mut response = visitor.redirect_with_flash("/login", "signed-out-all");
        visitor.end_all_sessions(&mut response, &member.actor).await;
        Ok(response)
    } else {
        management.sign_out(&member.actor).await?;
        let mut response = visitor.redirect_with_flash("/login", "signed-out");
        visitor.end_session(&mut response);
        Ok(response)
    }
}
