//! What all pages have in common.

use keyward_core::Scope;

use super::assets;
use super::member::{AtAccount, Member, account_path};
use super::web::Visitor;
use crate::appearance::Theme;
use crate::role::scopes;

/// Every theme, and what it is called.
pub(super) const THEMES: [(Theme, &str); 3] =
    [(Theme::System, "As the system"), (Theme::Light, "Light"), (Theme::Dark, "Dark")];

/// Something to tell at the top of a page.
pub(super) struct Note {
    /// `good`, `bad` or `info`.
    pub(super) tone: &'static str,
    pub(super) text: String,
}

impl Note {
    pub(super) fn good(text: impl Into<String>) -> Self {
        Self { tone: "good", text: text.into() }
    }

    pub(super) fn bad(text: impl Into<String>) -> Self {
        Self { tone: "bad", text: text.into() }
    }

    pub(super) fn info(text: impl Into<String>) -> Self {
        Self { tone: "info", text: text.into() }
    }

    /// A note that a page before has left in a cookie: a word of ours and numbers, so that nobody else can have a page say things.
    fn left(code: &str) -> Option<Self> {
        let mut words = code.split('.');
        let word = words.next()?;
        let numbers: Vec<u64> = words.map(str::parse).collect::<Result<_, _>>().ok()?;
        let effect = match numbers.as_slice() {
            [confirmed, nodes, millis] => effective(*confirmed, *nodes, *millis),
            _ => String::new(),
        };
        let text = match word {
            "revoked" => format!("The key is revoked for good. {effect}"),
            "was-revoked" => return Some(Self::info("The key was revoked already: nothing was left to do.")),
            "disabled" => format!("The key is disabled, and can be enabled again. {effect}"),
            "enabled" => format!("The key is enabled. {effect}"),
            "renamed" => "The name is changed.".to_owned(),
            "role" => "The role is changed.".to_owned(),
            "joined" => "You are a member of this account now.".to_owned(),
            "declined" => "The invitation is declined.".to_owned(),
            "withdrawn" => "The invitation is withdrawn: its link does not work any more.".to_owned(),
            "removed" => "The member is removed.".to_owned(),
            "user-disabled" => "The user is disabled: their sessions and tokens have ended.".to_owned(),
            "user-enabled" => "The user can sign in again.".to_owned(),
            "user-deleted" => "The user is deleted.".to_owned(),
            "left" => "You have left the account.".to_owned(),
            "appearance" => "The pages look like this from now on.".to_owned(),
            "account" => "The account's name is changed.".to_owned(),
            "registered" => "Your password is set. Sign in with it.".to_owned(),
            "signed-up" => "Your account is ready, unless the address had one already. Sign in.".to_owned(),
            "password" => "Your password is changed, and every session has ended. Sign in with the new one.".to_owned(),
            "signed-out" => "You are signed out.".to_owned(),
            "signed-out-all" => "You are signed out everywhere.".to_owned(),
            "again" => {
                return Some(Self::info("You are signed in again. Nothing was sent yet: look it over, and send it."));
            }
            _ => return None,
        };
        Some(Self::good(text.trim_end()))
    }
}

/// On how many nodes something holds, and since when.
fn effective(confirmed: u64, nodes: u64, millis: u64) -> String {
    let mut text = if nodes == 0 {
        format!("Effective everywhere, after {millis} ms: no service was running that had to hear of it.")
    } else {
        let plural = if nodes == 1 { "node" } else { "nodes" };
        format!("Effective on {nodes} of {nodes} {plural}, after {millis} ms.")
    };
    if confirmed < nodes {
        let silent = nodes - confirmed;
        text += &format!(" {silent} did not answer, and cannot accept it any more: its time to do so has run out.");
    }
    text
}

/// A place in the navigation.
pub(super) struct Way {
    pub(super) path: String,
    pub(super) label: &'static str,
    pub(super) is_current: bool,
}

/// Who is signed in, and where they can go.
pub(super) struct Signed {
    pub(super) user: String,
    /// What the account is called that the navigation leads to, if they belong to any.
    pub(super) account: Option<String>,
    /// The accounts that they can switch to.
    pub(super) accounts: Vec<OwnAccount>,
    pub(super) places: Vec<Way>,
}

/// An account to switch to.
pub(super) struct OwnAccount {
    pub(super) id: String,
    pub(super) name: String,
    /// Whether another one has the same name, so that the id has to tell them apart.
    pub(super) is_alike: bool,
    pub(super) is_current: bool,
}

/// The account that a page is about.
pub(super) struct About {
    pub(super) id: String,
    pub(super) name: String,
}

