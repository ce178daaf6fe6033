//! The reference of the API at `/docs`, beside the dashboard.

use std::collections::BTreeSet;

use keyward::manage::{
    AppearanceUpdate, DashboardSettings, Management, SqliteManagementStore, Theme, api_with_gateway, dashboard,
};
use keyward_tests::service::Listening;
use serde_json::Value;

use crate::http::Client;
use crate::site::Site;

/// The API and the dashboard on one host, as `keyward serve` has them.
pub(crate) struct Documented {
    pub(crate) site: Site,
    listening: Listening,
}

impl Documented {
    pub(crate) async fn start(adapt: impl FnOnce(DashboardSettings) -> DashboardSettings) -> Self {
        let site = Site::with_owner().await;
        let settings = adapt(DashboardSettings::new("Acme <Video>").docs_url("/docs"));
        let management = own_management(&site);
        let app = api_with_gateway(management.clone()).merge(dashboard(management, settings));
        Self { listening: Listening::start(app).await, site }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.listening.address)
    }

    fn client(&self) -> Client {
        Client::at(self.url())
    }
}

/// Another one than that of the site, which knows the pages of the site.
fn own_management(site: &Site) -> Management {
    Management::builder(site.store.clone(), SqliteManagementStore::open(&site.store).unwrap()).build().unwrap()
}

fn between<'a>(text: &'a str, start: &str, end: &str) -> Vec<&'a str> {
    text.split(start).skip(1).map(|rest| rest.split(end).next().unwrap()).collect()
}

/// The text of a page without its tags, and without code.
fn prose(page: &str) -> String {
    let text = page.split("<code>").map(|part| part.split("</code>").last().unwrap());
    let text = text
        .map(|part| part.split("<pre").next().unwrap().to_owned() + part.split("</pre>").nth(1).unwrap_or_default());
    text.flat_map(|part| part.split('<').map(|tag| tag.split('>').next_back().unwrap().to_owned()).collect::<Vec<_>>())
        .collect()
}

#[tokio::test]
async fn the_reference_has_the_name_of_the_provider_and_leads_to_the_dashboard() {
    for (base, public, link) in [
        ("", None, "/keys"),
        ("/dashboard", None, "/dashboard/keys"),
        ("/dashboard", Some("https://keys.example.com"), "https://keys.example.com/dashboard/keys"),
    ] {
        let documented = Documented::start(|settings| match public {
            Some(url) => settings.base(base).public_url(url.parse().unwrap()),
            None => settings.base(base),
        })
        .await;
        let page = documented.client().get("/docs").await.body;
        assert!(page.contains("<title>API reference · Acme &#60;Video&#62;</title>"), "{page}");
        assert!(page.contains(&format!("<a href=\"{link}\">Dashboard</a>")), "{base}: {page}");
        let owner = documented.site.owner().await;
        let named = AppearanceUpdate {
            name: Some(Some("Example API".to_owned())),
            theme: Some(Theme::Dark),
            ..AppearanceUpdate::default()
        };
        documented.site.management.update_appearance(&owner, named, 0).await.unwrap();
        let page = documented.client().get("/docs").await.body;
        assert!(page.contains("<title>API reference · Example API</title>"), "{page}");
        assert!(page.contains("data-theme=\"dark\""), "the theme of the provider: {page}");
        let mut light = documented.client().with("cookie", "keyward_theme=light");
        assert!(light.get("/docs").await.body.contains("data-theme=\"light\""), "the theme of the visitor");
    }
    let site = Site::with_owner().await;
    let alone = Listening::start(keyward::manage::api(own_management(&site))).await;
    let page = Client::at(format!("http://{}", alone.address)).get("/docs").await.body;
    assert!(page.contains("<title>API reference · keyward") && !page.contains(">Dashboard</a>"), "{page}");
}

