//! Many clients change the members of one group at the same time.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::support::{
    ScimClient,
    bodies::{elements, group, patch, patch_one, patch_remove, user},
    in_both_dialects,
};

const CLIENTS: usize = 64;

/// The accounts that all clients contend for.
#[derive(Clone)]
struct Shared {
    /// The group's path.
    group: String,
    /// Added by everybody.
    coming: String,
    /// A member before, removed by everybody.
    leaving: String,
}

/// What a client was answered, and whom of its own accounts it left in the group.
struct Outcome {
    statuses: Vec<u16>,
    members: Vec<String>,
}

in_both_dialects! {
    async fn sixty_four_clients_change_one_group_and_no_change_is_lost(scim: ScimClient) {
        let untouched = scim.create_id(&user("untouched@contoso.com")).await;
        let coming = scim.create_id(&user("coming@contoso.com")).await;
        let leaving = scim.create_id(&user("leaving@contoso.com")).await;
        let id = scim.create_group(&group("Engineering", &[&untouched, &leaving])).await;
        let shared = Shared { group: format!("/Groups/{id}"), coming: coming.clone(), leaving };

        let mut clients = JoinSet::new();
        for number in 0..CLIENTS {
            clients.spawn(client(number, scim.clone(), shared.clone()));
        }
        let outcomes = clients.join_all().await;

        let statuses: BTreeSet<u16> = outcomes.iter().flat_map(|outcome| outcome.statuses.clone()).collect();
        assert_eq!(statuses, BTreeSet::from([204]), "every request succeeds");
        let mut model: BTreeSet<String> = outcomes.into_iter().flat_map(|outcome| outcome.members).collect();
        model.extend([untouched.clone(), coming.clone()]);
        let found = scim.members(&id).await;
        assert_eq!(found.len(), model.len());
        assert_eq!(BTreeSet::from_iter(found), model);
        for member in [untouched, coming] {
            assert_eq!(scim.read(&member).await["groups"][0]["value"], id);
        }
    }
}

/// Adds and removes accounts of its own and the shared ones, in every form of a request.
async fn client(number: usize, scim: ScimClient, shared: Shared) -> Outcome {
    let mut own = Vec::new();
    for name in ["first", "second", "third"] {
        let name = format!("{name}-{number}@contoso.com");
        own.push(scim.create_id(&user(&name)).await);
    }
    let [first, second, third] = &own[..] else {
        unreachable!("three were made")
    };
    let Shared {
        group,
        coming,
        leaving,
    } = &shared;
    let mut requests = vec![
        patch_one("add", "members", &elements(&[first, coming])),
        patch_one("Add", "members", &json!([{"$ref": null, "value": second}])),
        patch_one("Remove", "members", &elements(&[first, leaving])),
        both(&[third, coming], leaving),
        patch_remove(&format!("members[value eq \"{second}\"]")),
        patch_one("Add", "members", &elements(&[first])),
        both(&[second], second),
    ];
    let mut members = vec![first.clone(), third.clone()];
    if number % 2 == 1 {
        requests.push(patch_remove(&format!("members[value eq \"{third}\"]")));
        members.pop();
    }
    let mut statuses = Vec::new();
    for request in &requests {
        statuses.push(scim.patch(group, request).await.status);
    }
    Outcome { statuses, members }
}

/// Adds some and removes one in one request, in this order.
fn both(added: &[&str], removed: &str) -> Value {
    patch(&json!([
        {"op": "Add", "path": "members", "value": elements(added)},
        {"op": "Remove", "path": "members", "value": elements(&[removed])},
    ]))
}
