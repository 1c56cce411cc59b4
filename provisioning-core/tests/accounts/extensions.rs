//! What a tenant's own schemas do to accounts: checked and converted on writing, found by filters and in order, shown as they are defined, on
//! every replica from the next request on, and without anything being rewritten.

use std::{sync::Arc, time::Duration};

use provisioning_core::{
    Core,
    accounts::{Account, AccountKey, ListQuery, Precondition},
    attributes::{
        filter,
        patch::{Op, Operation},
        search::search_document,
    },
    error::{Error, Reason},
    receipts::Answer,
    schemas::{AttributeDefinition, Definition, TenantSchemas},
    tenants::{Dialect, TenantChanges, UnknownSchemas},
};
use serde_json::{Map, Value, json};

use super::{attributes, operation};
use crate::world::{CONTOSO, World, admin, fresh, on_every_engine, operator, reason};

const URN: &str = "urn:ietf:params:scim:schemas:extension:Contoso:2.0:User";

fn attribute(json: &Value) -> AttributeDefinition {
    let text = |key: &str| json[key].as_str().unwrap_or_default().to_owned();
    let flag = |key: &str| json[key].as_bool().unwrap_or_default();
    let list = |key: &str| {
        let values = json[key].as_array().into_iter().flatten();
        values
            .filter_map(|value| value.as_str().map(str::to_owned))
            .collect()
    };
    AttributeDefinition {
        name: text("name"),
        kind: text("type"),
        multi_valued: flag("multiValued"),
        required: flag("required"),
        case_exact: flag("caseExact"),
        mutability: text("mutability"),
        returned: text("returned"),
        reference_types: list("referenceTypes"),
        sub_attributes: json["subAttributes"]
            .as_array()
            .into_iter()
            .flatten()
            .map(attribute)
            .collect(),
        ..AttributeDefinition::default()
    }
}

fn definition(attributes: &Value) -> Definition {
    Definition {
        id: URN.to_owned(),
        resource_type: "User".to_owned(),
        attributes: attributes
            .as_array()
            .expect("they are a list")
            .iter()
            .map(attribute)
            .collect(),
        ..Definition::default()
    }
}

/// One attribute of every kind.
fn kinds() -> Definition {
    definition(&json!([
        {"name": "costCode", "type": "integer"},
        {"name": "share", "type": "decimal"},
        {"name": "isLead", "type": "boolean"},
        {"name": "since", "type": "dateTime"},
        {"name": "badge", "caseExact": true},
        {"name": "site"},
        {"name": "page", "type": "reference", "referenceTypes": ["external"]},
        {"name": "tags", "multiValued": true},
        {"name": "desk", "type": "complex", "subAttributes": [{"name": "floor", "type": "integer"}, {"name": "room"}]},
        {"name": "rooms", "type": "complex", "multiValued": true, "subAttributes": [
            {"name": "value"}, {"name": "kind"}, {"name": "primary", "type": "boolean"}, {"name": "floor", "type": "integer"},
        ]},
    ]))
}

async fn define(core: &Core, definition: &Definition) {
    fresh(
        core.create_extension_schema(&admin(CONTOSO), definition, false, None)
            .await,
    );
}

fn with_extension(user_name: &str, extension: &Value) -> Map<String, Value> {
    attributes(json!({"userName": user_name, URN: extension}))
}

async fn try_create(core: &Core, user_name: &str, extension: &Value) -> Result<Account, Error> {
    let attributes = with_extension(user_name, extension);
    match core
        .create_account(&admin(CONTOSO), &attributes, false, None)
        .await?
    {
        Answer::Fresh(created) => Ok(created.account),
        Answer::Replayed(_) => panic!("there was no request id"),
    }
}

async fn create(core: &Core, user_name: &str, extension: &Value) -> Account {
    try_create(core, user_name, extension)
        .await
        .expect("it is created")
}

