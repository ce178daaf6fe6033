use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::process::{Process, free_port};
use crate::serve::{BODY, KEYS, PATH, made_up};

pub(crate) struct Contender {
    pub(crate) name: &'static str,
    pub(crate) open: &'static str,
    pub(crate) scheme: &'static str,
    start: fn(&Place) -> Result<Vec<Process>, String>,
}

pub(crate) struct Place {
    pub(crate) folder: PathBuf,
    pub(crate) port: u16,
    name: &'static str,
    installed: PathBuf,
}

pub(crate) struct Running {
    pub(crate) place: Place,
    pub(crate) processes: Vec<Process>,
}

pub(crate) const ALL: &[Contender] = &[
    Contender { name: "axum", open: "axum", scheme: "Bearer ", start: |place| ours(place, "axum") },
    Contender {
        name: "axum_idle_layer",
        open: "axum",
        scheme: "Bearer ",
        start: |place| ours(place, "axum-idle-layer"),
    },
    Contender {
        name: "axum_same_headers",
        open: "axum",
        scheme: "Bearer ",
        start: |place| ours(place, "axum-same-headers"),
    },
    Contender { name: "keyward_axum", open: "axum", scheme: "Bearer ", start: |place| ours(place, "keyward-axum") },
    Contender {
        name: "keyward_around_axum",
        open: "axum",
        scheme: "Bearer ",
        start: |place| ours(place, "keyward-around-axum"),
    },
    Contender { name: "actix", open: "actix", scheme: "Bearer ", start: |place| ours(place, "actix") },
    Contender { name: "keyward_actix", open: "actix", scheme: "Bearer ", start: |place| ours(place, "keyward-actix") },
    Contender { name: "nginx", open: "nginx", scheme: "Bearer ", start: nginx_map },
    Contender { name: "nginx_map", open: "nginx", scheme: "Bearer ", start: nginx_map },
    Contender { name: "haproxy", open: "haproxy", scheme: "Bearer ", start: haproxy_map },
    Contender { name: "haproxy_map", open: "haproxy", scheme: "Bearer ", start: haproxy_map },
    Contender { name: "nginx_auth_request", open: "nginx", scheme: "Bearer ", start: nginx_auth_request },
    Contender { name: "node", open: "node", scheme: "Bearer ", start: better_auth },
    Contender { name: "better_auth", open: "node", scheme: "Bearer ", start: better_auth },
    Contender { name: "django", open: "django", scheme: "Api-Key ", start: drf },
    Contender { name: "drf", open: "django", scheme: "Api-Key ", start: drf },
];

impl Contender {
    pub(crate) fn is_open(&self) -> bool {
        self.name == self.open
    }

    pub(crate) fn checks(&self) -> bool {
        !self.is_open() && !matches!(self.name, "axum_idle_layer" | "axum_same_headers")
    }

    pub(crate) fn start(&self, folder: &Path, installed: &Path) -> Result<Running, String> {
        let folder = folder.join(self.name);
        fs::create_dir_all(&folder).map_err(|error| error.to_string())?;
        let place = Place { folder, port: free_port(), name: self.name, installed: installed.to_owned() };
        let processes = (self.start)(&place)?;
        Ok(Running { place, processes })
    }
}

impl Place {
    pub(crate) fn keys(&self) -> PathBuf {
        self.folder.join("keys")
    }

    fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.folder.join(name);
        fs::write(&path, text).unwrap();
        path
    }

    fn process(&self, command: &Command, port: u16, log: &str) -> Result<Process, String> {
        Process::start(command, port, &self.folder.join(log))
    }

    fn is_open(&self) -> bool {
        ALL.iter().any(|contender| contender.name == self.name && contender.is_open())
    }
}

pub(crate) fn serve(kind: &str, port: u16, keys: &Path) -> Command {
    let mut serve = Command::new(std::env::current_exe().unwrap());
    serve.args(["serve", kind, "--port", &port.to_string(), "--keys"]).arg(keys);
    serve
}

fn ours(place: &Place, kind: &str) -> Result<Vec<Process>, String> {
    Ok(vec![place.process(&serve(kind, place.port, &place.keys()), place.port, "log")?])
}

fn nginx_map(place: &Place) -> Result<Vec<Process>, String> {
    made_up(&place.keys(), KEYS);
    let map: String = keys(place).iter().map(|key| format!("    \"Bearer {key}\" 1;\n")).collect();
    let condition = if place.is_open() { "" } else { "if ($known = 0) { return 401; }" };
    let http = format!(
        "map_hash_bucket_size 128;\nmap $http_authorization $known {{\n    default 0;\n{map}}}\n\
         server {{\n    listen 127.0.0.1:{port};\n    location = {PATH} {{\n        default_type application/json;\n        \
         {condition}\n        return 200 '{BODY}';\n    }}\n}}\n",
        port = place.port,
    );
    Ok(vec![nginx(place, &http)?])
}

