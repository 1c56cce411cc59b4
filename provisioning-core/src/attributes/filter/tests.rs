//! What is read, what is refused, what it means, and that another parser reads the same.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::attributes::{
    Map,
    path::{self, Path},
    schema::ENTERPRISE_URN,
    search::search_document,
};

fn parsed(text: &str) -> Result<Filter, FilterError> {
    parse(text, ResourceSchema::user())
}

#[track_caller]
fn reads_as(text: &str, expected: &str) {
    let filter = parsed(text).unwrap_or_else(|error| panic!("{error}: {text}"));
    assert_eq!(filter.to_string(), expected, "{text}");
    assert_eq!(
        parsed(&filter.to_string()).as_ref(),
        Ok(&filter),
        "what is printed reads the same"
    );
}

#[test]
fn entra_filters_and_rfc_filters_are_read() {
    for (text, expected) in [
        (
            "userName eq \"alice@contoso.com\"",
            "userName eq \"alice@contoso.com\"",
        ),
        ("USERNAME EQ \"a\"", "userName eq \"a\""),
        ("externalId eq jyoung", "externalId eq \"jyoung\""),
        ("externalId eq 007", "externalId eq \"007\""),
        ("active eq True", "active eq true"),
        ("active eq \"False\"", "active eq false"),
        (
            "(ActiVe eq true) and meta.lastmodified ge \"0001-01-03T00:00:00.0000000Z\"",
            "active eq true and meta.lastModified ge \"0001-01-03T00:00:00.000000Z\"",
        ),
        (
            "meta.Created gt 2015-10-10T14:38:21.8617979-07:00",
            "meta.created gt \"2015-10-10T21:38:21.861797Z\"",
        ),
        (
            "emails[type eq \"work\"].value eq \"a@b.c\"",
            "emails[type eq \"work\" and value eq \"a@b.c\"]",
        ),
        (
            "emails[type eq \"work\"] eq \"a@b.c\"",
            "emails[type eq \"work\" and value eq \"a@b.c\"]",
        ),
        (
            "emails[type eq \"work\"].value pr",
            "emails[type eq \"work\" and value pr]",
        ),
        (
            "emails[type eq \"work\" or primary eq \"True\"].value eq x",
            "emails[(type eq \"work\" or primary eq true) and value eq \"x\"]",
        ),
        ("emails eq \"a\"", "emails.value eq \"a\""),
        ("emails pr", "emails pr"),
        ("schemas eq \"urn:x\"", "schemas.value eq \"urn:x\""),
        ("schemas.value eq \"urn:x\"", "schemas.value eq \"urn:x\""),
        (
            "name[givenName eq \"a\"]",
            "name pr and name.givenName eq \"a\"",
        ),
        (
            "id eq \"1\" and manager eq \"2\"",
            "id eq \"1\" and urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager.value eq \"2\"",
        ),
        (
            "name.FamilyName eq Employee and (emails.Value co example.com or emails.Value co example.org)",
            "name.familyName eq \"Employee\" and (emails.value co \"example.com\" or emails.value co \"example.org\")",
        ),
        (
            "title pr and userType eq \"E\" or title pr",
            "(title pr and userType eq \"E\") or title pr",
        ),
        ("not(title pr)", "not (title pr)"),
        ("NOT  ( title pr )", "not (title pr)"),
        ("not (a.b.c pr)", ""),
        (
            "title eq \"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\\ud83d\\ude00\"",
            "title eq \"\\\"\\\\/\\b\\f\\n\\r\\té😀\"",
        ),
        ("title eq null", "title eq null"),
        ("title ne \"\"", "title ne null"),
        (
            "urn:ietf:params:scim:schemas:core:2.0:User:userName sw \"J\"",
            "userName sw \"J\"",
        ),
        (
            "urn:x:Custom:2.0:User:Tag eq 5",
            "urn:x:custom:2.0:user:tag.value eq 5",
        ),
        (
            "urn:x:Custom:2.0:User:Tag[A eq \"b\"].C gt 1.5",
            "urn:x:custom:2.0:user:tag[a eq \"b\" and c gt 1.5]",
        ),
    ] {
        if expected.is_empty() {
            assert!(parsed(text).is_err(), "{text}");
        } else {
            reads_as(text, expected);
        }
    }
}