async fn try_patch(
    core: &Core,
    account: &Account,
    operations: &[Operation],
) -> Result<Account, Error> {
    let (admin, none) = (admin(CONTOSO), Precondition::default());
    let patched = core.patch_account(&admin, account.id, operations, &none, None);
    match patched.await? {
        Answer::Fresh(patched) => Ok(patched.account),
        Answer::Replayed(_) => panic!("there was no request id"),
    }
}

async fn try_replace(core: &Core, account: &Account, extension: &Value) -> Result<Account, Error> {
    let attributes = with_extension(&account.user_name, extension);
    let (admin, none) = (admin(CONTOSO), Precondition::default());
    let replaced = core.replace_account(&admin, account.id, &attributes, &none, None);
    match replaced.await? {
        Answer::Fresh(replaced) => Ok(replaced.account),
        Answer::Replayed(_) => panic!("there was no request id"),
    }
}

async fn read(core: &Core, account: &Account) -> Account {
    core.get_account(&admin(CONTOSO), &AccountKey::Id(account.id))
        .await
        .expect("it is there")
}

fn shown(account: &Account) -> Value {
    let document: Value = serde_json::from_str(&account.document).expect("it is JSON");
    document.get(URN).cloned().unwrap_or_default()
}

async fn try_list(core: &Core, filter: &str, order_by: &str) -> Result<Vec<String>, Error> {
    let query = ListQuery {
        filter: filter.to_owned(),
        order_by: order_by.to_owned(),
        page_size: 100,
        ..ListQuery::default()
    };
    let page = core.list_accounts(&admin(CONTOSO), &query).await?;
    assert_eq!(
        page.total_size,
        i64::try_from(page.accounts.len()).expect("it fits"),
        "the count agrees"
    );
    Ok(page
        .accounts
        .into_iter()
        .map(|account| account.user_name)
        .collect())
}

async fn list(core: &Core, filter: &str) -> Vec<String> {
    try_list(core, filter, "").await.expect("they are listed")
}

fn remove(path: &str) -> Operation {
    Operation {
        op: Op::Remove,
        path: Some(path.to_owned()),
        value: None,
    }
}

