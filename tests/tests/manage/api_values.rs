use crate::api::{AT_1, NOTHING, Running};

const AT_0: &[(&str, &str)] = &[("if-match", "\"0\"")];
const AT_2: &[(&str, &str)] = &[("if-match", "\"2\"")];

#[tokio::test]
async fn hidden_or_blank_names_are_refused_on_every_route() {
    let running = Running::start().await;
    for name in ["\\u200b", "\\u3164", "\\u2800", "a\\u202eb", "\\ue000", "a\\nb"] {
        let name = format!(r#""name":"{name}""#);
        let body = |more: &str| format!("{{{name}{more}}}");
        let user = body(r#","email":"new@example.com","password":"long enough for anybody""#);
        let (key, alone, description) =
            (body(r#","scopes":["a:b"]"#), body(""), body("").replace("name", r#"name":"x","description"#));
        let mut rows = vec![
            ("manager", "POST", "/v1/keys", NOTHING, key.as_str(), 422, "INVALID_VALUE"),
            ("manager", "PATCH", "/v1/keys/{key}", AT_1, &alone, 422, "INVALID_VALUE"),
            ("token", "POST", "/v1/accounts", NOTHING, &alone, 422, "INVALID_VALUE"),
            ("manager", "PATCH", "/v1/accounts/{account}", AT_1, &alone, 422, "INVALID_VALUE"),
            ("nobody", "POST", "/v1/users", NOTHING, &user, 422, "INVALID_VALUE"),
            ("token", "PATCH", "/v1/users/self", AT_1, &alone, 422, "INVALID_VALUE"),
            ("operator", "POST", "/v1/plans", NOTHING, &alone, 422, "INVALID_VALUE"),
            ("operator", "PATCH", "/v1/settings", AT_0, &alone, 422, "INVALID_VALUE"),
        ];
        // A description may look blank, but may not contain hidden characters.
        if !name.contains("3164") && !name.contains("2800") {
            rows.push(("operator", "POST", "/v1/plans", NOTHING, &description, 422, "INVALID_VALUE"));
        }
        running.check(&rows).await;
    }
    running.end().await;
}

#[tokio::test]
async fn networks_endpoints_and_times_have_one_form() {
    let running = Running::start().await;
    let body = |more: &str| format!(r#"{{"name":"x","scopes":["a:b"],{more}}}"#);
    for (more, status) in [
        (r#""networks":["10.1.2.3","::ffff:10.0.0.0/104","2001:db8::/32"]"#, 201),
        (r#""networks":["010.8.8.8/32"]"#, 422),
        (r#""networks":["10.1.2.3/8"]"#, 422),
        (r#""endpoints":["GET /v1/*","* /x","purge /x"]"#, 201),
        (r#""endpoints":["get /v1/*"]"#, 422),
        (r#""endpoints":["GET /x","G@T /x"]"#, 422),
        (r#""endpoints":null"#, 422),
        (r#""expires_at":"2999-01-01""#, 422),
        (r#""expires_at":"9999-12-31T23:59:59Z""#, 201),
        (r#""expires_at":"2999-01-01T00:00:00.123456789012Z""#, 201),
        (r#""expires_at":"2999-01-01T00:00:00""#, 422),
    ] {
        let body = body(more);
        let code = if status == 201 { "" } else { "INVALID_VALUE" };
        running.check(&[("manager", "POST", "/v1/keys", NOTHING, &body, status, code)]).await;
    }
    running
        .check(&[
            ("manager", "PATCH", "/v1/keys/{key}", AT_1, r#"{"endpoints":["Get /x"]}"#, 422, "INVALID_VALUE"),
            ("manager", "PATCH", "/v1/keys/{key}", AT_1, r#"{"endpoints":null,"name":"a"}"#, 200, ""),
        ])
        .await;
    running.end().await;
}

#[tokio::test]
async fn a_plan_has_at_most_64_scopes() {
    let running = Running::start().await;
    for (number, status, code) in [(64, 201, ""), (65, 422, "INVALID_VALUE")] {
        let scopes: Vec<String> = (0..number).map(|scope| format!("a:{scope}")).collect();
        let body = serde_json::json!({"name": format!("with {number}"), "scopes": scopes}).to_string();
        running.check(&[("operator", "POST", "/v1/plans", NOTHING, &body, status, code)]).await;
    }
    running.end().await;
}

#[tokio::test]
async fn the_longest_filter_of_metadata_fits_into_the_head_of_a_request() {
    let running = Running::start().await;
    // `{"name":"…"}` has eleven bytes beside the text. Percent-encoding makes three of each byte.
    let path = |bytes: usize| format!("/v1/keys?metadata=%7B%22name%22:%22{}%22%7D", "%61".repeat(bytes - 11));
    running.check(&[("reader", "GET", &path(500), NOTHING, "", 200, "")]).await;
    running.check(&[("reader", "GET", &path(501), NOTHING, "", 422, "INVALID_VALUE")]).await;
    running.end().await;
}

#[tokio::test]
async fn an_expired_key_is_renamed_and_nothing_else() {
    let running = Running::start().await;
    running
        .check(&[
            ("manager", "POST", "/v1/keys/{key}/rotate", NOTHING, r#"{"overlap_seconds":0}"#, 201, ""),
            ("manager", "PATCH", "/v1/keys/{key}", AT_2, r#"{"expires_at":null}"#, 409, "KEY_ENDED"),
            ("manager", "PATCH", "/v1/keys/{key}", AT_2, r#"{"scopes":["a:b"]}"#, 409, "KEY_ENDED"),
            ("manager", "PATCH", "/v1/keys/{key}", AT_2, r#"{"name":"old","metadata":{"a":1}}"#, 200, ""),
        ])
        .await;
    running.end().await;
}