/// A filter and what is said about it.
const MESSAGES: &[(&str, &str)] = &[
    (
        "",
        "filter, character 1: expected an attribute name, \"not\" or \"(\", found the end",
    ),
    (
        "userName",
        "filter, character 9: expected an operator: eq, ne, co, sw, ew, pr, gt, ge, lt or le, found the end",
    ),
    (
        "userName is \"a\"",
        "filter, character 10: expected an operator: eq, ne, co, sw, ew, pr, gt, ge, lt or le, found \"is\"",
    ),
    (
        "userName eq",
        "filter, character 12: expected a value in quotes, found the end",
    ),
    (
        "displayName eq Bob Smith",
        "filter, character 20: expected \"and\", \"or\" or the end (a text with spaces needs quotes), found \"Smith\"",
    ),
    (
        "(title pr",
        "filter, character 10: expected \"and\", \"or\" or \")\", found the end",
    ),
    (
        "not title pr",
        "filter, character 5: expected \"(\" after \"not\", found \"title\"",
    ),
    (
        "é eq \"ü",
        "filter, character 1: \"é\" is not an attribute name: names are letters, digits, '-', '_' and '$', with at most one '.' before a sub-attribute",
    ),
    (
        "title eq \"ü",
        "filter, character 10: the text in quotes is not valid: it needs a closing quote, and a backslash only before \" \\ / b f n r t or uXXXX",
    ),
    (
        "shoeSize eq 44",
        "filter, character 1: there is no attribute \"shoeSize\" in urn:ietf:params:scim:schemas:core:2.0:User",
    ),
    (
        "emails[kind eq \"x\"]",
        "filter, character 8: attribute emails has no sub-attribute \"kind\"",
    ),
    (
        "name eq \"x\"",
        "filter, character 1: name has parts; name one of them, such as name.formatted",
    ),
    (
        "title[value eq \"x\"]",
        "filter, character 6: [ ] can only follow an attribute with parts, and not stand within other [ ]",
    ),
    (
        "emails[value[type pr]]",
        "filter, character 13: [ ] can only follow an attribute with parts, and not stand within other [ ]",
    ),
    (
        "active eq \"maybe\"",
        "filter, character 11: active is compared with true or false, not with \"maybe\"",
    ),
    (
        "active gt true",
        "filter, character 8: gt cannot be used with active; use eq or ne",
    ),
    (
        "title gt null",
        "filter, character 7: gt cannot be used with title; use pr, eq or ne when there is no value to compare with",
    ),
    (
        "meta.created eq \"today\"",
        "filter, character 17: meta.created is compared with a time such as \"2026-01-31T23:59:59Z\", not with \"today\"",
    ),
    (
        "meta.created co \"2026-01-01T00:00:00Z\"",
        "filter, character 14: co cannot be used with meta.created; use eq, ne, gt, ge, lt or le",
    ),
    (
        "password eq \"x\"",
        "filter, character 1: password cannot be filtered by",
    ),
    (
        "password pr",
        "filter, character 1: password cannot be filtered by",
    ),
    (
        "x509Certificates.value gt \"x\"",
        "filter, character 24: gt cannot be used with x509Certificates.value; use eq or ne",
    ),
    (
        "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User pr",
        "filter, character 1: a schema cannot be compared; name one of its attributes after a colon",
    ),
];

#[test]
fn a_message_says_where_and_what_to_do() {
    for (text, expected) in MESSAGES {
        assert_eq!(parsed(text).expect_err(text).to_string(), *expected);
    }
    for text in [
        "title eq \"\\ud83d\"",
        "title eq \"a\\u0000b\"",
        "title eq \"\\x\"",
        "title eq \"a\nb\"",
    ] {
        assert_eq!(
            parsed(text).expect_err(text).problem,
            FilterProblem::Text,
            "{text}"
        );
    }
}

