//! The templates of everything that is text: manifests, READMEs, crate docs, examples.
//!
//! A set of base templates, and per provider a set in which some are replaced by the provider's own. An override says
//! in its first line which base it was written against (`{# base: <fingerprint> #}`), so that a base that changed since
//! is noticed. Templates place values and decide nothing; an undefined variable is an error.

use std::collections::BTreeMap;

use minijinja::syntax::SyntaxConfig;
use minijinja::value::Serde;
use minijinja::{Environment, UndefinedBehavior};
use serde::Serialize;

use crate::diagnostic::{Diagnostic, Sink};
use crate::fingerprint::{self, Fingerprint};
use crate::source::{FileId, Span};

/// The folder of templates that a provider may replace.
const OVERRIDABLE: &str = "crate/";

/// A template file.
#[derive(Debug, Clone)]
pub struct TemplateFile {
    /// Its path below the folder of templates, with `/`: `crate/README.md.j2`.
    pub name: String,
    /// The file, for diagnostics.
    pub file: FileId,
    /// Its text.
    pub text: String,
}

/// A set of templates that were found to be well-formed.
#[derive(Debug)]
pub struct Templates {
    files: BTreeMap<String, TemplateFile>,
    environment: Environment<'static>,
}

/// The names and texts of the templates that this compiler brings along.
pub fn embedded() -> &'static [(&'static str, &'static str)] {
    typewright_templates::TEMPLATES
}

impl Templates {
    /// The base templates. A file whose name this compiler does not use is a diagnostic, as is a missing one.
    pub fn base(files: Vec<TemplateFile>, sink: &mut Sink) -> Self {
        let known: Vec<&str> = embedded().iter().map(|(name, _)| *name).collect();
        for file in files.iter().filter(|file| !known.contains(&file.name.as_str())) {
            sink.push(no_such_template(file, &known));
        }
        Self::compile(files, sink)
    }

    /// The templates of one provider: the base with `overrides` in place of what they replace.
    pub fn with_overrides(&self, overrides: &[TemplateFile], sink: &mut Sink) -> Self {
        let mut files = self.files.clone();
        for file in overrides {
            match self.checked_override(file) {
                Ok(()) => drop(files.insert(file.name.clone(), file.clone())),
                Err(diagnostic) => sink.push(*diagnostic),
            }
        }
        Self::compile(files.into_values().collect(), sink)
    }

    fn checked_override(&self, file: &TemplateFile) -> Result<(), Box<Diagnostic>> {
        let base = match self.files.get(&file.name) {
            Some(base) if file.name.starts_with(OVERRIDABLE) => base,
            _ => {
                let known: Vec<&str> = self
                    .files
                    .keys()
                    .map(String::as_str)
                    .filter(|name| name.starts_with(OVERRIDABLE))
                    .collect();
                return Err(Box::new(no_such_template(file, &known)));
            }
        };
        let wanted = first_line(&base.text);
        let first = file.text.lines().next().unwrap_or_default().trim_end();
        // The line is a comment, which leaves nothing in what is rendered.
        if first == wanted { Ok(()) } else { Err(Box::new(older_base(file, first, &wanted))) }
    }

    fn compile(files: Vec<TemplateFile>, sink: &mut Sink) -> Self {
        let mut environment = environment();
        let mut kept = BTreeMap::new();
        for file in files {
            if let Err(error) = environment.add_template_owned(file.name.clone(), file.text.clone()) {
                sink.push(diagnose("TW0803", "this template does not parse", &file, &error));
            }
            kept.insert(file.name.clone(), file);
        }
        Self { files: kept, environment }
    }

    /// The text that template `name` makes of `view`. `None` if it failed, which was then reported.
    pub fn render(&self, name: &str, view: impl Serialize, sink: &mut Sink) -> Option<String> {
        let file = self.files.get(name)?;
        let rendered = self.environment.get_template(name).and_then(|template| template.render(Serde(view)));
        match rendered {
            Ok(text) => Some(fingerprint::lf(&text).into_owned()),
            Err(error) => {
                let message = format!("`{name}` cannot be filled in");
                sink.push(diagnose("TW0804", &message, file, &error));
                None
            }
        }
    }

