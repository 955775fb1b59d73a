//! Names that follow from what they name, so that the same is stored once whoever stores it: UUIDs of version 8 (RFC 9562).

use sha2::{Digest, Sha256};

use super::Id;

const VERSION: u128 = 0x8 << 76;
const VARIANT: u128 = 0b10 << 62;

/// 90 bits of the sha256 of the parts, then the number. Names of the same parts sort by number.
pub(super) fn id(parts: &[&[u8]], number: u32) -> Id {
    let mut digest = Sha256::new();
    for part in parts {
        // With their lengths, so that no parts look like others.
        digest.update((part.len() as u64).to_le_bytes());
        digest.update(part);
    }
    let digest: [u8; 32] = digest.finalize().into();
    let bits = digest.iter().take(16).fold(0_u128, |bits, byte| bits << 8 | u128::from(*byte));
    // 48 bits, the version, 12 bits, the variant, 30 bits, and the number.
    let (high, middle, low) = (bits >> 80, bits >> 68 & 0xfff, bits >> 38 & 0x3fff_ffff);
    Id::from_u128(high << 80 | VERSION | middle << 64 | VARIANT | low << 32 | u128::from(number))
}
