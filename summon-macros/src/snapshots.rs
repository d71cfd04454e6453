//! Tests of expansions. Each file in `snapshots` is an item as users write it, and its expansion.
//! `SUMMON_BLESS=1` writes the expansions anew.

use std::fs;
use std::path::{Path, PathBuf};

use proc_macro2::TokenStream;
use quote::quote;
use syn::parse::{ParseStream, Parser};
use syn::{Attribute, Meta};

/// Separates the item from its expansion.
const BECOMES: &str = "\n// becomes\n\n";

#[test]
fn expansions_are_equal_to_the_snapshots() {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("snapshots");
    let files = fs::read_dir(dir).unwrap();
    let mut files: Vec<PathBuf> = files.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert!(files.len() >= 12);
    let is_blessed = std::env::var_os("SUMMON_BLESS").is_some();
    let mut different = Vec::new();
    for file in files {
        let text = fs::read_to_string(&file).unwrap();
        let written = text.split(BECOMES).next().unwrap();
        let now = format!("{}\n{BECOMES}{}", written.trim_end(), expanded(written));
        if now == text {
            continue;
        }
        if is_blessed {
            fs::write(&file, now).unwrap();
        } else {
            different.push(format!("{}:\n{now}", file.display()));
        }
    }
    assert!(
        different.is_empty(),
        "expansions differ; run again with SUMMON_BLESS=1 and read the diff\n\n{}",
        different.join("\n")
    );
}

/// Expands the first attribute of an item.
fn expanded(item: &str) -> String {
    let split = |input: ParseStream<'_>| {
        let mut attributes = input.call(Attribute::parse_outer)?;
        let (first, item) = (attributes.remove(0), input.parse::<TokenStream>()?);
        Ok((first, quote!(#(#attributes)* #item)))
    };
    let (attribute, item) = split.parse_str(item).unwrap();
    let arguments = match &attribute.meta {
        Meta::List(list) => list.tokens.clone(),
        _ => TokenStream::new(),
    };
    let path = attribute.path();
    let expansion = if path.is_ident("summon") {
        crate::function::expand(arguments, item)
    } else if path.is_ident("exporting") {
        crate::function::exporting(arguments, item)
    } else {
        crate::fixture::expand(arguments, item)
    };
    prettyplease::unparse(&syn::parse2(expansion).unwrap())
}
