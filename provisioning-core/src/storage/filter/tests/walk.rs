//! Every attribute and part of the schema with every operator: a filter that finds an account with all attributes, and one that does not, in
//! memory and on both engines, whatever the spelling of the name.

use super::*;
use crate::attributes::schema::{Attribute, Mutability, Returned, Schema, Type, USER_URN};

/// What every text of the full account is.
const TEXT: &str = "Mid Éx";
/// What every text in the second element of every list is.
const OTHER: &str = "zz";

/// An attribute or a part of one, by the names that stand for it.
struct Named {
    names: Vec<String>,
    kind: Type,
    folds: bool,
    /// Of a list.
    many: bool,
}

fn value(attribute: &Attribute, text: &str) -> Value {
    let one = |text: &str| match attribute.kind {
        Type::Boolean => json!(text == TEXT),
        Type::Complex => attribute
            .sub_attributes
            .iter()
            .map(|sub| (sub.name.clone(), value(sub, text)))
            .collect::<Map>()
            .into(),
        Type::String | Type::Reference | Type::Binary => json!(text),
        Type::Integer | Type::Decimal | Type::DateTime => {
            unreachable!("no attribute of an account that a client may write is one")
        }
    };
    if attribute.multi_valued {
        json!([one(TEXT), one(OTHER)])
    } else {
        one(text)
    }
}

fn is_stored(attribute: &Attribute) -> bool {
    attribute.mutability != Mutability::ReadOnly && attribute.returned != Returned::Never
}

fn object(schema: &Schema) -> Map {
    schema
        .attributes
        .iter()
        .filter(|attribute| is_stored(attribute))
        .map(|attribute| (attribute.name.clone(), value(attribute, TEXT)))
        .collect()
}

fn schemas() -> impl Iterator<Item = &'static Schema> {
    let user = ResourceSchema::user();
    user.extensions
        .iter()
        .chain([&user.core])
        .map(AsRef::as_ref)
}

/// Every name of what has a value of its own: with its URN, in capitals, and as short as may be.
fn with_values() -> Vec<Named> {
    let mut found = Vec::new();
    for schema in schemas() {
        for attribute in schema.attributes.iter().filter(|one| is_stored(one)) {
            let entry = |spellings: &[String], definition: &Attribute| Named {
                names: spellings
                    .iter()
                    .flat_map(|name| {
                        [
                            name.clone(),
                            name.to_uppercase(),
                            format!("{}:{name}", schema.id),
                        ]
                    })
                    .collect(),
                kind: definition.kind,
                folds: definition.folds(),
                many: attribute.multi_valued,
            };
            let name = &attribute.name;
            for sub in attribute.sub_attributes.iter().filter(|sub| is_stored(sub)) {
                let mut spellings = vec![format!("{name}.{}", sub.name)];
                if sub.name == "value" {
                    spellings.push(name.clone());
                }
                found.push(entry(&spellings, sub));
            }
            if attribute.sub_attributes.is_empty() {
                found.push(entry(std::slice::from_ref(name), attribute));
            }
        }
    }
    found
}