#[test]
fn a_message_repeats_little_of_a_long_input() {
    let long = format!("userName eq {} x", "y".repeat(4000));
    assert!(
        parsed(&format!("title eq a {}", "y".repeat(4000)))
            .expect_err("it is refused")
            .to_string()
            .len()
            < 300
    );
    assert!(parsed(&long).expect_err("it is refused").to_string().len() < 300);
}

#[test]
fn numbers_are_compared_to_their_last_digit() {
    let document = json!({"urn:x:Own:2.0:User": {"id": 9_007_199_254_740_993_i64, "rate": 2.222_222_222_222_222_3e42}});
    for (filter, expected) in [
        ("id eq 9007199254740993", true),
        ("id eq 9007199254740992", false),
        ("id gt 9007199254740992", true),
        ("id eq 9007199254740993.0", false),
        ("rate eq 2222222222222222222222222222222222222222222", true),
        ("rate eq 2.2222222222222226e42", false),
    ] {
        let filter = format!("urn:x:Own:2.0:User:{filter}");
        assert_eq!(holds(&filter, &document), expected, "{filter}");
        let read = parsed(&filter).expect("it is a filter");
        assert_eq!(parsed(&read.to_string()), Ok(read), "{filter}");
    }
}

#[test]
fn log_entries_are_filtered_in_the_same_language() {
    let filter = parse(
        "outcome EQ \"Failure\" and time gt \"2026-01-01\" and httpStatus ge \"400\"",
        ResourceSchema::log_entry(),
    )
    .expect("it is valid");
    assert_eq!(
        filter.to_string(),
        "outcome eq \"Failure\" and time gt \"2026-01-01T00:00:00.000000Z\" and httpStatus ge 400"
    );
    let Filter::And(terms) = filter else {
        panic!("three terms")
    };
    assert!(
        matches!(&terms[0], Filter::Compare(Comparison { literal: Literal::Text { compared, .. }, .. }) if compared == "failure")
    );
    assert!(parse("emails pr", ResourceSchema::log_entry()).is_err());
}

#[test]
fn groups_are_filtered_as_entra_asks() {
    let filter =
        parse("id eq \"g\" and members eq \"u\"", ResourceSchema::group()).expect("it is valid");
    assert_eq!(filter.to_string(), "id eq \"g\" and members.value eq \"u\"");
    assert!(parse("displayName eq \"Engineering\"", ResourceSchema::group()).is_ok());
}

fn holds(text: &str, document: &Value) -> bool {
    let document = search_document(
        document.as_object().expect("an object"),
        ResourceSchema::user(),
    );
    evaluate(
        &parsed(text).unwrap_or_else(|error| panic!("{error}: {text}")),
        &document,
    )
}

