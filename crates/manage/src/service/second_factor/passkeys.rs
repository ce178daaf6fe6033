//! The passkeys of a user: adding, renaming and removing them.

use keyward_core::Timestamp;
use serde_json::json;
use zeroize::Zeroizing;

use crate::actor::Actor;
use crate::error::ManagementError;
use crate::proof::{PasskeyRequest, Proof, RelyingParty};
use crate::records::{CHALLENGE_LIFE, Entity, NewPasskey, StoredFactor, StoredPasskey, new_id};
use crate::service::audit::{Draft, Target};
use crate::service::{ATTEMPTS, Management, check_name};

pub(crate) const MAX_PASSKEYS: usize = 10;

/// What the page of the second factor shows.
pub(crate) struct OwnFactors {
    pub(crate) has_app: bool,
    /// Oldest first.
    pub(crate) passkeys: Vec<PasskeyView>,
    pub(crate) may_add: bool,
    /// The passkey that the browser is asked to make.
    pub(crate) begun: Option<BegunPasskey>,
    /// Confirms a change, if a passkey works here.
    pub(crate) request: Option<PasskeyRequest>,
}

pub(crate) struct PasskeyView {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) host: String,
    pub(crate) created_at: Timestamp,
    pub(crate) last_used_at: Option<Timestamp>,
}

pub(crate) struct BegunPasskey {
    pub(crate) name: String,
    /// JSON for the browser.
    pub(crate) options: String,
}

impl From<&StoredPasskey> for PasskeyView {
    fn from(passkey: &StoredPasskey) -> Self {
        Self {
            id: passkey.id.clone(),
            name: passkey.name.clone(),
            host: passkey.host.clone(),
            created_at: passkey.created_at,
            last_used_at: passkey.last_used_at,
        }
    }
}

impl Management {
    pub(crate) async fn own_factors(
        &self,
        actor: &Actor,
        place: Option<&RelyingParty>,
    ) -> Result<OwnFactors, ManagementError> {
        let user = self.acting_user(actor).await?;
        let factor = match self.read_factor(&user.id).await? {
            Some(factor) => factor.value,
            None => StoredFactor::new(user.id.clone(), self.now()),
        };
        let begun = place.and_then(|place| self.begun_passkey(actor, &factor, place));
        let request = match (place, actor.holder()) {
            (Some(place), Some(holder)) => self.ask_for_passkey(&factor, place, &holder).await?,
            _ => None,
        };
        Ok(OwnFactors {
            has_app: factor.is_confirmed,
            passkeys: factor.passkeys.iter().map(PasskeyView::from).collect(),
            may_add: factor.passkeys.len() < MAX_PASSKEYS,
            begun: begun.map(|begun| BegunPasskey { name: begun.name, options: begun.options }),
            request,
        })
    }

    /// Begins to add a passkey with this name. The browser makes it within 5 minutes. Needs what an app needs.
    ///
    /// Returns what is wrong with the password and the name, for a form that shows both mistakes. It has begun if nothing is.
    pub(crate) async fn begin_passkey(
        &self,
        actor: &Actor,
        name: &str,
        password: &str,
        place: &RelyingParty,
    ) -> Result<Vec<ManagementError>, ManagementError> {
        let user = self.acting_user(actor).await?;
        self.check_recent(actor).await?;
        self.0.throttle.check_actor(actor)?;
        let draft = Draft::new(actor, "user.add_second_factor", Target::new("user", &user.id));
        let mut wrong = Vec::new();
        match self.check_own_password(actor, &user, password, &draft).await {
            Err(error @ ManagementError::WrongCredentials) => wrong.push(error),
            checked => checked?,
        }
        let name = check_name("name", name).map_err(|error| wrong.push(error));
        let (Ok(name), true) = (name, wrong.is_empty()) else { return Ok(wrong) };
        let (known, now) = (self.read_factor(&user.id).await?, self.now());
        let mut factor = match &known {
            // A set-up that has expired begins again.
            Some(known) if known.expires_at().is_none_or(|end| end > now) => known.value.clone(),
            _ => StoredFactor::new(user.id.clone(), now),
        };
        if factor.passkeys.len() >= MAX_PASSKEYS {
            let reason = format!("you have {MAX_PASSKEYS} passkeys, and no user has more: remove one first");
            return Err(ManagementError::invalid("name", reason));
        }
        let asked = place.ask_to_make(&user, &factor.passkeys)?;
        factor.new_passkey = Some(NewPasskey {
            name,
            host: place.host.clone(),
            begun_at: now,
            begun_by: actor.holder(),
            options: asked.options,
            state: hex::encode(asked.state),
        });
        let write = match &known {
            Some(known) => known.replace(&factor)?,
            None => factor.insert()?,
        };
        if self.write_quietly(&[user.expect(), write]).await? { Ok(wrong) } else { Err(ManagementError::Stale) }
    }

