//! Asks the provider which models it has, page after page.

use super::call::{Head, Prepared};
use super::{Client, Meta, failure};
use crate::error::{Error, Result};
use crate::models::{ListWire, ListedModel, Listing};

/// A list that has not ended after so many pages never will.
const PAGES: usize = 1000;

/// All models that the provider lists.
pub(super) async fn models(client: &Client) -> Result<Vec<ListedModel>> {
    if let Some((backend, _)) = client.backend() {
        return backend.models().await;
    }
    let wire = client.provider().models.ok_or_else(|| client.has_no("", "models"))?;
    let (mut all, mut after) = (Vec::new(), None::<String>);
    for _ in 0..PAGES {
        let page = page(client, wire, after.as_deref()).await?;
        all.extend(page.models);
        // A cursor that does not move would send us round in circles.
        match page.next.filter(|next| Some(next) != after.as_ref()) {
            Some(next) => after = Some(next),
            None => break,
        }
    }
    Ok(all)
}

async fn page(client: &Client, wire: &'static ListWire, after: Option<&str>) -> Result<Listing> {
    let (mut path, mut query, mut headers) = (String::new(), Vec::new(), Vec::new());
    (wire.path)(after, &mut path);
    (wire.query)(after, &mut query);
    (wire.headers)(after, &mut headers);
    let head = Head { method: wire.method, path: &path, query: &query, headers: &headers };
    let prepared = Prepared::new(client, &head, None)?;
    let (listing, _) = prepared.whole(client, &wire.errors, |body, meta| read(wire, body, meta)).await?;
    Ok(listing)
}

fn read(wire: &ListWire, body: &[u8], meta: &Meta) -> Result<Listing> {
    let mut listing = Listing::new();
    (wire.response)(body, &mut listing).map_err(|corrupt| Error::corrupt(corrupt.at, corrupt.reason))?;
    match listing.failure.take() {
        Some(failed) => Err(failure::of_answer(meta, *failed)),
        None => Ok(listing),
    }
}
