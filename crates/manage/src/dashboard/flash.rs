use super::text::number;

pub(super) struct Note {
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

    pub(super) fn of_code(code: &str) -> Option<Self> {
        let mut words = code.split('.');
        let word = words.next()?;
        let numbers: Vec<u64> = words.map(str::parse).collect::<Result<_, _>>().ok()?;
        let effect = match numbers.as_slice() {
            [confirmed, nodes, millis] => effect(*confirmed, *nodes, *millis),
            _ => String::new(),
        };
        let text = match word {
            "revoked" => format!("The key is revoked. {effect}"),
            "keys-revoked" => counted(&numbers, "revoked", true)?,
            "keys-disabled" => counted(&numbers, "disabled", true)?,
            "keys-enabled" => counted(&numbers, "enabled", false)?,
            "none-selected" => {
                return Some(Self::info("No key is selected. Select keys, then press the button again."));
            }
            "was-revoked" => return Some(Self::info("The key was already revoked.")),
            "disabled" => format!("The key is disabled. You can enable it again. {effect}"),
            "enabled" => format!("The key is enabled. {effect}"),
            "expiry" => format!("The expiry is changed. {effect}"),
            "access" => format!("The access is changed. {effect}"),
            "unchanged" => return Some(Self::info("Nothing changed.")),
            "test-again" => return Some(Self::info("The key was not tested: it is shown only once.")),
            "api" => "The scopes and the example are changed.".to_owned(),
            "lifetimes" => "The lifetimes are changed. They hold for new keys.".to_owned(),
            "renamed" => "The name is changed.".to_owned(),
            "role" => "The role is changed.".to_owned(),
            "joined" => "You are now a member of this account.".to_owned(),
            "declined" => "You declined the invitation.".to_owned(),
            "withdrawn" => "The invitation is withdrawn, and its link no longer works.".to_owned(),
            "removed" => "The member is removed.".to_owned(),
            "user-keys-revoked" => "The user's keys are revoked. No node accepts them any more.".to_owned(),
            "user-disabled" => "The user is disabled and signed out everywhere.".to_owned(),
            "user-enabled" => "The user can sign in again.".to_owned(),
            "user-deleted" => "The user is deleted.".to_owned(),
            "left" => "You have left the account.".to_owned(),
            "appearance" => "The appearance is changed.".to_owned(),
            "account" => "The account's name is changed.".to_owned(),
            "account-created" => "The account is created, and you are its owner. Invite its other members.".to_owned(),
            "account-suspended" => "The account is suspended. No node accepts its keys.".to_owned(),
            "account-reinstated" => "The account is reinstated. Its keys work again.".to_owned(),
            "account-deleted" => "The account is deleted. No node accepts its keys.".to_owned(),
            "account-plan" => "The plan of the account is changed.".to_owned(),
            "plan-created" => "The plan is created.".to_owned(),
            "plan-changed" => "The plan is changed.".to_owned(),
            "plan-removed" => "The plan is removed.".to_owned(),
            "limits" => "The limits are changed. They hold within a second.".to_owned(),
            "webhook" => "The webhook is changed.".to_owned(),
            "webhook-enabled" => "The webhook is enabled. It receives events from now on.".to_owned(),
            "webhook-disabled" => "The webhook is disabled. You can enable it again.".to_owned(),
            "webhook-removed" => "The webhook is deleted.".to_owned(),
            "webhook-test" => "A test event is on its way. Reload the page to see the answer.".to_owned(),
            "redelivered" => "The delivery is sent again. Reload the page to see the answer.".to_owned(),
            "delivery-busy" => return Some(Self::info("The delivery is being sent right now. Reload the page.")),
            "failed-redelivered" => match numbers.as_slice() {
                [0] => return Some(Self::info("No delivery has failed.")),
                [1] => "1 failed delivery is sent again. Reload the page to see the answer.".to_owned(),
                [number] => format!("{number} failed deliveries are sent again. Reload the page to see the answers."),
                _ => return None,
            },
            "registered" => "Your password is set. Sign in with it.".to_owned(),
            "signed-up" => "Your account is ready, unless you already had one. Sign in.".to_owned(),
            "password" => "Your password is changed and you are signed out everywhere. Sign in again.".to_owned(),
            "factor-needed" => {
                return Some(Self::info(
                    "This account requires a second factor of its members. Set one up to open it.",
                ));
            }
            "factor-removed" => "Your second factor is removed. You sign in with your password alone.".to_owned(),
            "factor-reset" => "The second factor is removed, and the user is signed out everywhere.".to_owned(),
            "factor-required" => "All members now need a second factor.".to_owned(),
            "factor-optional" => "A second factor is no longer required.".to_owned(),
            "half-over" => {
                return Some(Self::bad("Entering the code took too long, or began in another tab. Sign in again."));
            }
            "signed-out" => "You are signed out.".to_owned(),
            "signed-out-all" => "You are signed out everywhere.".to_owned(),
            "again" => {
                return Some(Self::info(
                    "You are signed in again. Nothing was sent yet: check the form, then send it.",
                ));
            }
            _ => return None,
        };
        Some(Self::good(text.trim_end()))
    }
}

fn counted(numbers: &[u64], what: &str, is_refused: bool) -> Option<String> {
    let (keys, them) = match numbers {
        [0] => return Some("Nothing had to be changed.".to_owned()),
        [1] => ("1 key is".to_owned(), "it"),
        [count] => (format!("{} keys are", number(*count)), "them"),
        _ => return None,
    };
    let effect = if is_refused { format!(" No node accepts {them}.") } else { String::new() };
    Some(format!("{keys} {what}.{effect}"))
}

fn effect(confirmed: u64, nodes: u64, millis: u64) -> String {
    let mut text = if nodes == 0 {
        format!("Effective everywhere after {millis} ms: no node was running.")
    } else {
        let plural = if nodes == 1 { "node" } else { "nodes" };
        format!("Effective on {nodes} of {nodes} {plural} after {millis} ms.")
    };
    if confirmed < nodes {
        let silent = nodes - confirmed;
        text += &format!(" {silent} did not answer, and no longer accepts the key because its lease has expired.");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn note_says_how_far_a_revocation_has_come() {
        let text = |code| Note::of_code(code).map(|note| note.text).unwrap_or_default();
        assert_eq!(text("revoked.3.3.12"), "The key is revoked. Effective on 3 of 3 nodes after 12 ms.");
        assert!(
            text("revoked.2.3.2100")
                .ends_with("1 did not answer, and no longer accepts the key because its lease has expired.")
        );
        assert!(text("revoked.0.0.1").contains("no node was running"));
        for code in ["", "nonsense", "revoked.x", "revoked.-1.2.3"] {
            assert_eq!(text(code), "", "{code}");
        }
    }
}