    /// Adds the passkey that the browser has made. Returns recovery codes with the first factor, shown once.
    ///
    /// Fails with [`ManagementError::LinkEnded`] if it was not begun in this session within 5 minutes, and with
    /// [`ManagementError::WrongCode`] for a wrong answer, after which it has to begin again.
    pub(crate) async fn confirm_passkey(
        &self,
        actor: &Actor,
        answer: &str,
        place: &RelyingParty,
    ) -> Result<Vec<Zeroizing<String>>, ManagementError> {
        self.check_recent(actor).await?;
        self.0.throttle.check_actor(actor)?;
        for _ in 0..ATTEMPTS {
            let user = self.acting_user(actor).await?;
            let factor = self.read_factor(&user.id).await?.ok_or(ManagementError::LinkEnded)?;
            let begun = self.begun_passkey(actor, &factor, place).ok_or(ManagementError::LinkEnded)?;
            let mut next = StoredFactor { new_passkey: None, ..factor.value.clone() };
            let draft = Draft::new(actor, "user.add_second_factor", Target::new("user", &user.id));
            let state = hex::decode(&begun.state).map_err(|_| ManagementError::Internal)?;
            let made = match place.made(&state, answer) {
                Ok(made) if next.passkeys.iter().all(|known| known.credential != made.credential) => made,
                refused => {
                    let reason = refused.err().unwrap_or_else(|| "the user has this passkey".to_owned());
                    keyward_core::log_limited!(info, user = %user.id, reason, "a new passkey was refused");
                    if self.write_quietly(&[factor.replace(&next)?]).await? {
                        self.note_refused(draft);
                        return Err(ManagementError::WrongCode);
                    }
                    continue;
                }
            };
            if next.passkeys.len() >= MAX_PASSKEYS {
                return Err(ManagementError::LinkEnded);
            }
            next.passkeys.push(StoredPasskey {
                id: new_id("passkey")?,
                name: begun.name.clone(),
                host: begun.host,
                credential: made.credential,
                transports: made.transports,
                key: made.key,
                state: made.state,
                created_at: self.now(),
                last_used_at: None,
            });
            let draft = draft.after(json!({"passkey": begun.name, "factors": next.count()}));
            if let Some(codes) = self.add_factor(actor, &user, &factor, next, draft).await? {
                return Ok(codes);
            }
        }
        Err(ManagementError::Stale)
    }

    /// Needs a recent sign-in: under wrong names, the user would remove the wrong passkey.
    pub(crate) async fn rename_passkey(&self, actor: &Actor, id: &str, name: &str) -> Result<(), ManagementError> {
        self.check_recent(actor).await?;
        let name = check_name("name", name)?;
        for _ in 0..ATTEMPTS {
            let user = self.acting_user(actor).await?;
            let factor = self.read_factor(&user.id).await?.ok_or(ManagementError::NotFound("passkey"))?;
            let mut next = factor.value.clone();
            let known = next.passkeys.iter_mut().find(|passkey| passkey.id == id);
            let known = known.ok_or(ManagementError::NotFound("passkey"))?;
            let before = std::mem::replace(&mut known.name, name.clone());
            let draft = Draft::new(actor, "user.rename_passkey", Target::new("user", &user.id))
                .before(json!({"passkey": before}))
                .after(json!({"passkey": name}));
            if self.commit(vec![factor.replace(&next)?], draft).await?.is_ok() {
                return Ok(());
            }
        }
        Err(ManagementError::Stale)
    }

    /// The last factor takes the recovery codes with it.
    pub(crate) async fn remove_own_passkey(
        &self,
        actor: &Actor,
        id: &str,
        proof: Proof<'_>,
    ) -> Result<(), ManagementError> {
        let without = |factor: &StoredFactor| {
            let mut next = factor.clone();
            let place = next.passkeys.iter().position(|passkey| passkey.id == id)?;
            let removed = next.passkeys.remove(place);
            Some((next, json!({"passkey": removed.name})))
        };
        self.remove_own_factor(actor, proof, "passkey", without).await
    }

    /// Passkeys stay.
    pub(crate) async fn remove_own_app(&self, actor: &Actor, proof: Proof<'_>) -> Result<(), ManagementError> {
        let without = |factor: &StoredFactor| factor.is_confirmed.then(|| (factor.without_app(), json!({"app": true})));
        self.remove_own_factor(actor, proof, "second factor", without).await
    }

    fn begun_passkey(&self, actor: &Actor, factor: &StoredFactor, place: &RelyingParty) -> Option<NewPasskey> {
        let is_good = |begun: &NewPasskey| {
            begun.begun_by.is_some()
                && begun.begun_by == actor.holder()
                && begun.host == place.host
                && begun.begun_at.saturating_add(CHALLENGE_LIFE) > self.now()
        };
        factor.new_passkey.clone().filter(is_good)
    }
}
