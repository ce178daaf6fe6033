//! An ability is one point: an account, scope, mode, kind, network, endpoint and time. Shares no code with the
//! service's `authority.rs`.

use std::sync::LazyLock;

use keyward::key::KeyKind;
use keyward::manage::{KeyView, Purpose, Role};
use keyward::{AccountId, CredentialId, Endpoint, Mode, Scope, ScopeSet};

/// The bit after them stands for a scope that only `*` grants.
const MANAGE: [&str; 15] = [
    "accounts:read",
    "accounts:write",
    "members:read",
    "members:write",
    "keys:read",
    "keys:write",
    "keys:verify",
    "usage:read",
    "plans:read",
    "plans:write",
    "audit:read",
    "webhooks:read",
    "webhooks:write",
    "deletions:write",
    "users:sign_in",
];
const SIGN_IN: u32 = 1 << (MANAGE.len() - 1);
pub(crate) const EVERY: u32 = 1 << MANAGE.len();
/// Only `*` grants the last one.
const PROVIDER: [&str; 4] = ["resources:read", "resources:write", "jobs:read", "unheard:of"];
const PROVIDER_AT: usize = MANAGE.len() + 1;
const SCOPES: usize = PROVIDER_AT + PROVIDER.len();
const ADDRESSES: [&str; 3] = ["10.1.0.1", "10.2.0.1", "192.0.2.1"];
const CALLS: [(&str, &str); 3] = [("GET", "/a/1"), ("POST", "/a/1"), ("GET", "/b")];

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Holding {
    /// `None` means every account.
    pub(crate) account: Option<AccountId>,
    pub(crate) scopes: u32,
    modes: u32,
    kinds: u32,
    networks: u32,
    endpoints: u32,
    end: i64,
    /// The key whose limits hold, if any.
    pub(crate) limits: Option<CredentialId>,
}

fn mask<T>(items: &[T], has: impl Fn(&T) -> bool) -> u32 {
    items.iter().enumerate().filter(|(_, item)| has(item)).map(|(bit, _)| 1 << bit).sum()
}

fn parsed(names: &[&str]) -> Vec<Scope> {
    names.iter().map(|name| name.parse().unwrap()).collect()
}

pub(crate) fn manage_scopes() -> &'static [Scope] {
    static SCOPES: LazyLock<Vec<Scope>> = LazyLock::new(|| parsed(&MANAGE));
    &SCOPES
}

fn provider_scopes() -> &'static [Scope] {
    static SCOPES: LazyLock<Vec<Scope>> = LazyLock::new(|| parsed(&PROVIDER));
    &SCOPES
}

fn allowed(scopes: &ScopeSet, names: &[Scope]) -> u32 {
    mask(names, |name| scopes.allows(name))
}

pub(crate) fn of_role(role: Role) -> u32 {
    let developer = ["keys:write", "keys:verify"];
    let admin = ["accounts:write", "members:write", "plans:write", "audit:read", "webhooks:read", "webhooks:write"];
    let beyond_viewer = |name: &str| developer.contains(&name) || admin.contains(&name);
    let owner = ["deletions:write", "users:sign_in"];
    match role {
        Role::Viewer => mask(&MANAGE, |name| !beyond_viewer(name) && !owner.contains(name)),
        Role::Developer => mask(&MANAGE, |name| !admin.contains(name) && !owner.contains(name)),
        Role::Admin => mask(&MANAGE, |name| !owner.contains(name)),
        Role::Owner => mask(&MANAGE, |_| true) | EVERY,
    }
}

impl Holding {
    /// A role in the operator's account counts in every account.
    pub(crate) fn of_member(account: &AccountId, operator: &AccountId, role: Role) -> Self {
        let grants = if role == Role::Viewer { 0 } else { ((1 << PROVIDER.len()) - 1) << PROVIDER_AT };
        Self {
            account: (account != operator).then(|| account.clone()),
            scopes: of_role(role) | grants,
            modes: 0b11,
            kinds: if role == Role::Viewer { 0b011 } else { 0b111 },
            networks: 0b111,
            endpoints: 0b111,
            end: i64::MAX,
            limits: None,
        }
    }

