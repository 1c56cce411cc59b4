//! What a change of members reads on PostgreSQL, in a database so young that the server has no statistics of it.

use provisioning_core::{accounts::Precondition, attributes::patch::Op, storage::StorageUrl};
use secrecy::ExposeSecret as _;
use serde_json::json;

use super::{create, operation};
use crate::{
    storage::{Fixture, execute, left_alone, rows_read},
    world::{CONTOSO, World, admin},
};

const OTHERS: i64 = 3_000;
const ROUNDS: i64 = 10;
/// Of the table of members, for one change: whether it is there, who is protected, and the row itself.
const READ_IN_A_CHANGE_MAX: i64 = 10;

#[tokio::test]
async fn a_member_comes_and_goes_without_a_look_at_the_others() {
    let fixture = Fixture::postgres().await;
    let StorageUrl::Postgres(url) = &fixture.config.url else {
        panic!("it is PostgreSQL");
    };
    let url = url.expose_secret().to_owned();
    let storage = fixture.storage.clone();
    let world = World::new(fixture).await;
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
    storage.close().await;
    left_alone(&url).await;
    let read = rows_read(&url, "group_members").await - before;
    let changes = 4 * ROUNDS;
    assert!(read >= changes / 4, "the server has counted {read}");
    assert!(
        read <= changes * READ_IN_A_CHANGE_MAX,
        "{read} rows were read"
    );
}
