//! Queries over every type of resource, on every engine: one order over accounts and groups, and each type by its own schema.

use std::time::Duration;

use provisioning_core::{
    accounts::ListQuery,
    call::Call,
    error::{Error, Reason},
    groups::View,
    resources::{Resource, ResourcePage},
};
use serde_json::{Value, json};

use crate::world::{CONTOSO, FABRIKAM, World, admin, fresh, on_every_engine, reason};

async fn page(world: &World, query: &ListQuery) -> Result<ResourcePage, Error> {
    page_of(world, &admin(CONTOSO), query).await
}

async fn page_of(world: &World, call: &Call, query: &ListQuery) -> Result<ResourcePage, Error> {
    world.core.list_resources(call, query, View::Full).await
}

fn query(filter: &str, order_by: &str) -> ListQuery {
    ListQuery {
        filter: filter.to_owned(),
        order_by: order_by.to_owned(),
        page_size: 200,
        ..ListQuery::default()
    }
}

fn names(page: &ResourcePage) -> Vec<String> {
    page.resources
        .iter()
        .map(|resource| match resource {
            Resource::Account(account) => account.user_name.clone(),
            Resource::Group(group) => format!("[{}]", group.display_name),
        })
        .collect()
}

async fn found(world: &World, filter: &str, order_by: &str) -> Vec<String> {
    let page = page(world, &query(filter, order_by))
        .await
        .unwrap_or_else(|error| panic!("{error}: {filter}"));
    assert_eq!(usize::try_from(page.total_size), Ok(page.resources.len()));
    assert_eq!(page.next_page_token, None);
    names(&page)
}

async fn create(world: &World, attributes: Value) -> String {
    world.clock.advance(Duration::from_secs(1));
    let attributes = attributes.as_object().expect("it is an object");
    let call = admin(CONTOSO);
    if attributes.contains_key("userName") {
        let created = world
            .core
            .create_account(&call, attributes, false, None)
            .await;
        fresh(created).account.id.to_string()
    } else {
        let created = world
            .core
            .create_group(&call, attributes, false, None)
            .await;
        fresh(created).group.id.to_string()
    }
}

/// Four accounts and three groups, in turns. Tells the id of the first account.
async fn mixed(world: &World) -> String {
    let ada = create(
        world,
        json!({"userName": "ada", "displayName": "M", "title": "Dr", "externalId": "x"}),
    )
    .await;
    create(world, json!({"displayName": "Zebras", "externalId": "y"})).await;
    create(world, json!({"userName": "bob", "displayName": "a", "emails": [{"value": "b@x", "type": "work"}]})).await;
    create(
        world,
        json!({"displayName": "apes", "members": [{"value": ada}]}),
    )
    .await;
    create(world, json!({"userName": "cleo", "active": false})).await;
    create(world, json!({"displayName": "Moles", "externalId": "x"})).await;
    create(world, json!({"userName": "dan", "displayName": "z"})).await;
    ada
}

const ALL: [&str; 7] = ["ada", "[Zebras]", "bob", "[apes]", "cleo", "[Moles]", "dan"];

