//! The campaign of linking: random sequences of what the directory, services and admins do to two tenants, with Object IDs, logins and ids drawn
//! from one hostile pool.
//!
//! One play has everybody act one after the other, against a plain model: after each step everything is compared, and what must hold whatever the
//! model says is checked beside it. The other has them act at the same time: then that alone is checked.

mod asked;
mod crowd;
mod model;
mod play;
mod steps;

use proptest::{
    strategy::Strategy,
    test_runner::{Config, TestCaseResult, TestRunner},
};

use self::play::Stage;
use crate::storage::Fixture;

/// How many sequences are played on SQLite; more with the environment variable `PROPERTY_LINKING`.
const SEQUENCES: u32 = 96;
/// One in so many is played on PostgreSQL as well, whose flushes take longer.
const POSTGRES_SHARE: u32 = 8;
/// One in so many is played as a crowd.
const CROWD_SHARE: u32 = 4;
/// Sequences in one database: with many tenants in it, but not without end.
const SEQUENCES_PER_DATABASE: u32 = 500;
/// Databases in which sequences are played at the same time.
const WORKERS: u32 = 2;
/// The whole service is in each step, without a network between its parts: unoptimised, its frames need more than the 2 MiB of a thread.
const STACK_BYTES: usize = 16 << 20;
/// What goes wrong in a crowd may go right the next time: to look for a shorter one would find another failure, or none.
const CROWD_SHRINK_ITERS: u32 = 0;
const SHRINK_ITERS_MAX: u32 = 400;

fn sequences() -> u32 {
    std::env::var("PROPERTY_LINKING").map_or(SEQUENCES, |count| {
        count.parse().expect("PROPERTY_LINKING is a number")
    })
}

/// Plays in databases of one engine.
fn campaign<F, S>(
    count: u32,
    engine: fn() -> F,
    sequences: fn() -> S,
    max_shrink_iters: u32,
    play: impl AsyncFn(&Stage, &S::Value) + Copy + Send + Sync,
) where
    F: Future<Output = Fixture>,
    S: Strategy,
{
    let workers = WORKERS.min(count);
    std::thread::scope(|scope| {
        for worker in 0..workers {
            let share = count / workers + u32::from(worker < count % workers);
            let work = move || play_all(share, engine, &sequences(), max_shrink_iters, &play);
            let thread = std::thread::Builder::new().stack_size(STACK_BYTES);
            thread.spawn_scoped(scope, work).expect("a thread");
        }
    });
}

fn play_all<F, S>(
    count: u32,
    engine: fn() -> F,
    sequences: &S,
    max_shrink_iters: u32,
    play: &impl AsyncFn(&Stage, &S::Value),
) where
    F: Future<Output = Fixture>,
    S: Strategy,
{
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .expect("a runtime");
    let mut left = count;
    while left > 0 {
        let now = left.min(SEQUENCES_PER_DATABASE);
        let stage = runtime.block_on(async { Stage::new(engine().await).await });
        let mut runner = TestRunner::new(Config {
            cases: now,
            failure_persistence: None,
            max_shrink_iters,
            ..Config::default()
        });
        let played = runner.run(sequences, |sequence| -> TestCaseResult {
            runtime.block_on(play(&stage, &sequence));
            Ok(())
        });
        if let Err(failure) = played {
            panic!("{failure}");
        }
        left -= now;
        // A campaign takes minutes: whoever waits sees that it goes on.
        println!("{} of {count} sequences played", count - left);
        runtime.block_on(async { drop(stage) });
    }
}

fn one_after_the_other<F: Future<Output = Fixture>>(count: u32, engine: fn() -> F) {
    campaign(
        count,
        engine,
        steps::sequence,
        SHRINK_ITERS_MAX,
        Stage::play,
    );
}

fn all_at_once<F: Future<Output = Fixture>>(count: u32, engine: fn() -> F) {
    let count = count.div_ceil(CROWD_SHARE);
    campaign(
        count,
        engine,
        steps::crowd,
        CROWD_SHRINK_ITERS,
        Stage::play_crowd,
    );
}

#[test]
fn sequences_of_linking_do_what_the_model_says_on_sqlite() {
    one_after_the_other(sequences(), Fixture::sqlite);
}

#[test]
fn sequences_of_linking_do_what_the_model_says_on_postgres() {
    one_after_the_other(sequences().div_ceil(POSTGRES_SHARE), Fixture::postgres);
}

#[test]
fn sequences_of_linking_at_the_same_time_break_no_rule_on_sqlite() {
    all_at_once(sequences(), Fixture::sqlite);
}

#[test]
fn sequences_of_linking_at_the_same_time_break_no_rule_on_postgres() {
    all_at_once(sequences().div_ceil(POSTGRES_SHARE), Fixture::postgres);
}
