//! `keyward pages …`

use keyward_client::{Image, Settings, UpdateSettings};

use crate::arguments::{Arguments, Pages};
use crate::backend;
use crate::failure::{Failure, Kind};
use crate::output;

pub(super) async fn run(arguments: &Arguments, command: &Pages) -> Result<(), Failure> {
    let server = backend::server(arguments)?;
    let client = server.client();
    match command {
        Pages::Show { json } => show(&client.settings().await?, *json),
        Pages::Update { name, no_name, accent, no_accent, theme, logo, no_logo } => {
            let logo = match logo {
                Some(file) => Some(
                    std::fs::read(file)
                        .map_err(|error| Failure::new(Kind::Usage, format!("{}: {error}", file.display())))?,
                ),
                None => None,
            };
            let update = UpdateSettings {
                name: change(name.clone(), *no_name),
                accent: change(accent.clone(), *no_accent),
                theme: *theme,
                logo: change(logo.map(Image::from), *no_logo),
            };
            let version = client.settings().await?.version;
            show(&client.update_settings(&update, version).await?, false)
        }
    }
}

/// Another value, none, or no change.
fn change<T>(value: Option<T>, none: bool) -> Option<Option<T>> {
    if none { Some(None) } else { value.map(Some) }
}

fn show(settings: &Settings, as_json: bool) -> Result<(), Failure> {
    let value = serde_json::to_value(settings).map_err(|error| Failure::caused(Kind::Database, &error))?;
    if as_json {
        return output::json_line(&value);
    }
    for (name, value) in value.as_object().into_iter().flatten().filter(|(name, _)| *name != "version") {
        output::line(&format!("{name:8}{}", value.as_str().unwrap_or("as configured")))?;
    }
    Ok(())
}
