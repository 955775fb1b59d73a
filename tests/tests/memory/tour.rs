//! The way through memory that the README shows.

use std::sync::Arc;

use typewright_runtime::memory::recall::{Planner, Query, recall_by};
use typewright_runtime::memory::sqlite::{Config, SqliteStore};
use typewright_runtime::memory::store::{Store, Transaction};
use typewright_runtime::memory::{Content, Error, Kind, MemoryDraft, Namespace, Settings};

use crate::store::Folder;

#[test]
fn what_is_superseded_is_kept_and_not_recalled() -> Result<(), Error> {
    let folder = Folder::new("tour");
    let settings = Arc::new(Settings::default());
    let path = folder.path().join("agent.db");
    let store = Arc::new(SqliteStore::open(&path, Config::default(), Arc::clone(&settings))?);
    let mut transaction = Transaction::begin(Arc::clone(&store) as Arc<dyn Store>, Arc::clone(&settings))?;
    let ada = Namespace::new("users/ada")?;
    let old = transaction.add(MemoryDraft::new(ada.clone(), Kind::Fact, "Ada lives in London."))?;
    transaction.supersede(old, MemoryDraft::new(ada.clone(), Kind::Fact, "Ada lives in Turin."))?;
    let done = transaction.commit()?;
    let query = Query::new(ada, 5).text("where does Ada live?");
    let found = recall_by(&Planner::default(), &*store, &settings, &query, None)?;
    let contents: Vec<&Content> = found.found.iter().map(|found| &found.node.content).collect();
    assert_eq!(contents, [&Content::from("Ada lives in Turin.")]);
    assert!(found.explain().to_string().contains("words"), "{}", found.explain());
    assert_eq!(store.nodes(&[old], done.commit)?[0].content, Content::from("Ada lives in London."));
    Ok(())
}
