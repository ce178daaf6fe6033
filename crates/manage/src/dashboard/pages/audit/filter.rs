//! Which entries the audit log and its export have.

#![cfg_attr(not(test), warn(clippy::arithmetic_side_effects, clippy::indexing_slicing))] // It reads input.

use keyward_core::Timestamp;

use super::names::Names;
use super::sentences::known;
use crate::dashboard::days;
use crate::dashboard::error::FormErrors;
use crate::dashboard::form::{self, Form};
use crate::dashboard::member::AtAccount;
use crate::dashboard::words;
use crate::dashboard::words::actions::GROUPS;
use crate::error::ManagementError;
use crate::role::scopes;
use crate::service::{AuditSearch, invalid_cursor};

/// The most entries that a page reads.
const MOST_READ: usize = 2_000;

/// The longest text to search for, in characters.
const MOST_TEXT: usize = 100;

const DAY: i64 = 24 * 3_600 * 1_000;

/// The kinds of targets, in words.
pub(super) const TARGETS: [(&str, &str); 8] = [
    ("key", words::shared::KEYS),
    ("user", words::shared::USERS),
    ("invitation", words::shared::INVITATIONS),
    ("account", words::shared::ACCOUNTS),
    ("webhook", words::shared::WEBHOOKS),
    ("plan", words::shared::PLANS),
    ("settings", words::audit::SETTINGS_OF_THE_PAGES),
    ("audit_log", words::audit::THE_AUDIT_LOG),
];

pub(super) struct Filter {
    pub(super) form: Form,
    pub(super) search: AuditSearch,
    pub(super) error: Option<FormErrors>,
    /// Whether the reader may see the entries of every account here.
    pub(super) may_see_all: bool,
}

/// A range of days.
pub(super) struct Preset {
    pub(super) label: &'static str,
    pub(super) query: String,
    pub(super) is_current: bool,
}

impl Filter {
    pub(super) fn read(member: &AtAccount) -> Result<Self, ManagementError> {
        let form = member.visitor.query();
        let is_operators = member.account.id == *member.management().operator();
        let operates = member.operates.as_ref().is_some_and(|rights| rights.allows(&scopes::AUDIT_READ));
        let may_see_all = is_operators && operates;
        let sees_all = may_see_all && form.get("of") == "all";
        let mut error = FormErrors::default();
        let (from, to) = days::read(&form, &mut error);
        let text = form.get("q").trim().to_lowercase();
        if text.chars().count() > MOST_TEXT {
            error.note("q", words::audit::text_too_long(MOST_TEXT));
        }
        let before = form.filled("after").map(|after| after.parse().map_err(|_| invalid_cursor())).transpose()?;
        let (target_kind, target) = match form.get("target").split_once(':') {
            Some((kind, id)) => (Some(kind.to_owned()), Some(id.to_owned())),
            None => (form.filled("target"), None),
        };
        let is_action = |code: &String| {
            known(code).is_some() || GROUPS.iter().any(|group| group.all.is_some_and(|(all, _)| all == code))
        };
        let search = AuditSearch {
            account: (!sees_all).then(|| member.account.id.clone()),
            actor: form.filled("actor"),
            action: form.filled("action").filter(is_action),
            target_kind,
            target,
            text: Some(text).filter(|text| !text.is_empty()),
            named: Vec::new(),
            from,
            until: to.map(|to| Timestamp::from_millis(to.as_millis().saturating_add(DAY))),
            before,
            limit: 0,
            most_read: MOST_READ,
        };
        Ok(Self { form, search, error: error.found(), may_see_all })
    }

    /// Entries have ids of users, and people search for names.
    pub(super) fn learn_names(&mut self, names: &Names) {
        if let Some(text) = &self.search.text {
            let is_named = |name: &str| name.to_lowercase().contains(text);
            let named = names.members.iter().filter(|(_, name)| is_named(name));
            self.search.named = named.map(|(id, _)| id.clone()).collect();
        }
    }

    /// Links to ranges of days that end today. They keep the other filters.
    pub(super) fn presets(&self, now: Timestamp) -> Vec<Preset> {
        let today = now.as_millis().div_euclid(DAY);
        // 1970 began on a Thursday.
        let monday = today.saturating_sub(today.saturating_add(3).rem_euclid(7));
        let ranges = [
            (words::audit::TODAY, today),
            (words::audit::THIS_WEEK, monday),
            (words::audit::LAST_30_DAYS, today.saturating_sub(29)),
        ];
        let kept = self.form.without(&["after", "from", "to"]);
        let preset = |(label, first): (&'static str, i64)| {
            let day = Timestamp::from_millis(first.saturating_mul(DAY)).to_string();
            let from = day.get(..10).unwrap_or_default();
            let is_current = self.form.get("from") == from && self.form.get("to").is_empty();
            Preset { label, query: form::joined(&kept, &form::query("from", from)), is_current }
        };
        ranges.map(preset).into()
    }

    pub(super) fn is_filtered(&self) -> bool {
        !self.form.without(&["after"]).is_empty()
    }
}
