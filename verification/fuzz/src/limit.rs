//! Each line is a rate or a budget, as the command line takes them.

use keyward_api_types::{Budget, Rate, RatePer, Refill};

use crate::lines;

/// Checks that a limit survives its text, and that simple limits are read as a slow parser reads them.
pub fn limit(data: &[u8]) {
    for line in lines(data) {
        let Ok(text) = std::str::from_utf8(line) else { continue };
        let (rate, budget) = (text.parse::<Rate>(), text.parse::<Budget>());
        if let Ok(rate) = &rate {
            assert_eq!(rate.to_string().parse().as_ref(), Ok(rate), "{text:?}");
            assert_eq!(&serde_json::from_str::<Rate>(&serde_json::to_string(rate).unwrap()).unwrap(), rate);
        }
        if let Ok(budget) = &budget {
            assert_eq!(budget.to_string().parse().as_ref(), Ok(budget), "{text:?}");
            assert_eq!(&serde_json::from_str::<Budget>(&serde_json::to_string(budget).unwrap()).unwrap(), budget);
        }
        assert!(rate.is_err() || budget.is_err(), "{text:?} is a rate and a budget");
        assert_eq!(plain_rate(text), rate.ok().filter(|_| plain_rate(text).is_some()), "{text:?}");
        assert_eq!(plain_budget(text), budget.ok().filter(|_| plain_budget(text).is_some()), "{text:?}");
    }
}

/// Reads `name=5/60s` and `name=5/60s,key`.
fn plain_rate(text: &str) -> Option<Rate> {
    let words: Vec<&str> = text.split(['=', '/', ',']).collect();
    let (name, quota, window, per) = match words[..] {
        [name, quota, window] => (name, quota, window, RatePer::Account),
        [name, quota, window, "key"] => (name, quota, window, RatePer::Key),
        _ => return None,
    };
    let seconds = window.strip_suffix('s')?;
    let key = if per == RatePer::Key { ",key" } else { "" };
    let is_plain = [quota, seconds].iter().all(|number| number.bytes().all(|byte| byte.is_ascii_digit()));
    if !is_plain || format!("{name}={quota}/{seconds}s{key}") != text {
        return None;
    }
    let (quota, window_seconds) = (quota.parse().ok()?, seconds.parse().ok()?);
    Some(Rate { name: name.to_owned(), per, quota, window_seconds, strict: false })
}

/// Reads `5` and `5/month`.
fn plain_budget(text: &str) -> Option<Budget> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let refill = match &text[digits..] {
        "" => Refill::Never,
        "/day" => Refill::Day,
        "/week" => Refill::Week,
        "/month" => Refill::Month,
        _ => return None,
    };
    Some(Budget { credits: text[..digits].parse().ok()?, refill, rollover: 0 })
}
