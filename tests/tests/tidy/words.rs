//! All words of the pages stand in one module, so that they can be reviewed and translated together.

use std::fs;
use std::path::{Path, PathBuf};

use crate::{root, sources};

const PAGES: &str = "crates/manage/src/dashboard";
const TEMPLATES: &str = "crates/manage/templates/dashboard";

/// Attributes that people read or hear.
const SPOKEN: [&str; 7] = ["aria-label", "aria-description", "placeholder", "title", "alt", "label", "data-label"];

/// Literals that look like words, and are none.
const NO_WORDS: [(&str, &str); 9] = [
    ("Left", "is compared with a line of the limits"),
    ("default-src 'none'; style-src 'unsafe-inline'; sandbox", "a header"),
    ("public, max-age=31536000, immutable", "a header"),
    ("camera=(), geolocation=(), microphone=(), payment=(), usb=()", "a header"),
    ("keyward form token", "separates the uses of a secret"),
    ("the answer names another issuer", "the audit log keeps it in English"),
    ("the identity provider refused", "the audit log keeps it in English"),
    ("Bearer {key}", "a field of HTTP"),
    ("the parts of the form are too long", "no page shows the error of the reader"),
];

/// Literals of the script that look like words.
const NO_WORDS_OF_SCRIPT: [(&str, &str); 3] = [
    ("use strict", "a directive"),
    ("Escape", "a key of the keyboard"),
    ("InvalidStateError", "a name of the browser"),
];

/// Fields that have a code of a record.
const CODES: [&str; 6] = ["status", "mode", "kind", "role", "state", "outcome"];

/// Fields with such a name that pages show as they are.
const SHOWN_CODES: [(&str, &str); 2] =
    [("called.status", "a number of HTTP"), ("request.outcome", "a code that the guide explains")];

/// Calls whose texts are for the operator.
const LOGS: [&str; 5] = ["tracing::", "log_limited!", ".expect(", "reason = ", "unreachable!"];

#[test]
fn no_template_has_words_of_its_own() {
    let mut found = Vec::new();
    for path in templates(&root().join(TEMPLATES)) {
        let text = fs::read_to_string(&path).unwrap();
        let name = path.strip_prefix(root()).unwrap().display().to_string();
        found.extend(words_of_template(&text).into_iter().map(|words| format!("{name}: {words:?}")));
    }
    assert!(found.is_empty(), "put these words into {PAGES}/words:\n{}", found.join("\n"));
}

#[test]
fn no_page_has_words_outside_their_module() {
    let mut found = Vec::new();
    for path in sources(&root().join(PAGES)) {
        let name = path.strip_prefix(root().join(PAGES)).unwrap().display().to_string();
        if name.starts_with("words/") || name.ends_with("tests.rs") {
            continue;
        }
        let text = fs::read_to_string(&path).unwrap();
        let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap();
        found.extend(words_of_source(code).into_iter().map(|words| format!("{name}: {words:?}")));
    }
    assert!(found.is_empty(), "put these words into {PAGES}/words:\n{}", found.join("\n"));
}

#[test]
fn no_template_shows_a_code_of_a_record() {
    let mut found = Vec::new();
    for path in templates(&root().join(TEMPLATES)) {
        let name = path.strip_prefix(root()).unwrap().display().to_string();
        let codes = codes_of_template(&fs::read_to_string(&path).unwrap());
        found.extend(codes.into_iter().map(|code| format!("{name}: {{{{ {code} }}}}")));
    }
    assert!(found.is_empty(), "show the words of {PAGES}/words/codes.rs:\n{}", found.join("\n"));
}

#[test]
fn the_script_has_no_words_of_its_own() {
    let script = fs::read_to_string(root().join(PAGES).join("dashboard.js")).unwrap();
    let found = words_of_script(&script);
    assert!(found.is_empty(), "put these words into {PAGES}/words, and into `data-` attributes:\n{}", found.join("\n"));
}

