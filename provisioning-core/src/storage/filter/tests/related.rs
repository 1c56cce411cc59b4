//! Who is in which group: a filter over it means the same in memory, in SQLite and in PostgreSQL, whatever nests, circles or is deleted.

use std::{cell::RefCell, collections::BTreeMap, env};

use proptest::{prelude::*, test_runner::TestRunner};

use super::*;
use crate::attributes::fold::fold;

/// How many filters are compared; more with the environment variable `PROPERTY_MEMBERSHIP_FILTERS`.
const CASES: u32 = 300;
const FILTERS_PER_CASE: u32 = 6;
const ACCOUNTS: usize = 4;
const GROUPS: usize = 4;
/// The names of accounts, then of groups.
const NAMES: [&str; ACCOUNTS + GROUPS] = ["a", "É", "ab", "%", "b", "İ", "a_", "\\"];

fn id(index: usize) -> Uuid {
    Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0000 + index as u128)
}

const fn kind(index: usize) -> &'static str {
    if index < ACCOUNTS { "User" } else { "Group" }
}

const ENDPOINT: &str = "https://p.example/scim/contoso/v2";

/// The address of a resource, as if it were of that kind.
fn address(kind: &str, index: usize) -> String {
    format!("{ENDPOINT}/{kind}s/{}", id(index))
}

/// Memberships and who is deleted, by index.
#[derive(Clone, Debug)]
struct World {
    members: BTreeSet<(usize, usize)>,
    deleted: BTreeSet<usize>,
}

impl World {
    fn is_there(&self, index: usize) -> bool {
        !self.deleted.contains(&index)
    }

    fn element(index: usize, of_type: &str) -> Value {
        json!({
            "value": id(index).to_string(), "$ref": address(kind(index), index), "type": fold(of_type), "display": fold(NAMES[index])
        })
    }

    fn groups_of(&self, index: usize) -> impl Iterator<Item = usize> {
        self.members
            .iter()
            .filter(move |(group, member)| *member == index && self.is_there(*group))
            .map(|(group, _)| *group)
    }

    /// As it is filtered in memory.
    fn search(&self, index: usize) -> Map {
        let (name, elements): (_, Vec<Value>) = if index < ACCOUNTS {
            let mut found: BTreeMap<usize, &str> = self
                .groups_of(index)
                .map(|group| (group, "direct"))
                .collect();
            let mut open: Vec<usize> = found.keys().copied().collect();
            while let Some(group) = open.pop() {
                for outer in self.groups_of(group) {
                    if let std::collections::btree_map::Entry::Vacant(new) = found.entry(outer) {
                        new.insert("indirect");
                        open.push(outer);
                    }
                }
            }
            let elements = found
                .into_iter()
                .map(|(group, kind)| Self::element(group, kind));
            ("groups", elements.collect())
        } else {
            let members = self
                .members
                .iter()
                .filter(|(group, member)| *group == index && self.is_there(*member));
            (
                "members",
                members
                    .map(|(_, member)| Self::element(*member, kind(*member)))
                    .collect(),
            )
        };
        let mut search = Map::from_iter([
            ("id".to_owned(), json!(id(index).to_string())),
            ("displayName".to_owned(), json!(fold(NAMES[index]))),
        ]);
        if !elements.is_empty() {
            search.insert(name.to_owned(), Value::Array(elements));
        }
        search
    }
}