/// Of each operator the literals with which it finds the full account, and those with which it does not; none where it cannot be used.
fn literals(named: &Named) -> [(Operator, Vec<String>, Vec<String>); 9] {
    use Operator::{Co, Eq, Ew, Ge, Gt, Le, Lt, Ne, Sw};
    let texts = |hits: &[&str], misses: &[&str]| {
        let quote = |texts: &[&str]| texts.iter().map(|text| quoted(text)).collect::<Vec<_>>();
        (quote(hits), quote(misses))
    };
    let none = || texts(&[], &[]);
    let with = |operator, (hits, misses): (Vec<String>, Vec<String>)| (operator, hits, misses);
    if named.kind == Type::Boolean {
        let words = |words: &[&str]| words.iter().map(ToString::to_string).collect::<Vec<_>>();
        let (own, other) = (
            words(&["true", "True", "\"TRUE\""]),
            words(&["false", "\"False\""]),
        );
        // Of a list both are there.
        let (eq, ne) = if named.many {
            ([own, other].concat(), Vec::new())
        } else {
            (own, other)
        };
        let no_value = words(&["null", "\"\""]);
        return [
            (Eq, eq.clone(), [ne.clone(), no_value.clone()].concat()),
            (Ne, [ne, no_value].concat(), eq),
            with(Co, none()),
            with(Sw, none()),
            with(Ew, none()),
            with(Gt, none()),
            with(Ge, none()),
            with(Lt, none()),
            with(Le, none()),
        ];
    }
    let (same, different): (&[&str], &[&str]) = if named.folds {
        (
            &[TEXT, "MID éX", "mid e\u{301}x"],
            &["mid ex", "mid é", "", "%", "mid_éx"],
        )
    } else {
        (&[TEXT], &["MID éX", "mid Éx", "Mid É", "", "%"])
    };
    let (own, other) = (texts(same, different).0, texts(same, different).1);
    let lower = |text: &str| {
        if named.folds {
            text.to_lowercase()
        } else {
            text.to_owned()
        }
    };
    let less = vec![quoted(&lower("Mid E"))];
    let greater = vec![quoted(&lower("Mid Éy"))];
    let both = |one: &[String], other: &[String]| [one, other].concat();
    // The second element of a list is greater than everything.
    let unless_many = |list: Vec<String>| if named.many { Vec::new() } else { list };
    let own_if_many = if named.many { own.clone() } else { Vec::new() };
    let ordered = |operator, hits, misses| {
        // Bytes have no order.
        if named.kind == Type::Binary {
            with(operator, none())
        } else {
            (operator, hits, misses)
        }
    };
    [
        (Eq, own.clone(), other.clone()),
        (Ne, other, own.clone()),
        with(Co, texts(&["d", &lower("d É")], &["dé", "%", "_", "mid  "])),
        with(Sw, texts(&[&lower("Mid"), TEXT], &["id", "%"])),
        with(Ew, texts(&["x", TEXT], &["é", "%"])),
        ordered(
            Gt,
            both(&less, &own_if_many),
            unless_many(both(&own, &greater)),
        ),
        ordered(Ge, both(&less, &own), unless_many(greater.clone())),
        ordered(Lt, greater.clone(), both(&own, &less)),
        ordered(Le, both(&own, &greater), less),
    ]
}

/// The full account among others that have next to nothing.
fn stored() -> Vec<Stored> {
    let user = ResourceSchema::user();
    let mut full = object(&user.core);
    for extension in &user.extensions {
        full.insert(extension.id.clone(), object(extension).into());
    }
    let bare = |name: &str| json!({"userName": name});
    [bare("a"), bare("b"), Value::Object(full), bare("c")]
        .iter()
        .enumerate()
        .map(|(index, document)| Stored::new(index, document))
        .collect()
}

const FULL: usize = 2;

#[test]
fn every_attribute_is_found_and_missed_by_every_operator() {
    let mut engines = Engines::start("walk");
    let stored = stored();
    engines.store(&stored);
    let full = stored[FULL].id;
    let mut compared = 0;
    for named in with_values() {
        for (operator, hits, misses) in literals(&named) {
            let operator = operator.as_str();
            for (index, name) in named.names.iter().enumerate() {
                // Every literal once, and every name once.
                let literals = if index == 0 { usize::MAX } else { 1 };
                for (list, expected) in [(&hits, true), (&misses, false)] {
                    for literal in list.iter().take(literals) {
                        let text = format!("{name} {operator} {literal}");
                        let found = engines.compare(&stored, &text);
                        assert_eq!(found.contains(&full), expected, "{text}");
                        compared += 1;
                    }
                }
                if hits.is_empty() && misses.is_empty() {
                    let text = format!("{name} {operator} \"true\"");
                    let error = filter::parse(&text, ResourceSchema::user()).expect_err(&text);
                    assert!(
                        matches!(error.problem, filter::FilterProblem::WrongOperator { .. }),
                        "{error}"
                    );
                }
            }
        }
    }
    assert!(compared > 3_000, "{compared} filters");
}

