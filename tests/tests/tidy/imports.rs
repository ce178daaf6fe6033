use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use proc_macro2::{TokenStream, TokenTree};
use syn::visit::{self, Visit};
use syn::{Attribute, Item, ItemMacro, ItemMod, ItemUse, Macro, UseTree};

type ModulePath = Vec<String>;

pub(crate) struct Modules(BTreeMap<ModulePath, Module>);

#[derive(Default)]
struct Module {
    /// From the crate's root.
    paths: BTreeSet<Vec<String>>,
    uses: BTreeMap<String, Vec<String>>,
    globs: BTreeSet<Vec<String>>,
    items: BTreeSet<String>,
}

#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Import {
    pub(crate) from: String,
    pub(crate) to: String,
    pub(crate) files: String,
}

impl Modules {
    pub(crate) fn of(folder: &Path) -> Self {
        let mut modules = BTreeMap::new();
        let mut tests = BTreeSet::new();
        for file in super::sources(folder) {
            let Some(path) = module_path(folder, &file) else { continue };
            let parsed = syn::parse_file(&fs::read_to_string(&file).unwrap()).unwrap();
            let mut reader = Reader { path: path.clone(), depth: 0, module: Module::default(), tests: &mut tests };
            reader.module.items = parsed.items.iter().filter_map(name_of).collect();
            reader.visit_file(&parsed);
            let module = reader.module;
            modules.insert(path, module);
        }
        modules.retain(|path, _| !tests.iter().any(|test: &ModulePath| path.starts_with(test)));
        Self(modules)
    }

    /// A module and what lies below it are one subject: imports from there, and from the modules above, do not count.
    pub(crate) fn between_siblings(&self) -> BTreeMap<String, BTreeSet<Import>> {
        let mut found: BTreeMap<String, BTreeSet<Import>> = BTreeMap::new();
        for (from, module) in &self.0 {
            for path in &module.paths {
                let Some(to) = self.defining(path, 0) else { continue };
                let common = from.iter().zip(&to).take_while(|(one, other)| one == other).count();
                if common == from.len() || common == to.len() {
                    continue;
                }
                let import = Import {
                    from: from[common].clone(),
                    to: to[common].clone(),
                    files: format!("{} -> {}", from.join("::"), to.join("::")),
                };
                found.entry(from[..common].join("::")).or_default().insert(import);
            }
        }
        found
    }

    /// Through whatever exports it again.
    fn defining(&self, path: &[String], depth: usize) -> Option<ModulePath> {
        let mut module = ModulePath::new();
        let mut rest = path;
        while let Some((name, below)) = rest.split_first() {
            let child: ModulePath = module.iter().chain([name]).cloned().collect();
            if !self.0.contains_key(&child) {
                break;
            }
            (module, rest) = (child, below);
        }
        let Some(name) = rest.first() else { return Some(module) };
        let here = self.0.get(&module)?;
        // Exports that lead to each other would go on for ever.
        if depth < 8 && !here.items.contains(name) {
            let onwards = |target: &[String]| target.iter().chain(&rest[1..]).cloned().collect::<Vec<_>>();
            if let Some(target) = here.uses.get(name) {
                return self.defining(&onwards(target), depth + 1);
            }
            for glob in &here.globs {
                let source = self.defining(glob, depth + 1)?;
                if self.0.get(&source).is_some_and(|module| module.items.contains(name)) {
                    return Some(source);
                }
            }
        }
        Some(module)
    }
}

pub(crate) fn circle(imports: &BTreeSet<Import>) -> Option<Vec<&Import>> {
    fn search<'a>(
        at: &str,
        imports: &'a BTreeSet<Import>,
        way: &mut Vec<&'a Import>,
        done: &mut BTreeSet<&'a str>,
    ) -> bool {
        for import in imports.iter().filter(|import| import.from == at) {
            if let Some(start) = way.iter().position(|step| step.from == import.to) {
                way.drain(..start);
                way.push(import);
                return true;
            }
            if !done.contains(import.to.as_str()) {
                way.push(import);
                if search(&import.to, imports, way, done) {
                    return true;
                }
                way.pop();
            }
            done.insert(&import.to);
        }
        false
    }
    let mut done = BTreeSet::new();
    imports.iter().find_map(|import| {
        let mut way = Vec::new();
        search(&import.from, imports, &mut way, &mut done).then_some(way)
    })
}

fn module_path(folder: &Path, file: &Path) -> Option<ModulePath> {
    let relative: PathBuf = file.strip_prefix(folder).unwrap().with_extension("");
    let mut path: ModulePath = relative.iter().map(|part| part.to_str().unwrap().to_owned()).collect();
    if path.last().is_some_and(|last| last == "mod") || path == ["lib"] || path == ["main"] {
        path.pop();
    }
    // Programs beside the library are crates of their own.
    (path.first().is_none_or(|first| first != "bin")).then_some(path)
}

