//~ error[E0277]
//~ PlainKey
//~ Serialize
use keyward_tests::messages::{keyward, serde_json};

pub fn write(key: &keyward::PlainKey) -> String {
    serde_json::to_string(key).unwrap()
}