/// A complex attribute is present if it has a part, a list if it has an element.
#[test]
fn every_attribute_is_present_or_not() {
    let mut engines = Engines::start("present");
    let stored = stored();
    engines.store(&stored);
    let full = BTreeSet::from([stored[FULL].id]);
    let always = ["userName", "active"];
    let all: BTreeSet<_> = stored.iter().map(|stored| stored.id).collect();
    for schema in schemas() {
        for attribute in schema.attributes.iter().filter(|one| is_stored(one)) {
            let parts = attribute.sub_attributes.iter().filter(|sub| is_stored(sub));
            let names = parts.map(|sub| format!("{}.{}", attribute.name, sub.name));
            for name in names.chain([attribute.name.clone()]) {
                let found = engines.compare(&stored, &format!("{name} pr"));
                if always.contains(&name.as_str()) {
                    assert_eq!(found, all, "{name}");
                } else {
                    assert_eq!(found, full, "{name}");
                    let not: BTreeSet<_> = all.difference(&full).copied().collect();
                    let absent = engines.compare(&stored, &format!("not ({name} pr)"));
                    assert_eq!(absent, not, "{name}");
                }
            }
        }
    }
    for name in [
        "id",
        "schemas",
        "meta",
        "meta.resourceType",
        "meta.created",
        "meta.lastModified",
        "meta.version",
    ] {
        assert_eq!(
            engines.compare(&stored, &format!("{name} pr")),
            all,
            "{name}"
        );
    }
}

/// A name, with what follows it in filters that find the full account, and in filters that do not.
type Case = (
    &'static str,
    &'static [&'static str],
    &'static [&'static str],
);

/// The full account was created at two seconds, changed at five and two microseconds, and is at its third version.
const KNOWN: &[Case] = &[
    (
        "meta.version",
        &[
            r#"eq "\"3\"""#,
            r#"ne "3""#,
            "co 3",
            r#"sw "\"3""#,
            r#"ew "3\"""#,
            r#"gt "\"2\"""#,
            r#"le "\"3\"""#,
        ],
        &[
            "eq 3",
            r#"eq "W/\"3\"""#,
            r#"ne "\"3\"""#,
            "co 4",
            "sw 3",
            r#"lt "\"3\"""#,
            r#"ge "\"4\"""#,
        ],
    ),
    (
        "Meta.resourceType",
        &[
            r#"eq "User""#,
            r#"ne "Group""#,
            r#"co "se""#,
            r#"sw "U""#,
            r#"ew "r""#,
            r#"gt "Group""#,
            r#"ge "User""#,
        ],
        &[
            r#"eq "user""#,
            r#"ne "User""#,
            r#"co "SE""#,
            r#"sw "u""#,
            r#"ew "R""#,
            r#"lt "User""#,
            "eq null",
        ],
    ),
    (
        "schemas",
        &[
            r#"eq "urn:ietf:params:scim:schemas:core:2.0:User""#,
            r#"eq "URN:IETF:params:scim:schemas:extension:ENTERPRISE:2.0:User""#,
            r#"co "enterprise""#,
            r#"ne "urn:x""#,
        ],
        &[
            r#"eq "urn:x""#,
            r#"ne "urn:ietf:params:scim:schemas:core:2.0:User""#,
            r#"sw "x""#,
        ],
    ),
    (
        "meta.created",
        &[
            "eq 1970-01-01T00:00:02Z",
            r#"eq "1970-01-01T02:00:02+02:00""#,
            "ne 1970-01-01T00:00:03Z",
            "gt 1970-01-01",
            "ge 1970-01-01T00:00:02",
            "lt 1970-01-01T00:00:02.000001Z",
            "le 1970-01-01T00:00:02.0000009Z",
        ],
        &[
            "eq 1970-01-01T00:00:02.000001Z",
            "ne 1970-01-01T00:00:02Z",
            "gt 1970-01-01T00:00:02Z",
            "ge 1970-01-01T00:00:02.000001Z",
            "lt 1970-01-01T00:00:02Z",
            "le 1970-01-01T00:00:01.999999Z",
            "eq null",
        ],
    ),
    (
        "META.LASTMODIFIED",
        &[
            "eq 1970-01-01T00:00:05.000002Z",
            "gt 1970-01-01T00:00:05Z",
            "le 1970-01-01T00:00:05.0000021Z",
        ],
        &[
            "eq 1970-01-01T00:00:05Z",
            "lt 1970-01-01T00:00:05Z",
            "ge 2015-10-10T14:38:21.8617979-07:00",
        ],
    ),
];

#[test]
fn what_the_service_knows_of_an_account_is_found_and_missed() {
    let mut engines = Engines::start("common");
    let stored = stored();
    engines.store(&stored);
    let full = stored[FULL].id;
    for (name, hits, misses) in KNOWN {
        for (list, expected) in [(hits, true), (misses, false)] {
            for rest in *list {
                let text = format!("{name} {rest}");
                let found = engines.compare(&stored, &text);
                assert_eq!(found.contains(&full), expected, "{text}");
            }
        }
    }
}