fn name_of(item: &Item) -> Option<String> {
    let name = match item {
        Item::Const(item) => &item.ident,
        Item::Enum(item) => &item.ident,
        Item::Fn(item) => &item.sig.ident,
        Item::Macro(item) => item.ident.as_ref()?,
        Item::Static(item) => &item.ident,
        Item::Struct(item) => &item.ident,
        Item::Trait(item) => &item.ident,
        Item::Type(item) => &item.ident,
        Item::Union(item) => &item.ident,
        _ => return None,
    };
    Some(name.to_string())
}

fn is_test(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        attribute.path().is_ident("cfg")
            && attribute.meta.require_list().is_ok_and(|list| list.tokens.to_string() == "test")
    })
}

struct Reader<'t> {
    path: ModulePath,
    /// Modules within the file, around the place that is read.
    depth: usize,
    module: Module,
    tests: &'t mut BTreeSet<ModulePath>,
}

impl Reader<'_> {
    fn absolute(&self, segments: &[String]) -> Option<Vec<String>> {
        let (first, mut rest) = segments.split_first()?;
        let mut base = match first.as_str() {
            "crate" => return Some(rest.to_vec()),
            "self" => self.path.clone(),
            "super" => {
                let mut above = 1;
                while rest.first().is_some_and(|segment| segment == "super") {
                    (above, rest) = (above + 1, &rest[1..]);
                }
                let above = usize::saturating_sub(above, self.depth);
                self.path[..self.path.len().saturating_sub(above)].to_vec()
            }
            _ => return None,
        };
        base.extend_from_slice(rest);
        Some(base)
    }

    fn note(&mut self, segments: &[String]) {
        let absolute = self.absolute(segments);
        self.module.paths.extend(absolute);
    }

    fn read_use(&mut self, tree: &UseTree, before: &[String]) {
        let with = |name: String| before.iter().cloned().chain([name]).collect::<Vec<_>>();
        match tree {
            UseTree::Path(path) => self.read_use(&path.tree, &with(path.ident.to_string())),
            UseTree::Group(group) => group.items.iter().for_each(|tree| self.read_use(tree, before)),
            UseTree::Name(name) if name.ident == "self" => self.bring_in(before.last().cloned(), before),
            UseTree::Name(name) => self.bring_in(Some(name.ident.to_string()), &with(name.ident.to_string())),
            UseTree::Rename(rename) => {
                self.bring_in(Some(rename.rename.to_string()), &with(rename.ident.to_string()));
            }
            UseTree::Glob(_) => {
                self.note(before);
                let glob = self.own(before);
                self.module.globs.insert(glob);
            }
        }
    }

    fn bring_in(&mut self, name: Option<String>, segments: &[String]) {
        self.note(segments);
        if let Some(name) = name.filter(|_| self.depth == 0) {
            let target = self.own(segments);
            self.module.uses.insert(name, target);
        }
    }

    /// It may begin with the name of a module below.
    fn own(&self, segments: &[String]) -> Vec<String> {
        self.absolute(segments).unwrap_or_else(|| self.path.iter().chain(segments).cloned().collect())
    }

    fn read_tokens(&mut self, tokens: TokenStream) {
        let mut path: Vec<String> = Vec::new();
        let mut colons = 0;
        for token in tokens {
            match token {
                TokenTree::Group(group) => self.read_tokens(group.stream()),
                TokenTree::Punct(punct) if punct.as_char() == ':' => {
                    colons += 1;
                    continue;
                }
                TokenTree::Ident(name) if colons == 2 && !path.is_empty() => {
                    path.push(name.to_string());
                    colons = 0;
                    continue;
                }
                TokenTree::Ident(name) => {
                    self.note(&path);
                    path = vec![name.to_string()];
                    colons = 0;
                    continue;
                }
                _ => {}
            }
            self.note(&path);
            path.clear();
            colons = 0;
        }
        self.note(&path);
    }
}

impl<'ast> Visit<'ast> for Reader<'_> {
    fn visit_item(&mut self, item: &'ast Item) {
        let attributes: &[Attribute] = match item {
            Item::Fn(item) => &item.attrs,
            Item::Impl(item) => &item.attrs,
            Item::Mod(item) => &item.attrs,
            Item::Use(item) => &item.attrs,
            _ => &[],
        };
        if !is_test(attributes) {
            visit::visit_item(self, item);
        } else if let Item::Mod(module) = item {
            self.tests.insert(self.path.iter().cloned().chain([module.ident.to_string()]).collect());
        }
    }

    fn visit_item_mod(&mut self, module: &'ast ItemMod) {
        self.depth += 1;
        visit::visit_item_mod(self, module);
        self.depth -= 1;
    }

    fn visit_item_use(&mut self, item: &'ast ItemUse) {
        self.read_use(&item.tree, &[]);
    }

    /// The paths in a macro's definition are those of its callers.
    fn visit_item_macro(&mut self, item: &'ast ItemMacro) {
        if item.ident.is_none() {
            visit::visit_item_macro(self, item);
        }
    }

    fn visit_macro(&mut self, called: &'ast Macro) {
        visit::visit_macro(self, called);
        self.read_tokens(called.tokens.clone());
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let segments: Vec<String> = path.segments.iter().map(|segment| segment.ident.to_string()).collect();
        self.note(&segments);
        visit::visit_path(self, path);
    }

    fn visit_visibility(&mut self, _: &'ast syn::Visibility) {}
}
