//! What all pages have in common.

use keyward::Scope;

use super::assets;
use super::member::Member;
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
pub(super) struct Place {
    pub(super) path: &'static str,
    pub(super) label: &'static str,
    pub(super) is_current: bool,
}

/// Who is signed in, and where they can go.
pub(super) struct Signed {
    pub(super) user: String,
    pub(super) account: String,
    /// Id, name, and whether it is the current one; of those that they belong to.
    pub(super) accounts: Vec<(String, String, bool)>,
    pub(super) places: Vec<Place>,
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
            note: Note::left(visitor.note()),
        }
    }

    /// Around a page for somebody who is signed in.
    pub(super) fn signed(member: &Member, title: &str) -> Self {
        let places: [(&str, &str, Option<&Scope>); 5] = [
            ("/keys", "Keys", Some(&scopes::KEYS_READ)),
            ("/usage", "Usage", Some(&scopes::USAGE_READ)),
            ("/members", "Members", Some(&scopes::MEMBERS_READ)),
            ("/audit", "Audit log", Some(&scopes::AUDIT_READ)),
            ("/settings", "Settings", None),
        ];
        let path = member.visitor.path.as_str();
        let own = places.into_iter().filter(|(_, _, scope)| scope.is_none_or(|scope| member.rights.allows(scope)));
        // What concerns the whole deployment.
        let of_operator = [("/accounts", "Accounts", scopes::ACCOUNTS_READ), ("/users", "Users", scopes::MEMBERS_READ)];
        let operates = |scope: &Scope| member.operates.as_ref().is_some_and(|rights| rights.allows(scope));
        let of_operator = of_operator.into_iter().filter(|(.., scope)| operates(scope));
        let places = own.chain(of_operator.map(|(path, label, _)| (path, label, None)));
        let signed = Signed {
            user: member.user.name.clone(),
            account: member.account.name.clone(),
            accounts: member
                .accounts
                .iter()
                .map(|account| (account.id.to_string(), account.name.clone(), account.id == member.account.id))
                .collect(),
            places: places
                .map(|(place, label, _)| Place { path: place, label, is_current: path.starts_with(place) })
                .collect(),
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
