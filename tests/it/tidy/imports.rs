//! Finds which file of a crate refers to which: by `use`, by a path in code, and by a path in a macro.
//!
//! A name that a module re-exports counts as a name of the file that defines it, and the re-export itself
//! does not count unless its module uses the name, too. Unit tests do not count. `Crate` is the
//! crate as one system compiles it.

use std::collections::{BTreeMap, BTreeSet};

use proc_macro2::{Delimiter, TokenStream, TokenTree};

/// The names of a path: `crate`, `a`, and `B` of `crate::a::B`.
type Names = Vec<String>;

/// A file that refers to another one. Both are paths in `src`.
pub(crate) type Edge = (String, String);

#[derive(Default)]
struct Module {
    file: String,
    /// The modules in it, with the file that `#[path]` names.
    children: BTreeMap<String, Option<String>>,
    defined: BTreeSet<String>,
    imports: Vec<Import>,
    paths: Vec<Names>,
    /// All names in code.
    words: BTreeSet<String>,
}

struct Import {
    names: Names,
    /// The name that it gets here, `*` for all names.
    alias: String,
    is_public: bool,
}

/// The modules of a crate by their paths.
pub(crate) struct Crate(BTreeMap<Names, Module>);

impl Crate {
    /// Reads a crate for a system, from its files: paths in `src`, with their texts.
    pub(crate) fn new(system: &str, files: &BTreeMap<String, String>) -> Crate {
        let mut this = Crate(BTreeMap::new());
        this.add(&[], "lib.rs", system, files);
        this
    }

    fn add(&mut self, path: &[String], file: &str, system: &str, files: &BTreeMap<String, String>) {
        let tokens: TokenStream = files[file]
            .parse()
            .unwrap_or_else(|why| panic!("{file}: {why}"));
        self.read(path, file, system, tokens);
        let dir = file.trim_end_matches("lib.rs").trim_end_matches("mod.rs");
        let dir = match dir.strip_suffix(".rs") {
            Some(name) => format!("{name}/"),
            None => dir.to_owned(),
        };
        for (name, moved) in self.0[path].children.clone() {
            let child = child(path, &name);
            if self.0.contains_key(&child) {
                continue;
            }
            let usual = [format!("{dir}{name}.rs"), format!("{dir}{name}/mod.rs")];
            let mut candidates = moved.into_iter().chain(usual);
            let found = candidates.find(|it| files.contains_key(it));
            let found = found.unwrap_or_else(|| panic!("{file}: no file has `mod {name}`"));
            self.add(&child, &found, system, files);
        }
    }

    /// Reads the items of a module, which may be a part of a file.
    fn read(&mut self, path: &[String], file: &str, system: &str, tokens: TokenStream) {
        let mut module = Module {
            file: file.to_owned(),
            ..Module::default()
        };
        let mut inline = Vec::new();
        module.read(tokens, system, &mut inline, true);
        for (name, tokens) in inline {
            self.read(&child(path, &name), file, system, tokens);
        }
        self.0.insert(path.to_owned(), module);
    }

    pub(crate) fn edges(&self) -> BTreeSet<Edge> {
        let mut edges = BTreeSet::new();
        for (path, module) in &self.0 {
            let is_used =
                |import: &&Import| !import.is_public || module.words.contains(&import.alias);
            let imports = module.imports.iter().filter(is_used);
            for names in imports.map(|it| &it.names).chain(&module.paths) {
                for file in self.resolve(path, names, 0) {
                    if file != module.file {
                        edges.insert((module.file.clone(), file));
                    }
                }
            }
        }
        edges
    }

    /// The files that a path leads to. None if it leads to another crate, several if a name has several
    /// meanings.
    fn resolve(&self, from: &[String], names: &[String], depth: usize) -> BTreeSet<String> {
        let Some(module) = self.0.get(from).filter(|_| depth < 16) else {
            return BTreeSet::new();
        };
        match names.first().map(String::as_str) {
            Some("crate") => self.walk(&[], &names[1..], depth),
            Some("self") => self.walk(from, &names[1..], depth),
            Some("super") => {
                let mut from = from.to_owned();
                from.pop();
                match names.get(1).is_some_and(|name| name == "super") {
                    true => self.resolve(&from, &names[1..], depth),
                    false => self.walk(&from, &names[1..], depth),
                }
            }
            Some(first) if module.children.contains_key(first) => self.walk(from, names, depth),
            Some(first) => self.imported(from, first, &names[1..], depth),
            None => BTreeSet::new(),
        }
    }

