//! One sentence for each audited action, and its words in the filter.

/// The words of an action. In `object`, `{target}` and other names in braces stand for values of the entry.
pub(in crate::dashboard) struct Action {
    pub(in crate::dashboard) code: &'static str,
    pub(in crate::dashboard) label: &'static str,
    pub(in crate::dashboard) past: &'static str,
    pub(in crate::dashboard) infinitive: &'static str,
    pub(in crate::dashboard) object: &'static str,
}

pub(in crate::dashboard) struct Group {
    pub(in crate::dashboard) label: &'static str,
    /// The beginning of all codes of the group, and the words for all of them.
    pub(in crate::dashboard) all: Option<(&'static str, &'static str)>,
    pub(in crate::dashboard) actions: &'static [Action],
}

const fn action(
    code: &'static str,
    label: &'static str,
    past: &'static str,
    infinitive: &'static str,
    object: &'static str,
) -> Action {
    Action { code, label, past, infinitive, object }
}

pub(in crate::dashboard) const GROUPS: [Group; 9] = [
    Group {
        label: "Keys",
        all: Some(("key.", "All about keys")),
        actions: &[
            action("key.create", "Key created", "created", "create", " the key “{target}”"),
            action("key.import", "Key imported", "imported", "import", " the key “{target}”"),
            action("key.update", "Key changed", "changed", "change", " the key “{target}”"),
            action("key.rotate", "Key rotated", "rotated", "rotate", " the key “{target}”"),
            action("key.disable", "Key disabled", "disabled", "disable", " the key “{target}”"),
            action("key.enable", "Key enabled", "enabled", "enable", " the key “{target}”"),
            action("key.revoke", "Key revoked", "revoked", "revoke", " the key “{target}”"),
            action("key.leaked", "Key reported as leaked", "reported", "report", " the key “{target}” as leaked"),
            action(
                "key.expiring",
                "Key expires soon",
                "announced",
                "announce",
                " that the key “{target}” expires soon",
            ),
            action("key.unused", "Key not used", "announced", "announce", " that the key “{target}” is not used"),
        ],
    },
    Group {
        label: "Limits and lifetimes",
        all: None,
        actions: &[
            action(
                "limit.reached",
                "Limit reached",
                "announced",
                "announce",
                " that the key “{target}” reached a limit",
            ),
            action("limits.put", "Limits changed", "changed", "change", " the limits of the {kind} “{target}”"),
            action(
                "lifetimes.put",
                "Lifetimes changed",
                "changed",
                "change",
                " the lifetimes of the {kind} “{target}”",
            ),
        ],
    },
    Group {
        label: "Members and invitations",
        all: Some(("member.", "All about members")),
        actions: &[
            action("member.invite", "Member invited", "invited", "invite", " {email} as {role}"),
            action("member.accept", "Invitation accepted", "joined", "join", " the account as {role}"),
            action("member.decline", "Invitation declined", "declined", "decline", " an invitation"),
            action(
                "member.withdraw_invitation",
                "Invitation withdrawn",
                "withdrew",
                "withdraw",
                " the invitation of {email}",
            ),
            action("member.update", "Role changed", "changed", "change", " the role of {target} to {role}"),
            action("member.remove", "Member removed", "removed", "remove", " {target} from the account"),
        ],
    },
    Group {
        label: "Account",
        all: Some(("account.", "All about accounts")),
        actions: &[
            action("account.create", "Account created", "created", "create", " the account “{target}”"),
            action("account.delete", "Account deleted", "deleted", "delete", " the account “{target}”"),
            action("account.update", "Account changed", "changed", "change", " the account “{target}”"),
        ],
    },
    Group {
        label: "Users",
        all: Some(("user.", "All about users")),
        actions: &[
            action("user.create", "User created", "created", "create", " the user {target}"),
            action("user.sign_up", "User signed up", "signed up", "sign up", ""),
            action("user.update", "User changed", "changed", "change", " the profile of {target}"),
            action("user.disable", "User disabled", "disabled", "disable", " the user {target}"),
            action("user.enable", "User enabled", "enabled", "enable", " the user {target}"),
            action("user.delete", "User deleted", "deleted", "delete", " the user {target}"),
            action("user.add_second_factor", "Second factor added", "added", "add", " a second factor"),
            action(
                "user.remove_second_factor",
                "Second factor removed",
                "removed",
                "remove",
                " the second factor of {target}",
            ),
            action(
                "user.block_second_factor",
                "Second factor blocked",
                "blocked",
                "block",
                " the second factor of {target}",
            ),
            action("user.rename_passkey", "Passkey renamed", "renamed", "rename", " a passkey"),
            action("user.check_code", "Code checked", "entered", "enter", " a code of the second factor"),
            action("user.renew_recovery_codes", "Recovery codes renewed", "renewed", "renew", " the recovery codes"),
            action("user.use_recovery_code", "Recovery code used", "used", "use", " a recovery code"),
            action("user.change_password", "Password changed", "changed", "change", " the password of {target}"),
            action(
                "user.create_password_reset",
                "Reset link created",
                "created",
                "create",
                " a link that resets the password of {target}",
            ),
            action(
                "user.create_sign_in_link",
                "Sign-in link created",
                "created",
                "create",
                " a link that signs {target} in",
            ),
            action("user.forgot_password", "Reset link mailed", "asked", "ask", " for a link that resets the password"),
            action("user.reset_password", "Password reset", "reset", "reset", " the password with a link"),
            action("user.link", "Identity provider linked", "linked", "link", " an identity provider"),
        ],
    },
    Group {
        label: "Sign-ins",
        all: Some(("session.", "All about sessions")),
        actions: &[
            action("session.begin", "Signed in", "signed in", "sign in", ""),
            action("session.end", "Signed out", "ended", "end", " a session of {target}"),
            action("session.end_all", "Signed out everywhere", "ended", "end", " all sessions of {target}"),
            action("session.end_others", "Other sessions ended", "ended", "end", " all other sessions of {target}"),
            action("token.issue", "Token issued", "signed in", "sign in", " with a program"),
            action("token.refresh", "Token refreshed", "refreshed", "refresh", " an access token"),
            action("token.reuse", "Token reused", "used", "use", " a refresh token a second time"),
        ],
    },
    Group {
        label: "Plans",
        all: Some(("plan.", "All about plans")),
        actions: &[
            action("plan.put", "Plan saved", "saved", "save", " the plan “{target}”"),
            action("plan.remove", "Plan removed", "removed", "remove", " the plan “{target}”"),
        ],
    },
    Group {
        label: "Webhooks",
        all: Some(("webhook.", "All about webhooks")),
        actions: &[
            action("webhook.create", "Webhook created", "created", "create", " the webhook “{target}”"),
            action("webhook.update", "Webhook changed", "changed", "change", " the webhook “{target}”"),
            action("webhook.remove", "Webhook deleted", "deleted", "delete", " the webhook “{target}”"),
            action("webhook.disable", "Webhook disabled", "disabled", "disable", " the webhook “{target}”"),
            action(
                "webhook.stop",
                "Webhook stopped",
                "stopped",
                "stop",
                " the webhook “{target}”, because its key does not work",
            ),
            action(
                "webhook.rotate_secret",
                "Webhook secret rotated",
                "rotated",
                "rotate",
                " the secret of the webhook “{target}”",
            ),
            action("webhook.test", "Webhook tested", "sent", "send", " a test to the webhook “{target}”"),
            action("webhook.redeliver", "Event sent again", "sent", "send", " events again to the webhook “{target}”"),
        ],
    },
    Group {
        label: "Server",
        all: None,
        actions: &[
            action("settings.update", "Appearance changed", "changed", "change", " the appearance of the pages"),
            action("audit.prune", "Audit log pruned", "removed", "remove", " old entries of the audit log"),
        ],
    },
];

pub(in crate::dashboard) const THE_KEY: [&str; 2] = ["The key “", "”"];
pub(in crate::dashboard) const A_VISITOR: &str = "A visitor";
pub(in crate::dashboard) const A_USER: &str = "a user";
pub(in crate::dashboard) const AND_WAS_REFUSED: &str = ", and was refused";
pub(in crate::dashboard) const AND_IS_UNKNOWN: &str = ", and the outcome is unknown";

pub(in crate::dashboard) fn tried_to(infinitive: &str) -> String {
    format!("tried to {infinitive}")
}

/// An action of a newer version.
pub(in crate::dashboard) fn did(action: &str) -> String {
    format!(" did “{action}”")
}

pub(in crate::dashboard) fn tried_to_do(action: &str) -> String {
    format!(" tried to do “{action}”")
}

pub(in crate::dashboard) fn another(what: &str) -> String {
    format!("another {what}")
}

pub(in crate::dashboard) fn times(count: u64) -> String {
    format!(", {count} times")
}
