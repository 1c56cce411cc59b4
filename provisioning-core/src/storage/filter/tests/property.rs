//! Random filters over random accounts: every attribute of the schema, and those that a tenant has defined, odd texts, combinations of several
//! comparisons.

use std::{
    cell::{Cell, RefCell},
    panic::{AssertUnwindSafe, catch_unwind},
};

use proptest::{prelude::*, test_runner::TestRunner};

use super::*;
use crate::attributes::{
    fold::fold,
    schema::{Attribute, Mutability, Returned, Schema, Type},
};

/// How many filters are compared; more with the environment variable `PROPERTY_FILTERS`.
const CASES: u32 = 300;
const FILTERS_PER_CASE: u32 = 5;

/// Texts on which engines like to disagree.
const ODD: &[&str] = &[
    "a", "A", "b", "work", "home", "WORK", "%", "_", "\\", "\"", "'", "''", ".", "$", "{", "İ",
    "i\u{307}", "\u{212a}", "k", "é", "e\u{301}", "É", "ß", "😀", "\u{ffff}", "ﬁ", "true", "1",
    "null", "@x.y", " ", "\t",
];

/// The attributes that most documents have and most filters ask for: several accounts have to be told apart by them.
const OFTEN: &[&str] = &[
    "externalId",
    "displayName",
    "title",
    "name",
    "emails",
    "active",
];

pub(super) fn odd_text() -> impl Strategy<Value = String> {
    prop::collection::vec(prop::sample::select(ODD), 0..4).prop_map(|parts| parts.concat())
}

fn is_stored(attribute: &Attribute) -> bool {
    attribute.mutability != Mutability::ReadOnly && attribute.returned != Returned::Never
}

fn is_often(attribute: &Attribute) -> bool {
    OFTEN.contains(&attribute.name.as_str())
}

/// A value that the attribute may have, or null.
fn value(attribute: &'static Attribute) -> BoxedStrategy<Value> {
    let one = match attribute.kind {
        Type::Boolean => any::<Option<bool>>().prop_map(Value::from).boxed(),
        Type::Complex => {
            let parts: Vec<_> = attribute
                .sub_attributes
                .iter()
                .map(|sub| value(sub).prop_map(|value| (sub.name.clone(), value)))
                .collect();
            parts
                .prop_map(|parts| Value::Object(parts.into_iter().collect()))
                .boxed()
        }
        Type::String if attribute.name == "type" => {
            let kinds = ["work", "Home", "other"].map(Value::from);
            prop::option::of(prop::sample::select(kinds.to_vec()))
                .prop_map(Option::unwrap_or_default)
                .boxed()
        }
        Type::String | Type::Reference | Type::Binary => {
            let text = prop::option::weighted(0.6, odd_text());
            text.prop_map(Value::from).boxed()
        }
        Type::Integer | Type::Decimal | Type::DateTime => {
            unreachable!("no attribute of an account that a client may write is one")
        }
    };
    if attribute.multi_valued {
        prop::collection::vec(one, 0..3)
            .prop_map(Value::from)
            .boxed()
    } else {
        one
    }
}

fn object(schema: &'static Schema) -> impl Strategy<Value = Map> {
    let attributes: Vec<_> = schema
        .attributes
        .iter()
        .filter(|attribute| is_stored(attribute))
        .map(|attribute| {
            let weight = if is_often(attribute) { 0.8 } else { 0.3 };
            prop::option::weighted(weight, value(attribute))
                .prop_map(|value| (attribute.name.clone(), value.unwrap_or_default()))
        })
        .collect();
    attributes.prop_map(|attributes| attributes.into_iter().collect())
}

/// A value in an extension that no schema describes.
pub(super) fn custom() -> impl Strategy<Value = Value> {
    prop_oneof![
        odd_text().prop_map(Value::from),
        any::<bool>().prop_map(Value::from),
        (-2..3_i64).prop_map(Value::from),
        prop::sample::select(vec![0.5, 1.0, 1e10]).prop_map(Value::from),
        prop::collection::vec(odd_text(), 0..3).prop_map(Value::from),
        prop::collection::vec(
            (odd_text(), -1..2_i64).prop_map(|(value, n)| json!({"Value": value, "n": n})),
            0..3
        )
        .prop_map(Value::from),
        Just(json!({"n": 1, "Value": "a", "deep": {"x": [1]}})),
        Just(Value::Null),
    ]
}

fn document() -> impl Strategy<Value = Value> {
    let user = ResourceSchema::user();
    let enterprise = &user.extensions[0];
    (
        object(&user.core),
        object(enterprise),
        prop::option::of(custom()),
        own::object(),
        odd_text(),
        any::<bool>(),
    )
        .prop_map(|(mut document, enterprise, custom, own, name, active)| {
            document.insert("userName".to_owned(), json!(format!("u{name}u")));
            document.insert("active".to_owned(), json!(active));
            document.insert(ENTERPRISE_URN.to_owned(), enterprise.into());
            document.insert("urn:x:Custom:2.0:User".to_owned(), json!({"Tag": custom}));
            document.insert("urn:x:Own:2.0:User".to_owned(), own);
            document.into()
        })
}

