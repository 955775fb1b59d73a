//! Repositories of models: their files by name and revision, in the cache folder that the usual tools share.
//!
//! [`fetch`] brings files into the cache and says where they are; [`cached`] says it without asking anybody; [`info`]
//! says what a repository holds and under which licence. `layout` knows the cache folder, [`Hub`] where it is and whom
//! to ask. No server is known here: its address comes from the caller or from the environment.
//!
//! ```no_run
//! use typewright_runtime::http::download::{Client, Settings};
//! use typewright_runtime::http::hub::{Hub, Repository, fetch, info};
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let (client, hub) = (Client::new(Settings::default())?, Hub::from_environment());
//! let repository = Repository::new("example/tiny-model");
//! println!("licence: {:?}", info(&client, &hub, &repository).await?.licence);
//! let files = ["config.json", "model.safetensors"];
//! let snapshot = fetch(&client, &hub, &repository, &files, |file, progress| {
//!     println!("{file}: {} bytes", progress.received);
//! })
//! .await?;
//! println!("{}", snapshot.folder.display());
//! # Ok(())
//! # }
//! ```

mod error;
mod fetch;
mod info;
mod layout;
mod settings;

pub use error::Error;
pub use fetch::{cached, fetch};
pub use info::{Info, Licence, info};
pub use layout::{Repository, Snapshot};
pub use settings::Hub;
