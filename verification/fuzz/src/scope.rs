//! The first line is granted, the second line is required or passed on.

use keyward::scope::{Grant, MAX_GRANTS, MAX_SCOPE_LENGTH};
use keyward::{Scope, ScopeSet};

/// Checks that scopes cover what a slow parser says, and that a holder cannot pass on more than was granted.
pub fn scope(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let (granted, wanted) = text.split_once('\n').unwrap_or((text, ""));
    for word in text.split([' ', '\n']) {
        let scope = word.parse::<Scope>();
        assert_eq!(scope.is_ok(), is_scope(word), "{word:?}");
        assert_eq!(word.parse::<Grant>().is_ok(), is_scope(word) || is_wider(word), "{word:?}");
        if let Ok(scope) = scope {
            assert_eq!(scope.to_string(), word);
            assert_eq!(serde_json::from_str::<Scope>(&serde_json::to_string(&scope).unwrap()).unwrap(), scope);
        }
    }
    let (Ok(held), Ok(passed_on)) = (granted.parse::<ScopeSet>(), wanted.parse::<ScopeSet>()) else { return };
    assert!(held.iter().len() <= MAX_GRANTS);
    assert_eq!(held.to_string().parse::<ScopeSet>().as_ref(), Ok(&held));
    assert_eq!(serde_json::from_str::<ScopeSet>(&serde_json::to_string(&held).unwrap()).unwrap(), held);
    assert!(held.includes(&held));

    for scope in text.split([' ', '\n']).filter_map(|word| word.parse::<Scope>().ok()) {
        assert_eq!(held.allows(&scope), granted.split_ascii_whitespace().any(|grant| covers(grant, scope.as_str())));
        if held.includes(&passed_on) && passed_on.allows(&scope) {
            assert!(held.allows(&scope), "{held} gave {passed_on}, which allows {scope}");
        }
    }
}

fn is_scope(word: &str) -> bool {
    let is_name = |name: &str| !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || "_.-".contains(c));
    word.len() <= MAX_SCOPE_LENGTH
        && matches!(word.split(':').collect::<Vec<_>>()[..], [a, b] if is_name(a) && is_name(b))
}

fn is_wider(word: &str) -> bool {
    word == "*"
        || word.strip_suffix('*').is_some_and(|resource| word.len() <= MAX_SCOPE_LENGTH && is_scope_of(resource))
}

/// `resource:`
fn is_scope_of(resource: &str) -> bool {
    resource.ends_with(':') && resource.len() < MAX_SCOPE_LENGTH && is_scope(&format!("{resource}x"))
}

fn covers(grant: &str, scope: &str) -> bool {
    let ((resource, action), wanted) = (grant.split_once(':').unwrap_or((grant, "")), scope.split_once(':').unwrap());
    grant == "*" || (resource == wanted.0 && (action == "*" || action == wanted.1))
}