on_every_engine! {
    async fn accounts_and_groups_come_in_one_order(world: World) {
        mixed(&world).await;
        for (order_by, expected) in [
            ("", ALL),
            ("id desc", ["dan", "[Moles]", "cleo", "[apes]", "bob", "[Zebras]", "ada"]),
            ("meta.created", ALL),
            ("displayName", ["bob", "[apes]", "ada", "[Moles]", "dan", "[Zebras]", "cleo"]),
            ("displayName desc", ["cleo", "[Zebras]", "dan", "[Moles]", "ada", "[apes]", "bob"]),
            // What a type does not have is absent there.
            ("userName", ["ada", "bob", "cleo", "dan", "[Zebras]", "[apes]", "[Moles]"]),
            ("userName desc", ["[Moles]", "[apes]", "[Zebras]", "dan", "cleo", "bob", "ada"]),
            ("title", ["ada", "[Zebras]", "bob", "[apes]", "cleo", "[Moles]", "dan"]),
            ("externalId desc", ["dan", "cleo", "[apes]", "bob", "[Zebras]", "[Moles]", "ada"]),
            ("meta.resourceType", ["[Zebras]", "[apes]", "[Moles]", "ada", "bob", "cleo", "dan"]),
            ("meta.location", ["[Zebras]", "[apes]", "[Moles]", "ada", "bob", "cleo", "dan"]),
            ("active", ["cleo", "ada", "bob", "dan", "[Zebras]", "[apes]", "[Moles]"]),
        ] {
            assert_eq!(found(&world, "", order_by).await, expected, "{order_by}");
            let (mut walked, mut query) = (Vec::new(), ListQuery { page_size: 2, ..query("", order_by) });
            loop {
                let page = page(&world, &query).await.expect("it is a page");
                assert_eq!(page.total_size, 7, "{order_by}");
                walked.extend(names(&page));
                match page.next_page_token {
                    Some(token) => query.page_token = token,
                    None => break,
                }
            }
            assert_eq!(walked, expected, "page by page: {order_by}");
            for skip in 0..8_usize {
                let query = ListQuery { skip: i32::try_from(skip).expect("it is small"), page_size: 3, page_token: String::new(), ..query.clone() };
                let page = page(&world, &query).await.expect("it is a page");
                assert_eq!(names(&page), expected[skip.min(7)..(skip + 3).min(7)], "behind {skip}: {order_by}");
                assert_eq!(page.total_size, 7);
            }
        }
    }

    async fn a_filter_is_read_by_the_schema_of_each_type(world: World) {
        let ada = mixed(&world).await;
        for (filter, expected) in [
            ("displayName sw \"M\"", vec!["ada", "[Moles]"]),
            ("displayName eq \"APES\" or userName eq \"BOB\"", vec!["bob", "[apes]"]),
            ("externalId eq \"x\"", vec!["ada", "[Moles]"]),
            ("userName pr", vec!["ada", "bob", "cleo", "dan"]),
            ("not (userName pr)", vec!["[Zebras]", "[apes]", "[Moles]"]),
            ("active ne false and not (userName eq \"ada\")", vec!["[Zebras]", "bob", "[apes]", "[Moles]", "dan"]),
            ("members pr", vec!["[apes]"]),
            (&format!("members.value eq \"{ada}\""), vec!["[apes]"]),
            (&format!("members[value eq \"{ada}\" and type eq \"User\"]"), vec!["[apes]"]),
            (&format!("id eq \"{ada}\""), vec!["ada"]),
            ("groups.display eq \"apes\"", vec!["ada"]),
            ("emails[type eq \"work\"].value eq \"b@x\"", vec!["bob"]),
            ("meta.resourceType eq \"Group\"", vec!["[Zebras]", "[apes]", "[Moles]"]),
            ("schemas eq \"urn:ietf:params:scim:schemas:core:2.0:User\"", vec!["ada", "bob", "cleo", "dan"]),
            ("urn:ietf:params:scim:schemas:core:2.0:Group:displayName pr", vec!["[Zebras]", "[apes]", "[Moles]"]),
            ("urn:ietf:params:scim:schemas:core:2.0:User:userName sw \"a\"", vec!["ada"]),
            (&format!("meta.location eq \"https://scim.example/scim/contoso/v2/Users/{ada}\""), vec!["ada"]),
            ("meta.location co \"/v2/Groups/\"", vec!["[Zebras]", "[apes]", "[Moles]"]),
            ("manager pr", vec![]),
            ("meta.lastModified gt \"2000-01-01T00:00:00Z\"", ALL.to_vec()),
        ] {
            assert_eq!(found(&world, filter, "").await, expected, "{filter}");
            let count = ListQuery { count_only: true, ..query(filter, "") };
            let page = page(&world, &count).await.expect("it is a count");
            assert_eq!((page.total_size, page.resources.len()), (i64::try_from(expected.len()).expect("it is small"), 0), "{filter}");
        }
    }

    async fn what_no_type_has_is_refused_and_so_is_a_foreign_page_token(world: World) {
        mixed(&world).await;
        world.create_tenant(FABRIKAM).await;
        assert_eq!(reason(page(&world, &query("shoeSize eq 44", "")).await), Reason::InvalidFilter);
        assert_eq!(reason(page(&world, &query("", "shoeSize")).await), Reason::InvalidRequest);
        let refused = world.log(CONTOSO, "operation eq \"list\" and outcome eq \"failure\"").await;
        assert_eq!(refused.len(), 2);
        let first = page(&world, &ListQuery { page_size: 2, ..query("", "") }).await.expect("it is a page");
        let page_token = first.next_page_token.expect("there is more");
        let other_filter = ListQuery { page_token: page_token.clone(), ..query("userName pr", "") };
        assert_eq!(reason(page(&world, &other_filter).await), Reason::InvalidPageToken);
        let elsewhere = page_of(&world, &admin(FABRIKAM), &ListQuery { page_token, ..query("", "") }).await;
        assert_eq!(reason(elsewhere), Reason::InvalidPageToken);
        assert!(page_of(&world, &admin(FABRIKAM), &query("", "")).await.expect("it is a page").resources.is_empty());
    }
}
