use std::path::Path;

/// Returns calls that can be pasted. They contain the demo key if the service has just created it. The texts between them are
/// no comments, because an interactive zsh takes `#` for an argument.
pub(crate) fn text(url: &str, database: Option<&Path>, demo_key: Option<&str>) -> String {
    let key = match demo_key {
        Some(key) => format!("This demo key may read, but not write. The service shows it only now:\nKEY={key}"),
        None => "Set KEY to a key of yours that may read, but not write:\nKEY=".to_owned(),
    };
    let another = database.map_or(String::new(), |file| {
        format!(
            "Create another key:\n\
             cargo keyward --database '{}' keys create --name mine --mode live --scope resources:read\n\n",
            file.display()
        )
    });
    format!(
        "\n\
         {key}\n\n\
         With the key, 200:\n\
         curl -i {url}/ -H \"Authorization: Bearer $KEY\"\n\
         curl -i {url}/resources -H \"Authorization: Bearer $KEY\"\n\n\
         Without a key, 401:\n\
         curl -i {url}/\n\n\
         The key may not write, 403:\n\
         curl -i {url}/resources -H \"Authorization: Bearer $KEY\" -H \"Content-Type: application/json\" \
         -d '{{\"name\":\"first\"}}'\n\n\
         Open to everyone, 200:\n\
         curl -i {url}/health\n\n\
         {another}\
         Ctrl+C or SIGTERM ends the service. It first answers the requests in flight.\n"
    )
}