    /// Goes down from a module.
    fn walk(&self, from: &[String], names: &[String], depth: usize) -> BTreeSet<String> {
        let Some(module) = self.0.get(from) else {
            return BTreeSet::new();
        };
        let here = || BTreeSet::from([module.file.clone()]);
        let Some(first) = names.first() else {
            return here();
        };
        let child = child(from, first);
        if self.0.contains_key(&child) {
            return self.walk(&child, &names[1..], depth);
        }
        if module.defined.contains(first) {
            return here();
        }
        let found = self.imported(from, first, &names[1..], depth);
        if found.is_empty() { here() } else { found }
    }

    /// Follows the imports that give a name to a module.
    fn imported(
        &self,
        from: &[String],
        name: &str,
        rest: &[String],
        depth: usize,
    ) -> BTreeSet<String> {
        let mut found = BTreeSet::new();
        let mut by_glob = BTreeSet::new();
        for Import { names, alias, .. } in &self.0[from].imports {
            // `use name;` does not explain itself.
            if alias == name && names.as_slice() != [name] {
                found.extend(self.resolve(from, &[names, rest].concat(), depth + 1));
            } else if alias == "*" {
                let names = child(names, name);
                let files = self.resolve(from, &names, depth + 1);
                let defines = |module: &Module| module.defined.contains(name);
                let is_defined =
                    |file: &String| self.0.values().any(|it| it.file == *file && defines(it));
                by_glob.extend(files.into_iter().filter(is_defined));
            }
        }
        if found.is_empty() { by_glob } else { found }
    }
}

impl Module {
    fn read(
        &mut self,
        tokens: TokenStream,
        system: &str,
        inline: &mut Vec<(String, TokenStream)>,
        is_top: bool,
    ) {
        let tokens: Vec<TokenTree> = tokens.into_iter().collect();
        let mut at = 0;
        let mut moved = None;
        while let Some(token) = tokens.get(at) {
            let next = tokens.get(at + 1);
            match (token, next) {
                (TokenTree::Punct(hash), Some(TokenTree::Group(group)))
                    if hash.as_char() == '#' =>
                {
                    let attribute: Vec<TokenTree> = group.stream().into_iter().collect();
                    at += 2;
                    match &attribute[..] {
                        [TokenTree::Ident(word), TokenTree::Group(cfg)]
                            if word == "cfg" && !is_active(&cfg.stream(), system) =>
                        {
                            at += length_of_item(&tokens[at..]);
                        }
                        [TokenTree::Ident(word), _, path] if word == "path" => {
                            let path = path.to_string();
                            moved = Some(joined(&self.file, path.trim_matches('"')));
                        }
                        _ => {}
                    }
                }
                // The path in `pub(in ..)` imports nothing.
                (TokenTree::Ident(word), Some(TokenTree::Group(_))) if word == "pub" => at += 2,
                (TokenTree::Group(group), _) => {
                    self.read(group.stream(), system, inline, false);
                    at += 1;
                }
                (TokenTree::Ident(word), Some(TokenTree::Ident(name))) if word == "mod" => {
                    self.children.insert(name.to_string(), moved.take());
                    if let Some(TokenTree::Group(body)) = tokens.get(at + 2) {
                        inline.push((name.to_string(), body.stream()));
                    }
                    at += 3;
                }
                (TokenTree::Ident(word), Some(next)) if word == "use" && !is(next, '<') => {
                    let length = tokens[at..].iter().take_while(|it| !is(it, ';')).count();
                    let before = tokens[..at].iter().rev().take(2);
                    let is_public = before
                        .take_while(|it| !is(it, ';'))
                        .any(|it| it.to_string() == "pub");
                    self.import(&tokens[at + 1..at + length], &[], is_public);
                    at += length;
                }
                (TokenTree::Ident(word), next) => {
                    if let (true, Some(TokenTree::Ident(name))) = (is_top, next) {
                        const ITEMS: [&str; 8] = [
                            "fn", "struct", "enum", "trait", "type", "const", "static", "union",
                        ];
                        if ITEMS.iter().any(|item| word == item) {
                            self.defined.insert(name.to_string());
                        }
                    }
                    let is_first = at < 2 || !is_path_separator(&tokens[at - 2..]);
                    let (names, length) = path(&tokens[at..]);
                    self.words.extend(names.first().cloned());
                    if is_first && names.len() > 1 {
                        self.paths.push(names);
                    }
                    at += length;
                }
                _ => at += 1,
            }
        }
    }

