//! CPU and memory of processes, from Linux's /proc.

use std::{fs, process::Command, sync::OnceLock};

/// Returns the CPU seconds of a process so far: all threads, user and system.
pub fn cpu_seconds(pid: u32) -> f64 {
    stat(pid).map_or(0.0, |it| it.own)
}

/// Returns the CPU seconds so far of the PostgreSQL server with this data folder, including past connections.
pub fn cpu_seconds_of_server(data: &std::path::Path) -> f64 {
    let pid_file = fs::read_to_string(data.join("postmaster.pid")).expect("the server runs");
    let server: u32 = pid_file.lines().next().and_then(|line| line.parse().ok()).expect("its process number");
    let of_server = stat(server).map_or(0.0, |it| it.own + it.children_that_ended);
    let living: f64 = fs::read_dir("/proc")
        .expect("Linux has /proc")
        .filter_map(|entry| stat(entry.ok()?.file_name().to_str()?.parse().ok()?))
        .filter(|it| it.parent == server)
        .map(|it| it.own)
        .sum();
    of_server + living
}

/// Returns the peak memory of a process in bytes.
pub fn peak_rss(pid: u32) -> u64 {
    status_bytes(pid, "VmHWM:")
}

/// Returns the current memory of a process in bytes.
pub fn rss(pid: u32) -> u64 {
    status_bytes(pid, "VmRSS:")
}

fn status_bytes(pid: u32, name: &str) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    line.and_then(|rest| rest.split_whitespace().next()?.parse::<u64>().ok()).unwrap_or_default() * 1024
}

struct Stat {
    parent: u32,
    own: f64,
    children_that_ended: f64,
}

/// Parses proc_pid_stat(5). The name in parentheses may contain anything, so fields are counted from the last
/// one.
fn stat(pid: u32) -> Option<Stat> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let fields: Vec<&str> = text[text.rfind(')')? + 1..].split_whitespace().collect();
    let number = |field: usize| fields.get(field - 3)?.parse::<f64>().ok();
    let ticks = ticks_a_second();
    Some(Stat {
        parent: fields.get(1)?.parse().ok()?,
        own: (number(14)? + number(15)?) / ticks,
        children_that_ended: (number(16)? + number(17)?) / ticks,
    })
}

fn ticks_a_second() -> f64 {
    static TICKS: OnceLock<f64> = OnceLock::new();
    *TICKS.get_or_init(|| {
        let said = Command::new("getconf").arg("CLK_TCK").output().expect("getconf is everywhere").stdout;
        String::from_utf8_lossy(&said).trim().parse().expect("a number")
    })
}
