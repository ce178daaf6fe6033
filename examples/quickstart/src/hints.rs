use std::path::Path;

/// They contain no key: the reader sets `$KEY` to the credential with the name `shown`.
pub(crate) fn text(url: &str, database: Option<&Path>, shown: Option<&str>) -> String {
    let key = match shown {
        Some(name) => {
            format!("the credential {name:?} in the line of JSON on standard output. It may read, but not write")
        }
        None => "a key of yours that may read, but not write".to_owned(),
    };
    let another = database.map_or(String::new(), |file| {
        format!(
            "# Create another key:\n\
             cargo run -p keyward-cli -- --database '{}' keys create --name mine --mode live --scope resources:read\n",
            file.display()
        )
    });
    format!(
        "\n\
         # Set KEY to {key}.\n\
         KEY=\n\
         curl -i {url}/ -H \"Authorization: Bearer $KEY\"  # 200\n\
         curl -i {url}/resources -H \"Authorization: Bearer $KEY\"  # 200\n\
         curl -i {url}/  # 401\n\
         curl -i {url}/resources -H \"Authorization: Bearer $KEY\" -H \"Content-Type: application/json\" \
         -d '{{\"name\":\"first\"}}'  # 403\n\
         curl -i {url}/health  # 200\n\
         {another}\
         # Ctrl+C or SIGTERM ends the service. It first answers the requests in flight.\n"
    )
}
