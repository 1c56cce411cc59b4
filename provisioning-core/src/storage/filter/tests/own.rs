//! An extension that a tenant has defined, for random documents and filters: an attribute of every type, single and as a list. What stands in
//! documents may be of another type than the definition has, as it is when a definition comes later.

use std::sync::{Arc, LazyLock};

use proptest::prelude::*;

use super::{
    property::{custom, odd_text},
    *,
};
use crate::attributes::schema::{Attribute, Schema};

const URN: &str = "urn:x:Own:2.0:User";

/// Accounts of a tenant with the extension.
pub(super) fn schema() -> &'static ResourceSchema {
    static OWN: LazyLock<ResourceSchema> = LazyLock::new(|| {
        let mut schema = ResourceSchema::user().clone();
        let parts = || {
            json!([
                attribute("value", "string", false),
                attribute("kind", "string", true),
                attribute("n", "integer", false),
                attribute("at", "dateTime", false)
            ])
        };
        let mut whole = attribute("whole", "complex", false);
        whole["subAttributes"] = parts();
        let mut items = many(attribute("items", "complex", false));
        items["subAttributes"] = parts();
        let attributes = [
            attribute("name", "string", false),
            attribute("code", "string", true),
            attribute("link", "reference", true),
            attribute("bytes", "binary", true),
            attribute("on", "boolean", false),
            attribute("count", "integer", false),
            attribute("rate", "decimal", false),
            attribute("seen", "dateTime", false),
            many(attribute("tags", "string", false)),
            many(attribute("counts", "integer", false)),
            whole,
            items,
        ];
        schema.extensions.push(Arc::new(Schema {
            id: URN.to_owned(),
            name: "Own".to_owned(),
            description: String::new(),
            attributes: attributes.map(definition).into(),
            built_in: false,
        }));
        schema
    });
    &OWN
}

fn attribute(name: &str, kind: &str, case_exact: bool) -> Value {
    json!({
        "name": name, "type": kind, "caseExact": case_exact, "multiValued": false, "description": "", "required": false,
        "mutability": "readWrite", "returned": "default", "uniqueness": "none"
    })
}

fn many(mut attribute: Value) -> Value {
    attribute["multiValued"] = json!(true);
    attribute
}

fn definition(json: Value) -> Attribute {
    serde_json::from_value(json).expect("it is a definition")
}

fn time() -> impl Strategy<Value = String> {
    let offset = prop::sample::select(vec!["Z", "+02:00", ".5Z"]);
    (0..3_u32, offset).prop_map(|(second, offset)| format!("2026-01-01T00:00:0{second}{offset}"))
}

/// Small ones, and such as only the last digit tells apart, which a double may not hold.
const WHOLE: [i64; 9] = [
    -1,
    0,
    1,
    2,
    9_007_199_254_740_992,
    9_007_199_254_740_993,
    9_223_372_036_854_775_806,
    i64::MAX,
    i64::MIN,
];
const DECIMAL: [f64; 9] = [
    -0.5,
    0.0,
    1.0,
    1e10,
    0.3,
    0.300_000_000_000_000_04,
    2.222_222_222_222_222_3e42,
    5e-324,
    f64::MAX,
];

fn whole() -> impl Strategy<Value = i64> {
    prop::sample::select(WHOLE.to_vec())
}

/// As it may be written.
fn number() -> impl Strategy<Value = String> {
    prop_oneof![
        whole().prop_map(|number| number.to_string()),
        prop::sample::select(DECIMAL.to_vec()).prop_map(|number| number.to_string()),
        Just("2222222222222222222222222222222222222222222".to_owned()),
        Just("1e10".to_owned()),
    ]
}

/// A value of a type, or of any.
fn value(kind: &'static str) -> BoxedStrategy<Value> {
    let typed = match kind {
        "boolean" => any::<bool>().prop_map(Value::from).boxed(),
        "integer" => whole().prop_map(Value::from).boxed(),
        "decimal" => prop::sample::select(DECIMAL.to_vec())
            .prop_map(Value::from)
            .boxed(),
        "dateTime" => time().prop_map(Value::from).boxed(),
        _ => odd_text().prop_map(Value::from).boxed(),
    };
    prop_oneof![4 => typed, 1 => custom()].boxed()
}

fn parts() -> BoxedStrategy<Value> {
    (
        value("string"),
        value("string"),
        value("integer"),
        value("dateTime"),
    )
        .prop_map(|(value, kind, n, at)| json!({"value": value, "Kind": kind, "n": n, "at": at}))
        .boxed()
}

