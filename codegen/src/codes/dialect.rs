//! TW04xx: the grammar of the dialect language.

use super::Code;

/// The codes of this area.
pub(super) const CODES: &[Code] = &[];
