//! Invitations at the command line.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod management;
mod serving;

use std::process::Command;

use serde_json::{Value, json};

use management::Ended;
use serving::{Serving, fed, ok};

const BOB: &str = "bob@example.com";
const PASSWORD: &str = "another long password";

fn run(mut command: Command) -> Ended {
    command.output().unwrap().into()
}

fn read(command: Command) -> Value {
    serde_json::from_str(&ok(command)).unwrap()
}

/// Bob's address is verified.
struct Invited(Serving);

impl Invited {
    fn start() -> Self {
        let this = Self(Serving::start());
        assert_eq!(this.0.login().code, 0);
        // The program's own invitation, made on the database, proves the address.
        let link = ok(this.0.on_database(&["members", "invite", BOB, "--role", "viewer"]));
        let accept = this.0.signed_in(&["users", "accept-invitation", "--name", "Bob", "--stdin"]);
        assert_eq!(fed(accept, &format!("{}\n{PASSWORD}\n", link.trim_end())).code, 0);
        let login = this.bob(&["login", "--email", BOB, "--password-stdin"]);
        assert_eq!(fed(login, &format!("{PASSWORD}\n")).code, 0);
        this
    }

    fn ada(&self, arguments: &[&str]) -> Command {
        self.0.signed_in(arguments)
    }

    fn bob(&self, arguments: &[&str]) -> Command {
        let mut command = self.0.signed_in(arguments);
        command.env("XDG_CONFIG_HOME", self.0.folder.path().join("bob"));
        command
    }

    fn account(&self, name: &str) -> String {
        let made = ok(self.ada(&["accounts", "create", "--name", name]));
        made.split(':').next().unwrap().to_owned()
    }

    fn invite(&self, account: &str) -> String {
        let invited = run(self.ada(&["members", "invite", BOB, "--role", "developer", "--account", account]));
        let secret = invited.out.trim_end().to_owned();
        assert!(invited.code == 0 && secret.starts_with("kwi_") && !secret.contains('\n'), "{}", invited.err);
        assert!(invited.err.contains(BOB) && !invited.err.contains(&secret), "{}", invited.err);
        secret
    }

    fn open(&self) -> (String, Value) {
        let open = read(self.bob(&["users", "invitations", "--json"]));
        assert_eq!(open.as_array().unwrap().len(), 1, "{open}");
        (open[0]["id"].as_str().unwrap().to_owned(), open[0].clone())
    }

    fn role_of_bob(&self, account: &str) -> Option<String> {
        let members = read(self.ada(&["members", "list", "--account", account, "--json"]));
        let bob = members.as_array().unwrap().iter().find(|member| member["user"]["email"] == BOB)?;
        Some(bob["role"].as_str().unwrap().to_owned())
    }
}

fn refused(ended: &Ended, code: i32, said: &str) {
    assert_eq!(ended.code, code, "{}{}", ended.out, ended.err);
    assert!(ended.err.contains(said) && ended.out.is_empty(), "{said}: {}{}", ended.out, ended.err);
}

#[test]
fn invitations_are_accepted_by_id_or_link() {
    let invited = Invited::start();
    let (first, second) = (invited.account("First"), invited.account("Second"));
    invited.invite(&first);
    let (id, open) = invited.open();
    assert_eq!(
        (&open["account"], &open["account_name"], &open["role"]),
        (&json!(first), &json!("First"), &json!("developer"))
    );
    let table = ok(invited.bob(&["users", "invitations"]));
    assert!(table.contains(&id) && table.contains("First") && table.contains(BOB), "{table}");
    // Not yet a member, and not with the id of another's invitation.
    assert_eq!(invited.role_of_bob(&first), None);
    refused(&run(invited.ada(&["users", "join", &id])), 3, "NOT_FOUND");
    assert_eq!(ok(invited.bob(&["users", "join", &id])), format!("you are now a member of {first}\n"));
    assert_eq!(invited.role_of_bob(&first).as_deref(), Some("developer"));
    refused(&run(invited.bob(&["users", "join", &id])), 3, "NOT_FOUND");

    let link = invited.invite(&second);
    let join = || invited.bob(&["users", "join", "--stdin"]);
    refused(&fed(join(), "kwi_wrong\n"), 4, "LINK_ENDED");
    refused(&fed(invited.ada(&["users", "join", "--stdin"]), &format!("{link}\n")), 2, "INVALID_VALUE");
    let joined = fed(join(), &format!("{link}\n"));
    assert_eq!((joined.code, joined.out), (0, format!("you are now a member of {second}\n")), "{}", joined.err);
    assert_eq!(invited.role_of_bob(&second).as_deref(), Some("developer"));
    refused(&fed(join(), &format!("{link}\n")), 4, "LINK_ENDED");
    refused(&run(invited.bob(&["users", "join", &id, "--stdin"])), 2, "cannot be used with");
    assert_eq!(read(invited.bob(&["users", "invitations", "--json"])), json!([]));
}

