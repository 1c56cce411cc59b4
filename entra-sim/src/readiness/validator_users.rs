//! Tests 1 to 13 and P1 to P4 of the online validator: users.

use http::Method;
use serde_json::{Value, json};

use super::body::{
    ENTERPRISE, MANAGER, patch, patch_one, patch_remove, patch_whole, user, values, verbose,
    whole_user,
};
use super::compare::{holds, is_empty, read};
use super::probe::{Failed, Probe, With, demand, id_of, one};

const USERS: &str = "/Users";

fn by_name(user_name: &str) -> String {
    format!("userName eq \"{user_name}\"")
}

/// Makes a user with all attributes: the path, the name, and what was sent.
async fn whole(probe: &mut Probe) -> Result<(String, String, Value), Failed> {
    let name = Probe::user_name();
    let sent = whole_user(&name);
    let id = probe.create_id(USERS, &sent).await?;
    Ok((one(USERS, &id), name, sent))
}

/// Makes a user of whom only the name is known: the path.
async fn bare(probe: &mut Probe) -> Result<String, Failed> {
    let id = probe.create_id(USERS, &user(&Probe::user_name())).await?;
    Ok(one(USERS, &id))
}

/// Everything that was written is read, and no list has grown.
fn written(after: &Value, values: &[(String, Value)]) -> Result<(), Failed> {
    for (path, value) in values {
        let found = read(after, path)?;
        demand(found == value, || {
            format!("{path} was set to {value} and is {found}")
        })?;
    }
    for (attribute, count) in [
        ("emails", 1),
        ("addresses", 1),
        ("phoneNumbers", 3),
        ("roles", 1),
    ] {
        let elements = after[attribute].as_array().map_or(0, Vec::len);
        demand(elements == count, || {
            format!("{attribute} must have {count} elements, and has {elements}")
        })?;
    }
    Ok(())
}

fn is(after: &Value, attribute: &str, wanted: &Value) -> Result<(), Failed> {
    demand(&after[attribute] == wanted, || {
        format!("{attribute} must be {wanted}, and is {}", after[attribute])
    })
}

fn manager(after: &Value) -> &Value {
    &after[ENTERPRISE]["manager"]["value"]
}

pub(super) async fn test_1(probe: &mut Probe) -> Result<(), Failed> {
    let name = Probe::user_name();
    let sent = whole_user(&name);
    let created = probe.create(USERS, &sent).await?;
    holds(&sent, &created)?;
    let found = probe.find_one(USERS, &by_name(&name)).await?;
    holds(&sent, &found)?;
    demand(found["id"] == created["id"], || {
        "the list shows another id than the create answered".to_owned()
    })
}

pub(super) async fn test_2(probe: &mut Probe) -> Result<(), Failed> {
    let (_, name, sent) = whole(probe).await?;
    for again in [sent, user(&name.to_lowercase())] {
        let answer = probe.post(USERS, &again).await?;
        demand(answer.status == 409, || {
            format!(
                "POST /Users with the userName {} of another user must be answered 409, and was answered {}",
                again["userName"], answer.status
            )
        })?;
        demand(answer.body["scimType"] == "uniqueness", || {
            format!(
                "the 409 must have the scimType uniqueness, and has {}",
                answer.body["scimType"]
            )
        })?;
    }
    probe.find_one(USERS, &by_name(&name)).await?;
    Ok(())
}

pub(super) async fn test_3(probe: &mut Probe) -> Result<(), Failed> {
    let (path, name, _) = whole(probe).await?;
    bare(probe).await?;
    let found = probe.find_one(USERS, &by_name(&name)).await?;
    demand(one(USERS, &id_of(&found)) == path, || {
        "the filter found another user".to_owned()
    })?;
    holds(
        &json!({"schemas": whole_user(&name)["schemas"], "meta": {"resourceType": "User"}}),
        &found,
    )
}

pub(super) async fn test_4(probe: &mut Probe) -> Result<(), Failed> {
    whole(probe).await?;
    probe.find_none(USERS, &by_name(&Probe::user_name())).await
}

pub(super) async fn test_5(probe: &mut Probe) -> Result<(), Failed> {
    let (path, name, _) = whole(probe).await?;
    let swapped: String = name.chars().map(swap_case).collect();
    let found = probe.find_one(USERS, &by_name(&swapped)).await?;
    demand(one(USERS, &id_of(&found)) == path, || {
        "the filter found another user".to_owned()
    })
}

fn swap_case(letter: char) -> char {
    if letter.is_ascii_lowercase() {
        letter.to_ascii_uppercase()
    } else {
        letter.to_ascii_lowercase()
    }
}

pub(super) async fn test_6(probe: &mut Probe) -> Result<(), Failed> {
    let (path, name, _) = whole(probe).await?;
    let values = values(&Probe::letters());
    let after = probe.patched(&path, &verbose("replace", &values)).await?;
    written(&after, &values)?;
    is(&after, "userName", &json!(name))
}

