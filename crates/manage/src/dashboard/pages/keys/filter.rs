//! Which keys of an account the list and its export have.

#![cfg_attr(not(test), warn(clippy::arithmetic_side_effects, clippy::indexing_slicing))] // It reads input.

use keyward_core::store::{KeyQuery, KeyStatus};
use keyward_core::{AccountId, Timestamp};

use super::sorting;
use crate::dashboard::form::Form;
use crate::service::key_filters;

pub(super) const SIZES: [u64; 3] = [25, 50, 100];
const MOST_PAGES: u64 = 1_000_000;
const SOON_DAYS: i64 = 14;
const DAY: i64 = 24 * 3_600 * 1_000;

pub(super) struct Filter {
    pub(super) form: Form,
    pub(super) query: KeyQuery,
    pub(super) shows_inactive: bool,
    pub(super) page: u64,
    pub(super) size: u64,
}

impl Filter {
    pub(super) fn read(form: Form, account: &AccountId, now: Timestamp) -> Self {
        let asked: Option<KeyStatus> = form.get("status").parse().ok();
        let shows_inactive = form.get("inactive") == "1" || asked.is_some_and(|status| status != KeyStatus::Active);
        let text = form.get("q").trim();
        let (tags, _) = key_filters(Some(form.get("tags")), None).unwrap_or_default();
        let days: Option<i64> = form.get("unused").parse().ok().filter(|days| (1..=366).contains(days));
        let is_soon = form.get("expires") == "soon";
        let size = form.get("size").parse().ok().filter(|size| SIZES.contains(size)).unwrap_or(SIZES[0]);
        let page = form.get("page").parse().ok().filter(|page| (1..=MOST_PAGES).contains(page)).unwrap_or(1_u64);
        let query = KeyQuery {
            account: Some(account.clone()),
            user: form.get("user").parse().ok(),
            tags,
            mode: form.get("mode").parse().ok(),
            kind: form.get("kind").parse().ok(),
            status: asked.or((!shows_inactive).then_some(KeyStatus::Active)),
            text: (!text.is_empty()).then(|| text.to_owned()),
            unused_since: days.map(|days| days_later(now, days.saturating_neg())),
            expires_before: is_soon.then(|| days_later(now, SOON_DAYS)),
            replaced: is_soon.then_some(false),
            order: sorting::read(form.get("sort")),
            skip: page.saturating_sub(1).saturating_mul(size),
            limit: usize::try_from(size).unwrap_or(KeyQuery::MAX_LIMIT),
            now,
            ..KeyQuery::default()
        };
        Self { form, query, shows_inactive, page, size }
    }

    pub(super) fn is_filtered(&self) -> bool {
        !self.form.without(&["page", "size", "sort", "inactive"]).is_empty()
    }
}

/// The active keys of an account that expire soon and have no successor.
pub(super) fn expiring(account: &AccountId, now: Timestamp) -> KeyQuery {
    KeyQuery {
        account: Some(account.clone()),
        status: Some(KeyStatus::Active),
        expires_before: Some(days_later(now, SOON_DAYS)),
        replaced: Some(false),
        now,
        ..KeyQuery::default()
    }
}

fn days_later(now: Timestamp, days: i64) -> Timestamp {
    Timestamp::from_millis(now.as_millis().saturating_add(days.saturating_mul(DAY)))
}
