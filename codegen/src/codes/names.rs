//! TW07xx: names, options and models across files.

use super::Code;

/// The codes of this area.
pub(super) const CODES: &[Code] = &[];
