use keyward_core::Timestamp;
use keyward_core::lease::Propagation;
use keyward_core::store::{KeyStatus, RevocationReason};

use crate::dashboard::text::When;
use crate::dashboard::words;
use crate::role::Purpose;
use crate::service::KeyView;

pub(super) struct Key {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) hint: String,
    pub(super) mode: &'static str,
    pub(super) kind: &'static str,
    pub(super) is_managing: bool,
    pub(super) scopes: Vec<String>,
    pub(super) networks: Vec<String>,
    pub(super) endpoints: Vec<String>,
    pub(super) status: &'static str,
    pub(super) is_usable: bool,
    pub(super) is_ended: bool,
    pub(super) created: When,
    pub(super) not_before: Option<When>,
    pub(super) expires: Option<When>,
    pub(super) expires_soon: bool,
    pub(super) last_used: Option<When>,
    pub(super) last_used_from: Option<String>,
    pub(super) used_after_rotation: Option<When>,
    pub(super) revoked: Option<When>,
    pub(super) user: Option<String>,
    pub(super) tags: Vec<String>,
    pub(super) created_by: String,
    pub(super) revocation: Option<(&'static str, Option<String>)>,
    pub(super) rotated_from: Option<String>,
    pub(super) rotated_to: Option<String>,
    pub(super) version: u64,
}

impl Key {
    pub(super) fn of(key: &KeyView, now: Timestamp) -> Self {
        Self {
            id: key.id.to_string(),
            name: key.name.clone(),
            hint: key.hint.to_string(),
            mode: key.mode.as_str(),
            kind: key.kind.as_str(),
            is_managing: key.purpose == Purpose::Management,
            scopes: key.scopes.iter().map(|scope| scope.as_str().to_owned()).collect(),
            networks: key.networks.iter().map(ToString::to_string).collect(),
            endpoints: key.endpoints.iter().map(ToString::to_string).collect(),
            status: key.status.as_str(),
            is_usable: key.status == KeyStatus::Active,
            is_ended: !matches!(key.status, KeyStatus::Active | KeyStatus::Disabled),
            created: When::at(key.created_at, now),
            not_before: When::maybe(key.not_before.filter(|begin| *begin > now), now),
            expires: When::maybe(key.expires_at, now),
            expires_soon: key.expires_soon,
            last_used: When::maybe(key.last_used_at, now),
            last_used_from: key.last_used_from.clone(),
            used_after_rotation: When::maybe(key.used_after_rotation_at, now),
            revoked: When::maybe(key.revoked_at.or(key.compromised_at), now),
            user: key.user.as_ref().map(ToString::to_string),
            tags: key.tags.iter().map(str::to_owned).collect(),
            created_by: key.created_by.as_ref().map_or_else(
                || words::shared::UNKNOWN.to_owned(),
                |creator| format!("{} {}", creator.kind, creator.id),
            ),
            revocation: key.revocation.as_ref().map(|known| (meaning(known.reason), known.note.clone())),
            rotated_from: key.rotated_from.as_ref().map(ToString::to_string),
            rotated_to: key.rotated_to.as_ref().map(ToString::to_string),
            version: key.version,
        }
    }

    /// What tells a key from the one that it replaces, or that replaces it.
    pub(super) fn rotation(&self) -> Option<String> {
        if self.rotated_to.is_some() {
            let end = self.expires.as_ref().filter(|_| !self.is_ended);
            return Some(words::keys::replaced_and_ends(end.map(|when| when.near.as_str())));
        }
        self.rotated_from.is_some().then(|| words::keys::REPLACES_ANOTHER.to_owned())
    }

    /// The scopes, and how many endpoints and networks the key is limited to.
    pub(super) fn grants(&self) -> String {
        let scopes = if self.scopes.iter().any(|scope| scope == "*") {
            words::keys::EVERYTHING.to_owned()
        } else {
            self.scopes.join(", ")
        };
        words::keys::limited_to(&scopes, self.endpoints.len(), self.networks.len())
    }
}

pub(super) fn meaning(reason: RevocationReason) -> &'static str {
    match reason {
        RevocationReason::KeyCompromise => words::keys::OTHERS_KNOW_THE_KEY,
        RevocationReason::AffiliationChanged => words::keys::ITS_USER_HAS_LEFT,
        RevocationReason::Superseded => words::keys::REPLACED_BY_ANOTHER_KEY,
        RevocationReason::CessationOfOperation => words::keys::NO_LONGER_USED,
        RevocationReason::PrivilegeWithdrawn => words::keys::ITS_RIGHTS_WERE_WITHDRAWN,
        _ => words::keys::NO_REASON_GIVEN,
    }
}

pub(super) fn flash_code(what: &str, propagation: &Propagation) -> String {
    let confirmed = propagation.confirmed.len();
    let nodes = confirmed + propagation.waited_out.len();
    format!("{what}.{confirmed}.{nodes}.{}", propagation.took.as_millis().max(1))
}