    /// Reads the tree of a `use`.
    fn import(&mut self, tree: &[TokenTree], before: &[String], is_public: bool) {
        for branch in tree.split(|token| is(token, ',')) {
            // `::std::fmt` is a path of another crate, too.
            let branch = match is_path_separator(branch) {
                true => &branch[2..],
                false => branch,
            };
            let (mut names, length) = path(branch);
            names.splice(..0, before.iter().cloned());
            let mut alias = names.last().cloned().unwrap_or_default();
            match &branch[length..] {
                [.., TokenTree::Group(group)] if group.delimiter() == Delimiter::Brace => {
                    let tree: Vec<TokenTree> = group.stream().into_iter().collect();
                    self.import(&tree, &names, is_public);
                    continue;
                }
                [TokenTree::Ident(word), TokenTree::Ident(name)] if word == "as" => {
                    alias = name.to_string();
                }
                [.., star] if is(star, '*') => alias = "*".to_owned(),
                _ => {}
            }
            // `a::{self}` is `a`.
            if names.len() > 1 && names.last().is_some_and(|name| name == "self") {
                names.pop();
                if alias == "self" {
                    alias = names.last().cloned().unwrap_or_default();
                }
            }
            if !names.is_empty() {
                self.imports.push(Import {
                    names,
                    alias,
                    is_public,
                });
            }
        }
    }
}

fn child(path: &[String], name: &str) -> Names {
    let names = path.iter().map(String::as_str).chain([name]);
    names.map(str::to_owned).collect()
}

fn is(token: &TokenTree, wanted: char) -> bool {
    matches!(token, TokenTree::Punct(it) if it.as_char() == wanted)
}

fn is_path_separator(tokens: &[TokenTree]) -> bool {
    matches!(tokens, [one, other, ..] if is(one, ':') && is(other, ':'))
}

/// The names of the path that begins here, and how many tokens they are.
fn path(tokens: &[TokenTree]) -> (Names, usize) {
    let mut names = Vec::new();
    let mut at = 0;
    while let Some(TokenTree::Ident(name)) = tokens.get(at) {
        names.push(name.to_string());
        at += 1;
        let goes_on = is_path_separator(&tokens[at..]);
        if !goes_on || !matches!(tokens.get(at + 2), Some(TokenTree::Ident(_))) {
            break;
        }
        at += 2;
    }
    (names, at)
}

/// Whether a `cfg` holds on a system, outside of unit tests. All features are on.
fn is_active(cfg: &TokenStream, system: &str) -> bool {
    let tokens: Vec<TokenTree> = cfg.clone().into_iter().collect();
    let all = |group: &TokenTree| match group {
        TokenTree::Group(group) => {
            let tokens: Vec<TokenTree> = group.stream().into_iter().collect();
            let branches = tokens.split(|token| is(token, ','));
            let branches = branches.filter(|branch| !branch.is_empty());
            let is_active = |it: &[TokenTree]| is_active(&it.iter().cloned().collect(), system);
            branches.map(is_active).collect::<Vec<bool>>()
        }
        _ => Vec::new(),
    };
    let word = tokens[0].to_string();
    match (word.as_str(), tokens.get(1)) {
        ("not", Some(group)) => !all(group).contains(&true),
        ("any", Some(group)) => all(group).contains(&true),
        ("all", Some(group)) => !all(group).contains(&false),
        ("target_os", Some(_)) => tokens[2].to_string() == format!("{system:?}"),
        ("windows", _) => system == "windows",
        ("unix", _) => system != "windows",
        ("test", _) => false,
        _ => true,
    }
}

/// How many tokens the item is that begins here.
fn length_of_item(tokens: &[TokenTree]) -> usize {
    let is_use = tokens.iter().take(3).any(|it| it.to_string() == "use");
    let is_end = |token: &TokenTree| {
        let is_block = matches!(token, TokenTree::Group(it) if it.delimiter() == Delimiter::Brace);
        is(token, ';') || is_block && !is_use
    };
    let end = tokens.iter().position(is_end);
    end.map_or(tokens.len(), |end| end + 1)
}

/// The path of a file from another one.
fn joined(from: &str, path: &str) -> String {
    let mut names: Vec<&str> = from.split('/').collect();
    names.pop();
    for name in path.split('/') {
        match name {
            ".." => drop(names.pop()),
            name => names.push(name),
        }
    }
    names.join("/")
}

/// Finds files that refer to each other in a circle, which ends where it begins.
pub(crate) fn circle(edges: &BTreeSet<Edge>) -> Option<Vec<String>> {
    let mut done = BTreeSet::new();
    edges
        .iter()
        .find_map(|(from, _)| descend(edges, from, &mut Vec::new(), &mut done))
}

fn descend(
    edges: &BTreeSet<Edge>,
    file: &str,
    way: &mut Vec<String>,
    done: &mut BTreeSet<String>,
) -> Option<Vec<String>> {
    if let Some(at) = way.iter().position(|it| it == file) {
        let circle = way[at..].iter().cloned();
        return Some(circle.chain([file.to_owned()]).collect());
    }
    if !done.insert(file.to_owned()) {
        return None;
    }
    way.push(file.to_owned());
    let nexts = edges.iter().filter(|(from, _)| from == file);
    let found = nexts
        .into_iter()
        .find_map(|(_, to)| descend(edges, to, way, done));
    way.pop();
    found
}
