//! What git keeps and does not readily show.

use std::fs;

use keyward_needs::needs;
use serde_json::Value;

use crate::desk::Management;
use crate::{hint, key};

/// Where the keys of a history are, and the commit that brought each in.
fn brought_in(desk: &Management) -> Vec<(String, Option<String>)> {
    let ended = desk.scan(&["--history", "--json"]);
    let found: Value = serde_json::from_str(&ended.out).unwrap_or_else(|_| panic!("{}", ended.err));
    let of = |find: &Value| (find["hint"].as_str().unwrap().to_owned(), find["commit"].as_str().map(ToOwned::to_owned));
    found.as_array().unwrap().iter().map(of).collect()
}

#[needs(git)]
#[test]
fn what_the_reflog_alone_reaches_is_in_the_history() {
    let desk = Management::new();
    let (stashed, amended, deleted) = (key(), key(), key());
    desk.git(&["init", "--quiet"]);
    desk.write("a", "clean");
    desk.commit("begin");
    desk.write("a", &stashed);
    desk.git(&["stash", "--quiet"]);
    // Only the newest stash is a ref.
    desk.write("a", "another");
    desk.git(&["stash", "--quiet"]);
    desk.write("b", &amended);
    desk.commit("oops");
    desk.write("b", "clean");
    desk.git(&["commit", "--quiet", "--all", "--amend", "-m", "better"]);
    desk.git(&["checkout", "--quiet", "-b", "gone"]);
    desk.write("c", &deleted);
    desk.commit("on a branch");
    desk.git(&["checkout", "--quiet", "main"]);
    desk.git(&["branch", "--quiet", "-D", "gone"]);
    let found = brought_in(&desk);
    for key in [&stashed, &amended, &deleted] {
        assert!(found.iter().any(|(of, commit)| *of == hint(key) && commit.is_some()), "{found:?}");
    }
    assert_eq!(found.len(), 3, "{found:?}");
}

#[needs(git)]
#[test]
fn nothing_that_git_shows_in_place_of_an_object_hides_it() {
    let desk = Management::new();
    let (in_file, in_commit, before) = (key(), key(), key());
    desk.git(&["init", "--quiet"]);
    desk.write("old", &before);
    desk.commit("old");
    desk.git(&["rm", "--quiet", "old"]);
    desk.write("file", &in_file);
    let parent = desk.commit("file");
    desk.write("clean", "clean");
    desk.git(&["rm", "--quiet", "file"]);
    desk.commit(&format!("a message with {in_commit}"));
    let clean = desk.git(&["rev-parse", "HEAD:clean"]);
    desk.git(&["replace", &format!("{parent}:file"), clean.trim()]);
    let innocent = desk.git(&["commit-tree", "-m", "innocent", "HEAD^{tree}"]);
    desk.git(&["replace", "HEAD", innocent.trim()]);
    fs::write(desk.folder().join(".git/info/grafts"), format!("{parent}\n")).unwrap();
    let found = brought_in(&desk);
    for key in [&in_file, &in_commit, &before] {
        assert!(found.iter().any(|(of, _)| *of == hint(key)), "{found:?}");
    }
}

#[needs(git)]
#[test]
fn the_commit_is_said_for_a_merge_too_and_whatever_git_is_set_to() {
    let desk = Management::new();
    let (at_first, in_merge) = (key(), key());
    desk.git(&["init", "--quiet"]);
    for (name, value) in [("log.showRoot", "false"), ("color.ui", "always"), ("log.showSignature", "true")] {
        desk.git(&["config", name, value]);
    }
    desk.write("first", &at_first);
    let root = desk.commit("first");
    desk.git(&["checkout", "--quiet", "-b", "other"]);
    desk.commit("other");
    desk.git(&["checkout", "--quiet", "main"]);
    desk.commit("main");
    desk.git(&["merge", "--quiet", "--no-commit", "other"]);
    desk.write("evil", &in_merge);
    let merge = desk.commit("merge");
    let mut found = brought_in(&desk);
    found.sort();
    let mut expected = vec![(hint(&at_first), Some(root)), (hint(&in_merge), Some(merge))];
    expected.sort();
    assert_eq!(found, expected);
}
