//! `keyward pages …`

use std::path::PathBuf;

use clap::{ArgGroup, Subcommand};
use keyward_client::{Client, Image, Settings, Theme, UpdateSettings};

use crate::error::Error;
use crate::output;

#[derive(Subcommand)]
pub(super) enum Command {
    /// Show the look of the pages.
    Show {
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Change the look of the pages at once.
    #[command(group = ArgGroup::new("change").multiple(true).required(true)
        .args(["name", "no_name", "accent", "no_accent", "theme", "logo", "no_logo"]))]
    Update {
        /// The name of the provider.
        #[arg(long)]
        name: Option<String>,
        /// Use the name of the server's configuration.
        #[arg(long, conflicts_with = "name")]
        no_name: bool,
        /// The colour of buttons and links, such as `#3c4cc0`.
        #[arg(long)]
        accent: Option<String>,
        /// Use the default colour.
        #[arg(long, conflicts_with = "accent")]
        no_accent: bool,
        /// The theme for visitors who have chosen none: `system`, `light` or `dark`.
        #[arg(long)]
        theme: Option<Theme>,
        /// A PNG, JPEG or WebP image of up to 32 KiB.
        #[arg(long, value_name = "FILE")]
        logo: Option<PathBuf>,
        /// Use the logo of the server's configuration.
        #[arg(long, conflicts_with = "logo")]
        no_logo: bool,
    },
}

pub(super) async fn run(client: &Client, command: Command) -> Result<(), Error> {
    match command {
        Command::Show { json } => print(&client.settings().await?, json),
        Command::Update { name, no_name, accent, no_accent, theme, logo, no_logo } => {
            let read = |file: PathBuf| std::fs::read(&file).map_err(|error| Error::unreadable(&file, &error));
            let logo = logo.map(read).transpose()?;
            let update = UpdateSettings {
                name: change(name, no_name),
                accent: change(accent, no_accent),
                theme,
                logo: change(logo.map(Image::from), no_logo),
            };
            let version = client.settings().await?.version;
            print(&client.update_settings(&update, version).await?, false)
        }
    }
}

fn change<T>(value: Option<T>, remove: bool) -> Option<Option<T>> {
    if remove { Some(None) } else { value.map(Some) }
}

fn print(settings: &Settings, as_json: bool) -> Result<(), Error> {
    let value = serde_json::to_value(settings)?;
    if as_json {
        return output::json_line(&value);
    }
    for (name, value) in value.as_object().into_iter().flatten().filter(|(name, _)| *name != "version") {
        output::line(&format!("{name:8}{}", value.as_str().unwrap_or("as configured")))?;
    }
    Ok(())
}