fn list(element: BoxedStrategy<Value>) -> BoxedStrategy<Value> {
    prop::collection::vec(element, 0..3)
        .prop_map(Value::from)
        .boxed()
}

/// The extension in a document.
pub(super) fn object() -> impl Strategy<Value = Value> {
    let attributes: Vec<_> = [
        ("Name", value("string")),
        ("code", value("string")),
        ("link", value("reference")),
        ("bytes", value("binary")),
        ("on", value("boolean")),
        ("count", value("integer")),
        ("rate", value("decimal")),
        ("seen", value("dateTime")),
        ("tags", list(value("string"))),
        ("counts", list(value("integer"))),
        ("whole", parts()),
        ("items", list(parts())),
    ]
    .into_iter()
    .map(|(name, value)| {
        prop::option::weighted(0.6, value)
            .prop_map(move |value| (name.to_owned(), value.unwrap_or_default()))
    })
    .collect();
    attributes.prop_map(|attributes| Value::Object(attributes.into_iter().collect()))
}

/// A comparison of one of the names, each with its type, as text.
fn comparison(names: &'static [(&'static str, &'static str)]) -> BoxedStrategy<String> {
    let order = || prop::sample::select(vec!["eq", "ne", "gt", "ge", "lt", "le"]);
    let any_operator = || prop::sample::select(Operator::ALL.map(Operator::as_str).to_vec());
    let leaf = |(name, kind): &(&'static str, &'static str)| {
        let name = *name;
        let compared = match *kind {
            "boolean" => (prop::sample::select(vec!["eq", "ne"]), any::<bool>())
                .prop_map(move |(operator, value)| format!("{name} {operator} {value}"))
                .boxed(),
            "integer" => (order(), whole())
                .prop_map(move |(operator, value)| format!("{name} {operator} {value}"))
                .boxed(),
            "decimal" => (order(), number())
                .prop_map(move |(operator, value)| format!("{name} {operator} {value}"))
                .boxed(),
            "dateTime" => (order(), time())
                .prop_map(move |(operator, value)| format!("{name} {operator} \"{value}\""))
                .boxed(),
            "binary" => (
                prop::sample::select(vec!["eq", "ne", "co", "sw"]),
                odd_text(),
            )
                .prop_map(move |(operator, text)| text_comparison(name, operator, &text))
                .boxed(),
            _ => (any_operator(), odd_text())
                .prop_map(move |(operator, text)| text_comparison(name, operator, &text))
                .boxed(),
        };
        prop_oneof![5 => compared, 1 => Just(format!("{name} pr")), 1 => Just(format!("{name} eq null"))]
    };
    prop::strategy::Union::new(names.iter().map(leaf)).boxed()
}

/// With no value only equality can be asked.
fn text_comparison(name: &str, operator: &str, text: &str) -> String {
    let operator = match operator {
        "eq" | "ne" => operator,
        _ if text.is_empty() => "ne",
        _ => operator,
    };
    format!("{name} {operator} {}", quoted(text))
}

const PARTS: &[(&str, &str)] = &[
    ("value", "string"),
    ("KIND", "string"),
    ("n", "integer"),
    ("at", "dateTime"),
];

/// A comparison, or brackets behind the list of objects.
pub(super) fn leaf() -> BoxedStrategy<String> {
    const NAMES: &[(&str, &str)] = &[
        ("name", "string"),
        ("code", "string"),
        ("link", "reference"),
        ("bytes", "binary"),
        ("on", "boolean"),
        ("count", "integer"),
        ("rate", "decimal"),
        ("seen", "dateTime"),
        ("tags", "string"),
        ("counts", "integer"),
        ("whole.value", "string"),
        ("whole.kind", "string"),
        ("whole.n", "integer"),
        ("items", "string"),
        ("items.value", "string"),
        ("items.Kind", "string"),
        ("items.n", "integer"),
        ("items.at", "dateTime"),
    ];
    let plain = comparison(NAMES).prop_map(|text| format!("{URN}:{text}"));
    let both = (
        comparison(PARTS),
        comparison(PARTS),
        prop::sample::select(vec!["and", "or"]),
    )
        .prop_map(|(one, other, word)| format!("{one} {word} not ({other})"));
    let within = prop_oneof![comparison(PARTS), both]
        .prop_map(|inner| format!("urn:x:own:2.0:user:Items[{inner}]"));
    prop_oneof![3 => plain, 1 => within].boxed()
}
