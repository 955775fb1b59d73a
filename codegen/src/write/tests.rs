//! The write stage on a real folder: what is refused, mended, removed and left alone.

use super::*;
use crate::emit::output::Rendered;

/// A folder that goes away with the test.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("typewright-write-{name}-{}", std::process::id()));
        drop(std::fs::remove_dir_all(&path));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn read(&self, path: &str) -> Option<String> {
        std::fs::read_to_string(self.0.join(path)).ok()
    }

    fn edit(&self, path: &str, text: &str) {
        let path = self.0.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    fn plan(&self, outputs: &[Output]) -> Plan {
        plan(&self.0, outputs, &[], Scope::default()).unwrap()
    }

    fn write(&self, outputs: &[Output]) -> Report {
        commit(&self.0, &self.plan(outputs)).unwrap()
    }

    fn files(&self) -> Vec<String> {
        let mut names: Vec<String> = std::fs::read_dir(&self.0)
            .unwrap()
            .map(|e| e.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        drop(std::fs::remove_dir_all(&self.0));
    }
}

fn outputs(files: &[(&str, &str)]) -> Vec<Output> {
    let rendered = |text: &str| Rendered::whole(text.to_owned(), "emit::test", None, None);
    files.iter().map(|(path, text)| Output::new(*path, rendered(text))).collect()
}

#[test]
fn what_is_written_once_is_unchanged_the_second_time() {
    let folder = Folder::new("twice");
    let outputs = outputs(&[("a/src/lib.rs", "1\n"), ("a/README.md", "2\n")]);
    assert_eq!(folder.write(&outputs), Report { written: 2, ..Report::default() });
    assert_eq!(folder.write(&outputs), Report { unchanged: 2, ..Report::default() });
    assert_eq!(folder.files(), [".manifest.json", "a"]);
}

#[test]
fn an_edited_file_is_refused_with_its_diff_and_nothing_else_is_written() {
    let folder = Folder::new("edited");
    folder.write(&outputs(&[("a/x.rs", "1\n"), ("a/y.rs", "1\n")]));
    folder.edit("a/x.rs", "mine\n");
    let next = outputs(&[("a/x.rs", "2\n"), ("a/y.rs", "2\n")]);
    let plan = folder.plan(&next);
    assert!(plan.refused().next().unwrap().diff().contains("-mine\n+2\n"));
    assert!(matches!(commit(&folder.0, &plan), Err(Error::Edited(paths)) if paths == ["a/x.rs"]));
    assert_eq!(folder.read("a/y.rs").unwrap(), "1\n");
    let forced = super::plan(&folder.0, &next, &[], Scope { force: true, only: None }).unwrap();
    assert_eq!(commit(&folder.0, &forced).unwrap().written, 2);
    assert_eq!(folder.read("a/x.rs").unwrap(), "2\n");
}

#[test]
fn a_file_of_somebody_else_in_the_way_is_refused() {
    let folder = Folder::new("foreign");
    folder.edit("a/x.rs", "mine\n");
    assert_eq!(folder.plan(&outputs(&[("a/x.rs", "1\n")])).changes[0].action, Action::Refuse);
}

#[test]
fn a_deleted_file_is_written_again() {
    let folder = Folder::new("deleted");
    let all = outputs(&[("a/x.rs", "1\n")]);
    folder.write(&all);
    std::fs::remove_file(folder.0.join("a/x.rs")).unwrap();
    assert_eq!(folder.write(&all).written, 1);
}

#[test]
fn a_manifest_that_says_something_else_is_told_and_replaced() {
    let folder = Folder::new("manifest");
    let all = outputs(&[("a/x.rs", "1\n"), ("a/y.rs", "1\n")]);
    folder.write(&all);
    let whole = folder.read(".manifest.json").unwrap();
    let line = whole.lines().find(|line| line.contains("a/y.rs")).unwrap();
    let said: [(&str, Option<String>); 3] = [
        ("another fingerprint", Some(whole.replacen("a/y.rs\": \"", "a/y.rs\": \"0", 1))),
        ("a file less", Some(whole.replace(&format!(",\n{line}"), ""))),
        ("nothing", None),
    ];
    for (what, text) in said {
        match text {
            Some(text) => folder.edit(".manifest.json", &text),
            None => std::fs::remove_file(folder.0.join(".manifest.json")).unwrap(),
        }
        let plan = folder.plan(&all);
        let paths: Vec<&str> = plan.changes.iter().map(|change| change.path.as_str()).collect();
        assert_eq!(paths, [".manifest.json"], "{what}");
        assert!(plan.changes[0].diff().contains(&format!("+{line}")), "{what}: {}", plan.changes[0].diff());
        assert_eq!(commit(&folder.0, &plan).unwrap(), Report { written: 1, unchanged: 2, removed: 0 });
        assert_eq!(folder.read(".manifest.json").unwrap(), whole, "{what}");
        assert!(folder.plan(&all).is_clean(), "{what}");
    }
}

#[test]
fn what_is_no_longer_generated_goes_with_its_folders_unless_it_was_edited() {
    let folder = Folder::new("stale");
    folder.write(&outputs(&[("a/x.rs", "1\n"), ("b/src/y.rs", "1\n"), ("c/z.rs", "1\n")]));
    folder.edit("c/z.rs", "mine\n");
    folder.edit("b/target/own", "kept\n");
    let rest = outputs(&[("a/x.rs", "1\n")]);
    assert_eq!(folder.plan(&rest).refused().count(), 1);
    folder.edit("c/z.rs", "1\n");
    assert_eq!(folder.write(&rest).removed, 2);
    assert_eq!(folder.files(), [".manifest.json", "a", "b"]);
    assert_eq!(folder.read("b/target/own").unwrap(), "kept\n");
}

#[test]
fn only_leaves_other_crates_alone() {
    let folder = Folder::new("only");
    folder.write(&outputs(&[("a/x.rs", "1\n"), ("b/x.rs", "1\n")]));
    let only = BTreeSet::from(["a".to_owned()]);
    let scope = Scope { only: Some(&only), force: false };
    let plan = plan(&folder.0, &outputs(&[("a/x.rs", "2\n")]), &[], scope).unwrap();
    assert_eq!(commit(&folder.0, &plan).unwrap(), Report { written: 1, ..Report::default() });
    assert_eq!(folder.read("b/x.rs").unwrap(), "1\n");
    assert!(folder.plan(&outputs(&[("a/x.rs", "2\n"), ("b/x.rs", "1\n")])).is_clean());
}

/// Runs the steps of a commit up to the `stop`th file, as a run that was killed there.
fn interrupt(folder: &Folder, outputs: &[Output], stop: usize) {
    let plan = folder.plan(outputs);
    plan.manifest.write_journal(&folder.0).unwrap();
    for change in plan.changes.iter().take(stop) {
        match &change.after {
            Some(text) => disk::write(&folder.0, &change.path, text).unwrap(),
            None => disk::remove(&folder.0, &change.path).unwrap(),
        }
    }
    folder.edit(".tmp/1-half", "half");
}

#[test]
fn an_interrupted_run_is_mended_wherever_it_stopped_even_if_the_input_changed_since() {
    for stop in 0..=4 {
        let folder = Folder::new(&format!("interrupted-{stop}"));
        folder.write(&outputs(&[("a/v.rs", "1\n"), ("a/w.rs", "1\n"), ("a/x.rs", "1\n")]));
        // Changes v and w, removes x, creates y; stops; then again with other inputs; then a third input succeeds.
        interrupt(&folder, &outputs(&[("a/v.rs", "2\n"), ("a/w.rs", "2\n"), ("a/y.rs", "2\n")]), stop);
        interrupt(&folder, &outputs(&[("a/v.rs", "3\n"), ("a/w.rs", "3\n"), ("a/y.rs", "3\n")]), stop / 2);
        let last = outputs(&[("a/v.rs", "4\n"), ("a/x.rs", "4\n")]);
        folder.write(&last);
        assert!(folder.plan(&last).is_clean(), "stopped at {stop}");
        assert_eq!(folder.read("a/v.rs").as_deref(), Some("4\n"));
        assert_eq!((folder.read("a/w.rs"), folder.read("a/y.rs")), (None, None), "stopped at {stop}");
        assert_eq!(folder.files(), [".manifest.json", "a"]);
    }
}

#[test]
fn an_edit_after_an_interrupted_run_is_still_refused() {
    let folder = Folder::new("interrupted-edited");
    folder.write(&outputs(&[("a/x.rs", "1\n")]));
    interrupt(&folder, &outputs(&[("a/x.rs", "2\n")]), 1);
    folder.edit("a/x.rs", "mine\n");
    assert_eq!(folder.plan(&outputs(&[("a/x.rs", "3\n")])).refused().count(), 1);
}

#[test]
fn an_interrupted_run_elsewhere_survives_a_run_of_something_else() {
    let folder = Folder::new("interrupted-only");
    folder.write(&outputs(&[("a/x.rs", "1\n"), ("b/x.rs", "1\n")]));
    interrupt(&folder, &outputs(&[("a/x.rs", "1\n"), ("b/x.rs", "2\n")]), 1);
    let only = BTreeSet::from(["a".to_owned()]);
    let scoped =
        plan(&folder.0, &outputs(&[("a/x.rs", "3\n")]), &[], Scope { only: Some(&only), force: false })
            .unwrap();
    commit(&folder.0, &scoped).unwrap();
    assert_eq!(folder.write(&outputs(&[("a/x.rs", "3\n"), ("b/x.rs", "4\n")])).written, 1);
    assert_eq!(folder.files(), [".manifest.json", "a", "b"]);
}

#[test]
fn a_checkout_with_other_line_ends_is_not_an_edit() {
    let folder = Folder::new("crlf");
    let all = outputs(&[("a/x.rs", "1\n2\n")]);
    folder.write(&all);
    folder.edit("a/x.rs", "1\r\n2\r\n");
    assert!(folder.plan(&all).is_clean());
    assert_eq!(folder.plan(&outputs(&[("a/x.rs", "3\n")])).changes[0].action, Action::Update);
}

#[test]
fn a_damaged_manifest_is_an_error_unless_forced() {
    let folder = Folder::new("damaged");
    folder.write(&outputs(&[("a/x.rs", "1\n")]));
    folder.edit(".manifest.json", "<<<<<<< HEAD\n");
    let next = outputs(&[("a/x.rs", "2\n")]);
    assert!(matches!(plan(&folder.0, &next, &[], Scope::default()), Err(Error::Manifest { .. })));
    let forced = plan(&folder.0, &next, &[], Scope { force: true, only: None }).unwrap();
    assert_eq!(commit(&folder.0, &forced).unwrap().written, 1);
}

#[test]
fn paths_that_do_not_work_everywhere_are_refused() {
    let long = format!("a/{}", "x".repeat(70));
    for path in ["A/x.rs", "a/../x", "con/x.rs", "a/com1.rs", "a//x", "a/é.rs", long.as_str()] {
        let result = plan(Path::new("nowhere"), &outputs(&[(path, "")]), &[], Scope::default());
        assert!(matches!(result, Err(Error::Paths(_))), "{path}");
    }
    let twice = outputs(&[("a/x.rs", ""), ("a/x.rs", "")]);
    assert!(matches!(plan(Path::new("nowhere"), &twice, &[], Scope::default()), Err(Error::Paths(_))));
}
