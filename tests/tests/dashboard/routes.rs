//! The pages of the dashboard, from the source of its table of routes.

use std::fs;
use std::path::{Path, PathBuf};

const PAGES: &str = "../crates/manage/src/dashboard/pages";

/// The paths of all routes that answer a GET.
pub(crate) fn pages_of_the_dashboard() -> Vec<String> {
    let mut files = Vec::new();
    sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join(PAGES), &mut files);
    let texts: Vec<String> = files.iter().map(|file| fs::read_to_string(file).unwrap()).collect();
    let mut found = Vec::new();
    for text in &texts {
        for rest in text.split("Route::page(").skip(1) {
            let argument = rest.split(',').next().unwrap().trim();
            let path = literal(argument).unwrap_or_else(|| value_of(argument, text, &texts));
            assert!(path.starts_with('/'), "{argument} has no path");
            found.push(path);
        }
    }
    found.sort();
    found.dedup();
    assert!(found.len() > 50, "the table was not read: {found:?}");
    found
}

/// Whether a route answers at this path.
pub(crate) fn is_at(route: &str, path: &str) -> bool {
    let (route, path): (Vec<_>, Vec<_>) = (route.split('/').collect(), path.split('/').collect());
    route.len() == path.len() && route.iter().zip(&path).all(|(part, own)| part == own || part.starts_with('{'))
}

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for path in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|end| end == "rs") {
            found.push(path);
        }
    }
}

fn literal(text: &str) -> Option<String> {
    text.strip_prefix('"')?.strip_suffix('"').map(str::to_owned)
}

/// The text of a name that the same file defines, or only one other.
fn value_of(name: &str, text: &str, others: &[String]) -> String {
    let name = name.rsplit("::").next().unwrap();
    let of = |text: &String| {
        let marks = [format!("const {name}: &str = "), format!("let {name} = ")];
        marks.iter().find_map(|mark| literal(text.split_once(mark)?.1.split(';').next()?.trim()))
    };
    if let Some(own) = of(&text.to_owned()) {
        return own;
    }
    let mut found: Vec<String> = others.iter().filter_map(of).collect();
    found.dedup();
    assert_eq!(found.len(), 1, "{name} has these values: {found:?}");
    found.remove(0)
}
