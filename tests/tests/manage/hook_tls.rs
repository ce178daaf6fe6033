//! Receivers over TLS: a private authority is trusted by configuration, and a wrong certificate gets nothing.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};

use keyward_needs::needs;
use keyward_tests::program::{Program, eventually};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, date_time_ymd};
use rustls::pki_types::PrivateKeyDer;

use crate::events_served::Served;
use crate::serve::keyward;

type Authority = CertifiedIssuer<'static, KeyPair>;

fn authority(name: &str) -> Authority {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

fn valid_for(name: &str) -> CertificateParams {
    CertificateParams::new([name.to_owned()]).unwrap()
}

/// Answers 204. Returns the port, and what it has received.
fn receiver(params: CertificateParams, authority: &Authority) -> (u16, Arc<Mutex<String>>) {
    let key = KeyPair::generate().unwrap();
    let certificate = params.signed_by(&key, authority).unwrap();
    let config = rustls::ServerConfig::builder_with_provider(rustls::crypto::ring::default_provider().into())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], PrivateKeyDer::try_from(key.serialize_der()).unwrap())
        .unwrap();
    let config = Arc::new(config);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let (port, received) = (listener.local_addr().unwrap().port(), Arc::new(Mutex::new(String::new())));
    let noted = Arc::clone(&received);
    std::thread::spawn(move || {
        for socket in listener.incoming().map_while(Result::ok) {
            let connection = rustls::ServerConnection::new(Arc::clone(&config)).unwrap();
            let mut stream = rustls::StreamOwned::new(connection, socket);
            let mut request = [0; 16 * 1_024];
            let Ok(read) = stream.read(&mut request) else { continue };
            noted.lock().unwrap().push_str(&String::from_utf8_lossy(&request[..read]));
            let _ = stream.write_all(b"HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n");
            let _ = stream.flush();
        }
    });
    (port, received)
}

#[needs(curl)]
#[test]
fn private_authority_is_trusted_and_a_wrong_certificate_gets_nothing() {
    let (trusted, other) = (authority("private"), authority("other"));
    let folder = tempfile::tempdir().unwrap();
    let (file, database) = (folder.path().join("ca.pem"), folder.path().join("keys.db"));
    std::fs::write(&file, trusted.pem()).unwrap();
    let allow = ["--listen", "127.0.0.1:0", "--webhook-allow-network", "127.0.0.0/8"];
    let mut command = keyward(&database, &["serve"]);
    let served = Served::of(folder, Program::of(command.args(allow).env("SSL_CERT_FILE", &file)).0);

    let (good, received) = receiver(valid_for("127.0.0.1"), &trusted);
    let (webhook, _) = served.webhook(&format!("https://127.0.0.1:{good}/hooks"));
    served.run(&["webhooks", "test", &webhook]);
    eventually("the receiver of the private authority accepts", || served.delivery(&webhook)["state"] == "delivered");
    assert!(received.lock().unwrap().contains("webhook-signature: v1,"), "{received:?}");

    let mut expired = valid_for("127.0.0.1");
    (expired.not_before, expired.not_after) = (date_time_ymd(2020, 1, 1), date_time_ymd(2021, 1, 1));
    let wrong = [
        ("an unknown authority", valid_for("127.0.0.1"), &other, "UnknownIssuer"),
        ("another host", valid_for("example.com"), &trusted, "not valid for name"),
        ("an expired certificate", expired, &trusted, "expired"),
    ];
    let mut called = Vec::new();
    for (what, params, authority, reason) in wrong {
        let (port, received) = receiver(params, authority);
        let (webhook, _) = served.webhook(&format!("https://127.0.0.1:{port}/hooks"));
        served.run(&["webhooks", "test", &webhook]);
        called.push((what, webhook, received, reason));
    }
    for (what, webhook, received, reason) in called {
        // The second attempt follows after 5 seconds.
        eventually(what, || served.delivery(&webhook)["attempts"].as_array().is_some_and(|all| all.len() >= 2));
        let delivery = served.delivery(&webhook);
        assert_eq!(delivery["state"], "pending", "{what}: {delivery}");
        for attempt in delivery["attempts"].as_array().unwrap() {
            let error = attempt["error"].as_str().unwrap_or_else(|| panic!("{what}: {delivery}"));
            assert!(error.contains("invalid peer certificate") && error.contains(reason), "{what}: {error}");
        }
        assert_eq!(*received.lock().unwrap(), "", "{what} got a request");
    }
    served.stop();
}
