//! What the gallery's templates send to an endpoint directly.

use std::collections::HashSet;

use http::Method;
use serde_json::{Map, Value, json};

use super::body::{
    ENTERPRISE, GROUP, MANAGER, USER, below, patch, patch_one, patch_whole, user, verbose,
};
use super::compare::{holds, is_empty, read};
use super::probe::{Failed, Probe, With, demand, id_of, one};

const USERS: &str = "/Users";
const GROUPS: &str = "/Groups";

fn direct_name() -> String {
    format!("direct-{}@test.com", Probe::letters().to_lowercase())
}

/// All groups of the templates have one `externalId`, and two tests run at the same time.
fn direct_group(display_name: &str) -> Value {
    json!({"schemas": [GROUP], "displayName": display_name, "externalId": "placeholder-extid"})
}

pub(super) async fn validate_credentials(probe: &mut Probe) -> Result<(), Failed> {
    let path = "/Users?startIndex=1&count=1";
    for _ in 0..2 {
        let (resources, list) = probe.list(path).await?;
        demand(resources.len() <= 1, || {
            format!("count=1 was answered with {} users", resources.len())
        })?;
        demand(
            list["startIndex"].is_null() || list["startIndex"] == 1,
            || format!("startIndex must be 1, and is {}", list["startIndex"]),
        )?;
        // With somebody to show as well.
        probe.create(USERS, &user(&direct_name())).await?;
    }
    for with in [With::WrongToken, With::NoToken] {
        probe.must(with, &Method::GET, path, None, 401).await?;
    }
    Ok(())
}

/// What the templates clear: all that is mapped and neither required, a reference, a matching attribute nor a boolean.
fn clearable() -> Vec<String> {
    let plain = below(
        "",
        &[
            "displayName",
            "title",
            "preferredLanguage",
            "nickName",
            "userType",
            "locale",
            "timezone",
            "profileUrl",
        ],
    );
    let name = below("name.", &["formatted", "familyName", "givenName"]);
    let address = below(
        "addresses[type eq \"work\"].",
        &[
            "formatted",
            "streetAddress",
            "locality",
            "region",
            "postalCode",
            "country",
        ],
    );
    let phone = ["work", "mobile", "fax"]
        .into_iter()
        .map(|kind| format!("phoneNumbers[type eq \"{kind}\"].value"));
    let mail = std::iter::once("emails[type eq \"work\"].value".to_owned());
    let enterprise = ["employeeNumber", "department"]
        .into_iter()
        .map(|name| format!("{ENTERPRISE}:{name}"));
    plain
        .chain(name)
        .chain(address)
        .chain(phone)
        .chain(mail)
        .chain(enterprise)
        .collect()
}

fn each(op: &str, value: &Value) -> Value {
    let values: Vec<_> = clearable()
        .into_iter()
        .map(|path| (path, value.clone()))
        .collect();
    verbose(op, &values)
}

/// The non-verbose form: value paths stay apart, the rest is one operation without a path.
fn together(value: &Value) -> Value {
    let (value_paths, plain): (Vec<_>, Vec<_>) =
        clearable().into_iter().partition(|path| path.contains('['));
    let mut operations: Vec<Value> = value_paths
        .iter()
        .map(|path| json!({"op": "replace", "path": path, "value": value}))
        .collect();
    let object: Map<String, Value> = plain
        .into_iter()
        .map(|path| (path, value.clone()))
        .collect();
    operations.push(json!({"op": "replace", "value": object}));
    patch(&json!(operations))
}

pub(super) async fn null_update(probe: &mut Probe) -> Result<(), Failed> {
    let id = probe.create_id(USERS, &user(&direct_name())).await?;
    let path = one(USERS, &id);
    for value in [json!(""), json!(null)] {
        for clearing in [each("replace", &value), together(&value)] {
            let full = probe
                .patched(&path, &each("add", &json!("upd-1a2b3c4d")))
                .await?;
            for at in clearable() {
                let found = read(&full, &at)?;
                demand(found == "upd-1a2b3c4d", || {
                    format!("{at} was added and is {found}")
                })?;
            }
            let cleared = probe.patched(&path, &clearing).await?;
            for at in clearable() {
                let found = read(&cleared, &at)?;
                demand(is_empty(found), || {
                    format!("{at} was set to {value} and is {found}")
                })?;
            }
        }
    }
    Ok(())
}

