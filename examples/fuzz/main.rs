//! Damages samples at random and reads them: feeds, pages and dates. It fails on the first input that panics,
//! takes too long, or makes memory grow, and keeps that input.
//!
//! `script/fuzz` builds and runs it.

use clap::Parser as _;
use daily::content::{dates, feed::parse_feed, page::read_page};
use std::{
    error::Error,
    fs,
    panic::catch_unwind,
    path::{Path, PathBuf},
    process::{ExitCode, exit},
    sync::{Arc, Mutex},
    thread,
    time::{Duration, Instant},
};
use url::Url;

/// Longest input, in bytes.
const MAX_BYTES: usize = 200_000;
/// Time after which one input counts as a hang.
const HANG: Duration = Duration::from_secs(10);
/// Bytes of resident memory that are too many.
const MAX_MEMORY: u64 = 1 << 30;
/// Pieces that parsers treat specially.
const PIECES: &[&str] = &[
    "<",
    ">",
    "&",
    "\"",
    "'",
    "</",
    "/>",
    "<!--",
    "-->",
    "<![CDATA[",
    "]]>",
    "<?xml ",
    "?>",
    "<!DOCTYPE x [",
    "<item>",
    "</item>",
    "<entry>",
    "<title>",
    "</title>",
    "<link>",
    "<link href='",
    "<rss>",
    "<feed>",
    "<channel>",
    "<content type='xhtml'>",
    "<p>",
    "<div>",
    "<b>",
    "<table>",
    "<svg>",
    "<script>",
    "<h1>",
    "<time>",
    "&#",
    "&#x",
    "&amp;",
    ";",
    "{",
    "}",
    "[",
    "]",
    ",",
    ":",
    "\\u",
    "\\",
    "\"@graph\":[",
    "\"@id\":\"",
    "xmlns:a='",
    "a:",
    " - ",
    " | ",
    " by ",
    "14 May 2024",
    "10:00",
    "+02:00",
    "T",
    "-",
    "/",
    "999999999999999999999",
    "\u{0}",
    "\u{feff}",
    "\u{301}",
    "é",
    "😀",
];

/// Read damaged samples and look for crashes
#[derive(clap::Parser)]
struct Arguments {
    /// Minutes to run
    #[arg(long, default_value_t = 5.0)]
    minutes: f64,
    /// Seed, to repeat a run
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Longest time for one input, in seconds
    #[arg(long, default_value_t = 2.0)]
    slow: f64,
    /// Folder of samples
    folder: PathBuf,
}

/// The input that is being read, and when reading began.
type Current = Arc<Mutex<Option<(Instant, Vec<u8>)>>>;

fn main() -> Result<ExitCode, Box<dyn Error>> {
    let Arguments { minutes, seed, slow, folder } = Arguments::parse();
    let mut samples = Vec::new();
    collect(&folder, &mut samples)?;
    if samples.is_empty() {
        return Err(format!("no samples in {}", folder.display()).into());
    }
    let current: Current = Arc::default();
    let watched = Arc::clone(&current);
    thread::spawn(move || watch(&watched));
    let mut random = Random(seed.max(1));
    let (begun, mut runs, mut slowest, mut memory) = (Instant::now(), 0_u64, Duration::ZERO, Vec::new());
    let end = begun + Duration::from_secs_f64(minutes * 60.0);
    while Instant::now() < end {
        let input = damaged(&samples, &mut random);
        let started = Instant::now();
        *current.lock().map_err(|error| error.to_string())? = Some((started, input.clone()));
        if catch_unwind(|| read(&input)).is_err() {
            return Ok(failed("panics", &input));
        }
        let took = started.elapsed();
        slowest = slowest.max(took);
        runs += 1;
        if took.as_secs_f64() > slow {
            return Ok(failed(&format!("takes {took:?}"), &input));
        }
        if runs.is_multiple_of(500) {
            let resident = resident_bytes();
            if resident > MAX_MEMORY {
                return Ok(failed("leaves too much memory in use", &input));
            }
            memory.push(resident);
        }
    }
    let mib = |bytes: Option<&u64>| bytes.copied().unwrap_or_default() >> 20;
    println!(
        "{runs} inputs in {:.0} s, no panic; slowest {slowest:?}; memory after 500 inputs {} MiB, at the end {} MiB",
        begun.elapsed().as_secs_f64(),
        mib(memory.first()),
        mib(memory.last()),
    );
    Ok(ExitCode::SUCCESS)
}

