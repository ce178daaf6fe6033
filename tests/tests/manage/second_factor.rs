use std::time::Duration;

use keyward::clock::{Clock as _, ManualClock};
use keyward::manage::{
    Actor, AuditQuery, Context, KeyDraft, Management, ManagementError, PageRequest, Role, SignInLinkDraft,
};
use totp_rs::{Builder, Secret, Totp};

use crate::setting::{PASSWORD, Setting, on_sqlite};

const EMAIL: &str = "grace@example.com";
const STEP: Duration = Duration::from_secs(30);

pub(crate) struct Person {
    totp: Totp,
    pub(crate) recovery: Vec<String>,
}

impl Person {
    pub(crate) async fn set_up(management: &Management, clock: &ManualClock, actor: &Actor) -> Self {
        management.begin_second_factor(actor, PASSWORD).await.unwrap();
        let shown = management.second_factor_set_up(actor, "Example: API").await.unwrap().unwrap();
        assert!(shown.url.starts_with("otpauth://totp/Example%20%20API:"), "{}", *shown.url);
        let secret = Secret::try_from_base32(&*shown.secret).unwrap();
        let totp = Builder::new().with_secret(secret).build().unwrap();
        let person = Self { totp, recovery: Vec::new() };
        let codes = management.confirm_second_factor(actor, &person.code(clock)).await.unwrap();
        Self { recovery: codes.iter().map(|code| code.to_string()).collect(), ..person }
    }

    pub(crate) fn code(&self, clock: &ManualClock) -> String {
        self.totp.generate(u64::try_from(clock.now().as_millis()).unwrap() / 1_000).to_string()
    }

    pub(crate) fn wrong_code(&self, clock: &ManualClock) -> String {
        let right: u32 = self.code(clock).parse().unwrap();
        format!("{:06}", (right + 1) % 1_000_000)
    }
}

pub(crate) fn code<T>(result: Result<T, ManagementError>) -> &'static str {
    result.map_or_else(|error| error.code(), |_| "ok")
}

async fn sign_in(management: &Management, with: Option<&str>) -> &'static str {
    code(management.sign_in_with_code(&Context::new(), EMAIL, PASSWORD, with).await)
}

async fn actions(setting: &Setting) -> Vec<String> {
    setting.management.flush_refused().await.unwrap();
    let query = AuditQuery { page: PageRequest { after: None, limit: 200 }, ..AuditQuery::default() };
    let entries = setting.management.audit_log(&setting.system(), &query).await.unwrap();
    entries.items.into_iter().map(|entry| entry.action).collect()
}

#[tokio::test]
async fn a_password_alone_opens_nothing_and_a_code_counts_once() {
    let setting = on_sqlite();
    let (management, clock) = (&setting.management, &setting.clock);
    let (grace, _) = setting.customer(EMAIL).await;
    let person = Person::set_up(&setting.management, &setting.clock, &grace).await;
    assert_eq!(management.own_second_factor(&grace).await.unwrap().unwrap().recovery_codes, 10);
    let used = person.code(&setting.clock);
    clock.advance(STEP);
    let wrong = person.wrong_code(&setting.clock);
    for (with, verdict) in [
        (None, "CODE_REQUIRED"),
        (Some(""), "CODE_REQUIRED"),
        // One step of skew would allow it.
        (Some(used.as_str()), "INVALID_CODE"),
        (Some(wrong.as_str()), "INVALID_CODE"),
        (Some("not a code"), "INVALID_CODE"),
        (Some(&*person.code(&setting.clock)), "ok"),
        (Some(&*person.code(&setting.clock)), "INVALID_CODE"),
    ] {
        assert_eq!(sign_in(management, with).await, verdict, "{with:?}");
    }
    let tokens = async |with: Option<&str>| {
        code(management.issue_tokens_with_code(&Context::new(), EMAIL, PASSWORD, with).await)
    };
    assert_eq!(tokens(None).await, "CODE_REQUIRED");
    assert_eq!(tokens(Some(&*person.code(&setting.clock))).await, "INVALID_CODE");
    clock.advance(STEP);
    assert_eq!(tokens(Some(&*person.code(&setting.clock))).await, "ok");
    assert_eq!(code(management.sign_in(&Context::new(), EMAIL, "a wrong password").await), "INVALID_CREDENTIALS");
    let actions = actions(&setting).await;
    for action in ["user.add_second_factor", "user.check_code"] {
        assert!(actions.iter().any(|known| known == action), "{action} in {actions:?}");
    }
}

#[tokio::test]
async fn a_code_signs_in_once_however_many_try_at_once() {
    let setting = on_sqlite();
    let (grace, _) = setting.customer(EMAIL).await;
    let person = Person::set_up(&setting.management, &setting.clock, &grace).await;
    setting.clock.advance(STEP);
    let now = person.code(&setting.clock);
    let tries = (0..8).map(|_| {
        let (management, now) = (setting.management.clone(), now.clone());
        tokio::spawn(async move { sign_in(&management, Some(&now)).await })
    });
    let mut signed_in = 0;
    for attempt in tries.collect::<Vec<_>>() {
        signed_in += usize::from(attempt.await.unwrap() == "ok");
    }
    assert_eq!(signed_in, 1);
}