pub(super) async fn user_create(probe: &mut Probe) -> Result<(), Failed> {
    let name = direct_name();
    let sent = json!({
        "schemas": [USER, ENTERPRISE],
        "userName": name,
        "externalId": name,
        "active": true,
        "displayName": "value-1a",
        "name": {"givenName": "value-2b", "familyName": "value-3c"},
        "emails": [{"type": "work", "primary": true, "value": "value-4d"}],
        "addresses": [{"type": "work", "primary": true, "formatted": "value-5e", "country": "value-6f"}],
        "roles": [{"type": "True", "primary": true, "value": "value-7a"}],
        ENTERPRISE: {"employeeNumber": "value-8b", "department": "value-9c"},
    });
    let created = probe.create(USERS, &sent).await?;
    let found = probe
        .find_one(USERS, &format!("userName eq \"{name}\""))
        .await?;
    demand(found["id"] == created["id"], || {
        "the filter found another user".to_owned()
    })?;
    holds(&sent, &found)
}

pub(super) async fn user_update(probe: &mut Probe) -> Result<(), Failed> {
    let id = probe.create_id(USERS, &user(&direct_name())).await?;
    let path = one(USERS, &id);
    let mut targets = clearable();
    targets.extend(["userName", "externalId"].map(str::to_owned));
    for target in &targets {
        // Whatever the attribute is, the templates send such a value.
        let value = json!(format!("upd-{}", Probe::letters().to_lowercase()));
        let after = probe
            .patched(&path, &patch_one("replace", target, &value))
            .await?;
        let found = read(&after, target)?;
        demand(found == &value, || {
            format!("{target} was set to {value} and is {found}")
        })?;
    }
    Ok(())
}

pub(super) async fn update_manager(probe: &mut Probe) -> Result<(), Failed> {
    let user_id = probe.create_id(USERS, &user(&direct_name())).await?;
    let first = probe.create_id(USERS, &user(&direct_name())).await?;
    let second = probe.create_id(USERS, &user(&direct_name())).await?;
    let path = one(USERS, &user_id);
    for (op, manager) in [("Add", &first), ("Replace", &second)] {
        let after = probe
            .patched(&path, &patch_one(op, MANAGER, &json!(manager)))
            .await?;
        holds(
            &json!({ENTERPRISE: {"manager": {"value": manager}}}),
            &after,
        )?;
        for filter in [
            format!("id eq \"{user_id}\" and manager eq \"{manager}\""),
            format!("manager eq \"{manager}\" and id eq \"{user_id}\""),
            format!("{ENTERPRISE}:manager.value eq \"{manager}\""),
        ] {
            let found = probe.find_one(USERS, &filter).await?;
            demand(id_of(&found) == user_id, || {
                format!("{filter} found another user")
            })?;
        }
    }
    let of_first = format!("id eq \"{user_id}\" and manager eq \"{first}\"");
    probe.find_none(USERS, &of_first).await?;
    let after = probe
        .patched(&path, &patch_one("Replace", MANAGER, &json!("")))
        .await?;
    let left = &after[ENTERPRISE]["manager"]["value"];
    demand(is_empty(left), || {
        format!("the manager must be gone, and is {left}")
    })?;
    probe
        .find_none(USERS, &format!("manager eq \"{second}\""))
        .await
}

pub(super) async fn group_create(probe: &mut Probe) -> Result<(), Failed> {
    let (first, second) = (Probe::letters(), Probe::letters());
    let other = probe.create_id(GROUPS, &direct_group(&first)).await?;
    let sent = direct_group(&second);
    let created = probe.create(GROUPS, &sent).await?;
    demand(id_of(&created) != other, || {
        "two groups have one id".to_owned()
    })?;
    let found = probe
        .find_one(GROUPS, &format!("displayName eq \"{second}\""))
        .await?;
    demand(found["id"] == created["id"], || {
        "the filter found another group".to_owned()
    })?;
    holds(&sent, &found)?;
    let sharing = probe
        .find(GROUPS, "externalId eq \"placeholder-extid\"")
        .await?;
    demand(sharing.len() >= 2, || {
        format!(
            "the filter on externalId must find both groups, and found {}",
            sharing.len()
        )
    })
}

