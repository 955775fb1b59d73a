//! Builds one [`Visit`]: merges the paths that rows name into a tree of keys, each leaf into one local.

use crate::diagnostic::{Diagnostic, Sink};
use crate::ir::decode::{Arm, Leaf, List, Local, LocalId, Object, Place, Step, Visit, VisitId};
use crate::source::Span;

/// A visit under construction.
pub(super) struct Builder {
    name: String,
    what: String,
    /// The value is an element of a list.
    pub(super) is_element: bool,
    root: Object,
    locals: Vec<Local>,
    /// Where each local is bound, with the span that named it first.
    paths: Vec<(Vec<String>, Span)>,
    pub(super) takes_place: bool,
    /// A row that touches content was written before; lists after it have to wait for it.
    pub(super) content: bool,
    span: Span,
}

impl Builder {
    pub(super) fn new(name: String, what: String, takes_place: bool, span: Span) -> Self {
        Self {
            name,
            what,
            is_element: false,
            root: Object::default(),
            locals: Vec::new(),
            paths: Vec::new(),
            takes_place,
            content: false,
            span,
        }
    }

    /// Where the visit's table stands.
    pub(super) fn span(&self) -> Span {
        self.span
    }

    pub(super) fn finish(mut self, steps: Vec<Step>) -> Visit {
        settle_raw(&mut self.root, &self.locals);
        let Self { name, what, root, locals, takes_place, span, .. } = self;
        Visit { name, what, root, locals, at: Place::default(), takes_place, steps, span }
    }

    /// The local that takes the leaf at `path`; a second use of the path has to read it the same way.
    pub(super) fn leaf(
        &mut self,
        path: &[String],
        leaf: Leaf,
        span: Span,
        sink: &mut Sink,
    ) -> Option<LocalId> {
        // An element of a list may be a text or number itself; a whole answer or event is an object.
        let is_whole = !self.is_element || !self.root.arms.is_empty();
        if path.is_empty() && leaf != Leaf::Raw && is_whole {
            report_whole(span, sink);
            return None;
        }
        let existing = self.paths.iter().position(|(known, _)| known == path);
        if let Some(index) = existing.filter(|index| self.locals[*index].leaf == leaf) {
            return Some(LocalId(index));
        }
        let raw_beside = |other: Leaf| other == Leaf::Raw || leaf == Leaf::Raw;
        if let Some(index) = existing.filter(|index| !raw_beside(self.locals[*index].leaf)) {
            self.report_conflict(path, index, leaf, span, sink);
            return None;
        }
        let id = LocalId(self.locals.len());
        let name = local_name(path, leaf, &self.locals);
        self.locals.push(Local { name, leaf });
        self.paths.push((path.to_vec(), span));
        match path.split_last() {
            None if leaf == Leaf::Raw => self.root.raw = Some(id),
            None => self.root.leaf = Some(id),
            Some((key, way)) => set_leaf(arm(object(&mut self.root, way), key), id, leaf),
        }
        Some(id)
    }

    fn report_conflict(&self, path: &[String], index: usize, leaf: Leaf, span: Span, sink: &mut Sink) {
        let what = |leaf: Leaf| match leaf {
            Leaf::Text => "a string",
            Leaf::Scalar => "a string or number",
            Leaf::Uint | Leaf::Int => "an integer",
            Leaf::Flag => "a boolean",
            Leaf::Key => "a key",
            Leaf::Raw => "any JSON",
            Leaf::JsonText => "JSON in a string",
            Leaf::ObjectText => "an object",
        };
        let (_, first) = &self.paths[index];
        sink.push(
            Diagnostic::error(
                "TW0603",
                span,
                format!(
                    "`{}` cannot be both {} and {}",
                    path.join("."),
                    what(self.locals[index].leaf),
                    what(leaf)
                ),
            )
            .label(format!("read as {} here", what(leaf)))
            .related(*first, format!("read as {} here", what(self.locals[index].leaf)))
            .help("one leaf of the wire has one type; give both rows the same one"),
        );
    }

    /// The list at `path`, visited as the cursor passes.
    pub(super) fn list_now(&mut self, path: &[String], visit: VisitId) {
        if let Some((key, way)) = path.split_last() {
            arm(object(&mut self.root, way), key).list = Some(List::Now(visit));
        }
    }

