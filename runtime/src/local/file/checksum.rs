//! Whether a file is the one whose digest somebody published. It is read once, through a small buffer: a map of it would
//! grow the process by its size.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use sha2::{Digest, Sha256};

use crate::local::Error;

const BUFFER: usize = 1 << 20;

/// Compares the SHA-256 digest of a file with `expected`, 64 hexadecimal digits.
///
/// # Errors
/// When the file cannot be read, has another digest, or `expected` is no digest.
pub fn sha256(path: &Path, expected: &str) -> Result<(), Error> {
    if expected.len() != 64 || !expected.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err(Error::malformed(path, "the digest to compare with is not 64 hexadecimal digits"));
    }
    let found = digest(path).map_err(|source| Error::Read { path: path.to_owned(), source })?;
    if found.eq_ignore_ascii_case(expected) {
        return Ok(());
    }
    Err(Error::malformed(path, format!("its SHA-256 is {found}, not {}", expected.to_ascii_lowercase())))
}

fn digest(path: &Path) -> std::io::Result<String> {
    let (mut file, mut hash) = (File::open(path)?, Sha256::new());
    let mut buffer = vec![0; BUFFER];
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()),
            read => hash.update(buffer.get(..read).unwrap_or_default()),
        }
    }
}
