//! TW02xx: the provider file, and the schemas of both formats.

use super::Code;

/// The codes of this area.
pub(super) const CODES: &[Code] = &[];
