use axum::response::Response;

use super::SETTINGS;
use crate::dashboard::error::PageError;
use crate::dashboard::forms::SignedInForm;
use crate::dashboard::member::Member;
use crate::dashboard::text::When;
use crate::dashboard::words;
use crate::error::ManagementError;
use crate::service::SessionView;

/// Sign-ins in one list: a user who looks for a stranger's need not know how each of them began.
pub(super) struct Sessions {
    pub(super) open: Vec<Session>,
    pub(super) has_others: bool,
    /// Older ones are not shown.
    pub(super) has_more: bool,
}

pub(super) struct Session {
    pub(super) id: String,
    pub(super) device: String,
    pub(super) network: String,
    pub(super) since: When,
    pub(super) last_seen: When,
    pub(super) is_program: bool,
    /// The maker of the link that began it.
    pub(super) link_from: Option<String>,
    pub(super) is_current: bool,
}

impl Sessions {
    pub(super) async fn of(member: &Member) -> Result<Self, ManagementError> {
        let (management, actor) = (member.management(), &member.actor);
        let now = management.now();
        let shown = |view: SessionView, is_program| Session {
            id: view.id,
            device: view.device,
            network: view.last_seen_from.unwrap_or_else(|| words::settings::UNKNOWN_NETWORK.to_owned()),
            since: When::at(view.created_at, now),
            last_seen: When::at(view.last_seen_at, now),
            is_program,
            link_from: view.link_from,
            is_current: view.current,
        };
        let (browsers, has_more_browsers) = management.newest_sessions(actor).await?;
        let (programs, has_more_programs) = management.newest_programs(actor).await?;
        let has_more = has_more_browsers || has_more_programs;
        let mut open: Vec<Session> = browsers.into_iter().map(|view| shown(view, false)).collect();
        open.extend(programs.into_iter().map(|view| shown(view, true)));
        // The current one may be older than all others of the page.
        open.sort_by_key(|session| !session.is_current);
        let has_others = has_more || open.iter().any(|session| !session.is_current);
        Ok(Self { open, has_others, has_more })
    }
}

pub(super) async fn end(SignedInForm { at: member, form }: SignedInForm<Member>) -> Result<Response, PageError> {
    match member.management().end_own_session(&member.actor, form.get("session")).await {
        // Another tab has ended it.
        Ok(()) | Err(ManagementError::NotFound("session")) => {}
        Err(error) => return Err(error.into()),
    }
    Ok(member.visitor.redirect_with_flash(SETTINGS, "session-ended"))
}

pub(super) async fn end_others(SignedInForm { at: member, .. }: SignedInForm<Member>) -> Result<Response, PageError> {
    member.management().sign_out_others(&member.actor).await?;
    let mut response = member.visitor.redirect_with_flash(SETTINGS, "others-ended");
    member.visitor.renew_device(&mut response, &member.actor).await;
    Ok(response)
}
