use askama::Template;

/// The text of a mail, plain and as HTML.
pub(crate) struct Letter {
    pub(crate) provider: String,
    /// The colour of the button.
    pub(crate) accent: String,
    pub(crate) subject: String,
    pub(crate) paragraphs: Vec<String>,
    /// Names and values.
    pub(crate) facts: Vec<(&'static str, String)>,
    /// Label and URL.
    pub(crate) link: Option<(&'static str, String)>,
    /// What to do, below the link.
    pub(crate) advice: Vec<String>,
}

#[derive(Template)]
#[template(path = "mail/letter.txt", escape = "none")]
struct Plain<'a> {
    letter: &'a Letter,
}

#[derive(Template)]
#[template(path = "mail/letter.html")]
struct Html<'a> {
    letter: &'a Letter,
}

impl Letter {
    pub(super) fn render(&self) -> askama::Result<(String, String)> {
        Ok((Plain { letter: self }.render()?, Html { letter: self }.render()?))
    }
}

/// A name that users choose, in quotation marks.
///
/// Mail programs turn `www.example.com` into a link. The name of an account must not advertise one to people who were invited.
pub(crate) fn quoted(name: &str) -> String {
    const BREAK: &str = "\u{200b}";
    let mut quiet = String::with_capacity(name.len() + 8);
    for c in name.chars() {
        // It must not end its quotation, either.
        quiet.push(if matches!(c, '“' | '”' | '„' | '‟' | '"' | '＂') { '\'' } else { c });
        // Names of hosts may have other full stops: RFC 3490.
        if matches!(c, '.' | '。' | '．' | '｡' | ':' | '@' | '/') {
            quiet.push_str(BREAK);
        }
    }
    format!("“{quiet}”")
}
