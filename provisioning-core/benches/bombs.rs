//! What it costs to refuse nested and long filters and paths: shapes that have brought down other parsers, from 16 bytes to 1 MiB, on a thread with
//! a small stack. Fails when one is accepted, takes longer than [`REFUSAL_MAX`], or costs more than [`RATIO_MAX`] times as much when it is twice
//! as long. Started by `cargo xtask bombs`; not one of the tests, which assert no times.

use std::{
    hint::black_box,
    thread,
    time::{Duration, Instant},
};

use provisioning_core::attributes::{filter, path, schema::ResourceSchema};

/// Rust's default for a thread.
const STACK_BYTES: usize = 2 << 20;
const LENGTH_MAX: usize = 1 << 20;
/// The least of so many runs: what is more is the machine's.
const RUNS: usize = 200;
const REFUSAL_MAX: Duration = Duration::from_millis(5);
const RATIO_MAX: f64 = 2.5;
/// Times below it are too short to be compared.
const FLOOR: Duration = Duration::from_micros(1);

/// A text of about so many bytes.
type Shape = fn(usize) -> String;

const SHAPES: [(&str, Shape); 8] = [
    ("nested parentheses", |n| nested("(", "title pr", ")", n)),
    ("nested nots", |n| nested("not(", "title pr", ")", n)),
    ("nested brackets", |n| nested("emails[", "type pr", "]", n)),
    ("a long chain", |n| {
        vec!["title pr"; n / 13 + 2].join(" and ") + " and"
    }),
    ("a long text", |n| format!("title eq \"{}", "x".repeat(n))),
    ("escapes", |n| format!("title eq \"{}", "\\".repeat(n))),
    ("deep, then a bad token", |n| {
        "(not(".repeat(n / 5 + 1) + "]"
    }),
    ("a long name", |n| "a.".repeat(n / 2 + 1) + " pr"),
];

fn nested(open: &str, leaf: &str, close: &str, length: usize) -> String {
    // One bracket is not closed, so that no depth is valid.
    let depth = length / (open.len() + close.len()) + 2;
    open.repeat(depth) + leaf + &close.repeat(depth - 1)
}

/// The least time in which both parsers refuse the text.
fn refusal(text: &str) -> Option<Duration> {
    let schema = ResourceSchema::user();
    let mut least = None;
    for _ in 0..RUNS {
        let started = Instant::now();
        let refused = filter::parse(black_box(text), schema).is_err()
            && path::parse(black_box(text), schema).is_err();
        let took = started.elapsed();
        if !refused {
            return None;
        }
        least = Some(least.map_or(took, |least: Duration| least.min(took)));
    }
    least
}

/// Prints a shape's line and tells what is wrong with it.
fn measure(name: &str, shape: Shape) -> Vec<String> {
    let (mut faults, mut longest, mut steepest) = (Vec::new(), Duration::ZERO, 0_f64);
    let mut before: Option<Duration> = None;
    let mut length = 16;
    while length <= LENGTH_MAX {
        let Some(took) = refusal(&shape(length)) else {
            faults.push(format!("{name}, {length} bytes: accepted"));
            break;
        };
        if let Some(before) = before {
            let ratio = took.max(FLOOR).as_secs_f64() / before.max(FLOOR).as_secs_f64();
            steepest = steepest.max(ratio);
            if ratio > RATIO_MAX {
                faults.push(format!(
                    "{name}, {length} bytes: {ratio:.2} times the cost of half of it"
                ));
            }
        }
        longest = longest.max(took);
        before = Some(took);
        length *= 2;
    }
    if longest > REFUSAL_MAX {
        faults.push(format!("{name}: {longest:?} to refuse"));
    }
    println!("{name:24} longest {longest:>12?}   time(2n)/time(n) at most {steepest:.2}");
    faults
}

fn main() {
    let work = || {
        SHAPES
            .iter()
            .flat_map(|(name, shape)| measure(name, *shape))
            .collect::<Vec<_>>()
    };
    let faults = thread::Builder::new()
        .stack_size(STACK_BYTES)
        .spawn(work)
        .expect("the thread starts")
        .join()
        .expect("no bomb goes off");
    for fault in &faults {
        eprintln!("{fault}");
    }
    std::process::exit(i32::from(!faults.is_empty()));
}