/// Stores a world; the same texts for both engines.
macro_rules! store {
    ($connection:expr, $world:expr, $json:literal) => {
        for (index, name) in NAMES.iter().enumerate() {
            let sql = if index < ACCOUNTS {
                concat!(
                    "INSERT INTO accounts (tenant_id, id, user_name, user_name_key, object_id_exclusive, directory_active, protected, managed, \
                     version, created_at, updated_at, deleted_at, display_name, display_name_key, document, search) \
                     VALUES ($1, $2, $3, 'login' || $3, FALSE, TRUE, FALSE, TRUE, 1, 0, 0, $5, $3, $4, '{}', ", $json, ")"
                )
            } else {
                concat!(
                    "INSERT INTO groups (tenant_id, id, display_name, display_name_key, version, created_at, updated_at, deleted_at, document, search) \
                     VALUES ($1, $2, $3, $4, 1, 0, 0, $5, '{}', ", $json, ")"
                )
            };
            sqlx::query(AssertSqlSafe(sql))
                .bind(TENANT)
                .bind(id(index))
                .bind(*name)
                .bind(fold(name))
                .bind($world.deleted.contains(&index).then_some(1_i64))
                .execute(&mut *$connection)
                .await
                .expect("it is new");
        }
        for (group, member) in &$world.members {
            // Another tenant's memberships of the same ids must never be found.
            for (tenant, member) in [(TENANT, *member), (Uuid::from_u128(8), (*member + 1) % NAMES.len())] {
                sqlx::query("INSERT INTO group_members (tenant_id, group_id, member_id, member_type, added_at) VALUES ($1, $2, $3, $4, 0) ON CONFLICT DO NOTHING")
                    .bind(tenant)
                    .bind(id(*group))
                    .bind(id(member))
                    .bind(kind(member))
                    .execute(&mut *$connection)
                    .await
                    .expect("it is new");
            }
        }
    };
}

macro_rules! found {
    ($connection:expr, $engine:expr, $table:literal, $columns:expr, $filter:expr) => {{
        let compiled = compile($filter, $engine, $columns, 2);
        let sql = format!(
            concat!(
                "SELECT a.id FROM ",
                $table,
                " a WHERE a.tenant_id = $1 AND a.deleted_at IS NULL AND {}"
            ),
            compiled.sql
        );
        let query = bind_all!(
            sqlx::query(AssertSqlSafe(sql)).bind(TENANT),
            &compiled.binds
        );
        let rows = query
            .fetch_all(&mut *$connection)
            .await
            .unwrap_or_else(|error| panic!("{error}: {} for {}", compiled.sql, $filter));
        rows.iter()
            .map(|row| row.get::<Uuid, _>(0))
            .collect::<BTreeSet<_>>()
    }};
}

impl Engines {
    fn store_world(&mut self, world: &World) {
        self.empty(&["accounts", "groups", "group_members"]);
        let Self {
            runtime,
            sqlite,
            postgres,
            ..
        } = self;
        runtime.block_on(async {
            store!(sqlite, world, "'{}'");
            store!(postgres, world, "'{}'::jsonb");
        });
    }

    /// Accounts by a filter of users, groups by one of groups.
    fn find(&mut self, filter: &Filter, of_groups: bool) -> [BTreeSet<Uuid>; 2] {
        let Self {
            runtime,
            sqlite,
            postgres,
            ..
        } = self;
        runtime.block_on(async {
            if of_groups {
                let columns = Columns::groups("$1");
                [
                    found!(sqlite, Engine::Sqlite, "groups", &columns, filter),
                    found!(postgres, Engine::Postgres, "groups", &columns, filter),
                ]
            } else {
                let columns = Columns::accounts("$1");
                [
                    found!(sqlite, Engine::Sqlite, "accounts", &columns, filter),
                    found!(postgres, Engine::Postgres, "accounts", &columns, filter),
                ]
            }
        })
    }
}

fn world() -> impl Strategy<Value = World> {
    let member = (ACCOUNTS..ACCOUNTS + GROUPS, 0..ACCOUNTS + GROUPS);
    let members = prop::collection::btree_set(member, 0..14);
    let deleted = prop::collection::btree_set(0..ACCOUNTS + GROUPS, 0..3);
    (members, deleted).prop_map(|(members, deleted)| World { members, deleted })
}

