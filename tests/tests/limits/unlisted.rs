//! Plans that a limit does not list.

use std::num::NonZeroU32;
use std::time::Duration;

use keyward::Identity;
use keyward::limits::{Each, MemoryPermits, RateLimiter as _, RateLimits, TaskPermits};
use keyward_tests::log::Log;
use tracing::Level;

fn caller(plan: &str) -> Identity {
    Identity::api_key("key_1".parse().unwrap(), "acct_1".parse().unwrap()).with_plan(plan)
}

#[tokio::test]
async fn a_mistyped_plan_is_logged_once_with_its_account() {
    let (log, guard) = Log::of_this_thread(Level::INFO);
    let limits = RateLimits::builder().limit("default", Each::Key, 50, Duration::from_secs(60)).for_plan("Pro", 100);
    let limits = limits.limit("plain", Each::Key, 50, Duration::from_secs(60)).build().unwrap();
    let permits = TaskPermits::new(MemoryPermits::new(), [("Pro", 1), ("Free", 0)]);
    for plan in ["Pro", "pro", "Free", "pro"] {
        limits.spend(&caller(plan), "default", NonZeroU32::MIN).await.unwrap();
        limits.spend(&caller(plan), "plain", NonZeroU32::MIN).await.unwrap();
        let granted = permits.acquire(&caller(plan)).await.is_ok();
        assert_eq!(granted, plan == "Pro");
    }
    drop(guard);
    let log = log.text();
    let lines = |of: &[&str]| log.lines().filter(|line| of.iter().all(|part| line.contains(part))).count();
    for (limit, plan, count) in [
        ("default", "pro", 1),
        ("default", "Free", 1),
        ("task permits", "pro", 1),
        ("task permits", "Free", 0),
        ("plain", "pro", 0),
    ] {
        let (limit, plan) = (format!("limit=\"{limit}\""), format!("plan=\"{plan}\""));
        assert_eq!(lines(&["WARN keyward_limits", "account=acct_1", &limit, &plan]), count, "{limit} {plan}: {log}");
    }
    assert_eq!(log.lines().count(), 3, "{log}");
}
