//! Sorting by every attribute of the schema, on every engine, compared with a plain model that reads the accounts as they are shown.

use std::time::Duration;

use proptest::{
    prelude::*,
    strategy::ValueTree as _,
    test_runner::{Config, TestRng, TestRunner},
};
use provisioning_core::{
    accounts::{Account, ListQuery, Precondition},
    attributes::{
        fold::fold,
        order::TEXT_CHARS_MAX,
        patch::Op,
        schema::{Attribute, Mutability, ResourceSchema, Returned, Schema, Type},
        time::DateTime,
    },
};
use serde_json::{Map, Value, json};

use super::operation;
use crate::world::{CONTOSO, World, admin, fresh, on_every_engine};

const ACCOUNTS: usize = 40;
const PAGE_SIZE: u32 = 7;

/// A name to sort by, and what it names.
struct Named<'s> {
    text: String,
    extension: Option<&'s Schema>,
    attribute: &'s Attribute,
    sub: Option<&'s Attribute>,
}

/// Every attribute and part that has a value of its own and that a client may write.
fn writable(schema: &ResourceSchema) -> Vec<Named<'_>> {
    let mut found = Vec::new();
    let schemas = schema.extensions.iter().map(Some).chain([None]);
    for extension in schemas {
        for attribute in &extension.unwrap_or(&schema.core).attributes {
            if attribute.returned == Returned::Never || !is_writable(attribute) {
                continue;
            }
            let name = match extension {
                Some(extension) => format!("{}:{}", extension.id, attribute.name),
                None => attribute.name.clone(),
            };
            let named = |text, sub| Named {
                text,
                extension: extension.map(AsRef::as_ref),
                attribute,
                sub,
            };
            match attribute.sub_attribute("value") {
                Some(value) => found.push(named(name.clone(), Some(value))),
                None if attribute.kind == Type::Complex => {}
                None => found.push(named(name.clone(), None)),
            }
            for sub in attribute
                .sub_attributes
                .iter()
                .filter(|sub| is_writable(sub))
            {
                found.push(named(format!("{name}.{}", sub.name), Some(sub)));
            }
        }
    }
    found
}

fn is_writable(attribute: &Attribute) -> bool {
    attribute.mutability != Mutability::ReadOnly
}

/// Few values, so that there are ties; engines like to disagree on their order.
fn texts() -> impl Strategy<Value = Value> {
    let long = "x".repeat(TEXT_CHARS_MAX);
    let texts = vec![
        json!("a"),
        json!("B"),
        json!("b"),
        json!("Ä"),
        json!("é"),
        json!("e\u{301}"),
        json!("Z"),
        json!("_"),
        json!(" "),
        json!("\u{ffff}"),
        json!("😀"),
        json!("10"),
        json!("9"),
        json!("true"),
        json!(format!("{long}a")),
        json!(format!("{long}b")),
        Value::Null,
        Value::Null,
    ];
    prop::sample::select(texts)
}

/// A value that the attribute can have, or null.
fn values(attribute: &'static Attribute) -> BoxedStrategy<Value> {
    let one = match attribute.kind {
        Type::Boolean => prop::sample::select(vec![json!(true), json!(false), Value::Null]).boxed(),
        Type::Complex => {
            let parts: Vec<_> = attribute
                .sub_attributes
                .iter()
                .map(|sub| values(sub).prop_map(|value| (sub.name.clone(), value)))
                .collect();
            parts
                .prop_map(|parts| Value::Object(parts.into_iter().collect()))
                .boxed()
        }
        Type::String | Type::Reference | Type::Binary => texts().boxed(),
        Type::Integer | Type::Decimal | Type::DateTime => {
            unreachable!("no attribute of an account that a client may write is one")
        }
    };
    if attribute.multi_valued {
        let list = prop::collection::vec(one, 0..4);
        list.prop_map(only_one_primary).boxed()
    } else {
        one
    }
}

fn only_one_primary(mut elements: Vec<Value>) -> Value {
    let mut found = false;
    for element in &mut elements {
        if let Some(primary) = element.get_mut("primary") {
            *primary = json!(*primary == json!(true) && !std::mem::replace(&mut found, true));
        }
    }
    elements.into()
}

fn document(schema: &'static ResourceSchema) -> impl Strategy<Value = Map<String, Value>> {
    let of = |schema: &'static Schema| {
        let attributes: Vec<_> = schema
            .attributes
            .iter()
            .filter(|attribute| attribute.mutability == Mutability::ReadWrite)
            .map(|attribute| values(attribute).prop_map(|value| (attribute.name.clone(), value)))
            .collect();
        attributes.prop_map(|attributes| attributes.into_iter().collect::<Map<_, _>>())
    };
    let extension = &schema.extensions[0];
    (of(&schema.core), of(extension)).prop_map(|(mut document, object)| {
        document.insert(extension.id.clone(), object.into());
        document
    })
}

