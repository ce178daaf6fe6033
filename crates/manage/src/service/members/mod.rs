mod change;
#[cfg(feature = "dashboard")]
mod factor;
mod list;

#[cfg(feature = "dashboard")]
pub(crate) use factor::{MemberCount, MemberFactor};
pub use keyward_api_types::Member as MemberView;
use keyward_core::AccountId;
use keyward_core::id::UserId;

use super::{CurrentVersion, Management};
use crate::error::ManagementError;
use crate::records::{Member, StoredUser, User, Versioned};
use crate::role::Role;
use crate::store::{Kind, List};

const PAGE_SIZE: usize = 500;

impl Management {
    pub(crate) async fn member_version(&self, account: &AccountId, user: &UserId) -> CurrentVersion {
        Ok(self.get::<Member>(&Member::id_of(account, user)).await?.map(|member| member.version))
    }

    pub(crate) fn new_member(&self, account: &AccountId, user: &UserId, role: Role) -> Member {
        Member { account: account.clone(), user: user.clone(), role, created_at: self.now() }
    }

    pub(crate) async fn read_member(
        &self,
        account: &AccountId,
        user: &UserId,
    ) -> Result<Versioned<Member>, ManagementError> {
        self.get(&Member::id_of(account, user)).await?.ok_or(ManagementError::NotFound("member"))
    }

    pub(crate) async fn memberships(&self, id: &UserId) -> Result<Vec<Versioned<Member>>, ManagementError> {
        let mut members = self.list_all::<Member>(List::of(Kind::Member, PAGE_SIZE).subject(id.as_str())).await?;
        // A deleted account may still have members for a moment.
        let accounts: Vec<String> = members.iter().map(|member| member.account.to_string()).collect();
        let deleted = self.deleted_of(&accounts).await?;
        members.retain(|member| !deleted.contains(member.account.as_str()));
        Ok(members)
    }

    pub(crate) async fn first_account(&self, user: &UserId) -> Result<Option<AccountId>, ManagementError> {
        Ok(self.memberships(user).await?.into_iter().next().map(|member| member.value.account))
    }

    pub(crate) async fn view(&self, member: Versioned<Member>) -> Result<MemberView, ManagementError> {
        let user: Versioned<StoredUser> =
            self.get(member.user.as_str()).await?.ok_or(ManagementError::NotFound("user"))?;
        Ok(view_of(&member, &user))
    }
}

fn view_of(member: &Versioned<Member>, user: &StoredUser) -> MemberView {
    MemberView { user: User::from(user), role: member.role, created_at: member.created_at, version: member.version }
}
