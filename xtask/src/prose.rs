//! A hit is a place to look, not an error.

use std::collections::BTreeMap;
use std::fs;

use regex::{Regex, RegexBuilder};

use crate::error::Error;
use crate::process;

/// Each with what CONTRIBUTING.md asks for instead.
const HABITS: [&str; 8] = [
    // Name the actor: the node, the caller, the store.
    r"(?:^|[.;:!?] )(?:who|whoever|what) [a-z]+",
    r"\b(?:whoever|whomever|of whom|for whom|by whom|of which)\b",
    r"\b(?:somebody|nobody|everybody|anybody)\b",
    r"\b(?:is|are|was|were) (?:said|told|spoken|noted down)\b|\bsays? so\b",
    // Use the short word.
    r"\bof (?:its|their|one's|our|his|your) own\b",
    r"\b(?:besides|anew|in the midst|meanwhile|beforehand|for ever|all the same)\b",
    // "Defaults to 10 minutes."
    r"\bwithout (?:this|it)\b",
    r"\b(?:has|have) to be (?:there|a|an|the|as)\b",
];

/// Questions and common openings that the first habit matches, and that are right.
const ALLOWED: &str = r"^(?:what|who) (?:if|about|happens|is|are|it|to|you|keyward)\b";

const LONGEST_SENTENCE: usize = 25;

#[derive(clap::Args)]
pub(crate) struct Options {
    /// Print this many of the lines with the most hits.
    #[arg(long, default_value_t = 0, value_name = "LINES")]
    lines: usize,

    /// Count below these folders or files only.
    under: Vec<String>,
}

impl Options {
    pub(crate) fn report() -> Self {
        Self { lines: 0, under: Vec::new() }
    }
}

#[derive(Default)]
struct Count {
    words: usize,
    hits: usize,
    long_sentences: usize,
}

struct Found {
    hits: usize,
    place: String,
}

pub(crate) fn run(options: &Options) -> Result<(), Error> {
    let habits = Habits::new();
    let mut counts: BTreeMap<String, Count> = BTreeMap::new();
    let mut found = Vec::new();
    for path in files(&options.under)? {
        let file = process::root().join(&path);
        // Skips a file whose removal is not committed yet.
        if !file.is_file() {
            continue;
        }
        let content = fs::read_to_string(&file).map_err(|source| Error::File { path: path.clone(), source })?;
        for line in lines(&path, &content) {
            let count = counts.entry(kind(&path, line.kind).to_owned()).or_default();
            let hits = habits.count(&line.text);
            count.words += line.text.split_whitespace().count();
            count.hits += hits;
            count.long_sentences += long_sentences(&line.text);
            if hits > 0 {
                found.push(Found { hits, place: format!("{path}:{}: {}", line.number, line.text) });
            }
        }
    }
    print(&counts);
    found.sort_by_key(|line| std::cmp::Reverse(line.hits));
    found.iter().take(options.lines).for_each(|line| println!("{}", line.place));
    Ok(())
}

fn print(counts: &BTreeMap<String, Count>) {
    println!("{:32} {:>8} {:>6} {:>16} {:>15}", "text", "words", "hits", "per 1,000 words", "long sentences");
    let mut all = Count::default();
    for (kind, count) in counts {
        print_row(kind, count);
        all.words += count.words;
        all.hits += count.hits;
        all.long_sentences += count.long_sentences;
    }
    print_row("all", &all);
}

fn print_row(kind: &str, count: &Count) {
    let rate = 1_000.0 * count.hits as f64 / count.words.max(1) as f64;
    println!("{kind:32} {:8} {:6} {rate:16.1} {:15}", count.words, count.hits, count.long_sentences);
}

struct Habits {
    habits: Vec<Regex>,
    allowed: Regex,
}

impl Habits {
    fn new() -> Self {
        let compiled = |pattern: &str| {
            let built = RegexBuilder::new(pattern).case_insensitive(true).build();
            built.unwrap_or_else(|error| panic!("{error}"))
        };
        Self { habits: HABITS.iter().map(|habit| compiled(habit)).collect(), allowed: compiled(ALLOWED) }
    }

    fn count(&self, text: &str) -> usize {
        let is_hit = |found: &regex::Match<'_>| {
            let opening = found.as_str().trim_start_matches(['.', ';', ':', '!', '?', ' ']);
            !self.allowed.is_match(opening)
        };
        self.habits.iter().map(|habit| habit.find_iter(text).filter(is_hit).count()).sum()
    }
}

