//! Every hostile Authorization field, against every provider's service: nobody gets in, and nothing fails.

use keyward_tests::program::Program;

#[test]
fn nobody_gets_into_any_of_the_services() {
    for (package, path, name, variables) in [
        ("vook", "/v1/", "full", &[][..]),
        ("vibepeak", "/v1/account", "plus", &[]),
        ("docs-api", "/v1/resources", "sk_live", &[("TRUST_PROXY", "127.0.0.0/8")]),
        ("sendook", "/v1/inboxes", "api_key", &[]),
    ] {
        let service = Program::start(package, variables);
        let key = service.credential(name).to_owned();
        let status = |fields: &[String]| {
            let mut arguments = vec!["--header", "X-Forwarded-Proto: https"];
            arguments.extend(fields.iter().flat_map(|field| ["--header", field]));
            service.curl(path, &arguments).status
        };
        let field = |value: String| format!("Authorization: {value}");
        assert_eq!(status(&[field(format!("Bearer {key}"))]), 200, "{package}");
        assert_eq!(status(&[field(format!("bearer   {key}"))]), 200, "{package}");
        for value in [
            key.clone(),
            format!("Basic {key}"),
            format!("Token {key}"),
            "Bearer;".to_owned(),
            "Bearer null".to_owned(),
            "Bearer undefined".to_owned(),
            format!("Bearer{key}"),
            format!("Bearer \"{key}\""),
            format!("Bearer <{key}>"),
            format!("Bearer {key}, Bearer {key}"),
            format!("Bearer {key} {key}"),
            format!("Bearer {key}="),
            format!("Bearer %20{key}"),
            format!("Bearer {}", key.to_uppercase()),
            format!("Bearer {}", &key[1..]),
            format!("Bearer {key}x"),
            format!("Bearer {}", "a".repeat(10_000)),
            format!("Bearer Bearer {key}"),
            format!("Bearer ключ{key}"),
            "Bearer ' OR 1=1 --".to_owned(),
        ] {
            let got = status(&[field(value.clone())]);
            assert!(got == 401 || got == 400, "{package}: {value:?} is answered {got}");
        }
        let good = field(format!("Bearer {key}"));
        let twice = status(&[good.clone(), good.clone()]);
        assert!(twice == 401 || twice == 400, "{package}: two fields are answered {twice}");
        // A field that names the credential as hop-by-hop is for proxies: here it changes nothing.
        assert_eq!(status(&[good, "Connection: Authorization".to_owned()]), 200, "{package}");
        service.stop();
    }
}