    pub(crate) fn of_key(key: &KeyView, operator: &AccountId) -> Self {
        let everywhere = key.purpose == Purpose::Management && key.account == *operator;
        let manage = match key.purpose {
            Purpose::Api => 0,
            Purpose::Management => {
                let every = if key.scopes.iter().any(|grant| grant.as_str() == "*") { EVERY } else { 0 };
                allowed(&key.scopes, manage_scopes()) | every
            }
        };
        let networks = &key.networks;
        let from = |address: &&str| {
            let address: std::net::IpAddr = address.parse().unwrap();
            networks.is_empty() || networks.iter().any(|network| network.contains(&address))
        };
        let calls = |(method, path): &(&str, &str)| {
            key.endpoints.is_empty() || key.endpoints.iter().any(|endpoint: &Endpoint| endpoint.covers(method, path))
        };
        Self {
            account: (!everywhere).then(|| key.account.clone()),
            scopes: manage | allowed(&key.scopes, provider_scopes()) << PROVIDER_AT,
            // Rights in live mode include the same rights in test mode.
            modes: if key.mode == Mode::Live { 0b11 } else { 0b01 },
            kinds: match key.kind {
                KeyKind::Publishable => 0b001,
                KeyKind::Restricted => 0b011,
                KeyKind::Secret => 0b111,
            },
            networks: mask(&ADDRESSES, from),
            endpoints: mask(&CALLS, calls),
            end: key.expires_at.map_or(i64::MAX, |end| end.as_millis()),
            limits: None,
        }
    }

    pub(crate) fn limited_by(self, limits: Option<CredentialId>) -> Self {
        Self { limits, ..self }
    }

    /// What is limited gives nothing that is limited otherwise.
    fn is_as_free(&self, other: &Self) -> bool {
        self.limits.is_none() || self.limits == other.limits
    }

    /// A live key without confines and limits signs in users of its accounts, and the session has none.
    pub(crate) fn signs_in(&self) -> bool {
        let is_free = self.modes == 0b11 && self.networks == 0b111 && self.endpoints == 0b111 && self.end == i64::MAX;
        is_free && self.limits.is_none() && self.scopes & SIGN_IN != 0
    }

    fn reaches(&self, account: Option<&AccountId>) -> bool {
        self.account.is_none() || self.account.as_ref() == account
    }
}

fn bits(mask: u32, count: usize) -> impl Iterator<Item = u32> {
    (0..count).map(|bit| 1 << bit).filter(move |bit| mask & bit != 0)
}

/// Describes the first ability of `holding` that no holding in `known` gives for as long.
pub(crate) fn beyond(holding: &Holding, known: &[Holding]) -> Option<String> {
    let reaches = |known: &&Holding| known.reaches(holding.account.as_ref()) && known.is_as_free(holding);
    let known: Vec<&Holding> = known.iter().filter(reaches).collect();
    let of = |holding: &Holding, scope: u32, mode: u32, kind: u32| {
        holding.scopes & scope != 0 && holding.modes & mode != 0 && holding.kinds & kind != 0
    };
    for scope in bits(holding.scopes, SCOPES) {
        for mode in bits(holding.modes, 2) {
            for kind in bits(holding.kinds, 3) {
                let known: Vec<&&Holding> = known.iter().filter(|known| of(known, scope, mode, kind)).collect();
                for network in bits(holding.networks, ADDRESSES.len()) {
                    for endpoint in bits(holding.endpoints, CALLS.len()) {
                        let fits =
                            |known: &&&&Holding| known.networks & network != 0 && known.endpoints & endpoint != 0;
                        let end = known.iter().filter(fits).map(|known| known.end).max().unwrap_or(i64::MIN);
                        if end < holding.end {
                            return Some(told(holding, [scope, mode, kind, network, endpoint], end));
                        }
                    }
                }
            }
        }
    }
    None
}

fn told(holding: &Holding, [scope, mode, kind, network, endpoint]: [u32; 5], known: i64) -> String {
    let at = |bit: u32| bit.trailing_zeros() as usize;
    let place = at(scope);
    let scope = match place.checked_sub(PROVIDER_AT) {
        Some(place) => PROVIDER[place],
        None => MANAGE.get(place).copied().unwrap_or("*"),
    };
    let kind = ["publishable", "restricted", "secret"][at(kind)];
    let known = if known == i64::MIN { "was held by none of them".to_owned() } else { format!("ended at {known}") };
    format!(
        "{scope} in {} ({} mode, {kind}, from {}, {} {}, until {}, limits {:?}), which {known}",
        holding.account.as_ref().map_or("every account", |account| account.as_str()),
        ["test", "live"][at(mode)],
        ADDRESSES[at(network)],
        CALLS[at(endpoint)].0,
        CALLS[at(endpoint)].1,
        holding.end,
        holding.limits,
    )
}
