//! What a definition may say, and what it is told when it may not.

use super::*;

const URN: &str = "urn:ietf:params:scim:schemas:extension:Contoso:2.0:User";

fn attribute(name: &str, kind: &str) -> AttributeDefinition {
    AttributeDefinition {
        name: name.to_owned(),
        kind: kind.to_owned(),
        ..AttributeDefinition::default()
    }
}

fn definition(attributes: Vec<AttributeDefinition>) -> Definition {
    Definition {
        id: URN.to_owned(),
        resource_type: "User".to_owned(),
        attributes,
        ..Definition::default()
    }
}

/// The fields at fault.
fn faults(definition: &Definition) -> Vec<String> {
    match definition.parse("schema") {
        Ok(_) => Vec::new(),
        Err(refusal) => {
            assert_eq!(refusal.reason, Reason::InvalidRequest);
            let more = refusal.more.into_iter();
            refusal
                .field
                .into_iter()
                .chain(more.map(|(field, _)| field))
                .collect()
        }
    }
}

fn fault_of(attribute: AttributeDefinition) -> Vec<String> {
    faults(&definition(vec![attribute]))
        .iter()
        .map(|field| field.trim_start_matches("schema.attributes[0].").to_owned())
        .collect()
}

#[test]
fn a_plain_definition_has_the_defaults_of_the_rfc() {
    let (schema, extends) = definition(vec![attribute("costCode", "")])
        .parse("schema")
        .expect("it is valid");
    let attribute = &schema.attributes[0];
    assert_eq!(extends, Extended::User);
    assert_eq!(
        (attribute.kind, attribute.mutability, attribute.returned),
        (Type::String, Mutability::ReadWrite, Returned::Default)
    );
    assert!(!attribute.case_exact && !schema.built_in);
}

#[test]
fn every_type_can_be_defined() {
    let mut attributes: Vec<_> = Type::ALL
        .into_iter()
        .map(|kind| attribute(kind.as_str(), kind.as_str()))
        .collect();
    attributes[6].reference_types = vec!["external".to_owned()];
    attributes[7].multi_valued = true;
    attributes[7].sub_attributes = vec![attribute("value", ""), attribute("primary", "boolean")];
    let (schema, _) = definition(attributes).parse("schema").expect("it is valid");
    let kinds: Vec<_> = schema
        .attributes
        .iter()
        .map(|attribute| attribute.kind)
        .collect();
    assert_eq!(kinds, Type::ALL);
    assert!(schema.attributes[6].case_exact, "references are");
}

#[test]
fn a_urn_is_one_of_the_tenants_own() {
    for good in [URN, "urn:contoso:ext", "URN:x:1.0:y_z-Q"] {
        let definition = Definition {
            id: good.to_owned(),
            ..definition(vec![attribute("a", "")])
        };
        assert_eq!(faults(&definition), Vec::<String>::new(), "{good}");
    }
    let long = format!("urn:x:{}", "y".repeat(URN_CHARS_MAX));
    for bad in [
        "",
        "urn",
        "urn:x",
        "urn:x:",
        "urn::x",
        "x:y:z",
        "urn:x:a b",
        "urn:x:\"",
        "urn:x:[",
        "urn:x:y.",
        "urn:é:x",
        &long,
        "urn:ietf:params:scim:schemas:core:2.0:Robot",
        "urn:IETF:params:scim:api:messages:2.0:X",
    ] {
        let definition = Definition {
            id: bad.to_owned(),
            ..definition(vec![attribute("a", "")])
        };
        assert_eq!(faults(&definition), ["schema.id"], "{bad}");
    }
}

#[test]
fn urns_collide_where_a_path_could_mean_either() {
    for (one, other) in [
        (URN, URN),
        ("urn:x:y", "URN:X:Y"),
        ("urn:x:y", "urn:x:y:z"),
        ("urn:x:y.z", "urn:x:y"),
    ] {
        assert!(collide(one, other), "{one} {other}");
    }
    assert!(!collide("urn:x:y", "urn:x:yz") && !collide("urn:x:y:z", "urn:x:y-z"));
}

#[test]
fn a_name_is_that_of_the_rfc() {
    for good in ["a", "costCode", "a-b_c$1"] {
        assert_eq!(
            fault_of(attribute(good, "")),
            Vec::<String>::new(),
            "{good}"
        );
    }
    let long = "x".repeat(NAME_CHARS_MAX + 1);
    for bad in ["", "1a", "a.b", "a b", "$ref", "é", &long] {
        assert_eq!(fault_of(attribute(bad, "")), ["name"], "{bad}");
    }
}

#[test]
fn words_are_those_of_the_rfc() {
    let with = |change: fn(&mut AttributeDefinition)| {
        let mut attribute = attribute("a", "");
        change(&mut attribute);
        fault_of(attribute)
    };
    assert_eq!(
        with(|attribute| attribute.kind = "text".to_owned()),
        ["type"]
    );
    assert_eq!(
        with(|attribute| attribute.mutability = "readonly".to_owned()),
        ["mutability"]
    );
    assert_eq!(
        with(|attribute| attribute.returned = "sometimes".to_owned()),
        ["returned"]
    );
    for returned in Returned::ALL {
        let attribute = AttributeDefinition {
            returned: returned.as_str().to_owned(),
            ..attribute("a", "")
        };
        assert_eq!(fault_of(attribute), Vec::<String>::new(), "{returned:?}");
    }
    assert_eq!(
        with(|attribute| attribute.uniqueness = "server".to_owned()),
        ["uniqueness"]
    );
    assert_eq!(
        with(|attribute| attribute.description = "a\u{202e}b".to_owned()),
        ["description"]
    );
}