on_every_engine! {
    async fn values_are_checked_and_converted_as_they_are_defined(world: World) {
        define(&world.core, &kinds()).await;
        let given = json!({
            "COSTCODE": "42", "share": "0.5", "isLead": "True", "since": "2026-01-02T03:04:05Z", "badge": "A-b", "page": "https://x.example",
            "tags": ["x", {"value": "y"}], "desk": {"Floor": "3", "room": "N"}, "unknown": 1,
            "rooms": [{"value": "a", "primary": "true"}, {"value": "b", "primary": true}],
        });
        let alice = create(&world.core, "alice", &given).await;
        let expected = json!({
            "costCode": 42, "share": 0.5, "isLead": true, "since": "2026-01-02T03:04:05Z", "badge": "A-b", "page": "https://x.example",
            "tags": ["x", "y"], "desk": {"floor": 3, "room": "N"},
            "rooms": [{"value": "a", "primary": false}, {"value": "b", "primary": true}],
        });
        assert_eq!(shown(&alice), expected);
        assert_eq!(shown(&read(&world.core, &alice).await), expected);
        let entries = world.log(CONTOSO, "operation eq \"create\" and resourceType eq \"User\"").await;
        assert!(entries[0].detail.contains(&format!("{URN}:unknown")), "{}", entries[0].detail);

        for (name, bad) in [("costCode", json!("x")), ("costCode", json!(1.5)), ("isLead", json!("maybe")), ("since", json!("soon")), ("desk", json!("N")), ("site", json!(7))] {
            let refused = try_create(&world.core, "bob", &json!({name: bad})).await;
            assert_eq!(reason(refused), Reason::InvalidValue, "{name} {bad}");
            let refused = try_patch(&world.core, &alice, &[operation(Op::Replace, &format!("{URN}:{name}"), bad.clone())]).await;
            assert_eq!(reason(refused), Reason::InvalidValue, "{name} {bad}");
            let refused = try_replace(&world.core, &alice, &json!({name: bad})).await;
            assert_eq!(reason(refused), Reason::InvalidValue, "{name} {bad}");
        }
    }

    async fn a_patch_knows_what_is_defined(world: World) {
        define(&world.core, &kinds()).await;
        let alice = create(&world.core, "alice", &json!({"rooms": [{"value": "a", "kind": "Home", "primary": true}]})).await;
        let lower = URN.to_lowercase();
        let alice = try_patch(&world.core, &alice, &[
            operation(Op::Add, &format!("{lower}:COSTCODE"), json!("7")),
            operation(Op::Add, &format!("{URN}:desk.floor"), json!("2")),
            operation(Op::Add, &format!("{URN}:tags"), json!("x")),
            operation(Op::Add, &format!("{URN}:tags"), json!(["x", "y"])),
            operation(Op::Add, &format!("{URN}:rooms[kind eq \"work\"].value"), json!("w")),
            operation(Op::Replace, &format!("{URN}:rooms[Kind eq \"HOME\"].floor"), json!("1")),
            operation(Op::Replace, &format!("{URN}:rooms[value eq \"w\"].primary"), json!("True")),
        ]).await.expect("it is taken");
        assert_eq!(
            shown(&alice),
            json!({
                "rooms": [{"value": "a", "kind": "Home", "primary": false, "floor": 1}, {"kind": "work", "value": "w", "primary": true}],
                "costCode": 7, "desk": {"floor": 2}, "tags": ["x", "y"],
            })
        );
        let whole = Operation { op: Op::Replace, path: None, value: Some(json!({format!("{URN}:isLead"): "False", URN: {"site": "N"}})) };
        let alice = try_patch(&world.core, &alice, &[whole]).await.expect("it is taken");
        assert_eq!((&shown(&alice)["isLead"], &shown(&alice)["site"]), (&json!(false), &json!("N")));
        let before = alice.version;
        let same = try_patch(&world.core, &alice, &[operation(Op::Replace, &format!("{URN}:costCode"), json!("7"))]).await.expect("it is taken");
        assert_eq!(same.version, before, "nothing has changed");
        let alice = try_patch(&world.core, &alice, &[remove(&format!("{URN}:rooms[floor eq 1]")), remove(&format!("{URN}:tags"))]).await.expect("it is taken");
        assert_eq!(shown(&alice)["rooms"], json!([{"kind": "work", "value": "w", "primary": true}]));
        let alice = try_patch(&world.core, &alice, &[remove(URN)]).await.expect("it is taken");
        assert_eq!(shown(&alice), Value::Null);
    }

    async fn filters_and_orders_follow_the_definition(world: World) {
        let later = || world.clock.advance(Duration::from_millis(1));
        // The first two were there before the definition, the others came after it.
        create(&world.core, "old", &json!({"costCode": 9, "badge": "B", "site": "Åre", "since": "2026-01-01T01:00:00+01:00", "tags": ["X"], "isLead": true})).await;
        later();
        create(&world.core, "odd", &json!({"COSTCODE": "nine", "Badge": "b", "desk": "none"})).await;
        later();
        define(&world.core, &kinds()).await;
        create(&world.core, "new", &json!({"costCode": "-10", "badge": "b", "site": "åRE", "since": "2026-01-01T00:00:00Z", "tags": ["x", "y"], "isLead": "False"})).await;
        later();
        create(&world.core, "room", &json!({"costCode": 10, "desk": {"floor": 2, "room": "N"}, "rooms": [{"value": "A", "floor": 3}, {"value": "b", "primary": true, "floor": 1}]})).await;
        later();
        create(&world.core, "none", &json!({})).await;
        later();
        let cases: [(&str, &[&str]); 22] = [
            ("costCode eq 9", &["old"]),
            ("COSTCODE gt -11", &["old", "new", "room"]),
            ("costCode pr", &["old", "odd", "new", "room"]),
            ("costCode ne 9", &["odd", "new", "room", "none"]),
            ("badge eq \"b\"", &["odd", "new"]),
            ("badge ge \"b\"", &["odd", "new"]),
            ("badge sw \"B\"", &["old"]),
            ("site eq \"ÅRE\"", &["old", "new"]),
            ("since eq \"2026-01-01T00:00:00.000Z\"", &["old", "new"]),
            ("since lt \"2027-01-01T00:00:00Z\"", &["old", "new"]),
            ("tags eq \"x\"", &["old", "new"]),
            ("tags.value co \"Y\"", &["new"]),
            ("isLead eq true", &["old"]),
            ("isLead eq false", &["new"]),
            ("isLead eq null", &["odd", "room", "none"]),
            ("desk.floor le 2", &["room"]),
            ("desk[floor eq 2 and room eq \"n\"]", &["room"]),
            ("rooms eq \"a\"", &["room"]),
            ("rooms[value eq \"b\" and floor lt 2]", &["room"]),
            ("rooms[value eq \"a\" and floor lt 2]", &[]),
            ("rooms.primary eq true", &["room"]),
            ("page pr", &[]),
        ];
        let schemas = world.core.list_schemas(&admin(CONTOSO)).await.expect("they are listed");
        let query = ListQuery { page_size: 100, ..ListQuery::default() };
        let all = world.core.list_accounts(&admin(CONTOSO), &query).await.expect("they are listed").accounts;
        for (text, expected) in cases {
            let text = format!("{}:{text}", if text.len() % 2 == 0 { URN.to_owned() } else { URN.to_uppercase() });
            assert_eq!(list(&world.core, &text).await, expected, "{text}");
            let filter = filter::parse(&text, &schemas.user).expect("it is a filter");
            assert_eq!(filter::parse(&filter.to_string(), &schemas.user).as_ref(), Ok(&filter), "it is printed as it is read");
            let in_memory: Vec<_> = all.iter().filter(|account| {
                let document: Value = serde_json::from_str(&account.document).expect("it is JSON");
                let search = search_document(document.as_object().expect("it is an object"), &schemas.user);
                filter::evaluate(&filter, &search)
            }).map(|account| account.user_name.as_str()).collect();
            assert_eq!(in_memory, expected, "in memory: {text}");
        }
        for (order, expected) in [
            ("costCode", ["new", "old", "room", "odd", "none"]),
            ("costCode desc", ["none", "odd", "room", "old", "new"]),
            ("rooms.floor", ["room", "old", "odd", "new", "none"]),
            ("badge", ["old", "odd", "new", "room", "none"]),
            ("desk.floor desc", ["none", "new", "odd", "old", "room"]),
        ] {
            let order = format!("{URN}:{order}");
            assert_eq!(try_list(&world.core, "", &order).await.expect("they are listed"), expected, "{order}");
        }
        for (text, why) in [("costCode eq \"x\"", Reason::InvalidFilter), ("isLead gt true", Reason::InvalidFilter), ("gone eq 1", Reason::InvalidFilter), ("rooms[gone eq 1]", Reason::InvalidFilter)] {
            assert_eq!(reason(try_list(&world.core, &format!("{URN}:{text}"), "").await), why, "{text}");
        }
    }

    async fn filters_are_right_whatever_became_of_a_definition(world: World) {
        let core = &world.core;
        let exact = |case_exact| definition(&json!([{"name": "badge", "caseExact": case_exact}, {"name": "since", "type": "dateTime"}]));
        create(core, "alice", &json!({"badge": "A", "since": "2026-01-01T01:00:00+01:00"})).await;
        let by_badge = |text: &str| format!("{URN}:badge eq \"{text}\"");
        let at = format!("{URN}:since eq \"2026-01-01T00:00:00Z\"");
        assert_eq!((list(core, &by_badge("a")).await.len(), list(core, &at).await.len()), (1, 0), "nothing is known of it");
        define(core, &exact(true)).await;
        assert_eq!((list(core, &by_badge("a")).await.len(), list(core, &by_badge("A")).await.len(), list(core, &at).await.len()), (0, 1, 1));
        fresh(core.update_extension_schema(&admin(CONTOSO), &exact(false), &Precondition::default(), None).await);
        assert_eq!((list(core, &by_badge("a")).await.len(), list(core, &at).await.len()), (1, 1));
        fresh(core.delete_extension_schema(&admin(CONTOSO), URN, &Precondition::default(), None).await);
        assert_eq!((list(core, &by_badge("a")).await.len(), list(core, &at).await.len()), (1, 0));
        let alice = try_list(core, "", "").await.expect("they are listed");
        assert_eq!(alice, ["alice"]);
    }

    async fn read_only_is_passed_over_and_immutable_is_set_once(world: World) {
        let core = &world.core;
        let old = create(core, "old", &json!({"Serial": "given"})).await;
        define(core, &definition(&json!([
            {"name": "serial", "mutability": "readOnly"}, {"name": "hired", "mutability": "immutable"}, {"name": "site"},
            {"name": "desk", "type": "complex", "subAttributes": [{"name": "floor", "mutability": "immutable"}, {"name": "room"}]},
            {"name": "keys", "type": "complex", "multiValued": true, "subAttributes": [{"name": "value", "mutability": "immutable"}, {"name": "label"}]},
        ]))).await;
        let alice = create(core, "alice", &json!({"serial": "x", "hired": "2020", "desk": {"floor": "1", "room": "a"}, "keys": [{"value": "k", "label": "l"}]})).await;
        let first = json!({"hired": "2020", "desk": {"floor": "1", "room": "a"}, "keys": [{"value": "k", "label": "l"}]});
        assert_eq!(shown(&alice), first);
        let patched = try_patch(core, &alice, &[operation(Op::Replace, &format!("{URN}:serial"), json!("y"))]).await.expect("it is passed over");
        assert_eq!(shown(&patched), first);
        for change in [
            operation(Op::Replace, &format!("{URN}:hired"), json!("2021")),
            operation(Op::Replace, &format!("{URN}:desk.floor"), json!("2")),
            operation(Op::Replace, &format!("{URN}:desk"), json!({"floor": "2"})),
            operation(Op::Replace, &format!("{URN}:keys[label eq \"l\"].value"), json!("other")),
            remove(&format!("{URN}:keys[label eq \"l\"].value")),
            remove(&format!("{URN}:hired")),
            remove(URN),
        ] {
            let refused = try_patch(core, &alice, std::slice::from_ref(&change)).await;
            assert_eq!(reason(refused), Reason::Mutability, "{change:?}");
        }
        try_patch(core, &alice, &[operation(Op::Replace, &format!("{URN}:hired"), json!("2020")), operation(Op::Add, &format!("{URN}:keys"), json!({"value": "k2"}))]).await.expect("it is the same, and a new element is no change of an old one");
        assert_eq!(reason(try_replace(core, &alice, &json!({"hired": "2021"})).await), Reason::Mutability);
        let replaced = try_replace(core, &alice, &json!({"site": "N", "serial": "z"})).await.expect("what is left out stays");
        assert_eq!(shown(&replaced), json!({"site": "N", "hired": "2020"}));

        let kept = try_replace(core, &old, &json!({"site": "N"})).await.expect("it is replaced");
        assert_eq!(shown(&kept), json!({"site": "N", "serial": "given"}), "no client takes away what none may write");
    }

    async fn what_is_never_returned_is_not_kept_and_not_found_out(world: World) {
        let core = &world.core;
        let old = create(core, "old", &json!({"PIN": "1111", "site": "N"})).await;
        define(core, &definition(&json!([{"name": "pin", "mutability": "writeOnly"}, {"name": "note", "returned": "never"}, {"name": "site"}]))).await;
        let new = create(core, "new", &json!({"pin": "2222", "note": "x", "site": "N"})).await;
        for account in [&new, &read(core, &new).await, &read(core, &old).await] {
            assert_eq!(shown(account), json!({"site": "N"}));
        }
        let patched = try_patch(core, &old, &[operation(Op::Replace, &format!("{URN}:pin"), json!("3333")), operation(Op::Replace, "title", json!("T"))]).await.expect("it is taken");
        assert_eq!(shown(&patched), json!({"site": "N"}));
        let replaced = try_replace(core, &old, &json!({"site": "S", "note": "y"})).await.expect("it is taken");
        assert_eq!(shown(&replaced), json!({"site": "S"}));
        for text in ["pin eq \"1111\"", "pin pr", "note sw \"x\""] {
            assert_eq!(reason(try_list(core, &format!("{URN}:{text}"), "").await), Reason::InvalidFilter, "{text}");
        }
        assert!(try_list(core, "", &format!("{URN}:pin")).await.is_err());
        let query = ListQuery { page_size: 100, ..ListQuery::default() };
        let listed = core.list_accounts(&admin(CONTOSO), &query).await.expect("they are listed").accounts;
        let batch = core.batch_get_accounts(&admin(CONTOSO), &[old.id.to_string()]).await.expect("it is read");
        assert!(listed.iter().chain(&batch).all(|account| !account.document.contains("1111")));
        let entries = world.log(CONTOSO, "").await;
        let told = format!("{:?}", entries.iter().filter(|entry| entry.operation.as_str() != "create").collect::<Vec<_>>());
        assert!(!told.contains("1111") && !told.contains("3333"));
    }

    async fn required_holds_where_the_extension_is(world: World) {
        let core = &world.core;
        let old = create(core, "old", &json!({"site": "N"})).await;
        define(core, &definition(&json!([
            {"name": "costCode", "type": "integer", "required": true}, {"name": "site"},
            {"name": "rooms", "type": "complex", "multiValued": true, "subAttributes": [{"name": "value", "required": true}, {"name": "kind"}]},
        ]))).await;
        let none = create(core, "none", &json!({})).await;
        assert_eq!(reason(try_create(core, "bob", &json!({"site": "N"})).await), Reason::InvalidValue);
        assert_eq!(reason(try_create(core, "bob", &json!({"costCode": 1, "rooms": [{"kind": "x"}]})).await), Reason::InvalidValue);
        let alice = create(core, "alice", &json!({"costCode": 1, "site": "N"})).await;
        assert_eq!(reason(try_patch(core, &none, &[operation(Op::Add, &format!("{URN}:site"), json!("N"))]).await), Reason::InvalidValue);
        assert_eq!(reason(try_patch(core, &alice, &[remove(&format!("{URN}:costCode"))]).await), Reason::Mutability);
        try_patch(core, &alice, &[remove(URN)]).await.expect("without the extension nothing of it is required");
        try_patch(core, &none, &[operation(Op::Add, URN, json!({"costCode": 2}))]).await.expect("it is there");

        // What was there before is not checked until it changes.
        try_patch(core, &old, &[operation(Op::Replace, "title", json!("T"))]).await.expect("the extension stays as it is");
        assert_eq!(reason(try_patch(core, &old, &[operation(Op::Replace, &format!("{URN}:site"), json!("S"))]).await), Reason::InvalidValue);
    }

    async fn a_change_of_definitions_holds_on_every_replica_at_once(world: World) {
        let other = world.replica_with_its_clock_standing_still();
        let badge = |case_exact| definition(&json!([{"name": "badge", "type": "", "caseExact": case_exact}, {"name": "size", "type": "integer"}]));
        let size = format!("{URN}:size");
        let alice = create(&other, "alice", &json!({"badge": "A"})).await;
        define(&world.core, &badge(true)).await;
        assert_eq!(reason(try_create(&other, "bob", &json!({"size": "x"})).await), Reason::InvalidValue, "a create");
        assert_eq!(reason(try_patch(&other, &alice, &[operation(Op::Add, &size, json!("x"))]).await), Reason::InvalidValue, "a PATCH");
        assert_eq!(reason(try_list(&other, &format!("{size} eq \"x\""), "").await), Reason::InvalidFilter, "a filter");
        let by_badge = format!("{URN}:badge eq \"a\"");
        assert_eq!(list(&other, &by_badge).await, Vec::<String>::new());
        // The other one knows the definition now; that must not outlive it either.
        fresh(world.core.update_extension_schema(&admin(CONTOSO), &badge(false), &Precondition::default(), None).await);
        assert_eq!(list(&other, &by_badge).await, ["alice"]);
        fresh(world.core.delete_extension_schema(&admin(CONTOSO), URN, &Precondition::default(), None).await);
        create(&other, "bob", &json!({"size": "x"})).await;
        assert!(other.list_schemas(&admin(CONTOSO)).await.expect("they are listed").user.extension(URN).is_none());
        define(&other, &badge(true)).await;
        assert_eq!(reason(try_replace(&world.core, &alice, &json!({"size": "x"})).await), Reason::InvalidValue, "a PUT");
        assert_eq!(list(&world.core, &by_badge).await, Vec::<String>::new());
    }

    async fn unknown_schemas_are_kept_or_passed_over(world: World) {
        let core = &world.core;
        let given = json!({"Size": "1", "list": [{"value": 1}], "none": null});
        let alice = create(core, "alice", &given).await;
        assert_eq!(shown(&alice), given, "it comes back as it was given");
        for dialect in [Dialect::Entra, Dialect::Rfc] {
            let asked = TenantChanges { dialect: Some(dialect), unknown_schemas: Some(Some(UnknownSchemas::Ignore)), ..TenantChanges::default() };
            fresh(core.update_tenant(&operator(CONTOSO), &asked, &Precondition::default(), None).await);
            let user_name = dialect.as_str();
            let bob = create(core, user_name, &given).await;
            assert_eq!(shown(&bob), Value::Null);
            let operations = [
                operation(Op::Add, &format!("{URN}:size"), json!("2")),
                Operation { op: Op::Replace, path: None, value: Some(json!({"urn:plain:x": {"a": 1}, "title": "T"})) },
            ];
            let patched = try_patch(core, &bob, &operations).await.expect("it is passed over");
            assert!(patched.document.contains("\"T\"") && !patched.document.contains("urn:plain"));
            try_replace(core, &bob, &given).await.expect("it is passed over");
            let entries = world.log(CONTOSO, &format!("userName eq \"{user_name}\"")).await;
            assert_eq!(entries.len(), 3);
            for entry in entries {
                assert!(entry.detail.contains(URN), "{:?}: {}", entry.operation, entry.detail);
            }
        }
        // What is defined is not unknown.
        define(core, &kinds()).await;
        assert_eq!(shown(&create(core, "carol", &json!({"costCode": "1"})).await), json!({"costCode": 1}));
        assert_eq!(shown(&read(core, &alice).await)["list"], json!([{"value": 1}]), "what was kept before stays");
    }

    async fn what_nobody_defined_costs_nothing(world: World) {
        let schemas = world.core.list_schemas(&admin(CONTOSO)).await.expect("they are listed");
        let built_in = TenantSchemas::built_in();
        assert!(Arc::ptr_eq(&schemas.user.core, &built_in.user.core));
        assert!(Arc::ptr_eq(&schemas.user.extensions[0], &built_in.user.extensions[0]));
    }
}
