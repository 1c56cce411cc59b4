//! The templates' test of `/Schemas`: names of target attributes are made of it as Microsoft makes them, and every attribute that a job maps must
//! be among them.

use std::collections::BTreeSet;

use serde_json::Value;

use super::body::{ENTERPRISE, GROUP, USER, below};
use super::probe::{Failed, Probe, demand};

const ADDRESS: [&str; 6] = [
    "formatted",
    "streetAddress",
    "locality",
    "region",
    "postalCode",
    "country",
];

/// The targets for users: those of the default mapping, and those that are free in its template.
fn user_targets() -> BTreeSet<String> {
    let plain = below(
        "",
        &[
            "userName",
            "active",
            "externalId",
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
    let name = below(
        "name.",
        &[
            "formatted",
            "familyName",
            "givenName",
            "middleName",
            "honorificPrefix",
            "honorificSuffix",
        ],
    );
    let emails = ["work", "home", "other"]
        .into_iter()
        .map(|kind| format!("emails[type eq \"{kind}\"].value"));
    let phones = ["work", "mobile", "fax", "home", "other", "pager"]
        .into_iter()
        .map(|kind| format!("phoneNumbers[type eq \"{kind}\"].value"));
    let addresses = ["work", "home", "other"]
        .into_iter()
        .flat_map(|kind| ADDRESS.map(|sub| format!("addresses[type eq \"{kind}\"].{sub}")));
    let roles = below("roles[primary eq \"True\"].", &["display", "type", "value"]);
    let enterprise = [
        "employeeNumber",
        "department",
        "costCenter",
        "organization",
        "division",
        "manager",
    ]
    .into_iter()
    .map(|name| format!("{ENTERPRISE}:{name}"));
    plain
        .chain(name)
        .chain(emails)
        .chain(phones)
        .chain(addresses)
        .chain(roles)
        .chain(enterprise)
        .map(|target| target.to_lowercase())
        .collect()
}

/// The targets that a schema makes possible, without regard to case.
fn flattened(schema: &Value, prefix: &str) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for attribute in elements(&schema["attributes"]) {
        let name = format!("{prefix}{}", text(&attribute["name"]));
        let subs: Vec<&str> = elements(&attribute["subAttributes"])
            .map(|sub| text(&sub["name"]))
            .collect();
        let selectors: Vec<String> =
            match (text(&attribute["name"]), attribute["multiValued"] == true) {
                ("manager" | "members", _) => vec![],
                ("roles", _) => vec!["[primary eq \"True\"].".to_owned()],
                (_, false) => vec![".".to_owned()],
                (_, true) => canonical_types(attribute)
                    .map(|kind| format!("[type eq \"{kind}\"]."))
                    .collect(),
            };
        if subs.is_empty() || selectors.is_empty() {
            names.insert(name.to_lowercase());
        }
        for selector in &selectors {
            names.extend(
                subs.iter()
                    .map(|sub| format!("{name}{selector}{sub}").to_lowercase()),
            );
        }
    }
    names
}

fn canonical_types(attribute: &Value) -> impl Iterator<Item = &str> {
    elements(&attribute["subAttributes"])
        .filter(|sub| sub["name"] == "type")
        .flat_map(|kind| elements(&kind["canonicalValues"]))
        .map(text)
}

fn elements(list: &Value) -> impl Iterator<Item = &Value> {
    list.as_array().into_iter().flatten()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// Every attribute tells all of itself, in camel case, and nothing is null.
fn complete(attribute: &Value) -> Result<(), Failed> {
    let name = &attribute["name"];
    for part in [
        "name",
        "type",
        "description",
        "mutability",
        "returned",
        "uniqueness",
    ] {
        demand(attribute[part].is_string(), || {
            format!("the attribute {name} has no {part}")
        })?;
    }
    for part in ["multiValued", "required", "caseExact"] {
        demand(attribute[part].is_boolean(), || {
            format!("the attribute {name} has no {part}")
        })?;
    }
    let is_complex = attribute["type"] == "complex";
    demand(is_complex == attribute["subAttributes"].is_array(), || {
        format!("the attribute {name} must have subAttributes when it is complex, and only then")
    })?;
    for (part, value) in attribute.as_object().into_iter().flatten() {
        demand(
            !value.is_null() && part.starts_with(char::is_lowercase),
            || format!("{part} of the attribute {name} is null, or not written in camel case"),
        )?;
    }
    elements(&attribute["subAttributes"]).try_for_each(complete)
}

/// The one schema of this URN.
fn schema<'v>(found: &'v [Value], urn: &str) -> Result<&'v Value, Failed> {
    let mut with_urn = found.iter().filter(|schema| schema["id"] == urn);
    let schema = with_urn
        .next()
        .ok_or_else(|| Failed::new(format!("{urn} is not published")))?;
    demand(with_urn.next().is_none(), || {
        format!("{urn} is published twice")
    })?;
    elements(&schema["attributes"]).try_for_each(complete)?;
    Ok(schema)
}

pub(super) async fn schema_discoverability(probe: &mut Probe) -> Result<(), Failed> {
    let (found, _) = probe.list("/Schemas").await?;
    let mut users = flattened(schema(&found, USER)?, "");
    users.extend(flattened(
        schema(&found, ENTERPRISE)?,
        &format!("{ENTERPRISE}:"),
    ));
    let missing: Vec<_> = user_targets().difference(&users).cloned().collect();
    demand(missing.is_empty(), || {
        format!(
            "cannot be mapped, because /Schemas has them not: {}",
            missing.join(", ")
        )
    })?;
    let groups = flattened(schema(&found, GROUP)?, "");
    for target in ["displayname", "externalid", "members"] {
        demand(groups.contains(target), || {
            format!("cannot be mapped, because /Schemas has it not: {target} of groups")
        })?;
    }
    Ok(())
}