    /// The fingerprint of everything that `name` renders with: its text, and all others if it may take in another one.
    pub fn key(&self, name: &str) -> Fingerprint {
        let text = self.files.get(name).map_or("", |file| file.text.as_str());
        if !takes_in_others(text) {
            return fingerprint::of_value(&(name, text));
        }
        let all = self.files.iter().map(|(name, file)| (name, &file.text));
        fingerprint::of_value(&(name, all.collect::<Vec<_>>()))
    }

    /// The path that `name` was read from is this file's.
    pub fn file(&self, name: &str) -> Option<FileId> {
        self.files.get(name).map(|file| file.file)
    }
}

/// Whether a statement of a template may take in another one. What stands between statements is only text.
fn takes_in_others(template: &str) -> bool {
    let begins = |tag: &str| {
        let word = tag.trim_start_matches(['-', '+']).trim_start();
        ["include", "import", "extends", "from"].iter().any(|taking| word.starts_with(taking))
    };
    template.split("{%").skip(1).any(begins)
}

/// The first line that an override of a template with this `text` has to have.
pub fn first_line(text: &str) -> String {
    format!("{{# base: {} #}}", fingerprint::of(text))
}

fn environment() -> Environment<'static> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_auto_escape_callback(|_| minijinja::AutoEscape::None);
    // Fails for delimiters that contradict one another, and none are set here.
    if let Ok(syntax) =
        SyntaxConfig::builder().keep_trailing_newline(true).trim_blocks(true).lstrip_blocks(true).build()
    {
        environment.set_syntax(syntax);
    }
    environment.set_debug(true);
    environment.add_filter("toml", toml_string);
    environment
}

/// A TOML basic string; its escapes are those of JSON.
fn toml_string(text: &str) -> Result<String, minijinja::Error> {
    serde_json::to_string(text).map_err(|error| {
        minijinja::Error::new(minijinja::ErrorKind::InvalidOperation, "no TOML string").with_source(error)
    })
}

fn no_such_template(file: &TemplateFile, known: &[&str]) -> Diagnostic {
    let message = format!("`{}` replaces no template", file.name);
    Diagnostic::error("TW0801", line_span(file, 1), message)
        .label("this file is never used")
        .suggest(&file.name, known.iter().copied())
}

fn older_base(file: &TemplateFile, first: &str, wanted: &str) -> Diagnostic {
    let span = line_span(file, 1);
    if first.starts_with("{# base:") {
        return Diagnostic::error(
            "TW0802",
            span,
            format!("`{}` was written against another base template", file.name),
        )
        .label("the base has changed since")
        .note("what changed in the base may be missing here")
        .help(format!("compare the two, then make this the first line: {wanted}"));
    }
    Diagnostic::error(
        "TW0802",
        span,
        format!("`{}` does not say which base it was written against", file.name),
    )
    .label("expected the base's fingerprint in the first line")
    .help(format!("make this the first line: {wanted}"))
}

/// A problem that the template engine found, with its place if it knows it.
fn diagnose(code: &'static str, message: &str, file: &TemplateFile, error: &minijinja::Error) -> Diagnostic {
    let span = match error.range() {
        Some(range) => offsets(file, range.start, range.end),
        None => line_span(file, error.line().unwrap_or(1)),
    };
    let detail = error.detail().map_or_else(|| error.kind().to_string(), str::to_owned);
    Diagnostic::error(code, span, message).label(detail)
}

fn line_span(file: &TemplateFile, line: usize) -> Span {
    let before: usize = file.text.split_inclusive('\n').take(line.saturating_sub(1)).map(str::len).sum();
    let length = file.text.get(before..).and_then(|rest| rest.lines().next()).map_or(0, str::len);
    offsets(file, before, before + length)
}

