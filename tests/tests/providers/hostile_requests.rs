use keyward::testing::hostile::Service;
use keyward_tests::program::Program;

#[tokio::test]
async fn services_answer_every_hostile_request_as_the_table_says() {
    let https = Some(("x-forwarded-proto", "https"));
    for (package, path, name, field, invalid_request) in [
        ("vook", "/v1/", "full", None, 401),
        ("vibepeak", "/v1/account", "plus", None, 401),
        ("docs-api", "/v1/resources", "sk_live", https, 400),
        ("sendook", "/v1/inboxes", "api_key", None, 401),
    ] {
        let program = Program::start(package, &[("TRUST_PROXY", "127.0.0.0/8")]);
        let address = program.url.strip_prefix("http://").unwrap().parse().unwrap();
        let key = program.credential(name).to_owned();
        let sent = Service { address, key: &key, path, field, invalid_request }.over_socket().await;
        assert!(sent >= 200, "{package}: only {sent} could be sent");
        program.stop();
    }
}
