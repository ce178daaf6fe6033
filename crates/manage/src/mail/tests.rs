use super::address::{Encryption, MailServer};
use super::*;
use crate::origin::PublicUrl;

pub(super) fn letter() -> Letter {
    Letter {
        provider: "Example API".to_owned(),
        accent: "#6d28d9".to_owned(),
        subject: "Invitation to “Acme”".to_owned(),
        paragraphs: vec!["First <b>paragraph</b>.".to_owned()],
        facts: vec![("Role", "viewer".to_owned())],
        link: Some(("Accept", "https://keys.example.com/register?invitation=kwi_1".to_owned())),
        advice: vec!["Ignore it.".to_owned()],
    }
}

pub(super) fn mailer(url: &str, from: &str) -> Result<Mailer, MailerError> {
    Mailer::new(url, from, "https://keys.example.com".parse::<PublicUrl>().unwrap())
}

#[test]
fn url_decides_on_encryption_and_never_appears_in_errors() {
    use Encryption::{None as Plain, StartTls, Tls};
    for (url, expected) in [
        ("smtps://mail.example.com", Ok((465, Tls))),
        ("smtps://127.0.0.1:2465", Ok((2465, Tls))),
        ("smtp://mail.example.com", Ok((587, StartTls))),
        ("smtp://ada:pa%20ss@mail.example.com:25", Ok((25, StartTls))),
        ("smtp://mail.example.com?tls=required", Ok((587, StartTls))),
        ("smtp://mail.internal?tls=none", Ok((25, Plain))),
        ("smtp://localhost", Ok((25, Plain))),
        ("smtp://localhost?tls=required", Ok((587, StartTls))),
        ("smtp://127.0.0.1:1025", Ok((1025, Plain))),
        ("smtp://[::1]:1025", Ok((1025, Plain))),
        ("smtp://ada:hunter2@127.0.0.1", Ok((25, Plain))),
        ("smtp://[2001:db8::1]", Ok((587, StartTls))),
        ("smtp://ada:hunter2@mail.internal?tls=none", Err("without TLS")),
        ("smtp://mail.example.com?tls=opportunistic", Err("only option is tls")),
        ("smtps://mail.example.com?tls=none", Err("takes no option")),
        ("smtp://:hunter2@mail.example.com", Err("password without a user")),
        ("smtps://mail.example.com/hunter2", Err("path")),
        ("https://ada:hunter2@mail.example.com", Err("neither smtps:// nor smtp://")),
        ("ada:hunter2", Err("neither smtps:// nor smtp://")),
        ("hunter2", Err("malformed")),
        ("smtp://", Err("no host")),
        ("", Err("malformed")),
    ] {
        let read = MailServer::parse(url).map(|server| (server.port, server.encryption));
        match (read, expected) {
            (Ok(read), Ok(expected)) => assert_eq!(read, expected, "{url}"),
            (Err(why), Err(expected)) => {
                let shown = mailer(url, "keys@example.com").unwrap_err().to_string();
                assert!(why.contains(expected) && shown.contains(why) && !shown.contains("hunter2"), "{url}: {shown}");
            }
            (read, _) => panic!("{url}: {read:?}"),
        }
    }
    let server = MailServer::parse("smtp://ada%40example.com:pa%20ss@mail.example.com").unwrap();
    assert_eq!(server.user.as_deref(), Some("ada@example.com"));
    assert_eq!(server.password.as_deref().map(String::as_str), Some("pa ss"));
    let shown = format!("{:?}", mailer("smtps://ada:hunter2@mail.example.com", "keys@example.com").unwrap());
    assert!(!shown.contains("hunter2"), "{shown}");
}

#[test]
fn names_add_no_header_and_no_recipient() {
    let hostile = [
        "Eve\r\nBcc: victim@example.com",
        "Eve\nSubject: other",
        "Eve\r\n\r\nbody",
        "Eve\", victim@example.com, \"",
        "Eve <victim@example.com>",
        "\u{202e}Eve",
        "Ève 鍵",
    ];
    for name in hostile {
        let mut letter = letter();
        letter.subject = format!("Invitation to {name}");
        letter.provider = name.to_owned();
        let outgoing = Outgoing {
            id: "mail_1".to_owned(),
            name: Some(name.to_owned()),
            address: "ada@example.com".to_owned(),
            letter,
            has_secret: false,
        };
        let message = mailer("smtp://localhost", "keys@example.com").unwrap().message(&outgoing).unwrap();
        assert_eq!(message.envelope().to().iter().map(ToString::to_string).collect::<Vec<_>>(), ["ada@example.com"]);
        let text = String::from_utf8(message.formatted()).unwrap();
        let (head, _) = text.split_once("\r\n\r\n").unwrap();
        let names: Vec<&str> = head
            .split("\r\n")
            .filter(|line| !line.starts_with([' ', '\t']))
            .map(|line| line.split(':').next().unwrap())
            .collect();
        let expected =
            ["From", "To", "Subject", "Message-ID", "Date", "Auto-Submitted", "MIME-Version", "Content-Type"];
        assert_eq!(names, expected, "{name:?}: {head}");
        assert!(!head.contains(['\u{202e}', 'È']), "not encoded: {head}");
    }
}

#[test]
fn invalid_senders_and_recipients_are_named() {
    for from in ["", "keys", "Example <keys@example.com", "a@example.com, b@example.com", "A\r\nBcc: b <a@example.com>"]
    {
        let error = mailer("smtp://localhost", from).unwrap_err().to_string();
        assert!(error.contains(&format!("invalid sender `{from}`")), "{error}");
    }
    let from = mailer("smtp://localhost", "Example <keys@example.com>").unwrap();
    let outgoing = |address: &str| Outgoing {
        id: "mail_1".to_owned(),
        name: None,
        address: address.to_owned(),
        letter: letter(),
        has_secret: false,
    };
    let text = String::from_utf8(from.message(&outgoing("ada@example.com")).unwrap().formatted()).unwrap();
    assert!(text.contains("From: Example <keys@example.com>"), "{text}");
    assert!(text.contains("Message-ID: <mail_1@example.com>"), "{text}");
    for address in ["ada@example.com\r\nRCPT TO:<b@example.com>", "ada", "a@b, c@d"] {
        assert!(from.message(&outgoing(address)).unwrap_err().is_final, "{address}");
    }
}

#[test]
fn both_parts_have_the_text_and_only_html_is_escaped() {
    let (plain, html) = letter().render().unwrap();
    assert!(plain.contains("First <b>paragraph</b>.") && html.contains("First &#60;b&#62;paragraph"), "{plain}{html}");
    for part in ["Example API", "Role", "viewer", "https://keys.example.com/register?invitation=kwi_1", "Ignore it."] {
        assert!(plain.contains(part) && html.contains(part), "{part}: {plain}{html}");
    }
    assert!(!plain.contains("\n\n\n"), "{plain:?}");
    assert!(html.contains("background:#6d28d9"), "{html}");
}

#[test]
fn quoted_names_are_no_links() {
    assert_eq!(quoted("Acme"), "“Acme”");
    assert_eq!(quoted("Acme” or “\""), "“Acme' or ''”");
    assert_eq!(quoted("evil。example"), "“evil。\u{200b}example”");
    assert_eq!(quoted("https://evil.example"), "“https:\u{200b}/\u{200b}/\u{200b}evil.\u{200b}example”");
}