fn offsets(file: &TemplateFile, start: usize, end: usize) -> Span {
    let clamp = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
    Span::new(file.file, clamp(start), clamp(end))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(name: &str, text: &str, id: u32) -> TemplateFile {
        TemplateFile { name: name.to_owned(), file: FileId(id), text: text.to_owned() }
    }

    fn base() -> Templates {
        let files = [("crate/README.md.j2", "# {{ name }}\n"), ("umbrella/README.md.j2", "all\n")];
        let mut sink = Sink::default();
        let templates = Templates::base(files.map(|(name, text)| file(name, text, 0)).to_vec(), &mut sink);
        assert!(sink.is_empty());
        templates
    }

    fn codes(overrides: &[TemplateFile]) -> Vec<&'static str> {
        let mut sink = Sink::default();
        base().with_overrides(overrides, &mut sink);
        sink.into_sorted().iter().map(|diagnostic| diagnostic.code).collect()
    }

    #[derive(Serialize)]
    struct View {
        name: &'static str,
    }

    #[test]
    fn an_override_of_the_current_base_is_used_and_its_first_line_leaves_nothing() {
        let text = format!("{}\nMine: {{{{ name }}}}\n", first_line("# {{ name }}\n"));
        let mut sink = Sink::default();
        let templates = base().with_overrides(&[file("crate/README.md.j2", &text, 1)], &mut sink);
        let rendered = templates.render("crate/README.md.j2", View { name: "x" }, &mut sink);
        assert_eq!(rendered.as_deref(), Some("Mine: x\n"));
        assert!(sink.is_empty());
    }

    #[test]
    fn an_override_of_nothing_or_of_an_older_base_is_a_diagnostic() {
        assert_eq!(codes(&[file("crate/READ.md.j2", "", 1)]), ["TW0801"]);
        assert_eq!(codes(&[file("umbrella/README.md.j2", "", 1)]), ["TW0801"]);
        assert_eq!(codes(&[file("crate/README.md.j2", "{# base: 00 #}\n", 1)]), ["TW0802"]);
        assert_eq!(codes(&[file("crate/README.md.j2", "mine\n", 1)]), ["TW0802"]);
    }

    #[test]
    fn the_help_is_the_line_to_write() {
        let mut sink = Sink::default();
        base().with_overrides(&[file("crate/README.md.j2", "mine\n", 1)], &mut sink);
        let help = sink.into_sorted()[0].help.clone().unwrap();
        let line = help.split_once("first line: ").unwrap().1.to_owned();
        assert_eq!(codes(&[file("crate/README.md.j2", &format!("{line}\nmine\n"), 1)]), Vec::<&str>::new());
    }

    #[test]
    fn a_template_that_does_not_parse_is_shown_where_it_does_not() {
        let text = "one\n{% if %}\n";
        let mut sink = Sink::default();
        Templates::base(vec![file("crate/README.md.j2", text, 0)], &mut sink);
        let found = sink.into_sorted();
        assert_eq!(found[0].code, "TW0803");
        assert_eq!(text[..found[0].span.start as usize].lines().count(), 2);
    }

    #[test]
    fn an_undefined_value_is_a_diagnostic_at_its_place() {
        let mut sink = Sink::default();
        let templates = Templates::base(vec![file("crate/README.md.j2", "a\n{{ nmae }}\n", 0)], &mut sink);
        assert_eq!(templates.render("crate/README.md.j2", View { name: "x" }, &mut sink), None);
        let found = sink.into_sorted();
        assert_eq!((found[0].code, found[0].span.start), ("TW0804", 5));
    }

    #[test]
    fn a_base_that_this_compiler_does_not_use_is_a_diagnostic() {
        let mut sink = Sink::default();
        Templates::base(vec![file("crate/NOTES.md.j2", "", 0)], &mut sink);
        assert_eq!(sink.into_sorted()[0].code, "TW0801");
    }
}