    /// The local that keeps the list at `path` until the object has ended.
    pub(super) fn list_later(&mut self, path: &[String]) -> LocalId {
        if let Some(Arm { list: Some(List::Later(id)), .. }) = self.find(path) {
            return *id;
        }
        let id = LocalId(self.locals.len());
        if let Some((key, way)) = path.split_last() {
            arm(object(&mut self.root, way), key).list = Some(List::Later(id));
        }
        let name = unique(format!("{}_list", path.last().map_or("list", String::as_str)), &self.locals);
        self.locals.push(Local { name, leaf: Leaf::Raw });
        // A list has no leaf path; a NUL keeps the entry from ever matching one.
        self.paths.push((vec!["\0".to_owned()], self.span));
        id
    }

    /// Whether the list at `path` has a visitor already.
    pub(super) fn has_list(&self, path: &[String]) -> bool {
        self.find(path).is_some_and(|arm| arm.list.is_some())
    }

    fn find(&self, path: &[String]) -> Option<&Arm> {
        let (key, way) = path.split_last()?;
        let mut object = &self.root;
        for step in way {
            object = object.arms.iter().find(|arm| &arm.key == step)?.object.as_ref()?;
        }
        object.arms.iter().find(|arm| &arm.key == key)
    }
}

fn report_whole(span: Span, sink: &mut Sink) {
    sink.push(
        Diagnostic::error("TW0632", span, "the value itself cannot be read here")
            .label("stands for a whole object or list element")
            .note("texts and numbers are read from keys; only `$raw`, `$vector` and `$tokens` take a value as it stands")
            .help("name the key that holds it: `{key: $field}`"),
    );
}

/// A raw leaf beside other uses of the same value: an object keeps its own raw span.
fn settle_raw(object: &mut Object, locals: &[Local]) {
    for arm in &mut object.arms {
        let raw = arm.leaf.filter(|leaf| locals[leaf.0].leaf == Leaf::Raw);
        if let Some(inner) = &mut arm.object {
            if let Some(raw) = raw {
                inner.raw = Some(raw);
                arm.leaf = None;
            }
            settle_raw(inner, locals);
        }
    }
}

fn set_leaf(arm: &mut Arm, id: LocalId, leaf: Leaf) {
    // A raw leaf gives way to a typed one; `settle_raw` and the emitter keep the raw span of objects only.
    if arm.leaf.is_none() || leaf != Leaf::Raw {
        arm.leaf = Some(id);
    }
}

fn object<'a>(root: &'a mut Object, way: &[String]) -> &'a mut Object {
    way.iter().fold(root, |object, key| arm(object, key).object.get_or_insert_with(Object::default))
}

fn arm<'a>(object: &'a mut Object, key: &str) -> &'a mut Arm {
    let index = object.arms.iter().position(|arm| arm.key == key).unwrap_or_else(|| {
        object.arms.push(Arm { key: key.to_owned(), ..Arm::default() });
        object.arms.len() - 1
    });
    &mut object.arms[index]
}

fn local_name(path: &[String], leaf: Leaf, locals: &[Local]) -> String {
    let word = |key: &String| -> String {
        key.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '_' }).collect()
    };
    let tail = path.len().saturating_sub(2);
    let mut name = path[tail..].iter().map(word).collect::<Vec<_>>().join("_");
    if path.is_empty() {
        name = "whole".to_owned();
    }
    if leaf == Leaf::Raw {
        name.push_str("_raw");
    }
    if !name.starts_with(|c: char| c.is_ascii_alphabetic()) {
        name.insert_str(0, "at_");
    }
    let is_word =
        name.starts_with(|c: char| c.is_ascii_alphabetic()) && syn::parse_str::<syn::Ident>(&name).is_ok();
    let reserved = ["c", "fold", "at", "key", "start"].contains(&name.as_str());
    unique(if is_word && !reserved { name } else { format!("{name}_") }, locals)
}

fn unique(name: String, locals: &[Local]) -> String {
    let taken = |name: &str| locals.iter().any(|local| local.name == name);
    let numbered = (2..).map(|n| format!("{name}{n}"));
    std::iter::once(name.clone()).chain(numbered).find(|name| !taken(name)).unwrap_or(name)
}
