//! Fingerprints of texts: of generated files in the manifest, of templates in the first line of an override.
//!
//! They tell whether a text is the one that was seen before. They are no protection against anybody.

use sha2::{Digest, Sha256};

/// The first 128 bits of the SHA-256 of `text`, in hexadecimal. Line ends are read as LF, so that a checkout that
/// turned them into CRLF has the same fingerprint.
pub fn of(text: &str) -> String {
    let digest = Sha256::digest(lf(text).as_bytes());
    digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}

/// `text` with LF line ends.
pub fn lf(text: &str) -> std::borrow::Cow<'_, str> {
    if text.contains('\r') { text.replace("\r\n", "\n").into() } else { text.into() }
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
