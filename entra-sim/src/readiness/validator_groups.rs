//! Tests 14 to 25 and P5 to P7 of the online validator: groups.

use http::Method;
use serde_json::{Value, json};

use super::body::{GROUP, elements, group, patch, patch_one, patch_remove, patch_whole, user};
use super::compare::{has_members, holds};
use super::probe::{Failed, Probe, With, demand, id_of, one};

const USERS: &str = "/Users";
const GROUPS: &str = "/Groups";

fn by_name(display_name: &str) -> String {
    format!("displayName eq \"{display_name}\"")
}

/// As the validator posts one.
fn plain_group(display_name: &str) -> Value {
    json!({"schemas": [GROUP], "displayName": display_name, "externalId": "c1a6a5b0-3f54-4b0e-9b4e-1f7b8d0d9a11"})
}

async fn member(probe: &mut Probe) -> Result<String, Failed> {
    probe.create_id(USERS, &user(&Probe::user_name())).await
}

/// A group with one member.
struct Filled {
    path: String,
    name: String,
    member: String,
}

async fn filled(probe: &mut Probe) -> Result<Filled, Failed> {
    let (member, name) = (member(probe).await?, Probe::letters());
    let id = probe.create_id(GROUPS, &group(&name, &[&member])).await?;
    let path = one(GROUPS, &id);
    // Without a member, a group that is shown without members would prove nothing.
    has_members(&probe.read(&path).await?, &[&member])?;
    Ok(Filled { path, name, member })
}

fn shown_without_members(found: &Value, name: &str) -> Result<(), Failed> {
    holds(
        &json!({"displayName": name, "meta": {"resourceType": "Group"}}),
        found,
    )?;
    demand(found.get("members").is_none(), || {
        "members are there, and were to be left out".to_owned()
    })
}

fn is_at(found: &Value, path: &str) -> Result<(), Failed> {
    demand(one(GROUPS, &id_of(found)) == path, || {
        "the filter found another group".to_owned()
    })
}

pub(super) async fn test_14(probe: &mut Probe) -> Result<(), Failed> {
    let Filled { path, name, .. } = filled(probe).await?;
    let found = probe
        .read(&format!("{path}?excludedAttributes=members"))
        .await?;
    shown_without_members(&found, &name)
}

pub(super) async fn test_15(probe: &mut Probe) -> Result<(), Failed> {
    let Filled { path, name, .. } = filled(probe).await?;
    let found = probe
        .find_one_with(GROUPS, &by_name(&name), "excludedAttributes=members&")
        .await?;
    is_at(&found, &path)?;
    shown_without_members(&found, &name)
}

pub(super) async fn test_16(probe: &mut Probe) -> Result<(), Failed> {
    let Filled { path, name, member } = filled(probe).await?;
    probe
        .create_id(GROUPS, &group(&Probe::letters(), &[]))
        .await?;
    let found = probe.find_one(GROUPS, &by_name(&name)).await?;
    is_at(&found, &path)?;
    has_members(&found, &[&member])
}

pub(super) async fn test_17(probe: &mut Probe) -> Result<(), Failed> {
    filled(probe).await?;
    probe.find_none(GROUPS, &by_name(&Probe::letters())).await
}

pub(super) async fn test_18(probe: &mut Probe) -> Result<(), Failed> {
    let Filled { path, name, .. } = filled(probe).await?;
    let found = probe
        .find_one(GROUPS, &by_name(&name.to_lowercase()))
        .await?;
    is_at(&found, &path)
}

pub(super) async fn test_19(probe: &mut Probe) -> Result<(), Failed> {
    let name = Probe::letters();
    let sent = plain_group(&name);
    let created = probe.create(GROUPS, &sent).await?;
    holds(&sent, &created)?;
    holds(&json!({"meta": {"resourceType": "Group"}}), &created)?;
    holds(&sent, &probe.find_one(GROUPS, &by_name(&name)).await?)
}

pub(super) async fn test_20(probe: &mut Probe) -> Result<(), Failed> {
    let name = Probe::letters();
    probe.create(GROUPS, &plain_group(&name)).await?;
    for again in [name.clone(), name.to_lowercase()] {
        let answer = probe.post(GROUPS, &group(&again, &[])).await?;
        demand(answer.status == 409, || {
            format!(
                "POST /Groups with the displayName {again} of another group must be answered 409, and was answered {}",
                answer.status
            )
        })?;
    }
    probe.find_one(GROUPS, &by_name(&name)).await?;
    Ok(())
}