fn long_sentences(text: &str) -> usize {
    text.split(". ").filter(|sentence| sentence.split_whitespace().count() > LONGEST_SENTENCE).count()
}

#[derive(Clone, Copy)]
enum Kind {
    Page,
    Doc,
    Comment,
    Text,
}

struct Line {
    number: usize,
    kind: Kind,
    text: String,
}

/// Each paragraph is one line, with code replaced by a word.
fn lines(path: &str, content: &str) -> Vec<Line> {
    let mut found: Vec<Line> = Vec::new();
    let mut is_code = false;
    let mut goes_on = false;
    for (number, line) in content.lines().enumerate() {
        let is_rust = path.ends_with(".rs");
        let bare = line.trim_start();
        let (kind, text) = if !is_rust {
            (Kind::Page, line)
        } else if let Some(text) = bare.strip_prefix("///").or_else(|| bare.strip_prefix("//!")) {
            (Kind::Doc, text.strip_prefix(' ').unwrap_or(text))
        } else if let Some(text) = bare.strip_prefix("// ") {
            (Kind::Comment, text)
        } else {
            is_code = false;
            goes_on = false;
            found.extend(texts(line).map(|text| Line { number: number + 1, kind: Kind::Text, text }));
            continue;
        };
        if text.trim_start().starts_with("```") {
            is_code = !is_code;
            goes_on = false;
            continue;
        }
        let first = text.trim_start().chars().next();
        if is_code || first.is_none() || text.starts_with("    ") {
            goes_on = false;
            continue;
        }
        let begins = first.is_some_and(|first| "#-*|<>".contains(first));
        let text = without_code(text.trim());
        match found.last_mut() {
            Some(last) if goes_on && !begins => last.text = format!("{} {text}", last.text),
            _ => found.push(Line { number: number + 1, kind, text }),
        }
        goes_on = true;
    }
    found
}

fn texts(line: &str) -> impl Iterator<Item = String> {
    let strings = line.split('"').skip(1).step_by(2);
    strings.filter(|text| text.len() > 12 && text.contains(' ')).map(without_code)
}

fn without_code(text: &str) -> String {
    let parts = text.split('`').enumerate();
    parts.map(|(number, part)| if number % 2 == 0 { part } else { "code" }).collect()
}

fn kind(path: &str, kind: Kind) -> &str {
    match kind {
        Kind::Doc => "doc comments",
        Kind::Comment => "comments",
        Kind::Text => "strings",
        Kind::Page if path.starts_with("guide/") => "guide",
        Kind::Page if path.starts_with("docs/") => "docs",
        Kind::Page if path.starts_with("crates/") => "READMEs of the crates",
        Kind::Page => path,
    }
}

fn files(under: &[String]) -> Result<Vec<String>, Error> {
    let mut git = process::command("git", &["ls-files", "--"]);
    git.args(under);
    let listed = process::output(git)?;
    let has_prose = |path: &&str| (path.ends_with(".rs") || path.ends_with(".md")) && !path.starts_with("docs/api");
    Ok(listed.lines().filter(has_prose).map(str::to_owned).collect())
}

#[cfg(test)]
mod tests {
    use super::{Habits, lines, long_sentences};

    #[test]
    fn each_habit_counts_once() {
        let habits = Habits::new();
        for (text, hits) in [
            ("Who asks is told.", 2),
            ("Nobody revokes a key of its own. Somebody does.", 3),
            ("The store revokes a key.", 0),
            ("What is a lease?", 0),
            ("It ends. Whoever waits goes on.", 2),
        ] {
            assert_eq!(habits.count(text), hits, "{text}");
        }
    }

    #[test]
    fn paragraphs_are_read_whole_and_code_is_left_out() {
        let source = "/// One `code` sentence\n/// on two lines.\n///\n/// ```\n/// nobody();\n/// ```\nfn f() {}\n";
        let found = lines("a.rs", source);
        let texts: Vec<&str> = found.iter().map(|line| line.text.as_str()).collect();
        assert_eq!(texts, ["One code sentence on two lines."]);
    }

    #[test]
    fn sentences_of_more_than_25_words_count() {
        let long = "word ".repeat(26);
        assert_eq!(long_sentences(&format!("Short one. {long}. Short one.")), 1);
    }
}