/// Whether a path is this page or one below it.
fn is_within(path: &str, page: &str) -> bool {
    path.strip_prefix(page).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// The frame around every page.
pub(super) struct Frame {
    pub(super) title: String,
    pub(super) base: String,
    pub(super) provider: String,
    pub(super) logo: Option<String>,
    /// The style sheet with the accent colour, if there is one.
    pub(super) accent: Option<String>,
    pub(super) style: &'static str,
    pub(super) script: &'static str,
    pub(super) theme: &'static str,
    pub(super) csrf: String,
    pub(super) signed: Option<Signed>,
    /// The account that the page is about, if it is about one.
    pub(super) about: Option<About>,
    /// What the URLs of all pages about that account begin with.
    pub(super) here: String,
    pub(super) note: Option<Note>,
}

impl Frame {
    /// Around a page for everybody.
    pub(super) fn open(visitor: &Visitor, title: &str, csrf: String) -> Self {
        let settings = visitor.app.settings();
        Self {
            title: title.to_owned(),
            base: settings.base.clone(),
            provider: visitor.look.name.clone().unwrap_or_else(|| settings.name.clone()),
            logo: assets::logo_name(visitor),
            accent: assets::accent_name(visitor),
            style: &assets::STYLE_NAME,
            script: &assets::SCRIPT_NAME,
            theme: visitor.theme.as_str(),
            csrf,
            signed: None,
            about: None,
            here: settings.base.clone(),
            note: Note::left(visitor.note()),
        }
    }

    /// Around a page about an account.
    pub(super) fn at(place: &AtAccount, title: &str) -> Self {
        let frame = Self::signed(place, title);
        let about = About { id: place.account.id.to_string(), name: place.account.name.clone() };
        Self { about: Some(about), here: format!("{}{}", frame.base, place.path("")), ..frame }
    }

    /// Around a page about no account, for somebody who is signed in.
    pub(super) fn signed(member: &Member, title: &str) -> Self {
        let own: [(&str, &str, Option<&Scope>); 5] = [
            ("/keys", "Keys", Some(&scopes::KEYS_READ)),
            ("/usage", "Usage", Some(&scopes::USAGE_READ)),
            ("/members", "Members", Some(&scopes::MEMBERS_READ)),
            ("/audit", "Audit log", Some(&scopes::AUDIT_READ)),
            ("/settings", "Account", None),
        ];
        // What concerns the whole deployment.
        let of_operator = [("/accounts", "Accounts", scopes::ACCOUNTS_READ), ("/users", "Users", scopes::MEMBERS_READ)];
        let asked = member.visitor.path.split('?').next().unwrap_or_default();
        let mut places = Vec::new();
        if let Some((account, rights)) = member.home() {
            let own = own.into_iter().filter(|(_, _, scope)| scope.is_none_or(|scope| rights.allows(scope)));
            places.extend(own.map(|(rest, label, _)| {
                let path = account_path(&account.id, rest);
                Way { is_current: is_within(asked, &path), path, label }
            }));
        }
        let operates = |scope: &Scope| member.operates.as_ref().is_some_and(|rights| rights.allows(scope));
        for (path, label, scope) in of_operator {
            if operates(&scope) {
                // Below the list of accounts are pages about one of them.
                let is_current = if path == "/accounts" { asked == path } else { is_within(asked, path) };
                places.push(Way { is_current, path: path.to_owned(), label });
            }
        }
        let settings = "/settings";
        places.push(Way { is_current: is_within(asked, settings), path: settings.to_owned(), label: "Settings" });
        let home = member.home().map(|(account, _)| account);
        let alike = |name: &str| member.accounts().filter(|account| account.name == name).count() > 1;
        let signed = Signed {
            user: member.user.name.clone(),
            account: home.map(|account| account.name.clone()),
            accounts: member
                .accounts()
                .map(|account| OwnAccount {
                    id: account.id.to_string(),
                    name: account.name.clone(),
                    is_alike: alike(&account.name),
                    is_current: home.is_some_and(|home| home.id == account.id),
                })
                .collect(),
            places,
        };
        Self { signed: Some(signed), ..Self::open(&member.visitor, title, member.csrf.clone()) }
    }

    /// With this to tell, if there is anything.
    pub(super) fn note(mut self, note: impl Into<Option<Note>>) -> Self {
        self.note = note.into().or(self.note);
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_says_how_far_a_revocation_has_come() {
        let text = |code| Note::left(code).map(|note| note.text).unwrap_or_default();
        assert_eq!(text("revoked.3.3.12"), "The key is revoked for good. Effective on 3 of 3 nodes, after 12 ms.");
        assert!(
            text("revoked.2.3.2100")
                .ends_with("1 did not answer, and cannot accept it any more: its time to do so has run out.")
        );
        assert!(text("revoked.0.0.1").contains("no service was running"));
        for code in ["", "nonsense", "revoked.x", "revoked.-1.2.3"] {
            assert_eq!(text(code), "", "{code}");
        }
    }
}
