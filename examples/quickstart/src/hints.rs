//! What to type next.

use std::path::Path;

/// Calls that can be pasted into a shell, with the status that each is answered with. They hold no key: `$KEY` is set by
/// hand, to the credential that was `shown` under this name, if one was.
pub(crate) fn text(url: &str, database: Option<&Path>, shown: Option<&str>) -> String {
    let key = match shown {
        Some(name) => format!("the credential {name:?} in the line of JSON on standard output"),
        None => "a key that you made".to_owned(),
    };
    let another = database.map_or(String::new(), |file| {
        format!(
            "# Another key:\n\
             cargo run -p keyward-cli -- --database '{}' keys create --name mine --mode live --scope resources:read\n",
            file.display()
        )
    });
    format!(
        "\n\
         # KEY is {key}, which may read and not write.\n\
         KEY=\n\
         curl -i {url}/ -H \"Authorization: Bearer $KEY\"  # 200\n\
         curl -i {url}/resources -H \"Authorization: Bearer $KEY\"  # 200\n\
         curl -i {url}/  # 401\n\
         curl -i {url}/resources -H \"Authorization: Bearer $KEY\" -H \"Content-Type: application/json\" \
         -d '{{\"name\":\"first\"}}'  # 403\n\
         curl -i {url}/health  # 200\n\
         {another}\
         # SIGTERM and Ctrl+C end the service, having answered what is in flight.\n"
    )
}