#[test]
fn a_filter_means_what_the_rfc_says() {
    let alice = json!({
        "userName": "Alice@Contoso.com", "externalId": "Ab", "active": true, "title": "Engineer",
        "name": {"familyName": "Example"},
        "emails": [{"value": "w@x.y", "type": "work", "primary": true}, {"value": "h@x.y", "type": "home"}],
        ENTERPRISE_URN: {"manager": {"value": "M1"}},
        "urn:x:Custom:2.0:User": {"size": 3, "tags": ["A", "b"], "items": [{"value": "1", "n": 2}], "on": true},
    });
    for (text, expected) in [
        ("userName eq \"ALICE@contoso.COM\"", true),
        ("externalId eq \"Ab\"", true),
        ("externalId eq \"ab\"", false),
        (
            "userName sw \"alice\" and userName ew \".COM\" and userName co \"@\"",
            true,
        ),
        ("emails[type eq \"work\" and value eq \"h@x.y\"]", false),
        (
            "emails.type eq \"work\" and emails.value eq \"h@x.y\"",
            true,
        ),
        ("emails[type eq \"WORK\"].value eq \"W@x.y\"", true),
        ("emails[not (primary eq true)].value eq \"h@x.y\"", true),
        ("emails.value ne \"w@x.y\"", false),
        ("emails.value ne \"z\"", true),
        ("nickName ne \"z\"", true),
        ("nickName eq null", true),
        ("nickName pr", false),
        ("not (nickName pr)", true),
        ("nickName gt \"a\"", false),
        ("not (nickName gt \"a\")", true),
        ("name pr and emails pr", true),
        ("roles pr", false),
        ("manager eq \"M1\"", true),
        ("manager eq \"m1\"", false),
        ("title gt \"a\" and title lt \"z\"", true),
        ("title ge \"engineer\" and title le \"ENGINEER\"", true),
        ("urn:x:Custom:2.0:User:size gt 2", true),
        ("urn:x:Custom:2.0:User:size eq \"3\"", false),
        ("urn:x:Custom:2.0:User:tags eq \"a\"", true),
        ("urn:x:custom:2.0:user:TAGS eq \"B\"", true),
        ("urn:x:Custom:2.0:User:items.n eq 2.0", true),
        ("urn:x:Custom:2.0:User:items eq \"1\"", true),
        ("urn:x:Custom:2.0:User:on eq true", true),
        ("urn:x:Custom:2.0:User:gone pr", false),
        ("schemas eq \"urn:x:Custom:2.0:User\"", true),
        ("meta.resourceType eq \"User\"", true),
        ("active eq true or title pr and nickName pr", true),
        ("(active eq true or title pr) and nickName pr", false),
    ] {
        assert_eq!(holds(text, &alice), expected, "{text}");
    }
}

/// Shapes that have brought down other parsers, each within and beyond the bound on length, on a thread with Rust's default stack.
#[test]
fn bombs_are_refused_without_harm() {
    type Shape = fn(usize) -> String;
    let shapes: [(&str, Shape); 8] = [
        ("nested parentheses", |n| {
            "(".repeat(n) + "title pr" + &")".repeat(n)
        }),
        ("nested nots", |n| {
            "not(".repeat(n) + "title pr" + &")".repeat(n)
        }),
        ("nested brackets", |n| {
            "emails[".repeat(n) + "type pr" + &"]".repeat(n)
        }),
        ("a long chain", |n| vec!["title pr"; n + 1].join(" and ")),
        ("a long text", |n| format!("title eq \"{}", "x".repeat(n))),
        ("escapes", |n| format!("title eq \"{}", "\\".repeat(n))),
        ("deep, then a bad token", |n| "(not(".repeat(n) + "]"),
        ("a long name", |n| "a.".repeat(n) + " pr"),
    ];
    let work = move || {
        for (name, shape) in shapes {
            for length in [20, 100, 500, 1000, 4000, 100_000, 1 << 20] {
                let text = shape(length);
                let refused =
                    parsed(&text).is_err() && path::parse(&text, ResourceSchema::user()).is_err();
                assert!(
                    refused || length == 20 && name == "a long chain",
                    "{name}, {length}"
                );
            }
        }
    };
    let thread = std::thread::Builder::new()
        .stack_size(2 << 20)
        .spawn(work)
        .expect("the thread starts");
    thread.join().expect("no bomb goes off");
}

#[test]
fn bounds_are_exact() {
    let deep = |n: usize| "(".repeat(n) + "title pr" + &")".repeat(n);
    assert!(parsed(&deep(DEPTH_MAX)).is_ok());
    assert_eq!(
        parsed(&deep(DEPTH_MAX + 1)).expect_err("too deep").problem,
        FilterProblem::TooDeep
    );
    let chain = |n: usize| vec!["title pr"; n].join(" or ");
    assert!(parsed(&chain(TERMS_MAX)).is_ok());
    assert_eq!(
        parsed(&chain(TERMS_MAX + 1)).expect_err("too many").problem,
        FilterProblem::TooManyTerms
    );
    let long = |n: usize| format!("title eq \"{}\"", "x".repeat(n - 11));
    assert!(parsed(&long(FILTER_BYTES_MAX)).is_ok());
    assert_eq!(
        parsed(&long(FILTER_BYTES_MAX + 1))
            .expect_err("too long")
            .problem,
        FilterProblem::TooLong
    );
}

