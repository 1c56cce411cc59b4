//! What a change of members, or of who is protected among them, reads on PostgreSQL, in a database so young that the server has no
//! statistics of it, or wrong ones.

use provisioning_core::{
    accounts::{Act, ActTarget, Precondition},
    attributes::patch::Op,
    storage::StorageUrl,
};
use secrecy::ExposeSecret as _;
use serde_json::json;

use super::{create, operation};
use crate::{
    storage::{Fixture, execute, left_alone, rows_read},
    world::{CONTOSO, World, admin, fresh},
};

const OTHERS: i64 = 3_000;
const ROUNDS: i64 = 10;
/// Of the table of members, for one change: whether it is there, who is protected, and the row itself.
const READ_IN_A_CHANGE_MAX: i64 = 10;

/// A world on PostgreSQL, and where its database is.
async fn young() -> (World, String) {
    let fixture = Fixture::postgres().await;
    let StorageUrl::Postgres(url) = &fixture.config.url else {
        panic!("it is PostgreSQL");
    };
    let url = url.expose_secret().to_owned();
    (World::new(fixture).await, url)
}

/// So many rows of the table were read since it were `before`: some, and no more than a few for each change.
async fn assert_cheap(world: &World, url: &str, table: &str, before: i64, changes: i64) {
    world.storage().close().await;
    left_alone(url).await;
    let read = rows_read(url, table).await - before;
    assert!(read >= changes / 4, "the server has counted {read}");
    assert!(
        read <= changes * READ_IN_A_CHANGE_MAX,
        "{read} rows were read"
    );
}

#[tokio::test]
async fn a_member_comes_and_goes_without_a_look_at_the_others() {
    let (world, url) = young().await;
    let group = create(&world, json!({"displayName": "Everybody"})).await;
    let person = world.create_account("ada", None).await.id;
    let others = format!(
        "INSERT INTO group_members (tenant_id, group_id, member_id, member_type, added_at)
         SELECT tenant_id, id, gen_random_uuid(), 'User', 0 FROM groups CROSS JOIN generate_series(1, {OTHERS})"
    );
    execute(&url, &others).await;
    let callers = [admin(CONTOSO), world.entra().await];
    let before = rows_read(&url, "group_members").await;
    for _ in 0..ROUNDS {
        for call in &callers {
            for op in [Op::Add, Op::Remove] {
                let member = json!([{"value": person.to_string()}]);
                let change = [operation(op, "members", member)];
                let everything = Precondition::default();
                world
                    .core
                    .patch_group(call, group.id, &change, &everything, None)
                    .await
                    .expect("it is changed");
            }
        }
    }
    assert_cheap(&world, &url, "group_members", before, 4 * ROUNDS).await;
}

/// Protects somebody who is in one group of many, again and again.
async fn protect_among_many(statistics: &str) {
    let (world, url) = young().await;
    let person = world.create_account("ada", None).await.id;
    let members = json!([{"value": person.to_string()}]);
    create(
        &world,
        json!({"displayName": "Everybody", "members": members}),
    )
    .await;
    execute(&url, statistics).await;
    let others = format!(
        "INSERT INTO groups (tenant_id, id, display_name, display_name_key, version, created_at, updated_at, document, search)
         SELECT tenant_id, gen_random_uuid(), 'g', 'g', 1, 0, 0, '{{}}', '{{}}' FROM groups CROSS JOIN generate_series(1, {OTHERS})"
    );
    execute(&url, &others).await;
    let before = rows_read(&url, "groups").await;
    for _ in 0..ROUNDS {
        for act in [Act::Protect, Act::Unprotect] {
            let target = ActTarget {
                account_id: person,
                precondition: Precondition::default(),
                reason: String::new(),
            };
            let admin = admin(CONTOSO);
            fresh(world.core.act_on_account(&admin, act, &target, None).await);
        }
    }
    assert_cheap(&world, &url, "groups", before, 2 * ROUNDS).await;
}

#[tokio::test]
async fn who_is_protected_is_so_without_a_look_at_groups_that_they_are_not_in() {
    protect_among_many("SELECT 'no statistics'").await;
}

#[tokio::test]
async fn it_is_so_as_well_where_the_server_remembers_a_tenant_of_one_group() {
    protect_among_many("ANALYZE").await;
}