pub(super) async fn test_7(probe: &mut Probe) -> Result<(), Failed> {
    let (path, name, _) = whole(probe).await?;
    let renamed = Probe::user_name();
    let body = patch_whole("replace", &json!({"userName": renamed}));
    let after = probe.patched(&path, &body).await?;
    is(&after, "userName", &json!(renamed))?;
    probe
        .find_one(USERS, &by_name(&renamed.to_uppercase()))
        .await?;
    probe.find_none(USERS, &by_name(&name)).await
}

pub(super) async fn test_8(probe: &mut Probe) -> Result<(), Failed> {
    let (path, name, _) = whole(probe).await?;
    let after = probe
        .patched(&path, &patch_one("replace", "active", &json!(false)))
        .await?;
    is(&after, "active", &json!(false))?;
    is(
        &probe.find_one(USERS, &by_name(&name)).await?,
        "active",
        &json!(false),
    )
}

pub(super) async fn test_9(probe: &mut Probe) -> Result<(), Failed> {
    let path = bare(probe).await?;
    let values = values(&Probe::letters());
    let after = probe.patched(&path, &verbose("add", &values)).await?;
    written(&after, &values)
}

pub(super) async fn test_10(probe: &mut Probe) -> Result<(), Failed> {
    let path = bare(probe).await?;
    let wanted = json!(Probe::letters());
    let body = patch_one("add", MANAGER, &json!({"value": wanted}));
    let after = probe.patched(&path, &body).await?;
    demand(manager(&after) == &wanted, || {
        format!("the manager must be {wanted}, and is {}", manager(&after))
    })?;
    holds(&json!({"schemas": [ENTERPRISE]}), &after)
}

pub(super) async fn test_11(probe: &mut Probe) -> Result<(), Failed> {
    let (path, _, sent) = whole(probe).await?;
    let wanted = json!(Probe::letters());
    let body = patch_one("replace", MANAGER, &json!({"value": wanted}));
    let after = probe.patched(&path, &body).await?;
    demand(manager(&after) == &wanted, || {
        format!("the manager must be {wanted}, and is {}", manager(&after))
    })?;
    let department = json!({"department": sent[ENTERPRISE]["department"]});
    holds(&json!({ENTERPRISE: department}), &after)
}

pub(super) async fn test_12(probe: &mut Probe) -> Result<(), Failed> {
    let emptied = patch_one("replace", MANAGER, &json!({"value": ""}));
    for removal in [emptied, patch_remove(MANAGER)] {
        let (path, _, _) = whole(probe).await?;
        let after = probe.patched(&path, &removal).await?;
        demand(is_empty(manager(&after)), || {
            format!("the manager must be gone, and is {}", manager(&after))
        })?;
    }
    Ok(())
}

pub(super) async fn test_13(probe: &mut Probe) -> Result<(), Failed> {
    let (path, name, _) = whole(probe).await?;
    probe.remove(&path).await?;
    probe.is_gone(&path).await?;
    let body = patch_one("replace", "active", &json!(false));
    probe
        .must(With::Token, &Method::PATCH, &path, Some(&body), 404)
        .await?;
    probe.find_none(USERS, &by_name(&name)).await
}

pub(super) async fn test_p1(probe: &mut Probe) -> Result<(), Failed> {
    let (path, _, _) = whole(probe).await?;
    let operations = json!([
        {"op": "remove", "path": "preferredLanguage"},
        {"op": "add", "path": "externalId", "value": "added"},
        {"op": "replace", "path": "displayName", "value": "replaced"},
    ]);
    let after = probe.patched(&path, &patch(&operations)).await?;
    demand(is_empty(&after["preferredLanguage"]), || {
        "preferredLanguage was removed, and is there".to_owned()
    })?;
    is(&after, "externalId", &json!("added"))?;
    is(&after, "displayName", &json!("replaced"))
}

pub(super) async fn test_p2(probe: &mut Probe) -> Result<(), Failed> {
    let (path, _, _) = whole(probe).await?;
    let replaced_last = json!([
        {"op": "remove", "path": "displayName"},
        {"op": "add", "path": "displayName", "value": "first"},
        {"op": "replace", "path": "displayName", "value": "last"},
    ]);
    let after = probe.patched(&path, &patch(&replaced_last)).await?;
    is(&after, "displayName", &json!("last"))?;
    let removed_last = json!([
        {"op": "add", "path": "displayName", "value": "again"},
        {"op": "remove", "path": "displayName"},
    ]);
    let after = probe.patched(&path, &patch(&removed_last)).await?;
    demand(is_empty(&after["displayName"]), || {
        "displayName was removed, and is there".to_owned()
    })
}

pub(super) async fn test_p3(probe: &mut Probe) -> Result<(), Failed> {
    for id in ["00000000-0000-4000-8000-000000000000", "not-even-a-uuid"] {
        let path = one(USERS, id);
        probe
            .must(With::Token, &Method::DELETE, &path, None, 404)
            .await?;
    }
    Ok(())
}

pub(super) async fn test_p4(probe: &mut Probe) -> Result<(), Failed> {
    let (path, _, _) = whole(probe).await?;
    probe.remove(&path).await?;
    probe
        .must(With::Token, &Method::DELETE, &path, None, 404)
        .await?;
    Ok(())
}