#[test]
fn what_contradicts_itself_is_refused() {
    let with = |change: fn(&mut AttributeDefinition)| {
        let mut attribute = attribute("a", "");
        change(&mut attribute);
        fault_of(attribute)
    };
    assert_eq!(
        with(|attribute| {
            attribute.mutability = "readOnly".to_owned();
            attribute.required = true;
        }),
        ["required"]
    );
    assert_eq!(
        with(|attribute| {
            attribute.mutability = "writeOnly".to_owned();
            attribute.returned = "default".to_owned();
        }),
        ["returned"]
    );
    assert_eq!(
        with(|attribute| {
            attribute.mutability = "immutable".to_owned();
            attribute.returned = "never".to_owned();
        }),
        ["returned"]
    );
    assert_eq!(
        with(|attribute| attribute.kind = "reference".to_owned()),
        ["reference_types"]
    );
    assert_eq!(
        with(|attribute| attribute.reference_types = vec!["User".to_owned()]),
        ["reference_types"]
    );
    assert_eq!(
        with(|attribute| attribute.canonical_values = vec!["x".to_owned(), "x".to_owned()]),
        ["canonical_values"]
    );
    assert_eq!(
        with(|attribute| attribute.kind = "complex".to_owned()),
        ["sub_attributes"]
    );
}

#[test]
fn parts_are_simple_and_one_level_deep() {
    let complex = |multi_valued, sub: AttributeDefinition| {
        fault_of(AttributeDefinition {
            multi_valued,
            sub_attributes: vec![sub],
            ..attribute("rooms", "complex")
        })
    };
    assert_eq!(complex(true, attribute("$ref", "")), Vec::<String>::new());
    assert_eq!(
        complex(true, attribute("x", "complex")),
        ["sub_attributes[0].type"]
    );
    assert_eq!(
        complex(true, attribute("Value", "")),
        ["sub_attributes[0].name"]
    );
    assert_eq!(
        complex(true, attribute("primary", "")),
        ["sub_attributes[0]"]
    );
    assert_eq!(
        complex(false, attribute("primary", "boolean")),
        ["sub_attributes[0]"]
    );
    let list = AttributeDefinition {
        multi_valued: true,
        ..attribute("x", "")
    };
    assert_eq!(complex(true, list), ["sub_attributes[0].multi_valued"]);
}

#[test]
fn every_fault_is_told_at_once_up_to_a_bound() {
    let several = Definition {
        id: "x".to_owned(),
        resource_type: "Robot".to_owned(),
        ..definition(vec![
            attribute("1", ""),
            attribute("a", "x"),
            attribute("A", ""),
        ])
    };
    assert_eq!(
        faults(&several),
        [
            "schema.id",
            "schema.resource_type",
            "schema.attributes[0].name",
            "schema.attributes[1].type",
            "schema.attributes[2].name"
        ]
    );
    let many = definition(vec![attribute("1", "x"); ATTRIBUTES_MAX]);
    assert_eq!(faults(&many).len(), FAULTS_MAX);
}

#[test]
fn a_definition_is_bounded() {
    let many = |count: usize| {
        (0..count)
            .map(|number| attribute(&format!("a{number}"), ""))
            .collect::<Vec<_>>()
    };
    assert_eq!(
        faults(&definition(many(ATTRIBUTES_MAX))),
        Vec::<String>::new()
    );
    assert_eq!(
        faults(&definition(many(ATTRIBUTES_MAX + 1))),
        ["schema.attributes"]
    );
    assert_eq!(faults(&definition(Vec::new())), ["schema.attributes"]);
    let wide = AttributeDefinition {
        sub_attributes: many(SUB_ATTRIBUTES_MAX + 1),
        ..attribute("a", "complex")
    };
    assert_eq!(fault_of(wide), ["sub_attributes"]);
    let mut large = definition(many(ATTRIBUTES_MAX));
    for attribute in &mut large.attributes {
        attribute.description = "x".repeat(DESCRIPTION_CHARS_MAX);
    }
    assert_eq!(faults(&large), ["schema"]);
}

#[test]
fn the_type_of_what_stays_stays() {
    let parse = |definition: &Definition| definition.parse("schema").expect("it is valid").0;
    let old = parse(&definition(vec![
        attribute("a", "integer"),
        attribute("b", ""),
    ]));
    let kept = |new: &Definition| {
        check_kept(&old.attributes, &parse(new).attributes, "at")
            .map_err(|refusal| refusal.field.expect("it has one"))
    };
    assert_eq!(
        kept(&definition(vec![
            attribute("A", "integer"),
            attribute("c", "boolean")
        ])),
        Ok(())
    );
    assert_eq!(
        kept(&definition(vec![attribute("A", "decimal")])),
        Err("at[0].type".to_owned())
    );
    let list = AttributeDefinition {
        multi_valued: true,
        ..attribute("b", "")
    };
    assert_eq!(
        kept(&definition(vec![list])),
        Err("at[0].multi_valued".to_owned())
    );
}
