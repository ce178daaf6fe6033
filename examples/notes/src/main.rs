//! Run it with `DATABASE=notes.db cargo run -p notes`.

use std::error::Error;
use std::process::ExitCode;

use example_support::{Announcement, Environment};
use keyward::serve::{Limits, serve, shutdown_signal};
use notes::App;

#[tokio::main]
async fn main() -> ExitCode {
    example_support::log_to_stderr();
    example_support::exit_code(run().await)
}

async fn run() -> Result<(), Box<dyn Error>> {
    let environment = Environment::from_env()?;
    let app = App::new(environment.open_store()?)?;
    let router = app.router()?;
    let listener = environment.listen().await?;
    let signal = shutdown_signal()?;
    Announcement::new(listener.local_addr()?).write()?;

    let stopping = app.clone();
    let stop = async move {
        signal.await;
        stopping.end_streams();
    };
    serve(listener, router, stop, Limits::default()).await;
    app.shutdown().await;
    Ok(())
}
