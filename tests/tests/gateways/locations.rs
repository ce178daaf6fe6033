//! Keys in other places than `Authorization`: the gateway passes them to keyward, and the backend sees none.

use keyward_tests::gateways::Kind;

use crate::setting::Setting;

pub(crate) async fn run(kind: Kind) {
    let setting = Setting::with_locations(kind).await;
    let key = setting.keys.reader.clone();
    let (header, protocol) = (format!("X-API-Key: {key}"), format!("Sec-WebSocket-Protocol: chat, keyward.{key}"));
    const VERSION: &str = "Sec-WebSocket-Version: 13";
    const TARGET: &str = "/v1/resources";
    let mine = protocol.replace("chat, ", "");
    let before = protocol.replace("chat, ", "") + ", chat";
    for (arguments, status) in [
        (&["-H", header.as_str()][..], 200),
        (&["-H", VERSION, "-H", &protocol], 200),
        (&["-H", VERSION, "-H", &before], 200),
        (&["-H", VERSION, "-H", &mine], 200),
        (&["-H", &header, "-H", VERSION, "-H", &protocol], 400),
        // A gateway removes one entry, so two are refused.
        (&["-H", VERSION, "-H", &format!("Sec-WebSocket-Protocol: keyward., keyward.{key}")], 400),
        (&["-H", VERSION, "-H", &format!("Sec-WebSocket-Protocol: keyward.{key}, keyward.")], 400),
        (&["-H", VERSION, "-H", &format!("Sec-WebSocket-Protocol: Keyward.x, keyward.{key}")], 400),
        (&["-H", "X-API-Key;"], 401),
        (&["-H", VERSION, "-H", "Sec-WebSocket-Protocol: chat"], 401),
    ] {
        let answer = setting.call(None, TARGET, arguments);
        assert_eq!(answer.status, status, "{kind:?} {arguments:?}: {}", answer.text);
        assert!(!answer.text.contains(&key), "{kind:?} {arguments:?}: {}", answer.text);
        if status == 200 {
            assert!(answer.text.contains("acct_1"), "{kind:?} {arguments:?}: {}", answer.text);
        }
        if status == 200 && arguments.iter().any(|argument| argument.contains("chat")) {
            assert!(answer.text.contains("chat"), "{kind:?} {arguments:?}: {}", answer.text);
        }
    }
    let both = setting.call(Some(&key), TARGET, &["-H", &header]);
    assert_eq!(both.status, 400, "{kind:?}: {}", both.text);
    let open = setting.call(None, "/health", &["-H", &header, "-H", VERSION, "-H", &protocol]);
    assert!(open.status == 200 && !open.text.contains(&key), "{kind:?}: {}", open.text);
}