#[tokio::test]
async fn the_contents_lead_to_every_operation_and_no_text_shows_its_marks() {
    let documented = Documented::start(std::convert::identity).await;
    let mut client = documented.client();
    let page = client.get("/docs").await.body;
    let (contents, main) = page.split_once("</nav>").unwrap();
    let ids: Vec<&str> = between(&page, " id=\"", "\"");
    let known: BTreeSet<&str> = ids.iter().copied().collect();
    assert_eq!(ids.len(), known.len(), "an id is there twice");
    let linked: BTreeSet<&str> = between(contents, "href=\"#", "\"").into_iter().collect();
    let unknown: Vec<_> = between(&page, "href=\"#", "\"").into_iter().filter(|id| !known.contains(id)).collect();
    assert!(unknown.is_empty(), "no such places: {unknown:?}");
    let description: Value = serde_json::from_str(&client.get("/openapi.json").await.body).unwrap();
    let paths = description["paths"].as_object().unwrap().values();
    let operations = paths.flat_map(|path| path.as_object().unwrap().values());
    let operations: Vec<&str> = operations.map(|found| found["operationId"].as_str().unwrap()).collect();
    assert!(operations.len() > 60, "{operations:?}");
    for place in operations.iter().copied().chain(between(main, "<h2 id=\"", "\"")) {
        assert!(linked.contains(place) && known.contains(place), "the contents lack {place}");
    }
    let prose = prose(&page);
    assert!(prose.contains("A problem (RFC 9457)") && !prose.contains('`'), "{prose}");
    assert!(!page.contains("**") && !page.contains("]("), "{page}");

    // Each code has a sentence.
    let codes = description["components"]["schemas"]["ErrorCode"]["enum"].as_array().unwrap();
    let entries = between(main.split("<h2 id=\"errors\"").nth(1).unwrap(), "<dt", "</dd>");
    assert_eq!(entries.len(), codes.len());
    for (entry, code) in entries.iter().zip(codes) {
        let (name, meaning) = entry.split_once("<dd>").unwrap();
        assert!(name.contains(&format!("<code>{}</code>", code.as_str().unwrap())), "{entry}");
        assert!(meaning.len() > 10 && meaning.ends_with('.'), "{entry}");
    }
}

#[tokio::test]
async fn the_reference_is_compressed_and_kept_by_browsers() {
    let documented = Documented::start(std::convert::identity).await;
    let client = documented.client().with("accept-encoding", "gzip");
    let (headers, body) = client.get_bytes("/docs").await;
    assert_eq!((headers.get("content-encoding").unwrap(), &body[..2]), (&"gzip".parse().unwrap(), &[0x1f, 0x8b][..]));
    let page = documented.client().get("/docs").await;
    assert!(body.len() * 3 < page.body.len(), "{} of {}", body.len(), page.body.len());
    assert_eq!((page.header("cache-control"), page.header("content-encoding")), ("no-cache", ""));
    let varies: Vec<_> = headers.get_all("vary").iter().map(|value| value.to_str().unwrap()).collect();
    assert_eq!(varies, ["cookie", "accept-encoding"]);

    // The browser asks again, and gets the page once.
    let tag = page.header("etag").to_owned();
    let again = documented.client().with("if-none-match", &tag).get("/docs").await;
    assert_eq!((again.status, again.body.as_str(), again.header("etag")), (304, "", tag.as_str()));
    let other = documented.client().with("if-none-match", &tag).with("cookie", "keyward_theme=dark").get("/docs").await;
    assert_eq!(other.status, 200, "another theme is another page");

    let style = between(&page.body, "rel=\"stylesheet\" href=\"", "\"")[0];
    let (name, hash) = (style.starts_with("docs.") && style.ends_with(".css"), style.len() - "docs..css".len());
    assert!(name && hash == 16, "{style}");
    let (headers, body) = client.get_bytes(&format!("/{style}")).await;
    assert_eq!(headers["cache-control"], "public, max-age=31536000, immutable");
    assert_eq!(
        (&headers["content-type"], &body[..2]),
        (&"text/css; charset=utf-8".parse().unwrap(), &[0x1f, 0x8b][..])
    );
}