#[test]
fn words_are_found_where_they_hide() {
    for (template, words) in [
        ("<p>{{ words::keys::ALL }}</p> <code>GET</code> · <pre>let x = 1;</pre>", vec![]),
        ("<p{% if is_new %} class=\"new\"{% endif %}>New <b>key</b></p>", vec!["New", "key"]),
        ("<a title=\"Keys of {{ name }}\" href=\"/keys\" data-label=\"{{ label }}\"></a>", vec!["Keys of"]),
        ("{% call chart(chart, \"Requests\") %}{% endcall %}{{ of(\"scopes\") }}", vec!["Requests"]),
        ("{% block width %}narrow{% endblock %}&amp;{# A remark #}", vec![]),
        ("<input type=\"submit\" value=\"Send\"><input value=\"1\" placeholder=\"#3c4cc0\">", vec!["Send"]),
    ] {
        assert_eq!(words_of_template(template), words, "{template}");
    }
    for (template, codes) in [
        ("<b class=\"{{ key.mode }}\">{{ key.mode }}</b>", vec!["key.mode"]),
        ("<b class=\"{{ state }}\">{{ words::codes::state(state) }}</b> {{ key.name }}", vec![]),
        ("{% if a > b %}{{ outcome }}{% endif %} <code>{{ delivery.kind }}</code>", vec!["outcome"]),
    ] {
        assert_eq!(codes_of_template(template), codes, "{template}");
    }
    for (source, words) in [
        ("page(\"Keys\"); go(\"/keys\"); // The \"Keys\" page", vec!["Keys"]),
        ("let text = \"no answer\"; let code = \"key.create\";", vec!["no answer"]),
        ("format!(\"{count} of them\")", vec!["{count} of them"]),
        ("tracing::warn!(\"a page failed\"); #[allow(x, reason = \"a word\")]", vec![]),
    ] {
        assert_eq!(words_of_source(source), words, "{source}");
    }
    for (script, words) in [
        ("// Don't send it \"Twice\".\nfield.find(\"input[name=id]\"); x = `${a}/${b}`;", vec![]),
        ("say(\"Copied.\"); say('You won\\'t see it again');", vec!["Copied.", "You won\\'t see it again"]),
        ("time.title += `, ${local.format(at)} here`;", vec![", {} here"]),
        ("button.textContent = \"done\"; button.ariaLabel = 'done'; a = b ? \"on\" : \"off\";", vec!["done", "done"]),
        ("say(text, \"no answer\"); // A \"Remark\"", vec!["no answer"]),
    ] {
        assert_eq!(words_of_script(script), words, "{script}");
    }
}

fn templates(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(templates(&path));
        } else {
            found.push(path);
        }
    }
    found
}

fn words_of_template(template: &str) -> Vec<String> {
    let mut found = Vec::new();
    let html = without_expressions(template, &mut found);
    let (mut rest, mut hidden_until) = (html.as_str(), None::<String>);
    while !rest.is_empty() {
        let (text, after) = rest.split_at(rest.find('<').unwrap_or(rest.len()));
        let text = text.replace("&amp;", "");
        if hidden_until.is_none() && text.contains(char::is_alphabetic) {
            found.push(text.trim_matches(|sign: char| sign.is_whitespace() || sign == '·').to_owned());
        }
        let (tag, after) = after.split_at(after.find('>').map_or(after.len(), |end| end + 1));
        let name =
            tag.trim_start_matches('<').split(|sign: char| !sign.is_alphanumeric() && sign != '/').next().unwrap();
        match &hidden_until {
            Some(end) if name == end => hidden_until = None,
            Some(_) => {}
            // Code reads the same in each language.
            None if name == "code" || name == "pre" => hidden_until = Some(format!("/{name}")),
            None => {}
        }
        found.extend(spoken(tag));
        rest = after;
    }
    found
}

/// The codes in the text of the page, outside of tags and `code`.
fn codes_of_template(template: &str) -> Vec<String> {
    const HELD: char = '\u{1}';
    let (mut html, mut rest) = (String::new(), template);
    while let Some(start) = ["{{", "{%", "{#"].iter().filter_map(|begin| rest.find(begin)).min() {
        html.push_str(&rest[..start]);
        let is_value = rest[start..].starts_with("{{");
        let end = match &rest[start..start + 2] {
            "{{" => "}}",
            "{%" => "%}",
            _ => "#}",
        };
        let length = rest[start..].find(end).unwrap() + 2;
        if is_value {
            html.extend([
                HELD.to_string(),
                rest[start + 2..start + length - 2].trim().replace(['<', '>'], ""),
                HELD.to_string(),
            ]);
        }
        rest = &rest[start + length..];
    }
    html.push_str(rest);
    let (mut found, mut is_code) = (Vec::new(), false);
    for part in html.split('<') {
        let (tag, text) = part.split_once('>').unwrap_or(("", part));
        is_code =
            if tag.starts_with("code") || tag.starts_with("pre") { true } else { is_code && !tag.starts_with('/') };
        for value in text.split(HELD).skip(1).step_by(2).filter(|_| !is_code) {
            let is_known = SHOWN_CODES.iter().any(|(known, _)| *known == value);
            if !is_known && CODES.contains(&value.rsplit('.').next().unwrap()) {
                found.push(value.to_owned());
            }
        }
    }
    found
}