#[tokio::test]
async fn a_recovery_code_signs_in_once() {
    let setting = on_sqlite();
    let management = &setting.management;
    let (grace, _) = setting.customer(EMAIL).await;
    let person = Person::set_up(&setting.management, &setting.clock, &grace).await;
    let typed = person.recovery[0].to_uppercase().replace('-', " ");
    assert_eq!(sign_in(management, Some(&typed)).await, "ok");
    assert_eq!(sign_in(management, Some(&person.recovery[0])).await, "INVALID_CODE");
    assert_eq!(management.own_second_factor(&grace).await.unwrap().unwrap().recovery_codes, 9);
    assert!(actions(&setting).await.contains(&"user.use_recovery_code".to_owned()));
    setting.clock.advance(STEP);
    let renewed = management.renew_recovery_codes(&grace, &person.code(&setting.clock)).await.unwrap();
    assert_eq!(sign_in(management, Some(&person.recovery[1])).await, "INVALID_CODE");
    assert_eq!(sign_in(management, Some(&renewed[0])).await, "ok");
    let file = setting.file.as_ref().unwrap();
    let mut bytes = std::fs::read(file).unwrap();
    let mut log = file.clone().into_os_string();
    log.push("-wal");
    bytes.extend(std::fs::read(log).unwrap_or_default());
    let file = bytes;
    let secret = person.totp.secret().to_base32();
    for canary in person
        .recovery
        .iter()
        .map(String::as_str)
        .chain(renewed.iter().map(|code| code.as_str()))
        .chain([secret.as_str()])
    {
        assert!(!file.windows(canary.len()).any(|window| window == canary.as_bytes()), "the store has {canary}");
    }
    assert!(!file.windows(20).any(|window| window == person.totp.secret().as_ref()), "the store has the secret");
}

#[tokio::test]
async fn setting_up_ends_what_began_without_it() {
    let setting = on_sqlite();
    let management = &setting.management;
    let (grace, _) = setting.customer(EMAIL).await;
    let other = management.sign_in(&Context::new(), EMAIL, PASSWORD).await.unwrap().session;
    let tokens = management.issue_tokens(&Context::new(), EMAIL, PASSWORD).await.unwrap();
    let own = management.sign_in(&Context::new(), EMAIL, PASSWORD).await.unwrap().session;
    let actor = management.session(&own, Context::new()).await.unwrap();
    assert_eq!(code(management.confirm_second_factor(&actor, "123456").await), "LINK_ENDED");
    let person = Person::set_up(&setting.management, &setting.clock, &actor).await;
    assert_eq!(code(management.begin_second_factor(&actor, PASSWORD).await), "ALREADY_EXISTS");
    assert!(management.session(&own, Context::new()).await.is_ok());
    assert_eq!(code(management.session(&other, Context::new()).await), "SIGNED_OUT");
    assert_eq!(code(management.refresh_tokens(&Context::new(), &tokens.refresh).await), "SIGNED_OUT");
    setting.clock.advance(STEP);
    assert_eq!(
        code(management.remove_own_second_factor(&actor, &person.wrong_code(&setting.clock)).await),
        "INVALID_CODE"
    );
    management.remove_own_second_factor(&actor, &person.code(&setting.clock)).await.unwrap();
    assert_eq!(management.own_second_factor(&grace).await.unwrap(), None);
    assert_eq!(sign_in(management, None).await, "ok");
    // An old sign-in is not enough to set one up.
    setting.clock.advance(Duration::from_secs(13 * 3_600));
    assert_eq!(code(management.begin_second_factor(&actor, PASSWORD).await), "SIGN_IN_AGAIN");
}

#[tokio::test]
async fn wrong_codes_block_for_a_while_even_the_right_one() {
    let setting = on_sqlite();
    let (management, clock) = (&setting.management, &setting.clock);
    let (grace, _) = setting.customer(EMAIL).await;
    let person = Person::set_up(&setting.management, &setting.clock, &grace).await;
    clock.advance(STEP);
    for _ in 0..5 {
        assert_eq!(sign_in(management, Some(&person.wrong_code(&setting.clock))).await, "INVALID_CODE");
    }
    for with in [person.code(&setting.clock), person.recovery[0].clone()] {
        assert_eq!(sign_in(management, Some(&with)).await, "RATE_LIMIT_EXCEEDED");
    }
    assert!(actions(&setting).await.contains(&"user.block_second_factor".to_owned()));
    clock.advance(Duration::from_secs(61));
    assert_eq!(sign_in(management, Some(&person.wrong_code(&setting.clock))).await, "INVALID_CODE");
    clock.advance(Duration::from_secs(61));
    assert_eq!(sign_in(management, Some(&person.code(&setting.clock))).await, "RATE_LIMIT_EXCEEDED");
    clock.advance(Duration::from_secs(61));
    assert_eq!(sign_in(management, Some(&person.code(&setting.clock))).await, "ok");
    clock.advance(STEP);
    assert_eq!(sign_in(management, Some(&person.wrong_code(&setting.clock))).await, "INVALID_CODE");
    assert_eq!(sign_in(management, Some(&person.code(&setting.clock))).await, "ok");
}

