//! Listings: filters, orders, pages, and the walls between tenants.

use std::collections::BTreeSet;

use provisioning_core::{
    accounts::Account,
    attributes::{
        filter::{DEPTH_MAX, Filter, TERMS_MAX},
        order::Order,
    },
    storage::{PageKey, RowQuery, Storage},
    tenants::Tenant,
};
use serde_json::{Value, json};

use super::{make, on_every_engine};

async fn list(
    storage: &Storage,
    tenant: &Tenant,
    filter: Option<&Filter>,
    order: &Order,
) -> Vec<Account> {
    page(storage, tenant, filter, order, (200, 0), None).await.0
}

async fn page(
    storage: &Storage,
    tenant: &Tenant,
    filter: Option<&Filter>,
    order: &Order,
    (limit, skip): (u32, u32),
    after: Option<PageKey>,
) -> (Vec<Account>, Option<PageKey>) {
    let query = RowQuery {
        filter,
        order: order.clone(),
        limit,
        skip,
        after,
    };
    let (caller, page) = storage
        .list_accounts(&make::caller_key(tenant), &query)
        .await
        .expect("the storage answers");
    assert_eq!(caller.expect("the tenant is there").tenant.id, tenant.id);
    (page.accounts, page.next)
}

fn names(accounts: &[Account]) -> Vec<&str> {
    accounts
        .iter()
        .map(|account| account.user_name.as_str())
        .collect()
}

/// An order of every kind, both ways.
fn orders() -> Vec<Order> {
    let attributes = [
        "id",
        "userName",
        "displayName",
        "active",
        "meta.created",
        "meta.lastModified",
        "meta.version",
        "title",
        "name.familyName",
        "emails",
    ];
    let both = |attribute| {
        ["", " desc"].map(|direction| make::user_order(&format!("{attribute}{direction}")))
    };
    attributes.into_iter().flat_map(both).collect()
}

/// Accounts that share values and lack some, so that ties and gaps fall on the edges of pages.
async fn mixed(storage: &Storage, tenant: &Tenant) -> BTreeSet<String> {
    let mut all = BTreeSet::new();
    for number in 0..23 {
        let name = format!("user{:02}", (number * 7) % 23);
        let mut document = json!({ "userName": name });
        if number % 3 > 0 {
            document["displayName"] = json!(format!("Name {}", number % 4));
            document["title"] = json!(["Ärztin", "dr", "Dr", "z"][number % 4]);
        }
        if number % 7 > 0 {
            document["emails"] = json!([{ "value": format!("e{}", number % 6) }, { "value": "p", "primary": number % 2 == 0 }]);
        }
        if number % 5 > 0 {
            document["name"] = json!({ "familyName": format!("F{}", number % 2) });
        }
        make::stored(
            storage,
            tenant.id,
            make::account(make::seconds(number as u64 / 3), &document),
        )
        .await;
        all.insert(name);
    }
    all
}