/// The names that a filter can have, by what they are compared with.
#[derive(Default)]
struct Names {
    texts: Vec<String>,
    /// Of bytes, which have no order.
    binaries: Vec<String>,
    booleans: Vec<String>,
}

impl Names {
    fn add(&mut self, name: String, attribute: &Attribute) {
        match attribute.kind {
            Type::Boolean => self.booleans.push(name),
            Type::Binary => self.binaries.push(name),
            _ => self.texts.push(name),
        }
    }

    /// Those within the brackets of a list.
    fn within(list: &Attribute) -> Self {
        let mut names = Self::default();
        for sub in list
            .sub_attributes
            .iter()
            .filter(|attribute| is_stored(attribute))
        {
            names.add(sub.name.clone(), sub);
        }
        names
    }

    fn all() -> Self {
        let mut names = Self::default();
        let user = ResourceSchema::user();
        for schema in user.extensions.iter().chain([&user.core]) {
            for attribute in schema
                .attributes
                .iter()
                .filter(|attribute| is_stored(attribute))
            {
                let times = if is_often(attribute) { 5 } else { 1 };
                for _ in 0..times {
                    for sub in attribute
                        .sub_attributes
                        .iter()
                        .filter(|attribute| is_stored(attribute))
                    {
                        names.add(format!("{}.{}", attribute.name, sub.name), sub);
                        if sub.name == "value" {
                            names.add(attribute.name.clone(), sub);
                        }
                    }
                    if attribute.kind != Type::Complex {
                        names.add(attribute.name.clone(), attribute);
                    }
                }
            }
        }
        let common = ["id", "meta.version", "meta.resourceType", "schemas"];
        let custom = ["urn:x:Custom:2.0:User:tag", "urn:x:Custom:2.0:User:tag.n"];
        names.texts.extend(
            [common.as_slice(), &custom]
                .concat()
                .iter()
                .map(ToString::to_string),
        );
        names.booleans.push("urn:x:Custom:2.0:User:tag".to_owned());
        names
    }

    /// A comparison of one of them as text.
    fn leaf(self) -> BoxedStrategy<String> {
        let equality = || prop::sample::select(vec!["eq", "ne"]);
        let mut leaves = Vec::new();
        let mut present = Vec::new();
        let of_text = |names: Vec<String>, operators: Vec<Operator>| {
            let operators: Vec<_> = operators.into_iter().map(Operator::as_str).collect();
            (
                prop::sample::select(names),
                prop::sample::select(operators),
                odd_text(),
            )
                .prop_map(|(name, operator, text)| {
                    // With no value only equality can be asked.
                    let operator = if text.is_empty() && !matches!(operator, "eq" | "ne") {
                        "ne"
                    } else {
                        operator
                    };
                    format!("{name} {operator} {}", quoted(&text))
                })
                .boxed()
        };
        for (names, weight, is_text) in [
            (self.texts, 6, true),
            (self.binaries, 1, true),
            (self.booleans, 2, false),
        ] {
            if names.is_empty() {
                continue;
            }
            present.extend(names.iter().map(|name| format!("{name} pr")));
            let leaf = if !is_text {
                (prop::sample::select(names), equality(), any::<bool>())
                    .prop_map(|(name, operator, value)| format!("{name} {operator} {value}"))
                    .boxed()
            } else if weight == 1 {
                of_text(
                    names,
                    vec![Operator::Eq, Operator::Ne, Operator::Co, Operator::Sw],
                )
            } else {
                of_text(names, Operator::ALL.to_vec())
            };
            leaves.push((weight, leaf));
        }
        leaves.push((1, prop::sample::select(present).boxed()));
        prop::strategy::Union::new_weighted(leaves).boxed()
    }
}

/// A comparison of what is no text.
fn other_leaf() -> BoxedStrategy<String> {
    let order = || prop::sample::select(vec!["eq", "ne", "gt", "ge", "lt", "le"]);
    let number = (
        prop::sample::select(vec![
            "urn:x:Custom:2.0:User:tag",
            "urn:x:custom:2.0:user:TAG.N",
        ]),
        order(),
        prop::sample::select(vec!["-1", "0", "1", "0.5", "1e10"]),
    )
        .prop_map(|(name, operator, value)| format!("{name} {operator} {value}"));
    let time = (
        prop::sample::select(vec!["meta.created", "meta.lastModified"]),
        order(),
        0..8_i64,
    )
        .prop_map(|(name, operator, second)| {
            format!("{name} {operator} \"1970-01-01T00:00:0{second}Z\"")
        });
    let operator = prop::sample::select(Operator::ALL.map(Operator::as_str).to_vec());
    let id = (operator, 0..8_u128).prop_map(|(operator, index)| {
        let id = Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0000 + index);
        format!("id {operator} \"{id}\"")
    });
    prop_oneof![number, time, id].boxed()
}

