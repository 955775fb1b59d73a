//! Fingerprints: of generated files in the manifest, of templates in the first line of an override, and of the parts
//! of the IR that a generated file is made of.
//!
//! They tell whether something is what was seen before. They are no protection against anybody.

use std::hash::{Hash, Hasher};

use sha2::{Digest, Sha256};

/// The first 128 bits of a SHA-256.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fingerprint(pub [u8; 16]);

impl std::fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// The fingerprint of `text`, in hexadecimal. Line ends are read as LF, so that a checkout that turned them into CRLF
/// has the same fingerprint.
pub fn of(text: &str) -> String {
    of_text(text).to_string()
}

/// The fingerprint of `text`, with line ends read as LF.
pub fn of_text(text: &str) -> Fingerprint {
    of_bytes(lf(text).as_bytes())
}

/// The fingerprint of bytes as they stand.
pub fn of_bytes(bytes: &[u8]) -> Fingerprint {
    truncated(Sha256::digest(bytes).as_slice())
}

/// The fingerprint of a value: of everything that its `Hash` sees. Within one build of the compiler only, since how
/// types hash may differ between two.
pub fn of_value(value: &(impl Hash + ?Sized)) -> Fingerprint {
    let mut hasher = Sha(Sha256::new());
    value.hash(&mut hasher);
    truncated(hasher.0.finalize().as_slice())
}

fn truncated(digest: &[u8]) -> Fingerprint {
    let mut out = [0; 16];
    out.iter_mut().zip(digest).for_each(|(to, from)| *to = *from);
    Fingerprint(out)
}

/// Carries what `Hash` writes to a SHA-256, since 64 bits are too few to rely on.
struct Sha(Sha256);

impl Hasher for Sha {
    fn write(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// Nobody asks: the whole digest is taken instead.
    fn finish(&self) -> u64 {
        let digest = self.0.clone().finalize();
        digest.iter().take(8).fold(0, |all, byte| all << 8 | u64::from(*byte))
    }
}

/// `text` with LF line ends.
pub fn lf(text: &str) -> std::borrow::Cow<'_, str> {
    let has_returns = memchr::memchr(b'\r', text.as_bytes()).is_some();
    if has_returns { text.replace("\r\n", "\n").into() } else { text.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn line_ends_make_no_difference_and_text_does() {
        assert_eq!(of("a\r\nb\r\n"), of("a\nb\n"));
        assert_ne!(of("a"), of("b"));
        assert_eq!(of("").len(), 32);
    }
}
