//! Which members have a second factor.

use keyward_core::AccountId;

use super::{MemberView, PAGE_SIZE};
use crate::actor::Actor;
use crate::error::ManagementError;
use crate::records::{Member, RequiredFactor, StoredUser};
use crate::role::scopes;
use crate::service::Management;
use crate::service::page::{Page, PageRequest};
use crate::store::{Kind, List};

/// A member's second factor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MemberFactor {
    On,
    /// The member loses access to an account that requires one.
    Missing,
    /// The member signs in without a password.
    Unneeded,
}

/// How many members an account has.
pub(crate) struct MemberCount {
    pub(crate) all: usize,
    pub(crate) without_factor: usize,
}

impl Management {
    /// Lists members, and their second factors for those who manage members. Needs `members:read`.
    pub(crate) async fn members_with_factors(
        &self,
        actor: &Actor,
        account: &AccountId,
        page: &PageRequest,
    ) -> Result<Page<(MemberView, Option<MemberFactor>)>, ManagementError> {
        let manages = self.rights(actor, account).await?.allows(&scopes::MEMBERS_WRITE);
        let found = self.members_and_users(actor, account, page).await?;
        Ok(found.map(|(view, user)| (view, manages.then(|| self.factor_of(&user)))))
    }

    /// Counts the members whom a required second factor would concern. Needs the rights that require it.
    pub(crate) async fn count_without_factor(
        &self,
        actor: &Actor,
        account: &AccountId,
    ) -> Result<MemberCount, ManagementError> {
        self.check_may_require(actor, account, true).await?;
        let members = self.list_all::<Member>(List::of(Kind::Member, PAGE_SIZE).owner(account.as_str())).await?;
        let mut count = MemberCount { all: 0, without_factor: 0 };
        for part in members.chunks(PAGE_SIZE) {
            let ids: Vec<String> = part.iter().map(|member| member.user.to_string()).collect();
            // A user who is being deleted is missing.
            let users = self.get_many::<StoredUser>(&ids).await?;
            count.all += users.len();
            count.without_factor += users.iter().filter(|user| self.lacks_second_factor(user)).count();
        }
        Ok(count)
    }

    /// Returns those of these accounts that require a second factor, in one read. Checks no rights.
    pub(crate) async fn requiring_factor(&self, accounts: &[String]) -> Result<Vec<AccountId>, ManagementError> {
        let found = self.get_many::<RequiredFactor>(accounts).await?;
        Ok(found.into_iter().map(|required| required.value.account).collect())
    }

    fn factor_of(&self, user: &StoredUser) -> MemberFactor {
        if user.second_factor_at.is_some() {
            MemberFactor::On
        } else if self.lacks_second_factor(user) {
            MemberFactor::Missing
        } else {
            MemberFactor::Unneeded
        }
    }
}
