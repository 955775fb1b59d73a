//! Clocks and what the system says of this process: processor time, memory, load.

use std::fs;

use nix::sys::resource::{Resource, Usage, UsageWho, getrlimit, getrusage, setrlimit};
use nix::time::{ClockId, clock_gettime};

/// Nanoseconds of a clock that all processes of this machine share.
pub fn monotonic() -> u64 {
    nanoseconds(ClockId::CLOCK_MONOTONIC)
}

/// Nanoseconds of processor time that this process has used.
pub fn processor() -> u64 {
    nanoseconds(ClockId::CLOCK_PROCESS_CPUTIME_ID)
}

/// Seconds of processor time that programs started from here, and theirs, have used; those that have ended.
pub fn processor_of_children() -> f64 {
    let seconds = |usage: Usage| {
        let (user, system) = (usage.user_time(), usage.system_time());
        (user.tv_sec() + system.tv_sec()) as f64 + (user.tv_usec() + system.tv_usec()) as f64 / 1e6
    };
    getrusage(UsageWho::RUSAGE_CHILDREN).map_or(0.0, seconds)
}

/// How many kilobytes of memory this process holds now.
pub fn resident_kb() -> u64 {
    status("VmRSS")
}

/// How many kilobytes of memory this process held at most.
pub fn peak_kb() -> u64 {
    status("VmHWM")
}

/// The load of the machine over the last minute. A number far above zero before a run spoils it.
pub fn load() -> f64 {
    let text = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split(' ').next().and_then(|load| load.parse().ok()).unwrap_or(f64::NAN)
}

/// Allows this process as many open files as the system lets it have.
pub fn raise_file_limit() {
    if let Ok((_, most)) = getrlimit(Resource::RLIMIT_NOFILE) {
        // If it is refused, connecting fails and says so.
        let _ = setrlimit(Resource::RLIMIT_NOFILE, most, most);
    }
}

fn nanoseconds(clock: ClockId) -> u64 {
    clock_gettime(clock).map_or(0, |time| time.tv_sec() as u64 * 1_000_000_000 + time.tv_nsec() as u64)
}

fn status(name: &str) -> u64 {
    let text = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    line.and_then(|line| line.split_ascii_whitespace().next()?.parse().ok()).unwrap_or(0)
}
