//! TW06xx: the types of what comes back.

use super::Code;

/// The codes of this area.
pub(super) const CODES: &[Code] = &[];
