use keyward_core::id::UserId;

use crate::actor::Actor;
use crate::error::ManagementError;
use crate::records::{Account, StoredUser, User, Versioned};
use crate::role::{Role, scopes};
use crate::service::Management;
use crate::service::email::{TypedEmail, normal_email};
use crate::service::page::{Page, PageRequest};
use crate::store::{Kind, List};

impl Management {
    /// Lists users, oldest first. Needs `members:read` in the operator's account.
    ///
    /// # Errors
    /// [`ManagementError::NotFound`].
    pub async fn users(&self, actor: &Actor, page: &PageRequest) -> Result<Page<Versioned<User>>, ManagementError> {
        self.rights(actor, self.operator()).await?.require(&scopes::MEMBERS_READ)?;
        let users = self.list::<StoredUser>(&page.apply(List::of(Kind::User, 0))?).await?;
        let page = page.page(users);
        Ok(page.map(|user| (&user).into()))
    }

    /// Returns a user. Needs `members:read` in the operator's account.
    ///
    /// # Errors
    /// [`ManagementError::NotFound`].
    pub async fn user(&self, actor: &Actor, id: &UserId) -> Result<Versioned<User>, ManagementError> {
        self.rights(actor, self.operator()).await?.require(&scopes::MEMBERS_READ)?;
        let user = self.read_user(id).await?;
        Ok((&user).into())
    }

    /// Finds a user by e-mail address. Needs `members:read` in the operator's account.
    ///
    /// # Errors
    /// [`ManagementError::NotFound`].
    pub async fn user_with_email(&self, actor: &Actor, email: &str) -> Result<Versioned<User>, ManagementError> {
        self.rights(actor, self.operator()).await?.require(&scopes::MEMBERS_READ)?;
        let Some(email) = TypedEmail::read(email) else {
            return Err(normal_email(email).err().unwrap_or(ManagementError::Internal));
        };
        let user = self.find_typed(&email).await?.ok_or(ManagementError::NotFound("user"))?;
        Ok((&user).into())
    }

    /// Lists a user's accounts and roles. Needs `members:read` in the operator's account.
    ///
    /// # Errors
    /// [`ManagementError::NotFound`].
    pub async fn accounts_of(&self, actor: &Actor, id: &UserId) -> Result<Vec<(Account, Role)>, ManagementError> {
        self.rights(actor, self.operator()).await?.require(&scopes::MEMBERS_READ)?;
        let mut accounts = Vec::new();
        for member in self.memberships(id).await? {
            accounts.push((self.read_account(&member.account).await?.value, member.role));
        }
        Ok(accounts)
    }
}
