use super::{Case, Expected, missing};

pub(super) fn cases(key: &str) -> Vec<Case> {
    let mut cases: Vec<Case> = targets(key).into_iter().map(|(name, target)| at(name, target)).collect();
    cases.extend(
        fields(key).into_iter().map(|(name, field, value)| Case { others: vec![(field, value)], ..nowhere(name) }),
    );
    cases.extend(bodies(key));
    cases.extend(beside(key));
    cases
}

fn nowhere(name: &str) -> Case {
    Case::with_fields(name, Vec::new(), missing("missing_credential"))
}

fn at(name: &str, target: String) -> Case {
    Case { target, ..nowhere(name) }
}

/// RFC 6750 section 2.3: queries end up in logs.
fn targets(key: &str) -> [(&'static str, String); 5] {
    [
        ("the key in the query, as access_token", format!("/?access_token={key}")),
        ("the key in the query, as api_key", format!("/?api_key={key}")),
        ("the whole field in the query", format!("/?Authorization=Bearer%20{key}")),
        ("the key in the path", format!("/{key}")),
        ("the key as a user's name in the target", format!("http://{key}@localhost/")),
    ]
}

fn fields(key: &str) -> Vec<(&'static str, &'static str, String)> {
    let bearer = format!("Bearer {key}");
    vec![
        ("the key in a cookie", "Cookie", format!("api_key={key}; Authorization=Bearer {key}")),
        ("the key in X-API-Key", "X-API-Key", key.to_owned()),
        ("the field for proxies", "Proxy-Authorization", bearer.clone()),
        ("an X- spelling", "X-Authorization", bearer.clone()),
        ("a forwarded spelling", "X-Forwarded-Authorization", bearer.clone()),
        ("an underscore at the end", "Authorization_", bearer.clone()),
        ("an underscore, as CGI has it", "HTTP_AUTHORIZATION", bearer.clone()),
        ("an original spelling", "X-Original-Authorization", bearer),
        ("a forged identity", "X-Keyward-Identity", "{\"account\":\"acct_1\",\"scopes\":[\"*\"]}".to_owned()),
        ("a forged account", "X-Account-Id", "acct_1".to_owned()),
        ("a forged user", "X-Forwarded-User", "admin".to_owned()),
        ("another URL, as some servers take it", "X-Original-URL", "/health".to_owned()),
        ("another URL, as others do", "X-Rewrite-URL", "/health".to_owned()),
        ("another path from a proxy", "X-Forwarded-Uri", "/health".to_owned()),
        ("another prefix from a proxy", "X-Forwarded-Prefix", "/health".to_owned()),
        ("another method", "X-HTTP-Method-Override", "OPTIONS".to_owned()),
        (
            "an internal request, as one framework believed",
            "X-Middleware-Subrequest",
            "middleware:middleware".to_owned(),
        ),
        ("a local client", "X-Forwarded-For", "127.0.0.1".to_owned()),
        ("half of a preflight", "Origin", "https://example.org".to_owned()),
        ("the other half of one", "Access-Control-Request-Method", "GET".to_owned()),
        ("Authorization named in Connection", "Connection", "Authorization".to_owned()),
    ]
}

/// RFC 6750 section 2.2 allows them. keyward does not read them.
fn bodies(key: &str) -> Vec<Case> {
    [
        ("the key in a form", "application/x-www-form-urlencoded", format!("access_token={key}")),
        ("the key in a JSON body", "application/json", format!("{{\"access_token\":\"{key}\"}}")),
    ]
    .into_iter()
    .map(|(name, kind, body)| Case {
        method: "POST",
        others: vec![("Content-Type", kind.to_owned())],
        body: body.into_bytes(),
        ..nowhere(name)
    })
    .collect()
}

fn beside(key: &str) -> Vec<Case> {
    let accepted = |name, others, target: &str| Case {
        others,
        target: target.to_owned(),
        ..Case::with_field(name, format!("Bearer {key}"), Expected::Accepted)
    };
    vec![
        accepted("another key in the query beside a good field", Vec::new(), "/?access_token=nonsense"),
        accepted("another key in a cookie beside a good field", vec![("Cookie", "api_key=nonsense".into())], "/"),
        accepted(
            "a good field, and Authorization named in Connection",
            vec![("Connection", "Authorization".into())],
            "/",
        ),
        accepted("a good field for proxies beside it", vec![("Proxy-Authorization", "Basic dXNlcjpwYXNz".into())], "/"),
        accepted("an absolute target", Vec::new(), "http://other.example/"),
    ]
}
