use std::fs;

use keyward_needs::needs;
use serde_json::Value;

use crate::management::Management;
use crate::{hint, key};

fn brought_in(management: &Management) -> Vec<(String, Option<String>)> {
    let ended = management.scan(&["--history", "--json"]);
    let found: Value = serde_json::from_str(&ended.out).unwrap_or_else(|_| panic!("{}", ended.err));
    let of = |find: &Value| (find["hint"].as_str().unwrap().to_owned(), find["commit"].as_str().map(ToOwned::to_owned));
    found.as_array().unwrap().iter().map(of).collect()
}

#[needs(git)]
#[test]
fn objects_of_the_reflog_are_scanned() {
    let management = Management::new();
    let (stashed, amended, deleted) = (key(), key(), key());
    management.git(&["init", "--quiet"]);
    management.write("a", "clean");
    management.commit("begin");
    management.write("a", &stashed);
    management.git(&["stash", "--quiet"]);
    // Only the newest stash is a ref.
    management.write("a", "another");
    management.git(&["stash", "--quiet"]);
    management.write("b", &amended);
    management.commit("oops");
    management.write("b", "clean");
    management.git(&["commit", "--quiet", "--all", "--amend", "-m", "better"]);
    management.git(&["checkout", "--quiet", "-b", "gone"]);
    management.write("c", &deleted);
    management.commit("on a branch");
    management.git(&["checkout", "--quiet", "main"]);
    management.git(&["branch", "--quiet", "-D", "gone"]);
    let found = brought_in(&management);
    for key in [&stashed, &amended, &deleted] {
        assert!(found.iter().any(|(of, commit)| *of == hint(key) && commit.is_some()), "{found:?}");
    }
    assert_eq!(found.len(), 3, "{found:?}");
}

#[needs(git)]
#[test]
fn replaced_objects_are_scanned() {
    let management = Management::new();
    let (in_file, in_commit, before) = (key(), key(), key());
    management.git(&["init", "--quiet"]);
    management.write("old", &before);
    management.commit("old");
    management.git(&["rm", "--quiet", "old"]);
    management.write("file", &in_file);
    let parent = management.commit("file");
    management.write("clean", "clean");
    management.git(&["rm", "--quiet", "file"]);
    management.commit(&format!("a message with {in_commit}"));
    let clean = management.git(&["rev-parse", "HEAD:clean"]);
    management.git(&["replace", &format!("{parent}:file"), clean.trim()]);
    let innocent = management.git(&["commit-tree", "-m", "innocent", "HEAD^{tree}"]);
    management.git(&["replace", "HEAD", innocent.trim()]);
    fs::write(management.folder().join(".git/info/grafts"), format!("{parent}\n")).unwrap();
    let found = brought_in(&management);
    for key in [&in_file, &in_commit, &before] {
        assert!(found.iter().any(|(of, _)| *of == hint(key)), "{found:?}");
    }
}

#[needs(git)]
#[test]
fn commits_are_named_for_merges_and_any_settings() {
    let management = Management::new();
    let (at_first, in_merge) = (key(), key());
    management.git(&["init", "--quiet"]);
    for (name, value) in [("log.showRoot", "false"), ("color.ui", "always"), ("log.showSignature", "true")] {
        management.git(&["config", name, value]);
    }
    management.write("first", &at_first);
    let root = management.commit("first");
    management.git(&["checkout", "--quiet", "-b", "other"]);
    management.commit("other");
    management.git(&["checkout", "--quiet", "main"]);
    management.commit("main");
    management.git(&["merge", "--quiet", "--no-commit", "other"]);
    management.write("evil", &in_merge);
    let merge = management.commit("merge");
    let mut found = brought_in(&management);
    found.sort();
    let mut expected = vec![(hint(&at_first), Some(root)), (hint(&in_merge), Some(merge))];
    expected.sort();
    assert_eq!(found, expected);
}