pub(super) async fn test_21(probe: &mut Probe) -> Result<(), Failed> {
    let Filled { path, name, member } = filled(probe).await?;
    let external_id = json!({"externalId": "663fa3a8-e2b6-4ac0-96c8-363432cdc01d"});
    let after = probe
        .patched(&path, &patch_whole("replace", &external_id))
        .await?;
    holds(&external_id, &after)?;
    holds(&json!({"displayName": name}), &after)?;
    has_members(&after, &[&member])
}

pub(super) async fn test_22(probe: &mut Probe) -> Result<(), Failed> {
    let Filled { path, name, member } = filled(probe).await?;
    let renamed = Probe::letters();
    let body = patch_whole("replace", &json!({"displayName": renamed}));
    let after = probe.patched(&path, &body).await?;
    holds(&json!({"displayName": renamed}), &after)?;
    has_members(&after, &[&member])?;
    is_at(
        &probe
            .find_one(GROUPS, &by_name(&renamed.to_lowercase()))
            .await?,
        &path,
    )?;
    probe.find_none(GROUPS, &by_name(&name)).await
}

pub(super) async fn test_23(probe: &mut Probe) -> Result<(), Failed> {
    let id = probe
        .create_id(GROUPS, &plain_group(&Probe::letters()))
        .await?;
    let member = member(probe).await?;
    let body = patch_one("replace", "members", &elements(&[&member]));
    let after = probe.patched(&one(GROUPS, &id), &body).await?;
    has_members(&after, &[&member])
}

pub(super) async fn test_24(probe: &mut Probe) -> Result<(), Failed> {
    let id = probe
        .create_id(GROUPS, &plain_group(&Probe::letters()))
        .await?;
    let path = one(GROUPS, &id);
    let (first, second, third) = (
        member(probe).await?,
        member(probe).await?,
        member(probe).await?,
    );
    let all = elements(&[&first, &second, &third]);
    let after = probe
        .patched(&path, &patch_one("replace", "members", &all))
        .await?;
    has_members(&after, &[&first, &second, &third])?;
    let by_filter = patch_remove(&format!("members[value eq \"{first}\"]"));
    let after = probe.patched(&path, &by_filter).await?;
    has_members(&after, &[&second, &third])?;
    // As Entra itself removes one.
    let by_value = patch_one("Remove", "members", &elements(&[&second]));
    let after = probe.patched(&path, &by_value).await?;
    has_members(&after, &[&third])
}

pub(super) async fn test_25(probe: &mut Probe) -> Result<(), Failed> {
    let Filled { path, name, member } = filled(probe).await?;
    probe.remove(&path).await?;
    probe.is_gone(&path).await?;
    let body = patch_one("replace", "displayName", &json!("Gone"));
    probe
        .must(With::Token, &Method::PATCH, &path, Some(&body), 404)
        .await?;
    probe.find_none(GROUPS, &by_name(&name)).await?;
    let member = probe.read(&one(USERS, &member)).await?;
    demand(
        member["groups"].as_array().is_none_or(Vec::is_empty),
        || "the member is still in the group that was deleted".to_owned(),
    )
}

pub(super) async fn test_p5(probe: &mut Probe) -> Result<(), Failed> {
    let id = probe
        .create_id(GROUPS, &plain_group(&Probe::letters()))
        .await?;
    let member = member(probe).await?;
    let operations = json!([
        {"op": "add", "path": "members", "value": [{"value": member}]},
        {"op": "remove", "path": format!("members[value eq \"{member}\"]")},
    ]);
    let after = probe
        .patched(&one(GROUPS, &id), &patch(&operations))
        .await?;
    has_members(&after, &[])
}

pub(super) async fn test_p6(probe: &mut Probe) -> Result<(), Failed> {
    for id in ["00000000-0000-4000-8000-000000000000", "not-even-a-uuid"] {
        let path = one(GROUPS, id);
        probe
            .must(With::Token, &Method::DELETE, &path, None, 404)
            .await?;
    }
    Ok(())
}

pub(super) async fn test_p7(probe: &mut Probe) -> Result<(), Failed> {
    let id = probe
        .create_id(GROUPS, &plain_group(&Probe::letters()))
        .await?;
    let path = one(GROUPS, &id);
    probe.remove(&path).await?;
    probe
        .must(With::Token, &Method::DELETE, &path, None, 404)
        .await?;
    Ok(())
}
