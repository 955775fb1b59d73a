//! Sizes that were counted by hand, and systems that are folders.

use super::*;

const GIB: u64 = 1 << 30;

/// 22 layers of 4 heads with 64 numbers, 32 heads of queries: a usual shape of a model of 1.1 B parameters.
const SMALL: Sizes = Sizes {
    weights: 600 << 20,
    global_layers: 22,
    windowed_layers: 0,
    window: 0,
    heads: 32,
    kv_heads: 4,
    key_len: 64,
    value_len: 64,
    cache_number: 2,
    hidden: 2048,
    feed_forward: 5632,
    vocabulary: 32_000,
};

#[test]
fn needs_are_as_counted_by_hand() {
    let need = need(&SMALL, &Load { context: 2048, sequences: 1, batch: 512 });
    // A token takes 22 layers × 4 heads × 128 numbers × 2 bytes = 22 528.
    assert_eq!(need.cache, 22_528 * 2048);
    assert_eq!(need.scratch, 4 * (512 * (8192 + 36 * 128 + 11_264) + 32_000));
    assert_eq!(need.total(), need.weights + need.cache + need.scratch);
    assert_eq!(need.to_string(), "691.1 MiB (weights 600.0 MiB, cache 44.0 MiB, scratch 47.1 MiB)");
}

#[test]
fn layers_with_a_window_keep_no_more_than_it() {
    let sizes = Sizes { global_layers: 2, windowed_layers: 20, window: 512, ..SMALL };
    let cache = |context| need(&sizes, &Load { context, sequences: 3, batch: 1 }).cache;
    assert_eq!(cache(100), 3 * 1024 * 22 * 100);
    assert_eq!(cache(4096), 3 * 1024 * (2 * 4096 + 20 * 512));
}

#[test]
fn sums_that_no_number_holds_do_not_wrap() {
    let need = need(&SMALL, &Load { context: u64::MAX, sequences: u64::MAX, batch: u64::MAX });
    assert_eq!(need.total(), u64::MAX);
    assert!(check(need, Some(u64::MAX - 1)).is_err());
    let nothing = super::need(&Sizes::default(), &Load { context: u64::MAX, sequences: u64::MAX, batch: 1 });
    assert_eq!(nothing.total(), 0);
}

#[test]
fn what_does_not_fit_is_refused_with_sizes() {
    let need = Need { weights: 3 * GIB, cache: GIB / 2, scratch: 1000 };
    let error = check(need, Some(2 * GIB)).unwrap_err().to_string();
    let said = "the model needs 3.5 GiB (weights 3.0 GiB, cache 512.0 MiB, scratch 1000 B), but 2.0 GiB are available";
    assert_eq!(error, said);
    check(need, Some(need.total())).unwrap();
    check(need, None).unwrap();
}

#[test]
fn sizes_are_written_for_people() {
    let written = [0, 1023, 1024, 1536, 1 << 20, u64::MAX].map(|bytes| Bytes(bytes).to_string());
    assert_eq!(written, ["0 B", "1023 B", "1.0 KiB", "1.5 KiB", "1.0 MiB", "16384.0 PiB"]);
}

/// A folder as the root of a system.
struct System(PathBuf);

impl System {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("typewright-memory-{}-{name}", std::process::id()));
        drop(fs::remove_dir_all(&path));
        Self(path).with("proc/meminfo", "MemTotal:  9 kB\nMemAvailable:    4096 kB\n")
    }

    fn with(self, file: &str, text: &str) -> Self {
        let path = self.0.join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
        self
    }

    fn group(self, group: &str, max: &str, current: u64, inactive: u64) -> Self {
        let file = |name: &str| format!("sys/fs/cgroup/{group}/{name}");
        self.with(&file("memory.max"), &format!("{max}\n"))
            .with(&file("memory.current"), &format!("{current}\n"))
            .with(&file("memory.stat"), &format!("anon 5\ninactive_file {inactive}\nactive_file 1\n"))
    }
}

impl Drop for System {
    fn drop(&mut self) {
        drop(fs::remove_dir_all(&self.0));
    }
}

#[test]
fn without_groups_the_estimate_of_the_kernel_counts() {
    let system = System::new("plain");
    assert_eq!(available_under(&system.0), Some(4096 * 1024));
    assert_eq!(available_under(Path::new("/nonexistent/typewright")), None);
}

#[test]
fn the_tightest_group_counts() {
    let system = System::new("groups")
        .with("proc/self/cgroup", "1:name=systemd:/old\n0::/a/b\n")
        .group("a/b", "max", 700, 0)
        .group("a", "1000000", 700_000, 100_000)
        .group("", "9000000000", 0, 0);
    assert_eq!(available_under(&system.0), Some(400_000));
    let full = System::new("full").with("proc/self/cgroup", "0::/\n").group("", "5000", 6000, 0);
    assert_eq!(available_under(&full.0), Some(0));
    let outside = System::new("outside").with("proc/self/cgroup", "0::/../../x\n").group("x", "77", 0, 0);
    assert_eq!(available_under(&outside.0), Some(77));
}

#[test]
#[cfg(target_os = "linux")]
fn this_system_says_something() {
    let available = available().unwrap();
    assert!(available > 1 << 20, "{available}");
}