/// A filter over `LIST`, which stands for the list's name.
fn filter_text() -> BoxedStrategy<String> {
    let text = |part: &'static str| {
        let values: Vec<String> = match part {
            "type" => ["User", "group", "direct", "Indirect", "d"]
                .map(str::to_owned)
                .to_vec(),
            "display" => NAMES.map(str::to_owned).to_vec(),
            "$ref" => (0..NAMES.len())
                .flat_map(|index| ["User", "Group"].map(|kind| address(kind, index)))
                .chain(["/Groups/", "rs/0190", ENDPOINT, "0190", "z"].map(str::to_owned))
                .collect(),
            _ => (0..NAMES.len())
                .map(|index| id(index).to_string())
                .chain(["0190".to_owned()])
                .collect(),
        };
        let operators =
            prop_oneof![3 => Just(Operator::Eq), 2 => prop::sample::select(Operator::ALL.to_vec())];
        (operators, prop::sample::select(values)).prop_map(move |(operator, value)| {
            format!("{part} {} {}", operator.as_str(), quoted(&value))
        })
    };
    let part = || prop_oneof![2 => text("value"), 2 => text("type"), 2 => text("display"), 2 => text("$ref"), 1 => Just("display pr".to_owned()), 1 => Just("$ref pr".to_owned())];
    let within = part().prop_recursive(2, 6, 3, |inner| {
        prop_oneof![
            3 => prop::collection::vec(inner.clone(), 2..4).prop_map(|parts| format!("({})", parts.join(" and "))),
            2 => prop::collection::vec(inner.clone(), 2..4).prop_map(|parts| format!("({})", parts.join(" or "))),
            1 => inner.prop_map(|part| format!("not ({part})")),
        ]
    });
    let bare = text("").prop_map(|part| format!("LIST{part}"));
    let leaf = prop_oneof![
        3 => part().prop_map(|part| format!("LIST.{part}")),
        3 => within.prop_map(|within| format!("LIST[{within}]")),
        1 => bare,
        1 => Just("LIST pr".to_owned()),
        1 => text("displayName"),
    ];
    leaf.prop_recursive(2, 6, 3, |inner| {
        prop_oneof![
            3 => prop::collection::vec(inner.clone(), 2..4).prop_map(|parts| format!("({})", parts.join(" and "))),
            2 => prop::collection::vec(inner.clone(), 2..4).prop_map(|parts| format!("({})", parts.join(" or "))),
            1 => inner.prop_map(|part| format!("not ({part})")),
        ]
    })
    .boxed()
}

#[test]
fn a_filter_over_memberships_finds_the_same_in_memory_in_sqlite_and_in_postgresql() {
    let filters: u32 = env::var("PROPERTY_MEMBERSHIP_FILTERS")
        .ok()
        .map_or(CASES, |cases| {
            cases
                .parse()
                .expect("PROPERTY_MEMBERSHIP_FILTERS is a number")
        });
    let engines = RefCell::new(Engines::start("related"));
    let mut runner = TestRunner::new(ProptestConfig {
        cases: filters.div_ceil(FILTERS_PER_CASE),
        failure_persistence: None,
        max_shrink_iters: 200,
        ..ProptestConfig::default()
    });
    let hits = std::cell::Cell::new(0_u32);
    let input = (
        world(),
        prop::collection::vec(filter_text(), FILTERS_PER_CASE as usize),
    );
    let result = runner.run(&input, |(world, filters)| {
        let mut engines = engines.borrow_mut();
        engines.store_world(&world);
        for text in filters {
            for (list, schema, rows) in [
                ("groups", ResourceSchema::user(), 0..ACCOUNTS),
                (
                    "members",
                    ResourceSchema::group(),
                    ACCOUNTS..ACCOUNTS + GROUPS,
                ),
            ] {
                let text = text.replace("LIST", list);
                let filter =
                    filter::parse(&text, schema).unwrap_or_else(|error| panic!("{error}: {text}"));
                let there: Vec<usize> = rows.filter(|index| world.is_there(*index)).collect();
                let expected: BTreeSet<Uuid> = there
                    .iter()
                    .filter(|index| filter::evaluate(&filter, &world.search(**index)))
                    .map(|index| id(*index))
                    .collect();
                let located = filter.located(ENDPOINT, &schema.resource_type);
                let [sqlite, postgres] = engines.find(&located, list == "members");
                prop_assert_eq!(&sqlite, &expected, "SQLite: {}", text);
                prop_assert_eq!(&postgres, &expected, "PostgreSQL: {}", text);
                hits.set(
                    hits.get() + u32::from(!expected.is_empty() && expected.len() < there.len()),
                );
            }
        }
        Ok(())
    });
    result.unwrap_or_else(|error| panic!("{error}"));
    println!(
        "{filters} filters over each list: {} tell resources apart",
        hits.get()
    );
    assert!(
        hits.get() * 10 >= filters,
        "{} of {} filters tell resources apart",
        hits.get(),
        2 * filters
    );
}