/// Collects the files in a folder and its subfolders.
fn collect(folder: &Path, samples: &mut Vec<Vec<u8>>) -> Result<(), Box<dyn Error>> {
    let mut paths: Vec<PathBuf> =
        fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect::<std::io::Result<_>>()?;
    paths.sort();
    for path in paths {
        if path.is_dir() {
            collect(&path, samples)?;
        } else {
            let mut bytes = fs::read(&path)?;
            bytes.truncate(MAX_BYTES);
            samples.push(bytes);
        }
    }
    Ok(())
}

fn read(input: &[u8]) {
    let url = Url::parse("https://harbour.example/s/1").ok();
    let _ = parse_feed(input, None, url.as_ref());
    let _ = read_page(input, Some("text/html"), url.as_ref());
    let text = String::from_utf8_lossy(&input[..input.len().min(4_000)]);
    for line in text.lines().take(20) {
        let _ = dates::parse(line);
    }
}

/// Returns a sample with a few random changes.
fn damaged(samples: &[Vec<u8>], random: &mut Random) -> Vec<u8> {
    let mut input = random.choose(samples).clone();
    for _ in 0..=random.below(8) {
        let at = random.below(input.len() + 1);
        let end = (at + random.below(200)).min(input.len());
        match random.below(8) {
            0 if at < input.len() => input[at] = u8::try_from(random.below(256)).unwrap_or_default(),
            1 => drop(input.drain(at..end)),
            2 => input.truncate(at),
            3 => {
                let part = input[at..end].repeat(1 + random.below(200));
                input.splice(at..at, part);
            }
            4 => {
                let other = random.choose(samples);
                let from = random.below(other.len() + 1);
                let to = (from + random.below(2_000)).min(other.len());
                input.splice(at..end, other[from..to].iter().copied());
            }
            5 => {
                let times = 1 + random.below(3_000);
                let piece = random.choose(PIECES).repeat(times);
                input.splice(at..at, piece.into_bytes());
            }
            _ => {
                let piece = *random.choose(PIECES);
                input.splice(at..at, piece.bytes());
            }
        }
        input.truncate(MAX_BYTES);
    }
    input
}

/// Ends the process if one input takes too long.
fn watch(current: &Current) {
    loop {
        thread::sleep(Duration::from_secs(1));
        let Ok(current) = current.lock() else { exit(1) };
        if let Some((started, input)) = &*current
            && started.elapsed() > HANG
        {
            failed("hangs", input);
            exit(1);
        }
    }
}

/// Keeps the input and says what is wrong with it.
fn failed(problem: &str, input: &[u8]) -> ExitCode {
    let file = std::env::temp_dir().join(format!("daily-fuzz-{}", std::process::id()));
    match fs::write(&file, input) {
        Ok(()) => eprintln!("fuzz: {} {problem}", file.display()),
        Err(error) => eprintln!("fuzz: an input {problem}, and cannot write {}: {error}", file.display()),
    }
    ExitCode::FAILURE
}

/// Returns the memory in use, or 0 where the system doesn't tell.
fn resident_bytes() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<u64>().ok()).unwrap_or_default() << 10
}

/// A small generator (xorshift64), so that a seed repeats a run.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        let limit = u64::try_from(limit).unwrap_or(u64::MAX).max(1);
        usize::try_from(self.0 % limit).unwrap_or_default()
    }

    fn choose<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        &of[self.below(of.len())]
    }
}
