//! The memory that a model needs, said before it is loaded, and the memory that there is.
//!
//! ```text
//! weights = bytes of all tensors
//! cache   = sequences · kv_heads · (key_len + value_len) · cache_number
//!           · (global layers · context + windowed layers · min(window, context))
//! scratch = 4 · (batch · (4 · hidden + (heads + kv_heads) · (key_len + value_len) + 2 · feed_forward)
//!           + sequences · vocabulary)
//! ```
//!
//! Scratch are the f32 activations of one block of a prompt that are alive at once: the residual stream, its normalised
//! form and two copies for what is added; queries, keys, values and what attention gives; both branches of the
//! feed-forward part; and the logits of one token a sequence. A compressed cache (MLA) is one of a single head whose key
//! is the latent vector and the shared rotated part, without a value.
//!
//! What the process needs besides, and pages of the file that the system keeps for itself, are not counted.

use std::fmt;
use std::fs;
use std::path::{Component, Path, PathBuf};

use super::Error;

/// Sizes of a model that memory depends on. All per layer, where a layer has them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Sizes {
    /// Bytes of all tensors: [`Weights::total_bytes`](super::file::Weights::total_bytes).
    pub weights: u64,
    /// Layers that attend to the whole context.
    pub global_layers: u64,
    /// Layers that attend to the last [`window`](Self::window) tokens only.
    pub windowed_layers: u64,
    /// How far those look back.
    pub window: u64,
    /// Heads of queries.
    pub heads: u64,
    /// Heads of keys and values.
    pub kv_heads: u64,
    /// Numbers of a key.
    pub key_len: u64,
    /// Numbers of a value.
    pub value_len: u64,
    /// Bytes of a number in the cache: 2 for f16.
    pub cache_number: u64,
    /// Numbers of the residual stream.
    pub hidden: u64,
    /// Numbers of one branch of the feed-forward part.
    pub feed_forward: u64,
    /// Tokens.
    pub vocabulary: u64,
}

/// How a model is run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Load {
    /// Tokens that a sequence may have.
    pub context: u64,
    /// Sequences at once.
    pub sequences: u64,
    /// Tokens of a prompt that are computed together.
    pub batch: u64,
}

/// Bytes, by what they are for. Sums that no number holds stay at the largest.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Need {
    /// Tensors of the model.
    pub weights: u64,
    /// Keys and values of tokens that were seen.
    pub cache: u64,
    /// Activations and logits.
    pub scratch: u64,
}

impl Need {
    /// All of it.
    pub fn total(&self) -> u64 {
        self.weights.saturating_add(self.cache).saturating_add(self.scratch)
    }
}

impl fmt::Display for Need {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { weights, cache, scratch } = *self;
        let [total, weights, cache, scratch] = [self.total(), weights, cache, scratch].map(Bytes);
        write!(f, "{total} (weights {weights}, cache {cache}, scratch {scratch})")
    }
}

/// A number of bytes as people read it: `1.5 GiB`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Bytes(pub u64);

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const UNITS: [(u32, &str); 5] = [(50, "PiB"), (40, "TiB"), (30, "GiB"), (20, "MiB"), (10, "KiB")];
        match UNITS.into_iter().find(|(bits, _)| self.0 >> bits > 0) {
            Some((bits, unit)) => write!(f, "{:.1} {unit}", self.0 as f64 / (1_u64 << bits) as f64),
            None => write!(f, "{} B", self.0),
        }
    }
}

/// What a model of these sizes needs.
pub fn need(sizes: &Sizes, load: &Load) -> Need {
    let Sizes { heads, kv_heads, key_len, value_len, .. } = *sizes;
    let pair = key_len.saturating_add(value_len);
    let windowed = product([sizes.windowed_layers, sizes.window.min(load.context)]);
    let tokens = product([sizes.global_layers, load.context]).saturating_add(windowed);
    let row = [
        product([4, sizes.hidden]),
        product([heads.saturating_add(kv_heads), pair]),
        product([2, sizes.feed_forward]),
    ];
    let row = row.into_iter().fold(0, u64::saturating_add);
    let logits = product([4, load.sequences, sizes.vocabulary]);
    Need {
        weights: sizes.weights,
        cache: product([load.sequences, kv_heads, pair, sizes.cache_number, tokens]),
        scratch: product([4, load.batch, row]).saturating_add(logits),
    }
}

fn product<const N: usize>(factors: [u64; N]) -> u64 {
    // Zero first: what is nothing stays nothing, however large the rest.
    if factors.contains(&0) { 0 } else { factors.into_iter().fold(1, u64::saturating_mul) }
}

/// Refuses what does not fit. Where the system does not say what is available, nothing is refused.
///
/// # Errors
/// When more is needed than available.
pub fn check(need: Need, available: Option<u64>) -> Result<(), Error> {
    match available {
        Some(available) if need.total() > available => {
            Err(Error::TooLarge { need, available: Bytes(available) })
        }
        _ => Ok(()),
    }
}

/// The bytes that this process can still take without swapping: what the kernel estimates, and what the control groups
/// (version 2) around the process leave, whichever is less. `None` outside Linux, where no figure is read: the caller
/// decides then.
pub fn available() -> Option<u64> {
    if cfg!(target_os = "linux") { available_under(Path::new("/")) } else { None }
}

/// The same for a system whose `proc` and `sys` lie under `root`.
fn available_under(root: &Path) -> Option<u64> {
    [estimate(root), left_of_groups(root)].into_iter().flatten().min()
}

fn estimate(root: &Path) -> Option<u64> {
    let text = fs::read_to_string(root.join("proc/meminfo")).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()?.checked_mul(1024)
}

/// The least that any group around this process leaves.
fn left_of_groups(root: &Path) -> Option<u64> {
    let groups = root.join("sys/fs/cgroup");
    let text = fs::read_to_string(root.join("proc/self/cgroup")).ok()?;
    let own = text.lines().find_map(|line| line.strip_prefix("0::"))?;
    // A group outside the part of the tree that this process sees is written with `..`.
    let own: PathBuf =
        Path::new(own).components().filter(|part| matches!(part, Component::Normal(_))).collect();
    own.ancestors().filter_map(|group| left_of(&groups.join(group))).min()
}

/// Pages of files that nobody reads count as used, but are given back when memory is short.
fn left_of(group: &Path) -> Option<u64> {
    let read = |name: &str| fs::read_to_string(group.join(name)).ok();
    let max = read("memory.max")?.trim().parse::<u64>().ok()?;
    let current = read("memory.current")?.trim().parse::<u64>().ok()?;
    let idle = read("memory.stat").and_then(|stat| {
        stat.lines().find_map(|line| line.strip_prefix("inactive_file "))?.trim().parse::<u64>().ok()
    });
    Some(max.saturating_sub(current.saturating_sub(idle.unwrap_or_default())))
}

#[cfg(test)]
mod tests;
