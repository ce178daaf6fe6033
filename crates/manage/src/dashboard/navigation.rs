use super::links::encoded;
use super::site_map::Menu;
use super::themes::{self, Choice};
use super::visitor::Visitor;
use crate::authority::Rights;
use crate::records::{Account, User};

pub(super) struct Navigation {
    pub(super) user: String,
    pub(super) email: String,
    pub(super) themes: Vec<Choice>,
    pub(super) accounts: Vec<OwnAccount>,
    pub(super) links: Vec<Link>,
    /// The pages about all accounts, for the operator.
    pub(super) operator: Vec<Link>,
    /// The pages about the user, in the user's menu.
    pub(super) own: Vec<Link>,
}

pub(super) struct Link {
    pub(super) path: String,
    pub(super) label: &'static str,
    pub(super) is_current: bool,
}

pub(super) struct OwnAccount {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) is_alike: bool,
    pub(super) is_current: bool,
}

#[derive(Clone, Copy)]
pub(super) struct Access<'a> {
    pub(super) home: Option<(&'a Account, &'a Rights)>,
    pub(super) operates: Option<&'a Rights>,
}

impl Navigation {
    pub(super) fn new(visitor: &Visitor, user: &User, access: Access<'_>, accounts: &[&Account]) -> Self {
        let home = access.home.map(|(account, _)| account);
        let is_alike = |name: &str| accounts.iter().filter(|account| account.name == name).count() > 1;
        Self {
            user: user.name.clone(),
            email: user.email.clone(),
            themes: themes::choices(visitor.theme.as_str()),
            accounts: accounts
                .iter()
                .map(|account| OwnAccount {
                    id: account.id.to_string(),
                    name: account.name.clone(),
                    is_alike: is_alike(&account.name),
                    is_current: home.is_some_and(|home| home.id == account.id),
                })
                .collect(),
            links: links(visitor, access, |menu| menu == Menu::Account),
            operator: links(visitor, access, |menu| menu == Menu::Operator),
            own: links(visitor, access, |menu| menu == Menu::User),
        }
    }

    pub(super) fn is_at_operator(&self) -> bool {
        self.operator.iter().any(|link| link.is_current)
    }

    /// The name of the account that the page is about, or nothing.
    pub(super) fn account(&self) -> &str {
        self.accounts.iter().find(|account| account.is_current).map_or("", |account| &account.name)
    }
}

fn links(visitor: &Visitor, access: Access<'_>, is_in: impl Fn(Menu) -> bool) -> Vec<Link> {
    let asked = visitor.page_path();
    // The list of all accounts is `/accounts`, and pages about one of them are below it.
    let is_about_account = asked.starts_with("/accounts/");
    let entries = visitor.app.site_map().entries().iter();
    let is_of_operator = entries.clone().any(|entry| entry.menu == Menu::Operator && is_within(asked, entry.path));
    entries
        .filter(|entry| is_in(entry.menu))
        .filter_map(|entry| {
            let allows = |rights: &Rights| entry.scope.as_ref().is_none_or(|scope| rights.allows(scope));
            let path = match entry.menu {
                Menu::Account => {
                    let (account, _) = access.home.filter(|(_, rights)| allows(rights))?;
                    entry.path.replace("{account}", &encoded(&account.id))
                }
                Menu::Operator => access.operates.filter(|rights| allows(rights)).map(|_| entry.path.to_owned())?,
                Menu::User => entry.path.to_owned(),
            };
            // The operator's settings are below `/settings`, too.
            let is_operators = entry.menu == Menu::User && is_of_operator;
            let is_current =
                is_within(asked, &path) && (entry.menu == Menu::Account || !is_about_account) && !is_operators;
            Some(Link { path, label: entry.label, is_current })
        })
        .collect()
}

fn is_within(path: &str, page: &str) -> bool {
    path.strip_prefix(page).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}
