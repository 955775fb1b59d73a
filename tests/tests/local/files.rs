//! Files of models: what is right is read to the last byte, what is wrong is a precise error.

mod folders;
mod fuzz;
mod gguf;
mod peers;
mod safetensors;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use typewright_runtime::local::file::{View, blocks::dequantize};

/// A folder that goes away with the test.
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn new(name: &str) -> Self {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let path =
            std::env::temp_dir().join(format!("typewright-files-{name}-{}-{number}", std::process::id()));
        drop(fs::remove_dir_all(&path));
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    fn write(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.0.join(name);
        fs::write(&path, bytes).unwrap();
        path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        drop(fs::remove_dir_all(&self.0));
    }
}

/// Numbers from a seed, between −1 and 1.
pub(crate) fn numbers(seed: u64, len: usize) -> Vec<f32> {
    let mut state = seed;
    let next = |_| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 40) as f32 / (1 << 23) as f32 - 1.0
    };
    (0..len).map(next).collect()
}

/// All numbers of a tensor.
fn floats(view: View<'_>) -> Vec<f32> {
    let mut out = vec![0.0; view.shape.iter().product()];
    dequantize(view.dtype, view.bytes, &mut out).unwrap();
    out
}

#[test]
fn weights_are_shared_between_threads() {
    fn shared<T: Send + Sync>() {}
    shared::<typewright_runtime::local::file::Weights>();
    shared::<View<'static>>();
}
