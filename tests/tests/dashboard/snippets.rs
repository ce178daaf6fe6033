//! The calls on the page of a new key: each runs as it stands there.

use std::process::Command;

use keyward::manage::ApiDescription;
use keyward_needs::needs;
use keyward_tests::program::{Program, package_program, test_package};

use crate::http::{Answer, Client};
use crate::site::Site;

const NEW: &str = "/accounts/operator/keys/new";

/// The text of an element, as people copy it.
fn text_of(page: &str, id: &str) -> String {
    let rest = page.split(&format!(" id=\"{id}\"")).nth(1).unwrap_or_else(|| panic!("no {id} in {page}"));
    let text = rest.split_once('>').unwrap().1.split("</").next().unwrap();
    let plain = text.replace("&#34;", "\"").replace("&#39;", "'").replace("&#60;", "<").replace("&#62;", ">");
    plain.replace("&#38;", "&")
}

async fn create(client: &mut Client, fields: &[(&str, &str)]) -> Answer {
    let page = client.get(NEW).await;
    let hidden = [("csrf", page.field("csrf")), ("form_id", page.field("form_id"))];
    let mut all: Vec<_> = hidden.iter().map(|(name, value)| (*name, value.as_str())).collect();
    all.extend([("name", "a key"), ("mode", "live")]);
    all.extend(fields);
    let made = client.post(NEW, &all).await;
    assert_eq!(made.status, 200, "{}", made.body);
    made
}

/// The statements of Go, in a program that prints the answer.
fn go_program(snippet: &str) -> String {
    let imports = ["fmt", "io", "log", "net/http", "os"].map(|name| format!("\"{name}\"\n")).concat();
    let rest = "if err != nil { log.Fatal(err) }\nbody, err := io.ReadAll(response.Body)\nif err != nil { log.Fatal(err) }\n\
                fmt.Println(response.StatusCode, string(body))";
    format!("package main\nimport (\n{imports})\nfunc main() {{\n{snippet}\n{rest}\n}}\n")
}

/// Each answer has this text.
fn run_all(page: &str, answer: &str) {
    let folder = tempfile::tempdir().unwrap();
    let go_file = folder.path().join("main.go");
    std::fs::write(&go_file, go_program(&text_of(page, "go"))).unwrap();
    let go = test_package("go");
    let mut calls = vec![
        ("curl", Command::new("sh"), vec!["-c".to_owned(), text_of(page, "curl")]),
        (
            "javascript",
            Command::new("node"),
            vec!["--input-type=module".to_owned(), "-e".to_owned(), text_of(page, "javascript")],
        ),
        (
            "python",
            Command::new(test_package("python_clients").join("bin/python")),
            vec!["-c".to_owned(), text_of(page, "python")],
        ),
        ("go", Command::new(go.join("bin/go")), vec!["run".to_owned(), go_file.display().to_string()]),
    ];
    let variable = text_of(page, "env");
    let (name, value) = variable.split_once('=').unwrap();
    for (language, command, arguments) in &mut calls {
        command.args(arguments).env(name, value).env("GOCACHE", go.join("cache")).env("GOTOOLCHAIN", "local");
        let output = command.output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout);
        let status = if *language == "curl" { "" } else { "200" };
        assert!(
            output.status.success() && said.contains(answer) && said.starts_with(status),
            "{language}: {said} {}",
            String::from_utf8_lossy(&output.stderr)
        );
    }
}

#[needs(curl, node, python_clients, go)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn snippets_of_secret_and_publishable_keys_call_the_api() {
    let site = Site::with_owner().await;
    let owner = site.owner().await;
    let description =
        ApiDescription { example_url: Some(site.url("/api").parse().unwrap()), ..ApiDescription::default() };
    site.management.set_api_description(&owner, &description, 0).await.unwrap();
    let mut client = Client::signed_in(&site).await;
    for kind in ["secret", "publishable"] {
        let made = create(&mut client, &[("kind", kind)]).await;
        assert!(made.body.contains(&site.url("/api")), "{kind}: {}", made.body);
        run_all(&made.body, "in");
    }
}

#[needs(curl, node, python_clients, go)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn snippets_of_a_management_key_call_this_server() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = Command::new(package_program("keyward-cli", "keyward"));
    command.env_remove("KEYWARD_SERVER").arg("--database").arg(folder.path().join("keys.db"));
    let (server, line) = Program::of(command.args(["serve", "--listen", "127.0.0.1:0", "--demo"]));
    let mut client = Client::at(server.url.clone());
    let csrf = client.get("/login").await.field("csrf");
    let credentials = &line["credentials"];
    let [email, password] = ["email", "password"].map(|name| credentials[name].as_str().unwrap());
    client.post("/login", &[("csrf", &csrf), ("email", email), ("password", password)]).await;
    let made = create(&mut client, &[("purpose", "management"), ("kind", "restricted"), ("scope", "usage:read")]).await;
    assert!(text_of(&made.body, "curl").ends_with(&format!("\"{}/v1/keys/self\"", server.url)), "{}", made.body);
    run_all(&made.body, "\"hint\"");
    server.stop();
}

/// The compiler checks it. The text below finds it in this file.
#[allow(dead_code)]
async fn in_rust() -> Result<reqwest::Response, Box<dyn std::error::Error>> {
    let response = reqwest::Client::new()
        .get("https://api.example.com/v1/resources")
        .bearer_auth(std::env::var("EXAMPLE_API_KEY")?)
        .send()
        .await?;
    Ok(response)
}

#[tokio::test]
async fn snippet_in_rust_compiles() {
    let site = Site::with_owner().await;
    let made = create(&mut Client::signed_in(&site).await, &[("kind", "secret")]).await;
    let snippet = text_of(&made.body, "rust").replace('\n', "\n    ");
    assert!(include_str!("snippets.rs").contains(&format!("\n    {snippet}\n")), "{snippet}");
}
