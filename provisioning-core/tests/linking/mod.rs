//! The campaign of linking: random sequences of what the directory and admins do to two tenants, with Object IDs, logins and ids drawn from one
//! hostile pool, against a plain model. After each step everything is compared, and what must hold whatever the model says is checked beside it.

mod model;
mod play;
mod steps;

use proptest::test_runner::{Config, TestRunner};

use self::play::Stage;
use crate::storage::Fixture;

/// How many sequences are played on SQLite; more with the environment variable `PROPERTY_LINKING`.
const SEQUENCES: u32 = 96;
/// One in so many is played on PostgreSQL as well, whose flushes take longer.
const POSTGRES_SHARE: u32 = 8;
/// Sequences in one database: with many tenants in it, but not without end.
const SEQUENCES_PER_DATABASE: u32 = 500;
/// Databases in which sequences are played at the same time.
const WORKERS: u32 = 2;

fn sequences() -> u32 {
    std::env::var("PROPERTY_LINKING").map_or(SEQUENCES, |count| {
        count.parse().expect("PROPERTY_LINKING is a number")
    })
}

fn campaign<F: Future<Output = Fixture>>(count: u32, engine: fn() -> F) {
    let workers = WORKERS.min(count);
    std::thread::scope(|scope| {
        for worker in 0..workers {
            let share = count / workers + u32::from(worker < count % workers);
            scope.spawn(move || play_all(share, engine));
        }
    });
}

fn play_all<F: Future<Output = Fixture>>(count: u32, engine: fn() -> F) {
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
            max_shrink_iters: 400,
            ..Config::default()
        });
        let played = runner.run(&steps::sequence(), |sequence| {
            runtime.block_on(stage.play(&sequence))
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

#[test]
fn sequences_of_linking_do_what_the_model_says_on_sqlite() {
    campaign(sequences(), Fixture::sqlite);
}

#[test]
fn sequences_of_linking_do_what_the_model_says_on_postgres() {
    campaign(sequences().div_ceil(POSTGRES_SHARE), Fixture::postgres);
}
