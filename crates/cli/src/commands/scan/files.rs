use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use ignore::{DirEntry, WalkBuilder, WalkState};

use super::report::Place;
use super::scanner::Scanner;
use crate::output::one_line;

/// Lists files that hold keys on purpose, as `.gitignore` does.
const IGNORE_FILE: &str = ".keywardignore";

const STANDARD_INPUT: &str = "-";

impl Scanner<'_> {
    pub(super) fn files(&self, paths: &[PathBuf], everything: bool) {
        let mut roots = Vec::new();
        for path in paths {
            if path.as_os_str() == STANDARD_INPUT {
                self.read(&Place::file("<standard input>".to_owned()), io::stdin().lock());
                continue;
            }
            match fs::metadata(path) {
                Ok(is) if is.is_file() || is.is_dir() => roots.push(path),
                Ok(_) => self.gathered.unreadable(format!("{}: neither a file nor a directory", shown(path))),
                Err(error) => self.gathered.unreadable(format!("{}: {error}", shown(path))),
            }
        }
        let Some((first, others)) = roots.split_first() else { return };
        let mut walk = WalkBuilder::new(first);
        for other in others {
            walk.add(other);
        }
        // Links are not followed: their targets are scanned in place, and loops are impossible.
        walk.hidden(false)
            .follow_links(false)
            .ignore(!everything)
            .git_ignore(!everything)
            .git_global(!everything)
            .git_exclude(!everything)
            .parents(!everything)
            .filter_entry(|entry| entry.depth() == 0 || entry.file_name() != ".git");
        if !everything {
            walk.add_custom_ignore_filename(IGNORE_FILE);
        }
        walk.build_parallel().run(|| {
            Box::new(|entry| {
                match entry {
                    Ok(entry) => self.file(&entry),
                    Err(error) => self.gathered.unreadable(one_line(&error.to_string())),
                }
                WalkState::Continue
            })
        });
    }

    fn file(&self, entry: &DirEntry) {
        let is_root = entry.depth() == 0;
        // Reading a pipe or a device may never end. A root may be a link, which was resolved above.
        let is_file = if is_root {
            entry.path().is_file()
        } else {
            entry.file_type().is_some_and(|file_type| file_type.is_file())
        };
        if !is_file {
            return;
        }
        match File::open(entry.path()) {
            Ok(file) => self.read(&Place::file(entry.path().to_string_lossy().into_owned()), file),
            // It was removed after its folder was listed.
            Err(error) if error.kind() == io::ErrorKind::NotFound && !is_root => {}
            Err(error) => self.gathered.unreadable(format!("{}: {error}", shown(entry.path()))),
        }
    }
}

fn shown(path: &Path) -> String {
    one_line(&path.to_string_lossy()).into_owned()
}
