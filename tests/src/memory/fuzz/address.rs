//! Where a server is said to be: any text. Whatever an address says, its password is shown by nothing.

use typewright_runtime::memory::Error;
use typewright_runtime::memory::postgres::Config;

/// What no address has but in its password.
const SECRET: &str = "s3cr3tw0rd";

/// Reads a text as an address, or as the password of one, by `choice`; the rest of the choice says what stands before the
/// secret of it. Whether it was taken.
pub fn address(choice: u8, text: &str) -> bool {
    let cut = (0..=usize::from(choice >> 3)).rev().find(|at| text.is_char_boundary(*at)).unwrap_or_default();
    let (before, after) = text.split_at(cut.min(text.len()));
    let password = format!("{before}{SECRET}{after}");
    match choice & 7 {
        0..4 => taken(text),
        // What ends the password ends it, whoever meant something else.
        4 => taken(&format!("postgres://ada:{}@db.example:5433/memories", password)),
        5 => taken(&format!(
            "postgres://ada:{}@db.example,other.example/m?connect_timeout=3",
            encoded(&password)
        )),
        6 => taken(&format!("host=db.example user=ada password={} dbname=memories", quoted(&password))),
        _ => taken(&format!("postgresql://db.example/memories?user=ada&password={}", encoded(&password))),
    }
}

/// Whether an address was taken. Nobody is told its secret, in any case.
fn taken(address: &str) -> bool {
    let read = Config::new(address);
    let told = match &read {
        Ok(config) => format!("{config:?}"),
        Err(error) => {
            assert!(matches!(error, Error::Invalid { .. }), "{error:?}");
            format!("{error:?} {error}")
        }
    };
    assert!(!told.contains(SECRET), "{told}: {address}");
    read.is_ok()
}

/// With every byte written by its number.
fn encoded(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

/// In quotes, as a value that may have anything in it.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\\', "\\\\").replace('\'', "\\'"))
}
