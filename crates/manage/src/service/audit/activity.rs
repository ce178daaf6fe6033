//! How users sign in, for themselves and for the accounts that they belong to.

use std::collections::HashSet;
use std::time::Duration;

use keyward_core::AccountId;
use keyward_core::id::UserId;
use serde_json::{Map, Value};

use super::AuditEntry;
use super::draft::Draft;
use super::origin::with_less_of_origin;
#[cfg(feature = "dashboard")]
use crate::actor::Actor;
use crate::error::ManagementError;
use crate::records::{ActivityMark, Entity as _, Versioned};
use crate::service::Management;
use crate::store::{Kind, List, Write};

/// Strangers cause none of them: each needs the right password, a session, or rights. Renewed access tokens and links that nobody used
/// are left out, because programs cause many: they would hide the rest.
const ACTIONS: [&str; 17] = [
    "session.begin",
    "session.end",
    "session.end_all",
    "session.end_others",
    "token.issue",
    "token.reuse",
    "user.add_second_factor",
    "user.block_second_factor",
    "user.change_password",
    "user.check_code",
    "user.create_password_reset",
    "user.link",
    "user.remove_second_factor",
    "user.rename_passkey",
    "user.renew_recovery_codes",
    "user.reset_password",
    "user.use_recovery_code",
];

/// The most accounts of a user that an entry is marked for, oldest memberships first. No user joins more, so only accounts that the
/// user has created can be left out.
pub(crate) const MOST_ACCOUNTS: usize = 500;
const KEPT: Duration = Duration::from_secs(400 * 24 * 3_600);

/// What an account learns of an entry about a member. The rest could tell of other accounts.
const SHOWN: [&str; 6] = ["times", "network", "second_factor", "left", "until", "ends_at"];

/// What to write beside an entry, whose number is not known yet.
pub(super) struct Marks(Vec<ActivityMark>);

impl Marks {
    pub(super) fn of_entry(&self, number: u64) -> Result<Vec<Write>, ManagementError> {
        self.0.iter().map(|mark| ActivityMark { number, ..mark.clone() }.insert()).collect()
    }
}

impl Management {
    /// An attempt without a known user has none, so strangers do not fill the store.
    pub(super) async fn marks(&self, draft: &Draft) -> Result<Marks, ManagementError> {
        let user: UserId = match draft.target.id.parse() {
            Ok(user) if draft.target.kind == "user" && ACTIONS.contains(&draft.action.as_str()) => user,
            _ => return Ok(Marks(Vec::new())),
        };
        let kept = self.0.settings.audit_retention.map_or(KEPT, |retention| retention.min(KEPT));
        let ends_at = self.now().saturating_add(kept);
        let members = self.memberships(&user).await?;
        let mut accounts: Vec<_> =
            members.into_iter().take(MOST_ACCOUNTS).map(|member| Some(member.value.account)).collect();
        if accounts.is_empty() {
            accounts.push(None);
        }
        let mark = |account| ActivityMark { number: 0, user: user.clone(), account, ends_at };
        Ok(Marks(accounts.into_iter().map(mark).collect()))
    }

    /// Lists entries. Those of an account have those about how its members signed in, without what is not the account's business.
    pub(super) async fn entries_of_log(&self, list: &List) -> Result<Vec<Versioned<AuditEntry>>, ManagementError> {
        let mut entries = self.list::<AuditEntry>(list).await?;
        let Some(account) = list.owner.as_ref().and_then(|owner| owner.parse::<AccountId>().ok()) else {
            return Ok(entries);
        };
        self.hide_origins_of_strangers(&account, &mut entries).await?;
        let of_members = List { kind: Kind::ActivityMark, ..list.clone() };
        let known: HashSet<u64> = entries.iter().map(|entry| entry.number).collect();
        let marks = self.list::<ActivityMark>(&of_members).await?;
        let mut marked: Vec<u64> =
            marks.iter().map(|mark| mark.number).filter(|number| !known.contains(number)).collect();
        marked.dedup();
        // Only those that come before the end of the list are read.
        let in_order = |number: &u64| if list.newest_first { u64::MAX - number } else { *number };
        let mut numbers: Vec<u64> = known.iter().chain(&marked).copied().collect();
        numbers.sort_unstable_by_key(in_order);
        if let Some(last) = list.limit.checked_sub(1).and_then(|last| numbers.get(last)) {
            marked.retain(|number| in_order(number) <= in_order(last));
        }
        // Pruned entries are the oldest ones, so only the end of the list has fewer of them.
        let found = self.entries_of(&marked).await?;
        entries.extend(
            found
                .into_iter()
                .map(|Versioned { value, version }| Versioned { value: seen_by(&account, value), version }),
        );
        entries.sort_unstable_by_key(|entry| in_order(&entry.number));
        entries.truncate(list.limit);
        Ok(entries)
    }

    async fn entries_of(&self, numbers: &[u64]) -> Result<Vec<Versioned<AuditEntry>>, ManagementError> {
        let ids: Vec<String> = numbers.iter().map(ToString::to_string).collect();
        Ok(self.get_many(&ids).await?)
    }

    /// Lists the newest entries about how the acting user signs in, newest first.
    ///
    /// # Errors
    /// [`ManagementError::UsersOnly`].
    #[cfg(feature = "dashboard")]
    pub(crate) async fn own_activity(&self, actor: &Actor, limit: usize) -> Result<Vec<AuditEntry>, ManagementError> {
        let user = self.acting_user(actor).await?;
        let mut list = List::of(Kind::ActivityMark, limit.saturating_mul(4)).subject(user.id.as_str());
        list.newest_first = true;
        let (mut entries, mut seen) = (Vec::new(), 0);
        while seen < limit {
            // An entry has a mark for each account. The next page begins below the last entry.
            let mut marks = self.list::<ActivityMark>(&list).await?;
            let is_last = marks.len() < list.limit;
            marks.dedup_by_key(|mark| mark.number);
            let numbers: Vec<u64> = marks.iter().map(|mark| mark.number).take(limit - seen).collect();
            entries.extend(self.entries_of(&numbers).await?.into_iter().map(|entry| entry.value));
            seen += marks.len();
            list.after = marks.last().map(|mark| (mark.sort(), String::new()));
            if is_last {
                break;
            }
        }
        entries.sort_unstable_by_key(|entry: &AuditEntry| std::cmp::Reverse(entry.number));
        Ok(entries)
    }
}

/// An entry about how a member signs in, as the owners of an account see it.
fn seen_by(account: &AccountId, entry: AuditEntry) -> AuditEntry {
    let kept = |after: Value| match after {
        Value::Object(fields) => {
            Value::Object(fields.into_iter().filter(|(name, _)| SHOWN.contains(&name.as_str())).collect::<Map<_, _>>())
        }
        _ => Value::Null,
    };
    let entry = with_less_of_origin(entry);
    AuditEntry { account: Some(account.clone()), before: None, after: entry.after.map(kept), ..entry }
}
