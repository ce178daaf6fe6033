//! A login over an earlier sign-in.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod management;
mod serving;

use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;

use serde_json::{Value, json};

use management::Ended;
use serving::{Serving, fed, ok, program};

fn kept(server: &Serving) -> Value {
    serde_json::from_slice(&fs::read(server.kept()).unwrap()).unwrap()
}

fn sign_in(all: &mut Value) -> &mut Value {
    all["servers"].as_object_mut().unwrap().values_mut().next().unwrap()
}

#[test]
fn a_login_ends_the_sign_in_that_it_replaces() {
    let server = Serving::start();
    let first = server.login();
    assert!(first.code == 0 && !first.err.contains("earlier"), "{}", first.err);
    let earlier = fs::read(server.kept()).unwrap();
    let second = server.login();
    assert!(
        second.code == 0 && second.err.contains("the earlier sign-in on this computer has ended"),
        "{}",
        second.err
    );
    ok(server.signed_in(&["whoami"]));
    let now = fs::read(server.kept()).unwrap();
    for refreshes in [false, true] {
        fs::write(server.kept(), &earlier).unwrap();
        if refreshes {
            let mut all = kept(&server);
            sign_in(&mut all)["expires_at"] = json!("2001-01-01T00:00:00Z");
            fs::write(server.kept(), all.to_string()).unwrap();
        }
        let ended = Ended::from(server.signed_in(&["whoami"]).output().unwrap());
        assert_eq!(ended.code, 4, "refreshes: {refreshes}: {}", ended.err);
    }
    // An earlier sign-in that has ended already is no obstacle.
    let third = server.login();
    assert!(third.code == 0 && !third.err.contains("earlier"), "{}", third.err);
    fs::write(server.kept(), now).unwrap();
    ok(server.signed_in(&["whoami"]));
}

/// A proxy in front of the server fails before the requests get there.
#[test]
fn a_login_goes_on_if_the_earlier_sign_in_does_not_end() {
    let server = Serving::start();
    let key = ["keys", "create", "--name", "laptop", "--purpose", "management", "--scope", "keys:read"];
    let key = server.ok(&key).trim_end().to_owned();
    assert_eq!(server.login().code, 0);
    let address = server.address().to_owned();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    thread::spawn(move || {
        for mut client in listener.incoming().map_while(Result::ok) {
            let mut request = vec![0; 64 * 1_024];
            let length = client.read(&mut request).unwrap();
            let request = String::from_utf8_lossy(&request[..length]).into_owned();
            let mut answer =
                b"HTTP/1.1 500 Internal Server Error\r\nconnection: close\r\ncontent-length: 0\r\n\r\n".to_vec();
            if request.starts_with("GET /v1/keys/self ") {
                let mut upstream = TcpStream::connect(&address).unwrap();
                let closing = request.replacen("\r\n", "\r\nconnection: close\r\n", 1);
                upstream.write_all(closing.as_bytes()).unwrap();
                answer.clear();
                upstream.read_to_end(&mut answer).unwrap();
            }
            let _ = client.write_all(&answer);
        }
    });
    let sign_in = sign_in(&mut kept(&server)).clone();
    fs::write(server.kept(), json!({"servers": {format!("{url}/"): sign_in}}).to_string()).unwrap();
    let mut login = program();
    login.env("XDG_CONFIG_HOME", server.folder.path().join("config"));
    login.args(["--server", &url, "login", "--key-stdin"]);
    let done = fed(login, &format!("{key}\n"));
    assert!(done.code == 0 && done.err.contains("the earlier sign-in is still valid on the server"), "{}", done.err);
    assert_eq!(kept(&server)["servers"], json!({}));
}