/// nginx serves a file, because `return` would run before the request to keyward.
fn nginx_auth_request(place: &Place) -> Result<Vec<Process>, String> {
    let gateway = free_port();
    let gateway_process = place.process(&serve("gateway", gateway, &place.keys()), gateway, "gateway.log")?;
    fs::create_dir_all(place.folder.join("www/v1")).map_err(|error| error.to_string())?;
    place.file("www/v1/resources", BODY);
    let http = format!(
        "upstream keyward {{ server 127.0.0.1:{gateway}; keepalive 16; }}\n\
         server {{\n    listen 127.0.0.1:{port};\n    root {folder}/www;\n    open_file_cache max=10;\n    \
         location = {PATH} {{ auth_request /_keyward; default_type application/json; }}\n    \
         location = /_keyward {{\n        internal;\n        proxy_pass http://keyward/forward-auth;\n        \
         proxy_pass_request_body off;\n        proxy_http_version 1.1;\n        proxy_set_header Connection \"\";\n        \
         proxy_set_header Content-Length \"\";\n        proxy_set_header X-Forwarded-Method $request_method;\n        \
         proxy_set_header X-Forwarded-Uri $request_uri;\n    }}\n}}\n",
        port = place.port,
        folder = place.folder.display(),
    );
    Ok(vec![nginx(place, &http)?, gateway_process])
}

fn nginx(place: &Place, http: &str) -> Result<Process, String> {
    let folder = place.folder.display();
    let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .iter()
        .map(|kind| format!("    {kind}_temp_path {folder}/{kind};\n"))
        .collect();
    // One worker for one processor. Connections stay open while they are in use, as with the other servers.
    let text = format!(
        "daemon off;\nmaster_process off;\npid {folder}/pid;\nevents {{}}\n\
         http {{\naccess_log off;\nkeepalive_requests 100000000;\n{temporary}{http}}}\n"
    );
    let conf = place.file("nginx.conf", &text);
    let mut nginx = Command::new(server("nginx"));
    nginx.arg("-p").arg(&place.folder).arg("-c").arg(conf).args(["-e", "stderr"]);
    place.process(&nginx, place.port, "log")
}

fn haproxy_map(place: &Place) -> Result<Vec<Process>, String> {
    made_up(&place.keys(), KEYS);
    let map: String = keys(place).iter().map(|key| format!("Bearer\\ {key} 1\n")).collect();
    // A key in a map ends at the first blank, so the scheme is removed before the lookup.
    let map = place.file("keys.map", &map.replace("Bearer\\ ", ""));
    let condition = if place.is_open() {
        String::new()
    } else {
        format!(
            "    http-request deny deny_status 401 unless {{ http_auth_bearer,map({},0) -m str 1 }}\n",
            map.display()
        )
    };
    let text = format!(
        "global\n    nbthread 1\ndefaults\n    mode http\n    timeout client 60s\n    timeout server 60s\n    timeout connect 1s\n\
         frontend measured\n    bind 127.0.0.1:{}\n{condition}    \
         http-request return status 200 content-type application/json string '{BODY}'\n",
        place.port,
    );
    let mut haproxy = Command::new(server("haproxy"));
    haproxy.args(["-db", "-f"]).arg(place.file("haproxy.cfg", &text));
    Ok(vec![place.process(&haproxy, place.port, "log")?])
}

fn better_auth(place: &Place) -> Result<Vec<Process>, String> {
    let folder = place.installed.join("better-auth");
    if !folder.join("node_modules/better-auth").is_dir() {
        return Err("better-auth is not installed".to_owned());
    }
    let mut node = Command::new("node");
    node.arg(folder.join("server.mjs")).env("NODE_ENV", "production");
    environment(&mut node, place);
    Ok(vec![place.process(&node, place.port, "log")?])
}

fn drf(place: &Place) -> Result<Vec<Process>, String> {
    let gunicorn = place.installed.join("drf/bin/gunicorn");
    if !gunicorn.is_file() {
        return Err("djangorestframework-api-key is not installed".to_owned());
    }
    let mut command = Command::new(gunicorn);
    command.args(["--bind", &format!("127.0.0.1:{}", place.port), "--log-level", "warning"]);
    // Several threads, because each request holds one. An idle open connection holds none.
    command.args(["--worker-class", "gthread", "--workers", "1", "--threads", "4", "--keep-alive", "60"]);
    command.args(["--chdir", concat!(env!("CARGO_MANIFEST_DIR"), "/servers/drf"), "service:application"]);
    command.env("DATABASE", place.folder.join("keys.sqlite")).env("PYTHONDONTWRITEBYTECODE", "1");
    environment(&mut command, place);
    Ok(vec![place.process(&command, place.port, "log")?])
}

fn environment(command: &mut Command, place: &Place) {
    command.env("PORT", place.port.to_string()).env("KEYS", KEYS.to_string()).env("KEYS_FILE", place.keys());
    command.env("OPEN", if place.is_open() { "1" } else { "0" });
}

fn keys(place: &Place) -> Vec<String> {
    fs::read_to_string(place.keys()).unwrap().lines().map(str::to_owned).collect()
}

/// Debian installs servers outside a plain user's PATH.
fn server(name: &str) -> PathBuf {
    let elsewhere = Path::new("/usr/sbin").join(name);
    if elsewhere.is_file() { elsewhere } else { name.into() }
}