/// Both parsers' trees in one form.
#[derive(Debug, PartialEq)]
enum Tree {
    And(Vec<Tree>),
    Or(Vec<Tree>),
    Not(Box<Tree>),
    Leaf(String),
    Element(String, Box<Tree>),
}

/// A chain in parentheses within a chain is one chain.
fn flat(trees: Vec<Tree>, take: fn(Tree) -> Result<Vec<Tree>, Tree>) -> Vec<Tree> {
    trees
        .into_iter()
        .flat_map(|tree| take(tree).unwrap_or_else(|other| vec![other]))
        .collect()
}

fn all(trees: Vec<Tree>) -> Tree {
    Tree::And(flat(trees, |tree| {
        if let Tree::And(trees) = tree {
            Ok(trees)
        } else {
            Err(tree)
        }
    }))
}

fn any_of(trees: Vec<Tree>) -> Tree {
    Tree::Or(flat(trees, |tree| {
        if let Tree::Or(trees) = tree {
            Ok(trees)
        } else {
            Err(tree)
        }
    }))
}

mod theirs {
    use scim_v2::filter::{AttrExp, AttrPath, CompValue, CompareOp, Filter, ValFilter};

    use super::{Tree, all, any_of};

    fn name(path: &AttrPath, within: Option<&str>, compared: bool) -> String {
        let mut name = path.name.to_lowercase();
        if let Some(parent) = within {
            return format!("{parent}.{name}");
        }
        if let Some(sub) = &path.sub_attr {
            name = format!("{name}.{}", sub.to_lowercase());
        } else if compared && matches!(name.as_str(), "emails" | "roles" | "manager") {
            name.push_str(".value");
        }
        let core = "urn:ietf:params:scim:schemas:core:2.0:user";
        match path
            .uri
            .as_ref()
            .map(|uri| uri.to_lowercase())
            .filter(|uri| uri != core)
        {
            Some(uri) => format!("{uri}:{name}"),
            None => name,
        }
    }

    fn leaf(expression: &AttrExp, within: Option<&str>) -> Tree {
        Tree::Leaf(match expression {
            AttrExp::Present(path) => format!("{} pr", name(path, within, false)),
            AttrExp::Comparison(path, operator, value) => {
                let operator = match operator {
                    CompareOp::Eq => "eq",
                    CompareOp::Ne => "ne",
                    CompareOp::Co => "co",
                    CompareOp::Sw => "sw",
                    CompareOp::Ew => "ew",
                    CompareOp::Gt => "gt",
                    CompareOp::Lt => "lt",
                    CompareOp::Ge => "ge",
                    CompareOp::Le => "le",
                };
                let value = match value {
                    CompValue::False => serde_json::Value::Bool(false),
                    CompValue::True => serde_json::Value::Bool(true),
                    CompValue::Null => serde_json::Value::Null,
                    CompValue::Number(number) => number.clone().into(),
                    CompValue::Str(text) if text.is_empty() => serde_json::Value::Null,
                    CompValue::Str(text) => text.clone().into(),
                };
                format!("{} {operator} {value}", name(path, within, true))
            }
        })
    }

    pub(super) fn tree(filter: &Filter) -> Tree {
        match filter {
            Filter::Attr(expression) => leaf(expression, None),
            Filter::ValuePath(path) => {
                let parent = name(&path.attr, None, false);
                let inner = elements(&path.filter, &parent);
                Tree::Element(parent, Box::new(inner))
            }
            Filter::Not(inner) => Tree::Not(Box::new(tree(inner))),
            Filter::And(filters) => all(filters.iter().map(tree).collect()),
            Filter::Or(filters) => any_of(filters.iter().map(tree).collect()),
        }
    }

