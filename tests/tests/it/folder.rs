//! A temporary folder with provider files, and a compiler over it.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use typewright_codegen::compiler::{Compilation, Compiler, Runtime};

/// The top of this repository.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// A folder that goes away with the test.
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn new(name: &str) -> Self {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("typewright-{name}-{}-{number}", std::process::id()));
        drop(fs::remove_dir_all(&path));
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    pub(crate) fn write(&self, path: &str, text: &str) -> &Self {
        let path = self.0.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
        self
    }

    pub(crate) fn read(&self, path: &str) -> String {
        fs::read_to_string(self.0.join(path)).unwrap()
    }

    pub(crate) fn has(&self, path: &str) -> bool {
        self.0.join(path).exists()
    }

    /// Over the provider files of this folder and the dialects of the repository.
    pub(crate) fn compiler(&self) -> Compiler {
        Compiler::new()
            .providers(self.0.join("providers"))
            .dialects(root().join("providers/dialects"))
            .out(self.0.join("generated"))
            .runtime(Runtime::Path(root().join("runtime")))
    }

    /// Compiles and writes; the folder must have no errors.
    pub(crate) fn generate(&self) -> Compilation {
        let compiler = self.compiler();
        let compilation = compiler.compile().unwrap();
        assert!(!compilation.has_errors(), "{:#?}", compilation.diagnostics);
        compiler.commit(&compiler.plan(&compilation, false).unwrap()).unwrap();
        compilation
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        drop(fs::remove_dir_all(&self.0));
    }
}

/// A provider file of a few lines.
pub(crate) fn provider(name: &str) -> String {
    format!(
        "name: {name}\nbase_url: https://{name}.example/v1\nmodels:\n  - {{name: one, input_price: 1, output_price: 2}}\n"
    )
}