#[test]
fn an_id_is_compared_as_text() {
    let mut engines = Engines::start("id");
    let stored = stored();
    engines.store(&stored);
    let full = stored[FULL].id;
    let id = full.to_string();
    let (start, end) = (&id[..35], &id[1..]);
    let other_ways = [
        id.to_uppercase().replace("019", "0A9"),
        format!("{{{id}}}"),
        id.replace('-', ""),
    ];
    let hits = [
        ("eq", &*id),
        ("ne", start),
        ("co", &id[5..20]),
        ("sw", start),
        ("ew", end),
        ("gt", start),
        ("ge", &id),
        ("lt", "02"),
        ("le", &id),
    ];
    let misses = [
        ("ne", &*id),
        ("co", "x"),
        ("sw", end),
        ("ew", start),
        ("gt", &id),
        ("ge", "02"),
        ("lt", &id),
        ("le", start),
    ];
    let others = other_ways.iter().map(|other| ("eq", other.as_str()));
    let misses = misses.into_iter().chain(others);
    let all = hits.map(|(operator, text)| (operator, text, true));
    for (operator, text, expected) in all
        .into_iter()
        .chain(misses.map(|(operator, text)| (operator, text, false)))
    {
        let text = format!("id {operator} \"{text}\"");
        let found = engines.compare(&stored, &text);
        assert_eq!(found.contains(&full), expected, "{text}");
    }
}

/// As Entra and the collections of its documentation write them.
#[test]
fn filters_of_known_clients_find_what_they_mean() {
    let mut engines = Engines::start("clients");
    let stored: Vec<_> = [
        json!({"userName": "OMalley", "externalId": "jyoung", "name": {"familyName": "Employee"}, "emails": [{"value": "a@example.com", "type": "work"}]}),
        json!({"userName": "emp2", "active": false, "name": {"familyName": "employee"}, "emails": [{"value": "b@Example.ORG", "type": "work"}]}),
        json!({"userName": "emp3", "name": {"familyName": "Employee"}, "emails": [{"value": "c@example.net"}], ENTERPRISE_URN: {"manager": {"value": "M1"}}}),
    ]
    .iter()
    .enumerate()
    .map(|(index, document)| Stored::new(index, document))
    .collect();
    engines.store(&stored);
    let id = stored[2].id;
    for (text, found) in [
        (
            "name.FamilyName eq Employee and (emails.Value co example.com or emails.Value co example.org)",
            vec![0, 1],
        ),
        ("userName sw O", vec![0]),
        ("meta.Created gt 2015-10-10T14:38:21.8617979-07:00", vec![]),
        (
            "meta.Created lt 2015-10-10T14:38:21.8617979-07:00",
            vec![0, 1, 2],
        ),
        ("externalId eq jyoung", vec![0]),
        (
            "emails[type eq \"work\"].value eq \"B@example.org\"",
            vec![1],
        ),
        ("emails[type eq \"work\"] eq \"a@example.com\"", vec![0]),
        (
            "active eq true and (meta.lastModified ge \"0001-01-03T00:00:00.0000000Z\" and meta.lastModified le \"2027-01-01T00:00:00.0000000Z\")",
            vec![0, 2],
        ),
        (
            "(ActiVe eq true) and meta.lastmodified ge \"0001-01-03T00:00:00.0000000Z\"",
            vec![0, 2],
        ),
        (&format!("id eq \"{id}\" and manager eq \"M1\""), vec![2]),
        (&format!("manager eq \"M1\" and id eq \"{id}\""), vec![2]),
        ("manager eq \"m1\"", vec![]),
        (&format!("{ENTERPRISE_URN}:manager eq \"M1\""), vec![2]),
        (
            &format!("{ENTERPRISE_URN}:manager.value eq \"M1\""),
            vec![2],
        ),
        (
            &format!("{USER_URN}:emails[{USER_URN}:type eq \"x\"]"),
            vec![],
        ),
    ] {
        let expected: BTreeSet<_> = found
            .into_iter()
            .map(|index: usize| stored[index].id)
            .collect();
        if text.contains(":type eq") {
            assert!(
                filter::parse(text, ResourceSchema::user()).is_err(),
                "{text}"
            );
        } else {
            assert_eq!(engines.compare(&stored, text), expected, "{text}");
        }
    }
}