/// What RFC 7644 section 3.4.2.3 says the account is sorted by.
fn key(named: &Named<'_>, account: &Account) -> Option<String> {
    let document: Value = serde_json::from_str(&account.document).expect("it is JSON");
    let object = match named.extension {
        Some(extension) => document.get(&extension.id)?,
        None => &document,
    };
    let mut value = object.get(&named.attribute.name)?;
    if named.attribute.multi_valued {
        let elements = value.as_array().expect("it is a list");
        value = elements
            .iter()
            .find(|element| element["primary"] == json!(true))
            .or(elements.first())?;
    }
    let (attribute, value) = match named.sub {
        Some(sub) => (sub, value.get(&sub.name)?),
        None => (named.attribute, value),
    };
    let text = match value {
        Value::Bool(value) => value.to_string(),
        Value::String(text) if text.is_empty() => return None,
        Value::String(text) if attribute.kind == Type::DateTime => {
            DateTime::parse(text)?.to_string()
        }
        Value::String(text) if attribute.folds() => fold(text),
        Value::String(text) => text.clone(),
        other => unreachable!("{other}"),
    };
    Some(text.chars().take(TEXT_CHARS_MAX).collect())
}

/// Those without a value last.
fn sorted(accounts: &[Account], key: impl Fn(&Account) -> Option<String>) -> Vec<String> {
    let mut keyed: Vec<_> = accounts
        .iter()
        .map(|account| {
            let key = key(account);
            (key.is_none(), key, account.id)
        })
        .collect();
    keyed.sort_by_key(|(is_none, key, id)| (*is_none, key.clone(), id.to_string()));
    keyed.iter().map(|(_, _, id)| id.to_string()).collect()
}

async fn populate(world: &World) -> Vec<Account> {
    let config = Config::default();
    let rng = TestRng::deterministic_rng(config.rng_algorithm);
    let mut runner = TestRunner::new_with_rng(config, rng);
    let documents = document(ResourceSchema::user());
    let mut accounts = Vec::new();
    for number in 0..ACCOUNTS {
        let mut document = documents
            .new_tree(&mut runner)
            .expect("a document")
            .current();
        document.insert(
            "userName".to_owned(),
            json!(format!("user{}", number * 17 % ACCOUNTS)),
        );
        world.clock.advance(Duration::from_millis(1));
        let created = world
            .core
            .create_account(&admin(CONTOSO), &document, false, None)
            .await;
        accounts.push(fresh(created).account);
    }
    accounts
}

/// All ids in an order, read page by page.
async fn walk(world: &World, order_by: &str) -> Vec<String> {
    let mut query = ListQuery {
        order_by: order_by.to_owned(),
        page_size: PAGE_SIZE,
        ..ListQuery::default()
    };
    let mut ids = Vec::new();
    loop {
        let page = world
            .core
            .list_accounts(&admin(CONTOSO), &query)
            .await
            .unwrap_or_else(|error| panic!("{error}: {order_by}"));
        ids.extend(page.accounts.iter().map(|account| account.id.to_string()));
        match page.next_page_token {
            Some(token) => query.page_token = token,
            None => return ids,
        }
    }
}

async fn is_sorted(world: &World, order_by: &str, ascending: &[String]) {
    assert_eq!(walk(world, order_by).await, ascending, "{order_by}");
    let descending: Vec<_> = ascending.iter().rev().cloned().collect();
    let order_by = format!("{order_by} desc");
    assert_eq!(walk(world, &order_by).await, descending, "{order_by}");
}

on_every_engine! {
    async fn accounts_are_sorted_by_every_attribute_as_the_model_says(world: World) {
        let accounts = populate(&world).await;
        let names = writable(ResourceSchema::user());
        assert!(names.len() > 60, "{}", names.len());
        let mut telling = 0;
        for named in &names {
            let expected = sorted(&accounts, |account| key(named, account));
            telling += usize::from(expected != sorted(&accounts, |_| None));
            is_sorted(&world, &named.text, &expected).await;
        }
        assert_eq!(telling, names.len(), "every attribute changes the order");
    }

    async fn accounts_are_sorted_by_what_the_service_knows_of_them(world: World) {
        let mut accounts = populate(&world).await;
        for number in (0..ACCOUNTS).rev().step_by(3) {
            world.clock.advance(Duration::from_millis(1));
            let id = accounts[number].id;
            let title = operation(Op::Replace, "title", json!("changed"));
            let precondition = Precondition::default();
            let patched = fresh(world.core.patch_account(&admin(CONTOSO), id, &[title], &precondition, None).await);
            accounts[number] = patched.account;
        }
        let time = |micros: i64| DateTime::from_micros(micros).map(|time| time.to_string());
        for (name, key) in [
            ("id", (&|account: &Account| Some(account.id.to_string())) as &dyn Fn(&Account) -> Option<String>),
            ("meta.created", &|account| time(account.created_at.as_micros())),
            ("meta.lastModified", &|account| time(account.updated_at.as_micros())),
            ("meta.version", &|account| Some(account.etag())),
            ("meta.resourceType", &|_| None),
            ("meta.location", &|account| Some(account.id.to_string())),
            ("schemas", &|_| None),
        ] {
            is_sorted(&world, name, &sorted(&accounts, key)).await;
        }
    }
}