pub(super) async fn group_update(probe: &mut Probe) -> Result<(), Failed> {
    let id = probe
        .create_id(GROUPS, &direct_group(&Probe::letters()))
        .await?;
    let names: [String; 3] = std::array::from_fn(|_| Probe::letters());
    let external: [String; 2] = std::array::from_fn(|_| Probe::letters());
    let each = json!([
        {"op": "replace", "path": "displayName", "value": names[0]},
        {"op": "replace", "path": "externalId", "value": external[0]},
    ]);
    let together = json!({"displayName": names[1], "externalId": external[1]});
    let alone = patch_one("replace", "displayName", &json!(names[2]));
    for (body, name, external_id) in [
        (patch(&each), &names[0], &external[0]),
        (patch_whole("replace", &together), &names[1], &external[1]),
        (alone, &names[2], &external[1]),
    ] {
        let after = probe.patched(&one(GROUPS, &id), &body).await?;
        holds(
            &json!({"displayName": name, "externalId": external_id}),
            &after,
        )?;
        let found = probe
            .find_one(GROUPS, &format!("displayName eq \"{name}\""))
            .await?;
        demand(id_of(&found) == id, || {
            "the filter found another group".to_owned()
        })?;
    }
    Ok(())
}

pub(super) async fn user_pagination(probe: &mut Probe) -> Result<(), Failed> {
    // The templates give all of them one mail address.
    let mail = format!("{}@test.com", Probe::letters().to_lowercase());
    for _ in 0..12 {
        let mut user = user(&direct_name());
        user["emails"] = json!([{"type": "work", "value": mail}]);
        probe.create(USERS, &user).await?;
    }
    pages(probe, USERS, 12).await
}

pub(super) async fn group_pagination(probe: &mut Probe) -> Result<(), Failed> {
    for _ in 0..11 {
        probe
            .create(GROUPS, &direct_group(&Probe::letters()))
            .await?;
    }
    pages(probe, GROUPS, 11).await
}

/// Reads three pages of five, twice. There may be others beside those that were made.
async fn pages(probe: &mut Probe, collection: &str, made: u64) -> Result<(), Failed> {
    let mut passes = Vec::new();
    for _ in 0..2 {
        let mut seen = Vec::new();
        for start in [1, 6, 11] {
            let (resources, list) = probe
                .list(&format!("{collection}?startIndex={start}&count=5"))
                .await?;
            let total = list["totalResults"].as_u64().unwrap_or_default();
            demand(total >= made, || {
                format!("totalResults is {total} and {made} were made")
            })?;
            demand(list["startIndex"] == start, || {
                format!("startIndex must be {start}, and is {}", list["startIndex"])
            })?;
            demand(list["itemsPerPage"] == resources.len(), || {
                format!(
                    "itemsPerPage is {} and there are {}",
                    list["itemsPerPage"],
                    resources.len()
                )
            })?;
            let wanted = total.saturating_sub(start - 1).min(5);
            demand(resources.len() as u64 == wanted, || {
                format!(
                    "the page from {start} must have {wanted}, and has {}",
                    resources.len()
                )
            })?;
            seen.extend(resources.iter().map(id_of));
        }
        let distinct: HashSet<&String> = seen.iter().collect();
        demand(distinct.len() == seen.len(), || {
            "a resource is on two pages".to_owned()
        })?;
        passes.push(seen);
    }
    demand(passes[0] == passes[1], || {
        "the pages of a second reading differ from those of the first".to_owned()
    })?;
    let (none, list) = probe.list(&format!("{collection}?count=0")).await?;
    demand(
        none.is_empty() && list["totalResults"].as_u64() >= Some(made),
        || "count=0 must be answered with totalResults and no resource".to_owned(),
    )
}
