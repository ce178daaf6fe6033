use super::words;

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
            [confirmed, nodes, millis] => words::notes::effect(*confirmed, *nodes, *millis),
            _ => String::new(),
        };
        let text = match word {
            "revoked" => with_effect(words::notes::KEY_REVOKED, &effect),
            "keys-revoked" => counted(&numbers, words::notes::keys_revoked)?,
            "keys-disabled" => counted(&numbers, words::notes::keys_disabled)?,
            "keys-enabled" => counted(&numbers, words::notes::keys_enabled)?,
            "none-selected" => {
                return Some(Self::info(words::notes::NO_KEY_IS_SELECTED));
            }
            "was-revoked" => return Some(Self::info(words::notes::KEY_WAS_REVOKED)),
            "disabled" => with_effect(words::notes::KEY_DISABLED, &effect),
            "enabled" => with_effect(words::notes::KEY_ENABLED, &effect),
            "expiry" => with_effect(words::notes::THE_EXPIRY_IS_CHANGED, &effect),
            "access" => with_effect(words::notes::THE_ACCESS_IS_CHANGED, &effect),
            "unchanged" => return Some(Self::info(words::notes::NOTHING_CHANGED)),
            "test-again" => return Some(Self::info(words::notes::THE_KEY_WAS_NOT_TESTED)),
            "api" => words::notes::THE_SCOPES_AND_THE_EXAMPLE_ARE_CHANGED.to_owned(),
            "lifetimes" => words::notes::THE_LIFETIMES_ARE_CHANGED.to_owned(),
            "renamed" => words::notes::THE_NAME_IS_CHANGED.to_owned(),
            "role" => words::notes::THE_ROLE_IS_CHANGED.to_owned(),
            "joined" => words::notes::YOU_ARE_NOW_A_MEMBER.to_owned(),
            "declined" => words::notes::YOU_DECLINED_THE_INVITATION.to_owned(),
            "withdrawn" => words::notes::THE_INVITATION_IS_WITHDRAWN.to_owned(),
            "removed" => words::notes::THE_MEMBER_IS_REMOVED.to_owned(),
            "user-keys-revoked" => words::notes::THE_USERS_KEYS_ARE_REVOKED.to_owned(),
            "user-disabled" => words::notes::THE_USER_IS_DISABLED.to_owned(),
            "user-enabled" => words::notes::THE_USER_CAN_SIGN_IN_AGAIN.to_owned(),
            "user-deleted" => words::notes::THE_USER_IS_DELETED.to_owned(),
            "left" => words::notes::YOU_HAVE_LEFT_THE_ACCOUNT.to_owned(),
            "appearance" => words::notes::THE_APPEARANCE_IS_CHANGED.to_owned(),
            "account" => words::notes::THE_ACCOUNTS_NAME_IS_CHANGED.to_owned(),
            "account-created" => words::notes::THE_ACCOUNT_IS_CREATED.to_owned(),
            "account-deleted" => words::notes::THE_ACCOUNT_IS_DELETED.to_owned(),
            "account-suspended" => words::notes::THE_ACCOUNT_IS_SUSPENDED.to_owned(),
            "account-reinstated" => words::notes::THE_ACCOUNT_IS_REINSTATED.to_owned(),
            "account-plan" => words::notes::THE_PLAN_OF_THE_ACCOUNT_IS_CHANGED.to_owned(),
            "plan-created" => words::notes::THE_PLAN_IS_CREATED.to_owned(),
            "plan-changed" => words::notes::THE_PLAN_IS_CHANGED.to_owned(),
            "plan-removed" => words::notes::THE_PLAN_IS_REMOVED.to_owned(),
            "limits" => words::notes::THE_LIMITS_ARE_CHANGED.to_owned(),
            "webhook" => words::notes::THE_WEBHOOK_IS_CHANGED.to_owned(),
            "webhook-enabled" => words::notes::THE_WEBHOOK_IS_ENABLED.to_owned(),
            "webhook-disabled" => words::notes::THE_WEBHOOK_IS_DISABLED.to_owned(),
            "webhook-removed" => words::notes::THE_WEBHOOK_IS_DELETED.to_owned(),
            "webhook-test" => words::notes::A_TEST_EVENT_IS_ON_ITS_WAY.to_owned(),
            "redelivered" => words::notes::THE_DELIVERY_IS_SENT_AGAIN.to_owned(),
            "delivery-busy" => return Some(Self::info(words::notes::THE_DELIVERY_IS_BEING_SENT_RIGHT_NOW)),
            "failed-redelivered" => match numbers.as_slice() {
                [0] => return Some(Self::info(words::notes::NO_DELIVERY_HAS_FAILED)),
                [number] => words::notes::undelivered_redelivered(*number),
                _ => return None,
            },
            "registered" => words::notes::YOUR_PASSWORD_IS_SET.to_owned(),
            "signed-up" => words::notes::YOUR_ACCOUNT_IS_READY.to_owned(),
            "password" => words::notes::YOUR_PASSWORD_IS_CHANGED.to_owned(),
            "factor-added" => words::notes::YOUR_SECOND_FACTOR_IS_CHANGED.to_owned(),
            "factor-part-removed" => words::notes::IT_CONFIRMS_NO_SIGN_IN_ANY_MORE.to_owned(),
            "factor-removed" => words::notes::YOUR_SECOND_FACTOR_IS_REMOVED.to_owned(),
            "factor-reset" => words::notes::THE_SECOND_FACTOR_IS_REMOVED.to_owned(),
            "factor-required" => words::notes::ALL_MEMBERS_NOW_NEED_A_SECOND_FACTOR.to_owned(),
            "factor-optional" => words::notes::A_SECOND_FACTOR_IS_NO_LONGER_REQUIRED.to_owned(),
            "half-over" => {
                return Some(Self::bad(words::notes::ENTERING_THE_CODE_TOOK_TOO_LONG));
            }
            "session-ended" => words::notes::THE_SESSION_IS_SIGNED_OUT.to_owned(),
            "others-ended" => words::notes::ALL_OTHER_SESSIONS_ARE_SIGNED_OUT.to_owned(),
            "session-over" => return Some(Self::info(words::notes::YOUR_SESSION_IS_OVER)),
            "signed-out" => words::notes::YOU_ARE_SIGNED_OUT.to_owned(),
            "signed-out-all" => words::notes::YOU_ARE_SIGNED_OUT_EVERYWHERE.to_owned(),
            "again" => {
                return Some(Self::info(words::notes::YOU_ARE_SIGNED_IN_AGAIN));
            }
            _ => return None,
        };
        Some(Self::good(text.trim_end()))
    }
}

fn counted(numbers: &[u64], sentence: fn(u64) -> String) -> Option<String> {
    match numbers {
        [0] => Some(words::notes::NOTHING_HAD_TO_BE_CHANGED.to_owned()),
        [count] => Some(sentence(*count)),
        _ => None,
    }
}

fn with_effect(sentence: &str, effect: &str) -> String {
    format!("{sentence} {effect}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn note_says_how_far_a_revocation_has_come() {
        let text = |code| Note::of_code(code).map(|note| note.text).unwrap_or_default();
        assert_eq!(text("revoked.3.3.12"), "The key is revoked. Effective everywhere after 12 ms.");
        for (code, silent) in [
            (
                "revoked.2.3.2100",
                "1 server did not answer, and no longer accepts the key because its lease has expired.",
            ),
            (
                "revoked.1.3.2100",
                "2 servers did not answer, and no longer accept the key because their leases have expired.",
            ),
        ] {
            assert!(text(code).ends_with(silent), "{}", text(code));
        }
        assert!(text("revoked.0.0.1").contains("no node was running"));
        for code in ["", "nonsense", "revoked.x", "revoked.-1.2.3"] {
            assert_eq!(text(code), "", "{code}");
        }
    }
}