#[test]
fn declined_and_withdrawn_invitations_do_not_work() {
    let invited = Invited::start();
    let account = invited.account("First");
    let link = invited.invite(&account);
    let (id, _) = invited.open();
    refused(&run(invited.ada(&["users", "decline", &id])), 3, "NOT_FOUND");
    assert_eq!(ok(invited.bob(&["users", "decline", &id])), format!("{id} is declined\n"));
    refused(&run(invited.bob(&["users", "decline", &id])), 3, "NOT_FOUND");
    refused(&fed(invited.bob(&["users", "join", "--stdin"]), &format!("{link}\n")), 4, "LINK_ENDED");

    let link = invited.invite(&account);
    let (id, _) = invited.open();
    let of = ["--account", &*account];
    assert_eq!(read(invited.ada(&[&["members", "invitations", "--json"][..], &of].concat()))[0]["id"], json!(id));
    let withdraw = [&["members", "withdraw", &id][..], &of].concat();
    refused(&run(invited.bob(&withdraw)), 4, "INSUFFICIENT_SCOPE");
    assert_eq!(ok(invited.ada(&withdraw)), format!("{id} is withdrawn\n"));
    refused(&run(invited.ada(&withdraw)), 3, "NOT_FOUND");
    refused(&fed(invited.bob(&["users", "join", "--stdin"]), &format!("{link}\n")), 4, "LINK_ENDED");
    assert_eq!(invited.role_of_bob(&account), None);
    let none = run(invited.bob(&["users", "invitations"]));
    assert!(none.code == 0 && none.err.contains("no open invitations"), "{}{}", none.out, none.err);
}

#[test]
fn invitations_are_managed_on_a_database() {
    let management = management::Management::new();
    let of = ["--account", "operator"];
    // There is an operator's account once there is an owner.
    management.ok(&["users", "create", "--owner", "--email", "ada@example.com"]);
    let invited = management.run(&["members", "invite", BOB, "--role", "viewer"]);
    assert!(invited.code == 0 && invited.out.starts_with("kwi_"), "{}", invited.err);
    assert!(invited.err.contains(BOB) && !invited.err.contains(invited.out.trim_end()), "{}", invited.err);
    let open = management.json(&[&["members", "invitations", "--json"][..], &of].concat());
    let bob = open.as_array().unwrap().iter().find(|open| open["email"] == BOB).unwrap();
    assert_eq!((&bob["role"], &bob["invited_by"]["type"]), (&json!("viewer"), &json!("system")));
    let id = bob["id"].as_str().unwrap();
    assert!(management.ok(&["members", "invitations"]).contains(id));
    refused(&management.run(&["members", "withdraw", id, "--account", "acct_other"]), 3, "no such");
    assert_eq!(management.ok(&["members", "withdraw", id]), format!("{id} is withdrawn\n"));
    refused(&management.run(&["members", "withdraw", id]), 3, "no such invitation");
    refused(&management.run(&["members", "invite", "no", "--role", "viewer"]), 2, "email");
    let left = management.json(&["members", "invitations", "--json"]);
    assert!(left.as_array().unwrap().iter().all(|open| open["email"] != BOB), "{left}");
    // A database knows no user who could accept or decline.
    for command in [&["users", "invitations"][..], &["users", "join", id], &["users", "decline", id]] {
        refused(&management.run(command), 2, "--server");
    }
}
