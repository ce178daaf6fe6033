use std::time::Duration;

use super::codes::{Typed, recovery_digest, step_of};
use super::verdict::Verdict;
use crate::actor::Context;
use crate::error::ManagementError;
use crate::proof::Proof;
use crate::records::{Asked, StoredFactor, StoredUser, Versioned};
use crate::service::audit::Draft;
use crate::service::sign_in::Attempt;
use crate::service::{ATTEMPTS, Management};
use crate::store::Write;

const FAILURES_BEFORE_BLOCK: u32 = 5;
const LONGEST_BLOCK_MINUTES: u64 = 60;

impl Management {
    /// Returns the write that uses the proof up, if it is not used up yet. The sign-in has it first in its batch.
    pub(crate) async fn check_factor(
        &self,
        context: &Context,
        user: &StoredUser,
        proof: Option<Proof<'_>>,
        asked: Asked,
        draft: &Draft,
    ) -> Result<Vec<Write>, ManagementError> {
        if user.second_factor_at.is_none() {
            return Ok(Vec::new());
        }
        let proof = proof.filter(|proof| !proof.is_empty()).ok_or(ManagementError::CodeRequired)?;
        self.0.throttle.check_address(Attempt::Code, context)?;
        if asked == Asked::AtSignIn {
            self.0.throttle.check_email(Attempt::Code, user.id.as_str())?;
        }
        for _ in 0..ATTEMPTS {
            let factor = self.read_factor(&user.id).await?.filter(|factor| factor.count() > 0);
            let factor = factor.ok_or(ManagementError::WrongCode)?;
            self.check_block(&factor, asked)?;
            let verdict = match proof {
                Proof::Code(code) => self.judge_code(&factor, code, asked).await?,
                #[cfg(feature = "dashboard")]
                Proof::Passkey(answer) => self.judge_passkey(&factor, &answer, asked).await?,
            };
            match verdict {
                Verdict::Right(next) => return Ok(vec![factor.replace(&next)?]),
                Verdict::Recovery(next) => {
                    let used = draft
                        .beside("user.use_recovery_code")
                        .after(serde_json::json!({"left": next.recovery_codes.len()}));
                    // It is used up before the sign-in, so that its use has an entry. Wrong codes that are counted at the same
                    // time change the record, and must not cost the user the code.
                    if self.commit(vec![factor.replace(&next)?], used).await?.is_ok() {
                        return Ok(Vec::new());
                    }
                }
                // The verdict is given only after it was counted, so parallel guesses are not free.
                Verdict::Wrong(next) if self.count_failure(&factor, &next, asked, draft).await? => {
                    return Err(ManagementError::WrongCode);
                }
                Verdict::Wrong(_) => {}
                Verdict::Used => {
                    self.note_refused(draft.beside("user.check_code"));
                    return Err(ManagementError::WrongCode);
                }
            }
        }
        Err(ManagementError::Stale)
    }

    fn check_block(&self, factor: &StoredFactor, asked: Asked) -> Result<(), ManagementError> {
        match asked.known(factor).1.filter(|until| *until > self.now()) {
            Some(until) => Err(ManagementError::Throttled { retry_after: until.saturating_since(self.now()) }),
            None => Ok(()),
        }
    }

    async fn judge_code(&self, factor: &StoredFactor, code: &str, asked: Asked) -> Result<Verdict, ManagementError> {
        let accepted = asked.with(factor, 0, None);
        let wrong = || Verdict::Wrong(factor.clone());
        Ok(match Typed::read(code) {
            // The secret of an app that is being set up does not count.
            Some(Typed::Code(code)) if factor.is_confirmed => {
                match step_of(&self.open_factor(factor).await?, &code, self.now())? {
                    // RFC 6238, section 5.2: a code counts once.
                    Some(step) if step > factor.last_step => {
                        Verdict::Right(StoredFactor { last_step: step, ..accepted })
                    }
                    Some(_) => Verdict::Used,
                    None => wrong(),
                }
            }
            Some(Typed::Recovery(code)) => {
                let digest = recovery_digest(&factor.user, &code);
                if factor.recovery_codes.contains(&digest) {
                    let mut next = accepted;
                    next.recovery_codes.retain(|known| *known != digest);
                    next.used_recovery_code = Some(digest);
                    Verdict::Recovery(next)
                } else if factor.used_recovery_code.as_ref() == Some(&digest) {
                    Verdict::Used
                } else {
                    wrong()
                }
            }
            Some(Typed::Code(_)) | None => wrong(),
        })
    }

    async fn count_failure(
        &self,
        factor: &Versioned<StoredFactor>,
        next: &StoredFactor,
        asked: Asked,
        draft: &Draft,
    ) -> Result<bool, ManagementError> {
        let failures = asked.known(factor).0.saturating_add(1);
        let blocked_until = block_after(failures).map(|length| self.now().saturating_add(length));
        let next = asked.with(next, failures, blocked_until);
        let writes = vec![factor.replace(&next)?];
        let is_written = if failures == FAILURES_BEFORE_BLOCK {
            let blocked = draft.beside("user.block_second_factor");
            self.commit(writes, blocked.after(serde_json::json!({"until": blocked_until}))).await?.is_ok()
        } else {
            self.write_quietly(&writes).await?
        };
        if is_written {
            self.note_refused(draft.beside("user.check_code"));
        }
        Ok(is_written)
    }
}

fn block_after(failures: u32) -> Option<Duration> {
    let doublings = failures.checked_sub(FAILURES_BEFORE_BLOCK)?;
    let minutes = 1_u64.checked_shl(doublings).unwrap_or(LONGEST_BLOCK_MINUTES).clamp(1, LONGEST_BLOCK_MINUTES);
    Some(Duration::from_secs(60 * minutes))
}

#[cfg(test)]
mod tests {
    use super::block_after;

    #[test]
    fn wrong_codes_block_for_longer_and_longer() {
        for (failures, minutes) in
            [(0, None), (4, None), (5, Some(1)), (6, Some(2)), (10, Some(32)), (11, Some(60)), (80, Some(60))]
        {
            assert_eq!(block_after(failures).map(|length| length.as_secs() / 60), minutes, "{failures}");
        }
    }
}
