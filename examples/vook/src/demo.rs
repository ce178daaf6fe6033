use std::error::Error;

use example_support::{Announcement, Demo};
use keyward::{AccountRecord, Keys, NewKey};

use crate::videos::Videos;

pub(crate) async fn seed(keys: &Keys, videos: &Videos, announcement: &mut Announcement) -> Result<(), Box<dyn Error>> {
    let studio = AccountRecord::new("acct_studio".parse()?, "Studio").with_feature("analytics");
    let starter = AccountRecord::new("acct_starter".parse()?, "Starter");
    for account in [&studio, &starter] {
        keys.put_account(account).await?;
    }
    videos.add(&studio.id, "Opening titles").map_err(|_| "cannot write the demo video")?;

    let of_studio = |name| NewKey::secret(studio.id.clone(), name);
    let mut demo = Demo::new(keys, announcement);
    demo.issue(of_studio("full")).await?;
    demo.issue(NewKey { endpoints: vec!["GET /v1/videos/*".parse()?], ..of_studio("videos_read") }).await?;
    demo.issue(NewKey::secret(starter.id.clone(), "no_analytics")).await?;
    demo.revoked(of_studio("revoked")).await?;
    demo.expired(of_studio("expired")).await?;
    Ok(())
}