on_every_engine! {
    async fn an_order_puts_missing_values_last_and_first_when_backwards(fixture: Fixture) {
        let storage = &fixture.storage;
        let tenant = make::stored_tenant(storage, "contoso").await;
        let people = [("a", Value::Null), ("b", json!("Zoe")), ("c", json!("ada")), ("d", json!("ÄDA")), ("e", json!("Bo"))];
        for (name, display_name) in people {
            make::stored(storage, tenant.id, make::account(make::T0, &json!({ "userName": name, "displayName": display_name, "title": display_name }))).await;
        }
        for attribute in ["displayName", "title"] {
            let mut order = make::user_order(attribute);
            assert_eq!(names(&list(storage, &tenant, None, &order).await), ["c", "e", "b", "d", "a"], "{order:?}");
            order.descending = true;
            assert_eq!(names(&list(storage, &tenant, None, &order).await), ["a", "d", "b", "e", "c"], "{order:?}");
        }
    }

    async fn the_order_without_an_attribute_is_that_of_creation(fixture: Fixture) {
        let storage = &fixture.storage;
        let tenant = make::stored_tenant(storage, "contoso").await;
        for (second, name) in ["c", "a", "b"].into_iter().enumerate() {
            make::stored(storage, tenant.id, make::account(make::seconds(second as u64), &json!({ "userName": name }))).await;
        }
        let order = Order::default();
        assert_eq!(names(&list(storage, &tenant, None, &order).await), ["c", "a", "b"]);
        let by_name = make::user_order("userName desc");
        assert_eq!(names(&list(storage, &tenant, None, &by_name).await), ["c", "b", "a"]);
    }

    async fn pages_of_any_order_are_the_whole_listing(fixture: Fixture) {
        let storage = &fixture.storage;
        let tenant = make::stored_tenant(storage, "contoso").await;
        let all = mixed(storage, &tenant).await;
        for order in orders() {
            let whole = list(storage, &tenant, None, &order).await;
            assert_eq!(whole.iter().map(|account| account.user_name.clone()).collect::<BTreeSet<_>>(), all);
            let (mut paged, mut after) = (Vec::new(), None);
            loop {
                let (accounts, last) = page(storage, &tenant, None, &order, (4, 0), after).await;
                paged.extend(accounts);
                match last {
                    Some(last) => after = Some(last),
                    None => break,
                }
            }
            assert_eq!(names(&paged), names(&whole), "{order:?}");
        }
    }

    async fn skipping_is_leaving_out(fixture: Fixture) {
        let storage = &fixture.storage;
        let tenant = make::stored_tenant(storage, "contoso").await;
        mixed(storage, &tenant).await;
        for order in orders() {
            let whole = list(storage, &tenant, None, &order).await;
            let (skipped, _) = page(storage, &tenant, None, &order, (5, 11), None).await;
            assert_eq!(names(&skipped), names(&whole[11..16]), "{order:?}");
            let (beyond, last) = page(storage, &tenant, None, &order, (5, 23), None).await;
            assert!(beyond.is_empty() && last.is_none());
        }
    }

    async fn a_page_key_survives_being_a_text(fixture: Fixture) {
        let storage = &fixture.storage;
        let tenant = make::stored_tenant(storage, "contoso").await;
        mixed(storage, &tenant).await;
        for order in orders() {
            let (_, last) = page(storage, &tenant, None, &order, (4, 0), None).await;
            let text = serde_json::to_string(&last).unwrap();
            assert_eq!(serde_json::from_str::<Option<PageKey>>(&text).unwrap(), last);
        }
    }

    async fn a_filter_chooses_and_a_count_agrees(fixture: Fixture) {
        let storage = &fixture.storage;
        let tenant = make::stored_tenant(storage, "contoso").await;
        let enterprise = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
        let ada = json!({ "userName": "Ada@x", "externalId": "OID-1", "active": true, "title": "Dr", enterprise: { "employeeNumber": "A7" },
            "emails": [{ "value": "ada@x", "type": "work" }, { "value": "home@x", "type": "home" }] });
        let bob = json!({ "userName": "bob@x", "title": "100%_\\", "emails": [{ "value": "home@x", "type": "work" }] });
        let ada = make::stored(storage, tenant.id, make::account(make::T0, &ada)).await;
        let bob = make::stored(storage, tenant.id, make::account(make::T0, &bob)).await;
        make::stored(storage, tenant.id, make::deleted(&make::stored(storage, tenant.id, make::named("dead")).await, make::T0)).await;
        for (text, expected) in [
            (r#"userName eq "ADA@X""#.to_owned(), vec!["Ada@x"]),
            (r#"externalId eq "OID-1""#.to_owned(), vec!["Ada@x"]),
            (r#"externalId eq "oid-1""#.to_owned(), vec![]),
            (format!("id eq \"{}\"", bob.id), vec!["bob@x"]),
            (r#"id eq "not-an-id""#.to_owned(), vec![]),
            (r#"emails.value eq "home@x""#.to_owned(), vec!["Ada@x", "bob@x"]),
            (r#"emails[type eq "work"].value eq "home@x""#.to_owned(), vec!["bob@x"]),
            (format!("{enterprise}:employeeNumber eq \"a7\""), vec!["Ada@x"]),
            (r#"title co "%_""#.to_owned(), vec!["bob@x"]),
            (r#"title sw "d""#.to_owned(), vec!["Ada@x"]),
            (r"title ne null and not (userName sw b)".replace("sw b", r#"sw "b""#), vec!["Ada@x"]),
            (r#"title eq "dr" or title pr"#.to_owned(), vec!["Ada@x", "bob@x"]),
            ("externalId pr".to_owned(), vec!["Ada@x"]),
            ("not (externalId pr)".to_owned(), vec!["bob@x"]),
            ("active eq true".to_owned(), vec!["Ada@x"]),
            ("active eq false".to_owned(), vec![]),
            (format!("meta.created ge \"{}\" and meta.lastModified le \"{}\"", make::T0, make::seconds(1)), vec!["Ada@x", "bob@x"]),
            (format!("meta.created gt \"{}\"", ada.created_at), vec![]),
            (r#"userName eq "'; DROP TABLE accounts; --""#.to_owned(), vec![]),
        ] {
            let filter = make::user_filter(&text);
            let by_name = make::user_order("userName");
            assert_eq!(names(&list(storage, &tenant, Some(&filter), &by_name).await), expected, "{text}");
            let count = storage.count_accounts(tenant.id, Some(&filter)).await.unwrap();
            assert_eq!(usize::try_from(count), Ok(expected.len()), "{text}");
        }
        assert_eq!(storage.count_accounts(tenant.id, None).await.unwrap(), 2);
    }

    async fn no_question_reaches_into_another_tenant(fixture: Fixture) {
        let storage = &fixture.storage;
        let contoso = make::stored_tenant(storage, "contoso").await;
        let fabrikam = make::stored_tenant(storage, "fabrikam").await;
        let document = json!({ "userName": "ada", "externalId": "oid", "displayName": "Ada", "emails": [{ "value": "a@x", "type": "work" }] });
        let foreign = make::stored(storage, fabrikam.id, make::account(make::T0, &document)).await;
        for text in [
            r#"userName eq "ada""#, r#"externalId eq "oid""#, r#"emails.value eq "a@x""#, r#"emails[type eq "work"].value eq "a@x""#,
            "not (title pr)", r#"userName eq "ada" or userName ne "ada""#, &format!("id eq \"{}\"", foreign.id),
        ] {
            let filter = make::user_filter(text);
            assert_eq!(list(storage, &contoso, Some(&filter), &Order::default()).await, [], "{text}");
            assert_eq!(storage.count_accounts(contoso.id, Some(&filter)).await.unwrap(), 0, "{text}");
            assert_eq!(list(storage, &fabrikam, Some(&filter), &Order::default()).await, std::slice::from_ref(&foreign), "{text}");
        }
        for order in orders() {
            assert_eq!(list(storage, &contoso, None, &order).await, []);
        }
        assert_eq!(make::found(storage, &contoso, &foreign).await, None);
        assert_eq!(storage.batch_find_accounts(&make::caller_key(&contoso), &[foreign.id]).await.unwrap().1, []);
    }

    async fn a_filter_at_every_cap_is_answered(fixture: Fixture) {
        let storage = &fixture.storage;
        let tenant = make::stored_tenant(storage, "contoso").await;
        let ada = json!({ "userName": "ada", "emails": [{ "value": "a@x", "type": "work" }], "phoneNumbers": [{ "value": "1" }] });
        make::stored(storage, tenant.id, make::account(make::T0, &ada)).await;
        for (term, comparisons) in [
            (r#"title ne "x""#, 1),
            (r#"not (title eq "x")"#, 1),
            (r#"userName eq "ada""#, 1),
            (r#"emails[type eq "work"].value eq "a@x""#, 2),
            (r#"phoneNumbers[value ne "2"]"#, 1),
            ("emails pr", 1),
            (r#"userName co "d""#, 1),
        ] {
            for word in [" and ", " or "] {
                answered_with_one(storage, &tenant, &vec![term; TERMS_MAX / comparisons].join(word)).await;
            }
            let depth = DEPTH_MAX - term.matches(['(', '[']).count();
            answered_with_one(storage, &tenant, &format!("{}{term}{}", "(".repeat(depth), ")".repeat(depth))).await;
            let even = depth / 2 * 2;
            answered_with_one(storage, &tenant, &format!("{}{term}{}", "not (".repeat(even), ")".repeat(even))).await;
        }
    }
}

async fn answered_with_one(storage: &Storage, tenant: &Tenant, text: &str) {
    let filter = make::user_filter(text);
    let found = list(storage, tenant, Some(&filter), &Order::default()).await;
    assert_eq!(names(&found), ["ada"], "{text}");
}
