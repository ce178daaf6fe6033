//! The log of deliveries, and what sends one again.

use axum::response::Response;
use keyward_core::Timestamp;

use super::place::AtWebhook;
use crate::dashboard::error::PageError;
use crate::dashboard::forms::SignedInForm;
use crate::dashboard::text::When;
use crate::dashboard::words;
use crate::error::ManagementError;
use crate::service::{Delivery, DeliveryAttempt, DeliveryState};

pub(super) struct Row {
    pub(super) id: String,
    pub(super) event: String,
    pub(super) kind: &'static str,
    pub(super) state: String,
    pub(super) badge: &'static str,
    pub(super) is_pending: bool,
    pub(super) created: When,
    pub(super) next: Option<When>,
    pub(super) attempts: Vec<Attempt>,
    pub(super) payload: String,
}

pub(super) struct Attempt {
    pub(super) at: When,
    pub(super) answer: String,
    pub(super) millis: u64,
}

impl Row {
    pub(super) fn of(delivery: Delivery, now: Timestamp) -> Self {
        Self {
            id: delivery.id,
            event: delivery.event,
            kind: delivery.kind.as_str(),
            state: delivery.state.to_string(),
            badge: match delivery.state {
                DeliveryState::Pending => "pending",
                DeliveryState::Delivered => "delivered",
                DeliveryState::Failed | DeliveryState::NotSent => "failed",
            },
            is_pending: delivery.state == DeliveryState::Pending,
            created: When::at(delivery.created_at, now),
            next: When::maybe(delivery.next_attempt_at, now),
            attempts: delivery.attempts.into_iter().rev().map(|attempt| Attempt::of(attempt, now)).collect(),
            payload: serde_json::to_string_pretty(&delivery.payload).unwrap_or_default(),
        }
    }

    /// The last answer of the receiver, or the reason for its absence.
    pub(super) fn last_answer(&self) -> &str {
        self.attempts.first().map_or("", |attempt| &attempt.answer)
    }
}

impl Attempt {
    fn of(attempt: DeliveryAttempt, now: Timestamp) -> Self {
        let answer = match (attempt.status, attempt.error) {
            (Some(status), _) => words::webhooks::status(status),
            (None, Some(error)) => error,
            (None, None) => words::webhooks::NO_ANSWER.to_owned(),
        };
        Self { at: When::at(attempt.at, now), answer, millis: attempt.duration_ms }
    }
}

pub(super) async fn test(SignedInForm { at: member, .. }: SignedInForm<AtWebhook>) -> Result<Response, PageError> {
    member.management().test_webhook(&member.actor, &member.account.id, &member.webhook.id).await?;
    Ok(member.redirect_with_flash(&member.rest(), "webhook-test"))
}

pub(super) async fn redeliver(
    SignedInForm { at: member, form }: SignedInForm<AtWebhook>,
) -> Result<Response, PageError> {
    let (account, id, delivery) = (&member.account.id, &member.webhook.id, form.get("delivery"));
    let code = match member.management().redeliver(&member.actor, account, id, delivery).await {
        Ok(_) => "redelivered",
        Err(ManagementError::Stale) => "delivery-busy",
        Err(error) => return Err(error.into()),
    };
    Ok(member.redirect_with_flash(&member.rest(), code))
}

pub(super) async fn redeliver_failed(
    SignedInForm { at: member, .. }: SignedInForm<AtWebhook>,
) -> Result<Response, PageError> {
    let (management, account, id) = (member.management(), &member.account.id, &member.webhook.id);
    let number = management.redeliver_failed(&member.actor, account, id).await?;
    Ok(member.redirect_with_flash(&member.rest(), &format!("failed-redelivered.{number}")))
}
