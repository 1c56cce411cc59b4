//! The templates' test of `/Schemas`: names of target attributes are made of it as Microsoft makes them, and every attribute that a job maps
//! must be among them.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::support::{
    bodies::{ENTERPRISE, GROUP, USER},
    in_both_dialects,
};

/// The targets for users: those of the default mapping, and those that are free in its template.
fn user_targets() -> BTreeSet<String> {
    let plain = [
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
    ]
    .map(str::to_owned);
    let name = [
        "formatted",
        "familyName",
        "givenName",
        "middleName",
        "honorificPrefix",
        "honorificSuffix",
    ]
    .map(|sub| format!("name.{sub}"));
    let emails = ["work", "home", "other"].map(|kind| format!("emails[type eq \"{kind}\"].value"));
    let phones = ["work", "mobile", "fax", "home", "other", "pager"]
        .map(|kind| format!("phoneNumbers[type eq \"{kind}\"].value"));
    let addresses = ["work", "home", "other"].into_iter().flat_map(|kind| {
        [
            "formatted",
            "streetAddress",
            "locality",
            "region",
            "postalCode",
            "country",
        ]
        .map(|sub| format!("addresses[type eq \"{kind}\"].{sub}"))
    });
    let roles = ["display", "type", "value"].map(|sub| format!("roles[primary eq \"True\"].{sub}"));
    let enterprise = [
        "employeeNumber",
        "department",
        "costCenter",
        "organization",
        "division",
        "manager",
    ]
    .map(|name| format!("{ENTERPRISE}:{name}"));
    plain
        .into_iter()
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
    value.as_str().expect("a text")
}

/// Every attribute tells all of itself, in camel case, and nothing is null.
fn assert_complete(attribute: &Value) {
    for name in [
        "name",
        "type",
        "description",
        "mutability",
        "returned",
        "uniqueness",
    ] {
        assert!(attribute[name].is_string(), "{name} of {attribute:#}");
    }
    for name in ["multiValued", "required", "caseExact"] {
        assert!(attribute[name].is_boolean(), "{name} of {attribute:#}");
    }
    assert_eq!(
        attribute["type"] == "complex",
        attribute["subAttributes"].is_array(),
        "{attribute:#}"
    );
    let fields = attribute.as_object().expect("an object");
    for (name, value) in fields {
        assert!(
            !value.is_null() && name.starts_with(char::is_lowercase),
            "{name} of {attribute:#}"
        );
    }
    elements(&attribute["subAttributes"]).for_each(assert_complete);
}

in_both_dialects! {
    async fn schema_discoverability(scim: ScimClient) {
        let found = scim.get("/Schemas").await.expect(200).body;
        let schema = |urn: &str| {
            let mut with_urn = elements(&found["Resources"]).filter(|schema| schema["id"] == urn);
            let schema = with_urn.next().unwrap_or_else(|| panic!("{urn} is not published"));
            assert!(with_urn.next().is_none(), "{urn} is published twice");
            elements(&schema["attributes"]).for_each(assert_complete);
            schema
        };
        let mut users = flattened(schema(USER), "");
        users.extend(flattened(schema(ENTERPRISE), &format!("{ENTERPRISE}:")));
        let missing: Vec<_> = user_targets().difference(&users).cloned().collect();
        assert!(missing.is_empty(), "cannot be mapped: {missing:?}");

        let groups = flattened(schema(GROUP), "");
        for target in ["displayname", "externalid", "members"] {
            assert!(groups.contains(target), "{target} is not in {groups:?}");
        }
    }
}
