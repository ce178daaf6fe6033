//! Mail servers that refuse, babble or never end.

use std::time::{Duration, Instant};

use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};

use super::tests::{letter, mailer};
use super::*;

const ENDLESS: usize = 64 << 20;

/// Answers one session: a step is the beginning of a command, or `greeting` or `content`.
async fn scripted(refused_step: &'static str, answer: String) -> Mailer {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("smtp://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        let mut stream = BufReader::new(stream);
        let reply = |step: &str, usual: &str| if step == refused_step { answer.clone() } else { usual.to_owned() };
        let mut line = reply("greeting", "220 localhost");
        let mut is_content = false;
        loop {
            stream.write_all(format!("{line}\r\n").as_bytes()).await.unwrap();
            let mut command = String::new();
            loop {
                command.clear();
                if stream.read_line(&mut command).await.unwrap() == 0 {
                    return;
                }
                if !is_content || command == ".\r\n" {
                    break;
                }
            }
            line = match command.get(..4).unwrap_or(".") {
                _ if is_content => reply("content", "250 queued"),
                "DATA" => reply("DATA", "354 go on"),
                step => reply(step, "250 yes"),
            };
            is_content = command.starts_with("DATA") && line.starts_with("354");
        }
    });
    mailer(&url, "keys@example.com").unwrap()
}

fn outgoing(has_secret: bool) -> Outgoing {
    Outgoing {
        id: "mail_1".to_owned(),
        name: None,
        address: "ada@example.com".to_owned(),
        letter: letter(),
        has_secret,
    }
}

#[tokio::test]
async fn only_a_missing_mailbox_ends_a_mail() {
    for (step, answer, is_final) in [
        ("RCPT", "550 5.1.1 no such user", true),
        ("RCPT", "550 unknown", true),
        ("RCPT", "551 not local", true),
        ("RCPT", "553 not allowed", true),
        ("content", "550 5.1.1 no such user", true),
        ("RCPT", "550 5.7.1 relaying denied", false),
        ("RCPT", "554 5.7.1 relay access denied", false),
        ("RCPT", "552 5.2.2 mailbox full", false),
        ("RCPT", "451 4.7.1 greylisted", false),
        ("content", "554 5.6.0 refused", false),
        ("content", "550 5.7.1 looks like spam", false),
        ("DATA", "554 no valid recipients", false),
        ("MAIL", "550 sender not allowed", false),
        ("EHLO", "550 go away", false),
        ("greeting", "554 no service", false),
        ("greeting", "nonsense", false),
    ] {
        let error = scripted(step, answer.to_owned()).await.send(&outgoing(false)).await.unwrap_err();
        assert_eq!(error.is_final, is_final, "{step} {answer}: {error:?}");
    }
    scripted("none", String::new()).await.send(&outgoing(true)).await.unwrap();
}

#[tokio::test]
async fn an_answer_that_quotes_a_link_is_not_repeated() {
    for (answer, reason) in [
        ("550 5.1.1 see https://keys.example.com/register?invitation=kwi_1", "the mail server answered 550 5.1.1"),
        ("550 see register?invit= ation=3Dkwi_1", "the mail server answered 550"),
        ("kwi_1 is no answer", "the mail server sent a malformed answer"),
    ] {
        let error = scripted("RCPT", answer.to_owned()).await.send(&outgoing(true)).await.unwrap_err();
        assert_eq!(error.reason, reason, "{answer}");
    }
    let error = scripted("RCPT", "550 5.1.1 no such user".to_owned()).await.send(&outgoing(false)).await.unwrap_err();
    assert!(error.reason.contains("no such user"), "without a secret, the words help: {error:?}");
}

/// Returns how much the server could send.
async fn flood(greeting: &'static str, endless: String) -> usize {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("smtp://{}", listener.local_addr().unwrap());
    let server = tokio::spawn(async move {
        let (mut stream, _): (TcpStream, _) = listener.accept().await.unwrap();
        stream.write_all(greeting.as_bytes()).await.unwrap();
        let chunk = endless.repeat(4_096 / endless.len());
        let mut sent = 0;
        while sent < ENDLESS && stream.write_all(chunk.as_bytes()).await.is_ok() {
            sent += chunk.len();
        }
        sent
    });
    let begun = Instant::now();
    let error = mailer(&url, "keys@example.com").unwrap().check().await.unwrap_err();
    assert!(begun.elapsed() < Duration::from_secs(40), "{error}: {:?}", begun.elapsed());
    server.await.unwrap()
}

#[tokio::test]
async fn an_endless_answer_is_cut_off() {
    // lettre reads an answer from its first line for each line. Short lines make a debug build slow.
    let line = format!("250-{}\r\n", "more ".repeat(80));
    for (greeting, endless) in [("", "2"), ("220 localhost\r\n", &line), ("220 localhost\r\n", "\r\n")] {
        let sent = flood(greeting, endless.to_owned()).await;
        // The rest stands in the buffers of the sockets.
        assert!(sent < ENDLESS / 2, "{endless:?}: {sent} bytes were taken");
    }
}