    pub(super) fn elements(filter: &ValFilter, parent: &str) -> Tree {
        match filter {
            ValFilter::Attr(expression) => leaf(expression, Some(parent)),
            ValFilter::Not(inner) => Tree::Not(Box::new(elements(inner, parent))),
            ValFilter::And(filters) => all(filters
                .iter()
                .map(|filter| elements(filter, parent))
                .collect()),
            ValFilter::Or(filters) => any_of(
                filters
                    .iter()
                    .map(|filter| elements(filter, parent))
                    .collect(),
            ),
        }
    }
}

fn ours(filter: &Filter) -> Tree {
    match filter {
        Filter::And(filters) => all(filters.iter().map(ours).collect()),
        Filter::Or(filters) => any_of(filters.iter().map(ours).collect()),
        Filter::Not(inner) => Tree::Not(Box::new(ours(inner))),
        Filter::Present(path) => Tree::Leaf(format!("{} pr", path.to_string().to_lowercase())),
        Filter::Compare(Comparison {
            attribute,
            operator,
            literal,
        }) => Tree::Leaf(format!(
            "{} {} {literal}",
            attribute.to_string().to_lowercase(),
            operator.as_str()
        )),
        Filter::Element(path, inner) => {
            Tree::Element(path.to_string().to_lowercase(), Box::new(ours(inner)))
        }
    }
}

/// Words in any case.
fn word(word: &'static str) -> impl Strategy<Value = String> {
    prop::bool::ANY.prop_map(move |upper| {
        if upper {
            word.to_uppercase()
        } else {
            word.to_owned()
        }
    })
}

fn space() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![" ", "  ", "\t", " \n "])
}

fn text_literal() -> impl Strategy<Value = String> {
    prop_oneof!["[ -~]{0,8}", "\\PC{0,4}"].prop_map(|text| Value::from(text).to_string())
}

/// `name op value` with the blanks that the RFC wants.
fn comparison(
    names: &'static [&'static str],
    booleans: &'static [&'static str],
) -> BoxedStrategy<String> {
    let name = |names: &'static [&'static str]| prop::sample::select(names).prop_flat_map(word);
    let equality = || prop::sample::select(vec!["eq", "ne"]).prop_flat_map(word);
    let operator = prop::sample::select(vec!["eq", "ne", "co", "sw", "ew", "gt", "lt", "ge", "le"])
        .prop_flat_map(word);
    let texts = (
        name(names),
        space(),
        operator,
        space(),
        text_literal().prop_filter("null only knows eq", |text| text != "\"\""),
    );
    prop_oneof![
        4 => texts.prop_map(|(name, a, operator, b, text)| format!("{name}{a}{operator}{b}{text}")),
        1 => (name(names), space(), equality(), space(), prop::sample::select(vec!["null", "\"\""])).prop_map(|(name, a, operator, b, text)| format!("{name}{a}{operator}{b}{text}")),
        1 => (name(names), space(), word("pr")).prop_map(|(name, a, pr)| format!("{name}{a}{pr}")),
        1 => (name(booleans), space(), equality(), space(), any::<bool>()).prop_map(|(name, a, operator, b, value)| format!("{name}{a}{operator}{b}{value}")),
    ]
    .boxed()
}

fn combined(leaf: BoxedStrategy<String>) -> BoxedStrategy<String> {
    leaf.prop_recursive(4, 12, 3, |inner| {
        let chain = |inner: BoxedStrategy<String>, keyword: &'static str| {
            (prop::collection::vec(inner, 2..4), space(), word(keyword), space()).prop_map(|(parts, a, keyword, b)| parts.join(&format!("{a}{keyword}{b}")))
        };
        prop_oneof![
            3 => chain(inner.clone().boxed(), "and"),
            3 => chain(inner.clone().boxed(), "or"),
            2 => inner.clone().prop_map(|inner| format!("({inner})")),
            2 => (word("not"), space(), inner).prop_map(|(not, a, inner)| format!("{not}{a}({inner})")),
        ]
    })
    .boxed()
}

fn elements() -> BoxedStrategy<String> {
    combined(comparison(&["value", "type", "display"], &["primary"]))
}