#[tokio::test]
async fn an_account_that_requires_it_is_closed_without_it() {
    let setting = on_sqlite();
    let management = &setting.management;
    let (grace, account) = setting.customer(EMAIL).await;
    let admin = setting.member(&grace, &account, "admin@example.com", Role::Admin).await;
    let (alan, other) = setting.customer("alan@example.com").await;
    let require =
        async |actor: &Actor, required| code(management.require_second_factor(actor, &account, required).await);
    let key = management.create_key(&grace, KeyDraft::secret(account.clone(), "server")).await.unwrap().view.id;
    assert_eq!(require(&admin, true).await, "ESCALATION");
    assert_eq!(require(&alan, true).await, "NOT_FOUND");
    assert_eq!(require(&grace, true).await, "SECOND_FACTOR_MISSING");
    let person = Person::set_up(&setting.management, &setting.clock, &grace).await;
    assert_eq!(require(&grace, true).await, "ok");
    assert!(management.requires_second_factor(&grace, &account).await.unwrap());
    for result in [
        code(management.rights(&admin, &account).await),
        code(management.key(&admin, &key).await),
        code(management.account(&admin, &account).await),
        code(management.revoke_key(&admin, &key).await),
        code(management.invite(&admin, &account, "x@example.com", Role::Viewer).await),
        require(&admin, false).await,
    ] {
        assert_eq!(result, "SECOND_FACTOR_MISSING");
    }
    assert!(management.account(&alan, &other).await.is_ok(), "other accounts do not care");
    assert!(management.account(&grace, &account).await.is_ok());
    Person::set_up(&setting.management, &setting.clock, &admin).await;
    assert!(management.account(&admin, &account).await.is_ok());
    // Whoever removes the own one is outside again.
    setting.clock.advance(STEP);
    management.remove_own_second_factor(&grace, &person.code(&setting.clock)).await.unwrap();
    assert_eq!(code(management.account(&grace, &account).await), "SECOND_FACTOR_MISSING");
    assert_eq!(require(&setting.system(), false).await, "ok");
    assert!(management.account(&grace, &account).await.is_ok());
}

#[tokio::test]
async fn a_lost_factor_is_removed_by_those_who_may_reset_the_password() {
    let setting = on_sqlite();
    let management = &setting.management;
    let (grace, account) = setting.customer(EMAIL).await;
    let email = "linus@example.com";
    let linus = setting.member(&grace, &account, email, Role::Developer).await;
    let (id, own) = (linus.user().unwrap().clone(), grace.user().unwrap().clone());
    assert_eq!(code(management.remove_second_factor(&grace, &id).await), "NOT_FOUND");
    Person::set_up(&setting.management, &setting.clock, &linus).await;
    let session = management.sign_in(&Context::new(), email, PASSWORD).await;
    assert_eq!(code(session), "CODE_REQUIRED");
    let (stranger, _) = setting.customer("alan@example.com").await;
    assert_eq!(code(management.remove_second_factor(&stranger, &id).await), "NOT_FOUND");
    assert_eq!(code(management.remove_second_factor(&linus, &own).await), "INSUFFICIENT_SCOPE");
    assert_eq!(code(management.remove_second_factor(&grace, &own).await), "INVALID_VALUE");
    management.remove_second_factor(&grace, &id).await.unwrap();
    assert_eq!(code(management.sign_in(&Context::new(), email, PASSWORD).await), "ok");
    assert!(actions(&setting).await.contains(&"user.remove_second_factor".to_owned()));
    // A new password does not remove it.
    let linus = setting.signed_in(email).await;
    Person::set_up(&setting.management, &setting.clock, &linus).await;
    let link = management.create_password_reset(&grace, &id).await.unwrap();
    management.reset_password(&Context::new(), &link.secret, "a new long password").await.unwrap();
    assert_eq!(code(management.sign_in(&Context::new(), email, "a new long password").await), "CODE_REQUIRED");
}

#[tokio::test]
async fn a_sign_in_link_leaves_the_second_factor_in_force() {
    let setting = on_sqlite();
    let (management, operator) = (&setting.management, setting.operator().await);
    let (ada, _) = setting.customer(EMAIL).await;
    Person::set_up(&setting.management, &setting.clock, &ada).await;
    let link = management.create_sign_in_link(&operator, &SignInLinkDraft::new(EMAIL)).await.unwrap();
    // The link is not used up: the dashboard uses it, and asks for the code.
    for _ in 0..2 {
        assert_eq!(code(management.sign_in_with_link(&Context::new(), &link.secret).await), "CODE_REQUIRED");
    }
}
