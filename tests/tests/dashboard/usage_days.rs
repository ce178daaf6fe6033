//! A range of days on the usage page, which the reader chooses.

use keyward::clock::Clock as _;
use keyward::{CredentialId, Timestamp};
use keyward_needs::needs;
use serde_json::json;

use crate::browser::Browser;
use crate::http::Client;
use crate::site::Site;
use crate::usage::{USAGE, csv, furnish, rows};

/// Requests of a key on days before today. Each has its mark in the number.
fn count_days(site: &Site, key: &CredentialId, now: Timestamp, days: &[(i64, i64)]) -> Vec<String> {
    let connection = rusqlite::Connection::open(site.store.path()).unwrap();
    let today = now.as_millis() / 86_400_000;
    let date = |day: i64| Timestamp::from_millis(day * 86_400_000).to_string()[..10].to_owned();
    for (back, times) in days {
        let day = today - back;
        for days in [1, 4, 16] {
            let row = (days, day - day % days, key.as_str(), times);
            let sql = "INSERT INTO desk_spans VALUES ('operator', ?1, ?2, ?3, 'key_revoked', ?4) \
                ON CONFLICT DO UPDATE SET times = times + excluded.times";
            connection.execute(sql, row).unwrap();
        }
        let row = (key.as_str(), day, times);
        connection.execute("INSERT INTO desk_counts VALUES ('operator', ?1, ?2, 'key_revoked', ?3)", row).unwrap();
        let row = (day, times);
        connection
            .execute("INSERT INTO desk_modes VALUES ('operator', 'day', ?1, 'live', 'key_revoked', ?2)", row)
            .unwrap();
    }
    days.iter().map(|(back, _)| date(today - back)).collect()
}

/// The HTML with each `&` of a link as it is.
fn plain(html: &str) -> String {
    html.replace("&#38;", "&").replace("&amp;", "&")
}

