//! TW03xx: finding and merging dialects.

use super::Code;

/// The codes of this area.
pub(super) const CODES: &[Code] = &[];
