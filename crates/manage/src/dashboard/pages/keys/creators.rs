//! The names of those who created keys.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use keyward_api_types::Actor as Creator;

use crate::dashboard::exports::make_room;
use crate::dashboard::member::AtAccount;
use crate::dashboard::words;
use crate::error::ManagementError;
use crate::service::KeyView;

/// Each creator is looked up once, however many keys a list has.
#[derive(Default)]
pub(super) struct Creators(HashMap<(String, String), Option<String>>);

impl Creators {
    pub(super) async fn of(member: &AtAccount, keys: &[KeyView]) -> Result<Self, ManagementError> {
        let mut creators = Self::default();
        creators.learn(member, keys).await?;
        Ok(creators)
    }

    pub(super) async fn learn(&mut self, member: &AtAccount, keys: &[KeyView]) -> Result<(), ManagementError> {
        make_room(&mut self.0);
        for creator in keys.iter().filter_map(|key| key.created_by.as_ref()) {
            let place = (creator.kind.clone(), creator.id.clone());
            if let Entry::Vacant(unknown) = self.0.entry(place) {
                unknown.insert(look_up(member, creator).await?);
            }
        }
        Ok(())
    }

    /// `None` if the reader may not see the name, or the creator is gone.
    pub(super) fn name(&self, key: &KeyView) -> Option<&String> {
        let creator = key.created_by.as_ref()?;
        self.0.get(&(creator.kind.clone(), creator.id.clone()))?.as_ref()
    }
}

async fn look_up(member: &AtAccount, creator: &Creator) -> Result<Option<String>, ManagementError> {
    // Each look-up takes microseconds, and a file has many of them.
    tokio::task::yield_now().await;
    let id = creator.id.as_str();
    let known = match creator.kind.as_str() {
        "import" => return Ok(Some(words::keys::import_from(&words::shared::program_within(id)))),
        "system" => return Ok(Some(words::shared::program_within(id))),
        "user" => member.user_name(id).await,
        "key" => match id.parse() {
            Ok(key) => {
                let key = member.management().key(&member.actor, &key).await;
                key.map(|key| Some(words::keys::key_with_id(&key.name, id)))
            }
            Err(_) => Ok(None),
        },
        _ => Ok(None),
    };
    match known {
        Err(ManagementError::NotFound(_) | ManagementError::Forbidden(_)) => Ok(None),
        known => known,
    }
}
