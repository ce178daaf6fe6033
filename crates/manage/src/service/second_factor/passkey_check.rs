//! Signing in, and confirming a change, with a passkey. The page holds a sealed challenge, so waiting users take no place in the store.

use keyward_core::Timestamp;
use keyward_core::id::UserId;
use serde::{Deserialize, Serialize};

use super::verdict::Verdict;
use crate::error::ManagementError;
use crate::proof::{PasskeyAnswer, PasskeyRequest, RelyingParty};
use crate::records::{Asked, CHALLENGE_LIFE, StoredFactor, UsedChallenge, digest_of};
use crate::service::Management;
use crate::service::seal::Sealer;

#[derive(Serialize, Deserialize)]
struct Challenge {
    user: UserId,
    ends_at: Timestamp,
    state: String,
}

impl Management {
    /// Only a request with the same binding can answer: that of the first step of a sign-in, or of a session.
    pub(crate) async fn ask_for_passkey(
        &self,
        factor: &StoredFactor,
        place: &RelyingParty,
        binding: &str,
    ) -> Result<Option<PasskeyRequest>, ManagementError> {
        let Some(asked) = place.ask_to_use(&factor.passkeys)? else { return Ok(None) };
        let ends_at = self.now().saturating_add(CHALLENGE_LIFE);
        let challenge = Challenge { user: factor.user.clone(), ends_at, state: hex::encode(asked.state) };
        let plain = serde_json::to_vec(&challenge).map_err(|_| ManagementError::Internal)?;
        let challenge = self.challenge_sealer(binding).await?.seal(&plain)?;
        Ok(Some(PasskeyRequest { options: asked.options, challenge }))
    }

    /// A challenge counts once, also if the answer is wrong.
    pub(super) async fn judge_passkey(
        &self,
        factor: &StoredFactor,
        answer: &PasskeyAnswer<'_>,
        asked: Asked,
    ) -> Result<Verdict, ManagementError> {
        let wrong = || Verdict::Wrong(factor.clone());
        let Some(plain) = self.challenge_sealer(answer.binding).await?.open(answer.challenge) else {
            return Ok(wrong());
        };
        let Ok(challenge) = serde_json::from_slice::<Challenge>(&plain) else { return Ok(wrong()) };
        let digest = digest_of(&challenge.state);
        let (now, mut next) = (self.now(), factor.clone());
        next.used_challenges.retain(|used| used.ends_at > now);
        let is_used = next.used_challenges.iter().any(|used| used.digest == digest);
        if challenge.ends_at <= now || challenge.user != factor.user {
            return Ok(wrong());
        }
        if is_used {
            return Ok(Verdict::Used);
        }
        next.used_challenges.push(UsedChallenge { digest, ends_at: challenge.ends_at });
        let Ok(state) = hex::decode(&challenge.state) else { return Ok(wrong()) };
        match answer.place.used(&factor.user, &factor.passkeys, &state, answer.text) {
            Ok(used) => {
                next = asked.with(&next, 0, None);
                for passkey in next.passkeys.iter_mut().filter(|passkey| passkey.credential == used.credential) {
                    passkey.state.clone_from(&used.state);
                    passkey.last_used_at = Some(now);
                }
                Ok(Verdict::Right(next))
            }
            Err(reason) => {
                keyward_core::log_limited!(info, user = %factor.user, reason, "a passkey was refused");
                Ok(Verdict::Wrong(next))
            }
        }
    }

    async fn challenge_sealer(&self, binding: &str) -> Result<Sealer, ManagementError> {
        Sealer::new(self.shared_secret().await?.as_bytes(), binding.as_bytes(), "keyward passkey")
    }
}
