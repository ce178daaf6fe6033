//~ `&str` is no key store
//~ pass `MemoryStore`, `SqliteStore`, `PostgresStore` or `ValkeyStore`, or implement `KeyStore` under `#[keyward::store::async_trait]`
use keyward_tests::messages::keyward;

pub fn layer() -> keyward::AuthLayer {
    keyward::AuthLayer::new("keys.db")
}
