//! What a crate offers its users: the public items of its sources, one a line, sorted.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use quote::ToTokens;
use syn::{ImplItem, Item, Visibility};

/// The public items of the crate whose sources are in `folder`.
pub(crate) fn by(folder: &Path) -> String {
    let mut offer = Offer::default();
    offer.file(&folder.join("lib.rs"), folder, "");
    let traits = offer.traits.iter().map(|(name, traits)| format!("impl {} for {name}", traits.join(" + ")));
    let mut lines: Vec<String> = offer.lines.iter().cloned().chain(traits).collect();
    lines.sort();
    lines.join("\n") + "\n"
}

#[derive(Default)]
struct Offer {
    lines: Vec<String>,
    /// The traits of each type.
    traits: BTreeMap<String, Vec<String>>,
}

impl Offer {
    /// A file and its modules: what is public in one that is not may be offered by a `use`.
    fn file(&mut self, file: &Path, folder: &Path, module: &str) {
        for item in syn::parse_file(&fs::read_to_string(file).unwrap()).unwrap().items {
            if let Item::Mod(inner) = &item
                && inner.content.is_none()
            {
                let name = inner.ident.to_string();
                let path = folder.join(format!("{name}.rs"));
                self.file(&path, &folder.join(&name), &format!("{module}{name}::"));
            } else {
                self.item(&item, module);
            }
        }
    }

    fn item(&mut self, item: &Item, module: &str) {
        match item {
            Item::Const(item) if is_public(&item.vis) => {
                self.lines.push(format!("const {module}{}: {}", item.ident, text(&item.ty)));
            }
            Item::Static(item) if is_public(&item.vis) => {
                self.lines.push(format!("static {module}{}: {}", item.ident, text(&item.ty)));
            }
            Item::Fn(item) if is_public(&item.vis) => self.lines.push(signature(module, &item.sig)),
            Item::Struct(item) if is_public(&item.vis) => {
                let fields = item.fields.iter().filter(|field| is_public(&field.vis));
                let fields: Vec<String> = fields.map(shown).collect();
                self.lines.push(format!(
                    "struct {module}{}{} {{ {} }}",
                    item.ident,
                    text(&item.generics),
                    fields.join(", ")
                ));
            }
            Item::Enum(item) if is_public(&item.vis) => {
                let variants: Vec<String> = item
                    .variants
                    .iter()
                    .map(|variant| {
                        let bare = syn::Variant { attrs: Vec::new(), ..variant.clone() };
                        text(&bare)
                    })
                    .collect();
                self.lines.push(format!("enum {module}{} {{ {} }}", item.ident, variants.join(", ")));
            }
            Item::Use(item) if is_public(&item.vis) => {
                self.lines.push(format!("use {module}{}", text(&item.tree)))
            }
            Item::Impl(block) => self.block(block, module),
            _ => {}
        }
    }

    fn block(&mut self, block: &syn::ItemImpl, module: &str) {
        let of = format!("{module}{}", text(&block.self_ty));
        if let Some((path, _)) = &block.trait_ {
            return self.traits.entry(of).or_default().push(text(path));
        }
        for item in &block.items {
            if let ImplItem::Fn(method) = item
                && is_public(&method.vis)
            {
                self.lines.push(signature(&format!("{of}::"), &method.sig));
            }
        }
    }
}

fn is_public(visibility: &Visibility) -> bool {
    matches!(visibility, Visibility::Public(_))
}

/// Tokens as people write them, nearly.
fn text(tokens: &impl ToTokens) -> String {
    let mut text = tokens.to_token_stream().to_string();
    for (spaced, plain) in [
        (" :: ", "::"),
        (" : ", ": "),
        (" , ", ", "),
        (" < ", "<"),
        (" >", ">"),
        ("& ", "&"),
        (" (", "("),
        ("( ", "("),
        (" )", ")"),
        (" ,)", ")"),
        (", }", " }"),
    ] {
        text = text.replace(spaced, plain);
    }
    text
}

/// A signature with the path of what it belongs to.
fn signature(path: &str, signature: &syn::Signature) -> String {
    text(signature).replacen("fn ", &format!("fn {path}"), 1)
}

fn shown(field: &syn::Field) -> String {
    let name = field.ident.as_ref().map_or_else(String::new, |name| format!("{name}: "));
    name + &text(&field.ty)
}