fn combined(leaf: BoxedStrategy<String>) -> BoxedStrategy<String> {
    leaf.prop_recursive(3, 8, 3, |inner| {
        prop_oneof![
            3 => prop::collection::vec(inner.clone(), 2..4).prop_map(|parts| format!("({})", parts.join(" and "))),
            3 => prop::collection::vec(inner.clone(), 2..4).prop_map(|parts| format!("({})", parts.join(" or "))),
            2 => inner.prop_map(|part| format!("not ({part})")),
        ]
    })
    .boxed()
}

/// Brackets behind a list.
fn element(list: &'static Attribute) -> BoxedStrategy<String> {
    let inner = || combined(Names::within(list).leaf());
    let name = &list.name;
    let whole = inner().prop_map(move |inner| format!("{name}[{inner}]"));
    if list
        .sub_attribute("value")
        .is_none_or(|value| value.kind == Type::Binary)
    {
        return whole.boxed();
    }
    let part = (inner(), odd_text())
        .prop_map(move |(inner, value)| format!("{name}[{inner}].value eq {}", quoted(&value)));
    prop_oneof![2 => whole, 1 => part].boxed()
}

fn filter_text() -> BoxedStrategy<String> {
    let user = ResourceSchema::user();
    let lists = user
        .core
        .attributes
        .iter()
        .filter(|attribute| is_stored(attribute));
    let elements: Vec<_> = lists
        .filter(|attribute| attribute.multi_valued)
        .map(|list| (if is_often(list) { 6 } else { 1 }, element(list)))
        .collect();
    let match_mail =
        (prop::sample::select(ODD), prop::sample::select(ODD)).prop_map(|(kind, value)| {
            format!(
                "emails[type eq {}].value eq {}",
                quoted(kind),
                quoted(value)
            )
        });
    combined(
        prop_oneof![
            6 => Names::all().leaf(),
            1 => other_leaf(),
            3 => prop::strategy::Union::new_weighted(elements),
            3 => own::leaf(),
            1 => match_mail,
        ]
        .boxed(),
    )
}

#[test]
fn a_filter_finds_the_same_in_memory_in_sqlite_and_in_postgresql() {
    let filters: u32 = std::env::var("PROPERTY_FILTERS")
        .ok()
        .map_or(CASES, |cases| {
            cases.parse().expect("PROPERTY_FILTERS is a number")
        });
    let engines = RefCell::new(Engines::start("property"));
    let (all, combinations, hits) = (Cell::new(0_u32), Cell::new(0_u32), Cell::new(0_u32));
    let cases = filters.div_ceil(FILTERS_PER_CASE);
    let mut runner = TestRunner::new(ProptestConfig {
        cases,
        failure_persistence: None,
        max_shrink_iters: 300,
        ..ProptestConfig::default()
    });
    let input = (
        prop::collection::vec(document(), 1..8),
        prop::collection::vec(filter_text(), FILTERS_PER_CASE as usize),
    );
    let result = runner.run(&input, |(documents, filters)| {
        let mut names = BTreeSet::new();
        let stored: Vec<_> = documents
            .iter()
            .filter(|document| names.insert(fold(document["userName"].as_str().expect("a text"))))
            .filter(|document| {
                validate::canonical(
                    document.as_object().expect("an object"),
                    ResourceSchema::user(),
                )
                .is_ok()
            })
            .enumerate()
            .map(|(index, document)| Stored::new(index, document))
            .collect();
        let mut engines = engines.borrow_mut();
        engines.store(&stored);
        for text in filters {
            all.set(all.get() + 1);
            combinations.set(
                combinations.get() + u32::from(text.contains(" and ") || text.contains(" or ")),
            );
            let found = catch_unwind(AssertUnwindSafe(|| {
                engines.compare_by(own::schema(), &stored, &text)
            }));
            let found = found.map_err(|panic| {
                TestCaseError::fail(
                    panic
                        .downcast_ref::<String>()
                        .cloned()
                        .unwrap_or_else(|| "no message".to_owned()),
                )
            })?;
            hits.set(hits.get() + u32::from(!found.is_empty() && found.len() < stored.len()));
        }
        Ok(())
    });
    result.unwrap_or_else(|error| panic!("{error}"));
    println!(
        "{} filters: {} combine, {} tell accounts apart",
        all.get(),
        combinations.get(),
        hits.get()
    );
    assert!(
        combinations.get() * 10 >= all.get() * 3,
        "{} of {} filters combine",
        combinations.get(),
        all.get()
    );
    assert!(
        hits.get() * 10 >= all.get(),
        "{} of {} filters tell accounts apart",
        hits.get(),
        all.get()
    );
}
