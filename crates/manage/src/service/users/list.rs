use keyward_core::id::UserId;

use crate::actor::Actor;
use crate::error::ManagementError;
#[cfg(feature = "dashboard")]
use crate::records::Entity as _;
use crate::records::{Account, StoredUser, User, Versioned};
use crate::role::{Role, scopes};
use crate::service::Management;
use crate::service::email::{TypedEmail, normal_email};
#[cfg(feature = "dashboard")]
use crate::service::page::MOST_COUNTED;
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

    /// Finds up to 50 of the first 10,000 users, by part of the address or the name, ignoring case. Needs `members:read`
    /// in the operator's account.
    #[cfg(feature = "dashboard")]
    pub(crate) async fn find_users(&self, actor: &Actor, text: &str) -> Result<Vec<Versioned<User>>, ManagementError> {
        const SHOWN: usize = 50;
        const PAGES: usize = 20;
        self.rights(actor, self.operator()).await?.require(&scopes::MEMBERS_READ)?;
        let wanted = text.trim().to_lowercase();
        let fits = |user: &StoredUser| {
            user.email.to_lowercase().contains(&wanted) || user.name.to_lowercase().contains(&wanted)
        };
        let (mut found, mut list) = (Vec::new(), List::of(Kind::User, 500));
        for _ in 0..PAGES {
            let users = self.list::<StoredUser>(&list).await?;
            list.after = users.last().map(|last| (last.value.sort(), last.value.id()));
            let is_last = users.len() < list.limit;
            found.extend(users.iter().filter(|user| fits(user)).map(Versioned::<User>::from));
            if is_last || found.len() >= SHOWN {
                break;
            }
        }
        found.truncate(SHOWN);
        Ok(found)
    }

    /// Counts all users, and stops behind [`MOST_COUNTED`]. Needs `members:read` in the operator's account.
    #[cfg(feature = "dashboard")]
    pub(crate) async fn count_users(&self, actor: &Actor) -> Result<u64, ManagementError> {
        self.rights(actor, self.operator()).await?.require(&scopes::MEMBERS_READ)?;
        let (mut count, mut list) = (0, List::of(Kind::User, 500));
        loop {
            let records = self.0.store.list(&list).await?;
            count += records.len() as u64;
            list.after = records.last().map(|last| (last.sort, last.id.clone()));
            if records.len() < list.limit || count > MOST_COUNTED {
                return Ok(count.min(MOST_COUNTED + 1));
            }
        }
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
