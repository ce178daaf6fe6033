//! A protected service without a framework, on hyper and tower. Run it with `SEED_DEMO=1 cargo run -p hyper-service`.
//!
//! `GET /health` is open. All other requests need a key, and get the id of the key's account.

use std::convert::Infallible;
use std::error::Error;
use std::process::ExitCode;

use bytes::Bytes;
use example_support::{Announcement, Demo, Environment};
use http::{Method, Request, Response};
use http_body_util::Full;
use hyper::body::Incoming;
use keyward::serve::{Limits, serve, shutdown_signal};
use keyward::{AccountRecord, AuthLayer, Authenticator, Identity, Keys, NewKey};
use tower::{ServiceBuilder, service_fn};

async fn answer(request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let text = match request.extensions().get::<Identity>() {
        Some(caller) => format!("{}\n", caller.account()),
        None => "well\n".to_owned(),
    };
    // hyper removes the body of an answer to HEAD over HTTP/1, but not over HTTP/2.
    Ok(Response::new(if request.method() == Method::HEAD { Full::default() } else { text.into() }))
}

#[tokio::main]
async fn main() -> ExitCode {
    example_support::log_to_stderr();
    example_support::exit_code(run().await)
}

async fn run() -> Result<(), Box<dyn Error>> {
    let environment = Environment::from_env()?;
    let store = environment.open_store()?;
    let authenticator = Authenticator::builder(store.clone()).exempt(Method::GET, "/health").build()?;
    let service = ServiceBuilder::new().layer(AuthLayer::from(authenticator.clone())).service(service_fn(answer));

    let listener = environment.listen().await?;
    let mut announcement = Announcement::new(listener.local_addr()?);
    if environment.seed_demo {
        let keys = Keys::new(store);
        let account = AccountRecord::new("acct_demo".parse()?, "Demo");
        keys.ensure_account(&account).await?;
        let secret = |name| NewKey::secret(account.id.clone(), name);
        let mut demo = Demo::new(&keys, &mut announcement);
        demo.issue(secret("full")).await?;
        demo.revoked(secret("revoked")).await?;
        demo.expired(secret("expired")).await?;
    }
    let stop = shutdown_signal()?;
    announcement.write()?;

    serve(listener, service, stop, Limits::default()).await;
    authenticator.shutdown().await;
    Ok(())
}