/// The page without what the template engine replaces. Words among the arguments are found.
fn without_expressions(template: &str, found: &mut Vec<String>) -> String {
    // The name of a class.
    let template = template.split("{% block width %}").map(|part| match part.split_once("{% endblock %}") {
        Some((class, rest)) if class.bytes().all(|byte| byte.is_ascii_lowercase()) => rest,
        _ => part,
    });
    let template: String = template.collect();
    let (mut html, mut rest) = (String::new(), template.as_str());
    while let Some(start) = ["{{", "{%", "{#"].iter().filter_map(|begin| rest.find(begin)).min() {
        html.push_str(&rest[..start]);
        let end = match &rest[start..start + 2] {
            "{{" => "}}",
            "{%" => "%}",
            _ => "#}",
        };
        let length = rest[start..].find(end).unwrap() + 2;
        let expression = &rest[start..start + length];
        if end != "#}" {
            let literals = expression.split('"').skip(1).step_by(2);
            found.extend(literals.filter(|text| is_words(text)).map(str::to_owned));
        }
        rest = &rest[start + length..];
    }
    html + rest
}

fn spoken(tag: &str) -> Vec<String> {
    let is_button = ["submit", "button", "reset"].iter().any(|kind| tag.contains(&format!("<input type=\"{kind}\"")));
    let mut parts = tag.split('"').collect::<Vec<_>>().into_iter();
    let mut found = Vec::new();
    while let (Some(before), Some(value)) = (parts.next(), parts.next()) {
        let name = before.trim_end_matches('=').rsplit(char::is_whitespace).next().unwrap();
        let is_spoken = SPOKEN.contains(&name) || (name == "value" && is_button);
        if is_spoken && value.contains(char::is_alphabetic) && !value.starts_with('#') {
            found.push(value.trim().to_owned());
        }
    }
    found
}

fn words_of_source(source: &str) -> Vec<String> {
    let lines = source.lines().map(|line| line.split_once("// ").map_or(line, |(code, _)| code));
    let lines = lines.filter(|line| !line.trim_start().starts_with("//"));
    let code = lines.collect::<Vec<_>>().join("\n").replace("\\\"", "'");
    let mut parts = code.split('"');
    let mut found = Vec::new();
    while let (Some(before), Some(literal)) = (parts.next(), parts.next()) {
        let statement = before.rsplit([';', '{', '}']).next().unwrap();
        let is_log = LOGS.iter().any(|log| statement.contains(log));
        let is_known = NO_WORDS.iter().any(|(known, _)| *known == literal);
        if !is_log && !is_known && is_words(literal) {
            found.push(literal.to_owned());
        }
    }
    found
}

fn words_of_script(script: &str) -> Vec<String> {
    let lines = script.lines().map(|line| line.split_once("// ").map_or(line, |(code, _)| code));
    let code = lines.collect::<Vec<_>>().join("\n");
    let (mut found, mut rest) = (Vec::new(), code.as_str());
    while let Some(start) = rest.find(['"', '\'', '`']) {
        let quote = rest[start..].chars().next().unwrap();
        let before = rest[..start].trim_end();
        let body = &rest[start + 1..];
        let is_end = |place: &usize| !body[..*place].ends_with('\\');
        let end = body.match_indices(quote).map(|(place, _)| place).find(is_end).expect("a literal ends");
        let literal = if quote == '`' { without_values(&body[..end]) } else { body[..end].to_owned() };
        let is_shown =
            ["textContent =", "ariaLabel =", "title =", "placeholder ="].iter().any(|to| before.ends_with(to));
        let is_sentence = quote == '`' && literal.contains(char::is_alphabetic);
        let is_known = NO_WORDS_OF_SCRIPT.iter().any(|(known, _)| *known == literal);
        if !is_known && (is_words(&literal) || is_sentence || (is_shown && literal.contains(char::is_alphabetic))) {
            found.push(literal);
        }
        rest = &body[end + 1..];
    }
    found
}

/// A template literal with empty braces for its values.
fn without_values(literal: &str) -> String {
    let mut parts = literal.split("${");
    let mut text = parts.next().unwrap().to_owned();
    for part in parts {
        let (_, after) = part.split_once('}').expect("a value ends");
        text.push_str("{}");
        text.push_str(after);
    }
    text
}

/// A word with a capital letter, or two words.
fn is_words(text: &str) -> bool {
    let letters: Vec<char> = text.chars().collect();
    let begins =
        letters.first().is_some_and(|first| first.is_uppercase()) && letters.iter().any(|one| one.is_lowercase());
    let is_two = letters.windows(3).any(|three| three[0].is_lowercase() && three[1] == ' ' && three[2].is_lowercase());
    begins || is_two
}