#[tokio::test]
async fn a_reader_chooses_the_first_and_the_last_day() {
    let (site, clock) = Site::with_owner_and_clock().await;
    let noisy = furnish(&site).await;
    let days = count_days(&site, &noisy, clock.now(), &[(200, 1_000), (150, 200), (130, 30), (40, 7)]);
    let mut client = Client::signed_in(&site).await;
    let range = format!("from={}&to={}", days[1], days[2]);
    let page = client.get(&format!("{USAGE}?{range}&days=7&outcome=key_revoked&mode=live")).await;
    assert_eq!(page.status, 200);
    let page = plain(&page.body);
    assert!(page.contains(">230</span> refused") && page.contains(">0</span> accepted"), "{page}");
    let table = rows(&page, "Requests by outcome, as a table");
    assert_eq!((table.len(), table[0].as_str()), (21, format!("{} | 200 |", days[1]).as_str()), "{table:?}");
    assert_eq!(table[20], format!("{} | 30 |", days[2]), "the day is over");
    let keys = rows(&page, "Keys with the most refusals");
    assert!(keys.len() == 1 && keys[0].contains(" | 230 | 0 | 100.0 % |"), "{keys:?}");
    assert!(page.contains(&format!("In the days from {} to {} (UTC).", days[1], days[2])), "{page}");
    for (field, day) in [("from", &days[1]), ("to", &days[2])] {
        assert!(page.contains(&format!("id=\"{field}\" name=\"{field}\" type=\"date\" value=\"{day}\"")), "{page}");
    }
    assert!(page.contains("<input type=\"hidden\" name=\"outcome\" value=\"key_revoked\">"), "{page}");
    // Links keep the range, and a preset ends it.
    for link in [
        format!("/export?{range}&days=7&mode=live\""),
        format!("/export?of=keys&{range}&days=7&mode=live\""),
        format!("?{range}&days=7&outcome=key_revoked&mode=test\""),
        "?outcome=key_revoked&mode=live&days=30\"".to_owned(),
    ] {
        assert!(page.contains(&link), "{link}: {page}");
    }
    assert!(!page.contains("aria-current=\"true\">7 days"), "{page}");
    let file = client.get(&format!("{USAGE}/export?{range}")).await;
    let times: Vec<_> = csv(&file.body)[1..].iter().map(|row| row[3].to_owned()).collect();
    assert_eq!(times, ["200", "30"], "{}", file.body);
    let name = format!("usage-operator-{}-to-{}.csv", days[1], days[2]);
    assert!(file.header("content-disposition").contains(&name), "{}", file.header("content-disposition"));
    let file = client.get(&format!("{USAGE}/export?of=keys&{range}")).await.body;
    assert_eq!(csv(&file)[1][3..], ["key_revoked", "230"], "{file}");
    let file = client.get(&format!("{USAGE}/export?key={noisy}&{range}")).await.body;
    assert_eq!(csv(&file).len(), 3, "{file}");
    // A range without a last day ends today.
    let page = client.get(&format!("{USAGE}?from={}", days[3])).await.body;
    assert!(rows(&page, "Requests by outcome, as a table").last().unwrap().contains(", so far | "), "{page}");
    assert!(page.contains(">11</span> refused"), "{page}");

    let today = &clock.now().to_string()[..10];
    for (query, field, text) in [
        ("from=soon", "from", "&#34;soon&#34; is no date: expected one such as 2026-03-31."),
        ("from=2026-02-30", "from", "is no date"),
        (&format!("from={today}&to=x"), "to", "is no date"),
        ("from=2026-03-02&to=2026-03-01", "from", "The first day is after the last day"),
        ("from=2020-01-01&to=2021-01-01", "from", "The range is too long: expected at most 366 days."),
        ("from=9998-01-01", "from", "The first day is in the future."),
        ("to=2026-03-01", "from", "The first day is missing."),
    ] {
        let page = client.get(&format!("{USAGE}?{query}&days=7&mode=live")).await;
        assert_eq!(page.status, 422, "{query}");
        let page = plain(&page.body);
        let wrong = page.split(&format!("id=\"{field}-wrong\">")).nth(1).unwrap_or_else(|| panic!("{query}: {page}"));
        assert!(wrong.split('<').next().unwrap().contains(text), "{query}: {page}");
        let typed = query.split('&').find_map(|part| part.strip_prefix(&format!("{field}="))).unwrap_or_default();
        let kept = format!("name=\"{field}\" type=\"date\" value=\"{typed}\" aria-invalid=\"true\"");
        assert!(page.contains(&kept) && page.contains("name=\"mode\" value=\"live\""), "{query}: {page}");
        assert!(page.contains("/export?days=7&mode=live\""), "{query}: the links work: {page}");
        assert_eq!(client.get(&format!("{USAGE}/export?{query}")).await.status, 422, "{query}");
    }
}

#[needs(browser)]
#[tokio::test]
async fn days_are_chosen_with_a_script_and_without_and_on_a_phone() {
    let (site, clock) = Site::with_owner_and_clock().await;
    let noisy = furnish(&site).await;
    let days = count_days(&site, &noisy, clock.now(), &[(300, 1_000), (20, 7)]);
    for with_script in [true, false] {
        let browser = if with_script { Browser::open(&site).await } else { Browser::open_without_script(&site).await };
        browser.sign_in().await;
        browser.emulate(json!({"width": 375, "height": 800, "deviceScaleFactor": 1, "mobile": true})).await;
        browser.go(&format!("{USAGE}?mode=live&from={}&to={}", days[0], days[1])).await;
        browser.see("key revoked 1,007").await;
        if with_script {
            let wide = "return document.documentElement.scrollWidth > document.documentElement.clientWidth";
            assert_eq!(browser.run(wide, vec![]).await, json!(false));
            let hidden = "return [...document.querySelectorAll('#from, #to, form.filters button')] \
                .filter((one) => one.getBoundingClientRect().height < 24).map((one) => one.id)";
            assert_eq!(browser.run(hidden, vec![]).await, json!([]));
            browser.picture("usage-days-phone").await;
        }
        // The form has the days, and sends them again.
        browser.press("Show").await;
        browser.see("key revoked 1,007").await;
        assert!(browser.path().await.ends_with(&format!("?mode=live&from={}&to={}", days[0], days[1])));
        browser.go(&format!("{USAGE}?from={}&to={}", days[1], days[0])).await;
        browser.see("The first day is after the last day").await;
        browser.press("30 days").await;
        browser.see("key revoked 10").await;
        browser.close().await;
    }
}
