//! Downloads of large files: resumed, checked, and under their final name only when they are whole.
//!
//! [`save`] writes a file and tells progress to a function; [`stream`] gives the bytes to whoever reads them. Both go
//! through one reader (`reader`), which asks for what is missing as often as the retry policy allows; what an answer
//! means is decided in one place (`answer`). `part` is the file on its way and `state` what is known of it on the
//! disk. What a model repository is, [`hub`](super::hub) knows.
//!
//! ```no_run
//! use typewright_runtime::http::download::{Client, Expected, Request, Settings, Target, save};
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let client = Client::new(Settings::default())?;
//! let mut request = Request::new("https://example.com/model.gguf");
//! request.expected = Expected { size: Some(668_788_096), sha256: None };
//! let saved = save(&client, &request, &Target::new("models/model.gguf"), |progress| {
//!     println!("{} bytes, {:?} left", progress.received, progress.eta);
//! })
//! .await?;
//! println!("{} bytes in {}", saved.bytes, saved.path.display());
//! # Ok(())
//! # }
//! ```

mod answer;
#[cfg(feature = "progress")]
mod bar;
mod client;
mod error;
mod lock;
mod meter;
mod part;
mod reader;
mod request;
mod save;
mod state;
mod stream;

#[cfg(feature = "progress")]
pub use bar::bar;
pub use client::{Client, Settings};
pub use error::Error;
pub use meter::Progress;
pub use request::{DownloadLimits, Existing, Expected, Parts, Request, Target};
pub use save::{Saved, save};
pub use stream::{ByteStream, Piece, stream};

pub(super) use client::{Follow, address, shown};
pub(super) use part::{make_folder, store};
pub(super) use save::blocking;

/// That `found` bytes are as many as were expected.
fn finished_size(found: u64, request: &Request) -> Result<(), Error> {
    match request.expected.size {
        Some(expected) if expected != found => Err(Error::Size { expected, found }),
        _ => Ok(()),
    }
}

/// That the checksum is the one that was expected.
fn check_sum(found: &[u8; 32], request: &Request) -> Result<(), Error> {
    match &request.expected.sha256 {
        Some(expected) if expected != found => {
            Err(Error::Checksum { expected: hex(expected), found: hex(found) })
        }
        _ => Ok(()),
    }
}

/// A checksum in hexadecimal.
fn hex(sum: &[u8; 32]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |value: u8| char::from(DIGITS[usize::from(value)]);
    sum.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}