const NAMES: &[&str] = &[
    "userName",
    "name.givenName",
    "emails",
    "emails.type",
    "title",
    "urn:ietf:params:scim:schemas:core:2.0:User:displayName",
    "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department",
    "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager.value",
    "meta.resourceType",
];

proptest! {
    /// Whatever scim_v2 accepts, ours accepts with the same tree.
    #[test]
    fn another_parser_reads_the_same_filters(
        text in combined(prop_oneof![
            3 => comparison(NAMES, &["active", "emails.primary"]),
            1 => (prop::sample::select(vec!["emails", "ROLES"]), elements()).prop_map(|(name, inner)| format!("{name}[{inner}]")),
        ].boxed())
    ) {
        if let Ok(theirs) = text.parse::<scim_v2::filter::Filter>() {
            match parsed(&text) {
                Ok(filter) => prop_assert_eq!(ours(&filter), theirs::tree(&theirs)),
                Err(error) => prop_assert!(matches!(error.problem, FilterProblem::TooDeep | FilterProblem::TooManyTerms | FilterProblem::TooLong), "{}", error),
            }
        } else {
            prop_assert!(text.contains("\\u0000") || text.len() > 4096, "the generator writes the RFC's grammar: {}", text);
        }
    }

    #[test]
    fn another_parser_reads_the_same_paths(
        name in prop::sample::select(&["emails", "EMAILS", "roles", "name.givenName", "userName", "urn:ietf:params:scim:schemas:core:2.0:User:emails"][..]),
        inner in prop::option::of(elements()),
        sub in prop::option::of(prop::sample::select(&["value", "Type", "primary"][..])),
    ) {
        let text = match (&inner, sub) {
            (Some(inner), Some(sub)) => format!("{name}[{inner}].{sub}"),
            (Some(inner), None) => format!("{name}[{inner}]"),
            (None, _) => name.to_owned(),
        };
        let list = !matches!(name, "name.givenName" | "userName");
        let theirs = text.parse::<scim_v2::filter::PatchPath>();
        let path = path::parse(&text, ResourceSchema::user());
        match (theirs, path) {
            (Ok(_), Err(error)) => prop_assert!(!list || error.to_string().contains("deep") || text.len() > path::PATH_BYTES_MAX, "{}: {}", error, text),
            (Ok(scim_v2::filter::PatchPath::Attr(theirs)), Ok(Path::Attribute { attribute, filter: None, sub, .. })) => {
                prop_assert!(theirs.name.eq_ignore_ascii_case(&attribute.name));
                prop_assert_eq!(theirs.sub_attr.as_deref(), sub.map(|sub| sub.name.as_str()));
            }
            (Ok(scim_v2::filter::PatchPath::Value(theirs)), Ok(Path::Attribute { attribute, filter: Some(filter), sub, .. })) => {
                prop_assert!(theirs.attr.name.eq_ignore_ascii_case(&attribute.name));
                prop_assert_eq!(theirs.sub_attr.map(|sub| sub.to_lowercase()), sub.map(|sub| sub.name.clone()));
                let parent = attribute.name.to_lowercase();
                prop_assert_eq!(ours(&filter), theirs::elements(&theirs.filter, &parent));
            }
            (Ok(theirs), Ok(ours)) => prop_assert!(false, "{:?} {:?}", theirs, ours),
            (Err(_), _) => prop_assert!(text.contains("\\u0000"), "the generator writes the RFC's grammar: {}", text),
        }
    }

    #[test]
    fn any_text_is_read_or_refused_and_what_is_printed_reads_the_same(text in prop_oneof!["\\PC{0,40}", "[a-z\\[\\]()\". ]{0,40}"]) {
        if let Ok(filter) = parsed(&text) {
            prop_assert_eq!(parsed(&filter.to_string()), Ok(filter.clone()));
            let _ = evaluate(&filter, &Map::new());
        }
        let _ = path::parse(&text, ResourceSchema::user());
    }
}
