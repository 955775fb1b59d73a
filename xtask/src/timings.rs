//! `gen --timings`: where the time of a run went, as a table, as JSON, and as a page.

use std::fs;
use std::path::PathBuf;

use serde_json::{Value, json};
use typewright_codegen::timings::{Timings, page};

use crate::generate::Ended;
use crate::{Failure, paths};

/// Prints the table, unless JSON is printed, and writes the page.
pub fn report(timings: &Timings, ended: &Ended, is_json: bool) -> Result<(), Failure> {
    let path = write_page(timings, ended)?;
    if is_json {
        return Ok(());
    }
    println!("{:<12} {:>6} {:>10} {:>10} {:>12}", "stage", "laps", "ms", "kB", "allocations");
    for (stage, total) in timings.totals() {
        let (ms, kb) = (total.took.as_secs_f64() * 1e3, total.bytes as f64 / 1e3);
        println!("{stage:<12} {:>6} {ms:>10.2} {kb:>10.1} {:>12}", total.laps, total.allocations);
    }
    for (name, value) in facts(timings, ended) {
        println!("{name}: {value}");
    }
    println!("timeline: {}", path.display());
    Ok(())
}

/// The same for machines.
pub fn json(timings: &Timings, ended: &Ended) -> Value {
    let stages: Vec<Value> = timings
        .totals()
        .into_iter()
        .map(|(stage, total)| {
            json!({
                "stage": stage, "laps": total.laps, "seconds": total.took.as_secs_f64(), "bytes": total.bytes,
                "allocations": total.allocations,
            })
        })
        .collect();
    json!({
        "stages": stages, "cache_hits": ended.kept, "files": ended.files, "peak_memory_bytes": peak_memory(),
        "seconds": timings.elapsed().as_secs_f64(),
    })
}

fn facts(timings: &Timings, ended: &Ended) -> Vec<(&'static str, String)> {
    let memory = peak_memory()
        .map_or_else(|| "unknown on this system".to_owned(), |bytes| format!("{:.1} MB", bytes as f64 / 1e6));
    vec![
        ("whole", format!("{:.2} ms", timings.elapsed().as_secs_f64() * 1e3)),
        ("kept by the cache", format!("{} of {} files", ended.kept, ended.files)),
        ("peak memory", memory),
    ]
}

fn write_page(timings: &Timings, ended: &Ended) -> Result<PathBuf, Failure> {
    let path = paths::target().join("typewright").join("timings.html");
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    fs::write(&path, page(timings, &facts(timings, ended)))?;
    Ok(path)
}

/// The most memory that was ever in use, where the system tells.
fn peak_memory() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok().map(|kb| kb * 1024)
}
