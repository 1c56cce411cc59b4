//! Lists of groups and of members: filters, orders, pages, bounds.

use std::time::Duration;

use provisioning_core::{
    accounts::{Account, AccountKey, Precondition},
    attributes::patch::Op,
    error::Reason,
    groups::{ListMembersQuery, ListQuery, View},
};
use serde_json::json;

use super::{create, operation, patch};
use crate::world::{CONTOSO, World, admin, fresh, on_every_engine, reason};

fn query(filter: &str) -> ListQuery {
    ListQuery {
        filter: filter.to_owned(),
        page_size: 100,
        ..ListQuery::default()
    }
}

async fn names(world: &World, query: &ListQuery) -> Vec<String> {
    let page = world
        .core
        .list_groups(&admin(CONTOSO), query, View::Basic)
        .await
        .unwrap_or_else(|error| panic!("{error}: {query:?}"));
    page.groups
        .into_iter()
        .map(|group| group.display_name)
        .collect()
}

on_every_engine! {
    async fn groups_are_found_by_what_they_are_and_who_is_in_them(world: World) {
        let ada = world.create_account("ada", None).await.id.to_string();
        let bob = world.create_account("bob", None).await.id.to_string();
        let a = create(&world, json!({"displayName": "A", "externalId": "x", "members": [ada]})).await;
        let b = create(&world, json!({"displayName": "B", "members": [a.id.to_string(), bob]})).await;
        create(&world, json!({"displayName": "C"})).await;
        for (filter, expected) in [
            ("displayName eq \"a\"".to_owned(), vec!["A"]),
            ("externalId eq \"x\"".to_owned(), vec!["A"]),
            (format!("id eq \"{}\"", b.id), vec!["B"]),
            (format!("members eq \"{ada}\""), vec!["A"]),
            (format!("members.value eq \"{ada}\""), vec!["A"]),
            (format!("members[value eq \"{ada}\"]"), vec!["A"]),
            (format!("id eq \"{}\" and members eq \"{ada}\"", a.id), vec!["A"]),
            (format!("members eq \"{ada}\" and id eq \"{}\"", b.id), vec![]),
            (format!("members[value eq \"{ada}\" and type eq \"Group\"]"), vec![]),
            ("members.display co \"D\"".to_owned(), vec!["A"]),
            ("members.type eq \"group\"".to_owned(), vec!["B"]),
            ("members pr".to_owned(), vec!["A", "B"]),
            ("not (members pr)".to_owned(), vec!["C"]),
            (format!("members ne \"{ada}\""), vec!["B", "C"]),
            ("meta.resourceType eq \"Group\" and meta.version eq \"\\\"1\\\"\"".to_owned(), vec!["A", "B", "C"]),
        ] {
            assert_eq!(names(&world, &query(&filter)).await, expected, "{filter}");
        }
        let refused = world.core.list_groups(&admin(CONTOSO), &query("userName eq \"x\""), View::Basic).await;
        assert_eq!(reason(refused), Reason::InvalidFilter);
        let counted = world.core.list_groups(&admin(CONTOSO), &ListQuery { count_only: true, ..query("members pr") }, View::Basic).await.expect("it counts");
        assert_eq!((counted.total_size, counted.groups.len()), (2, 0));
        let full = world.core.list_groups(&admin(CONTOSO), &query("members pr"), View::Full).await.expect("it is listed");
        let sizes: Vec<_> = full.groups.iter().map(|group| group.members.as_ref().map(Vec::len)).collect();
        assert_eq!(sizes, [Some(1), Some(2)]);
    }

    async fn an_account_shows_the_groups_it_is_in_and_is_found_by_them(world: World) {
        let ada = world.create_account("ada", None).await;
        let bob = world.create_account("bob", None).await;
        world.create_account("eve", None).await;
        let inner = create(&world, json!({"displayName": "inner", "members": [ada.id.to_string()]})).await;
        let outer = create(&world, json!({"displayName": "Outer", "members": [inner.id.to_string(), bob.id.to_string()]})).await;
        let top = create(&world, json!({"displayName": "Top", "members": [outer.id.to_string()]})).await;
        // A cycle of groups ends.
        let cycle = [operation(Op::Add, "members", json!([top.id.to_string()]))];
        patch(&world, &admin(CONTOSO), inner.id, &cycle).await.expect("it is taken");
        let call = admin(CONTOSO);
        let shown = |account: &Account| account.groups.iter().map(|group| (group.display.clone(), group.direct)).collect::<Vec<_>>();
        let expected = vec![("inner".to_owned(), true), ("Outer".to_owned(), false), ("Top".to_owned(), false)];
        let found = world.core.get_account(&call, &AccountKey::Id(ada.id)).await.expect("it is there");
        assert_eq!(shown(&found), expected);
        let batch = world.core.batch_get_accounts(&call, &[bob.id.to_string(), ada.id.to_string()]).await.expect("they are there");
        assert_eq!(batch.iter().map(|account| account.groups.len()).collect::<Vec<_>>(), [3, 3]);
        for (filter, expected) in [
            (format!("groups.value eq \"{}\"", inner.id), vec!["ada", "bob"]),
            (format!("groups eq \"{}\"", outer.id), vec!["ada", "bob"]),
            (format!("groups[value eq \"{}\" and type eq \"direct\"]", outer.id), vec!["bob"]),
            (format!("groups[type eq \"direct\" and value eq \"{}\"]", inner.id), vec!["ada"]),
            ("groups[type eq \"indirect\" and display eq \"top\"]".to_owned(), vec!["ada", "bob"]),
            ("groups.display co \"INN\" and not (groups[type eq \"direct\" and display sw \"o\"])".to_owned(), vec!["ada"]),
            ("groups pr".to_owned(), vec!["ada", "bob"]),
            ("not (groups pr)".to_owned(), vec!["eve"]),
        ] {
            let page = world.core.list_accounts(&call, &query(&filter)).await.unwrap_or_else(|error| panic!("{error}: {filter}"));
            let mut names: Vec<_> = page.accounts.iter().map(|account| account.user_name.as_str()).collect();
            names.sort_unstable();
            assert_eq!(names, expected, "{filter}");
            assert!(page.accounts.iter().all(|account| account.groups.len() == if account.user_name == "eve" { 0 } else { 3 }), "{filter}");
        }
        fresh(world.core.delete_group(&call, outer.id, &Precondition::default(), None).await);
        let found = world.core.get_account(&call, &AccountKey::Id(ada.id)).await.expect("it is there");
        assert_eq!(shown(&found), [("inner".to_owned(), true)]);
        let title = [operation(Op::Replace, "title", json!("Dr"))];
        let patched = fresh(world.core.patch_account(&call, ada.id, &title, &Precondition::default(), None).await);
        assert_eq!(shown(&patched.account), [("inner".to_owned(), true)], "a write of the account does not lose sight of them");
    }

    async fn groups_are_listed_page_by_page_in_order(world: World) {
        for name in ["b", "D", "a", "C"] {
            create(&world, json!({"displayName": name})).await;
        }
        for (order_by, expected) in [("", ["b", "D", "a", "C"]), ("displayName", ["a", "b", "C", "D"]), ("displayName desc", ["D", "C", "b", "a"]), ("meta.lastModified", ["b", "D", "a", "C"])] {
            let mut asked = ListQuery { order_by: order_by.to_owned(), page_size: 3, ..query("") };
            let first = world.core.list_groups(&admin(CONTOSO), &asked, View::Basic).await.expect("it is listed");
            asked.page_token = first.next_page_token.expect("there is more");
            let second = world.core.list_groups(&admin(CONTOSO), &asked, View::Basic).await.expect("it is listed");
            assert_eq!((first.total_size, second.total_size, second.next_page_token), (4, 4, None));
            let listed: Vec<_> = first.groups.into_iter().chain(second.groups).map(|group| group.display_name).collect();
            assert_eq!(listed, expected, "{order_by}");
        }
    }

    async fn an_answer_holds_ten_thousand_members_and_no_more(world: World) {
        let mut ids = Vec::new();
        for number in 0..100 {
            ids.push(world.create_account(&format!("user{number}"), None).await.id.to_string());
        }
        for number in 0..100 {
            create(&world, json!({"displayName": format!("full {number}"), "members": ids})).await;
        }
        let all = ListQuery { page_size: 200, ..query("displayName sw \"full\"") };
        let whole = world.core.list_groups(&admin(CONTOSO), &all, View::Full).await.expect("it is listed");
        assert_eq!(whole.groups.iter().flat_map(|group| group.members.iter().flatten()).count(), 10_000);
        create(&world, json!({"displayName": "full of one", "members": [ids[0]]})).await;
        let refused = world.core.list_groups(&admin(CONTOSO), &all, View::Full).await;
        assert_eq!(reason(refused), Reason::TooMany);
        let basic = world.core.list_groups(&admin(CONTOSO), &all, View::Basic).await.expect("members are not asked for");
        assert_eq!(basic.groups.len(), 101);
        let refusals = world.log(CONTOSO, "outcome eq \"failure\"").await;
        assert!(refusals[0].detail.contains("excludedAttributes=members"), "{}", refusals[0].detail);
    }

    async fn members_are_listed_page_by_page_however_many(world: World) {
        let mut ids = Vec::new();
        for number in 0..5 {
            world.clock.advance(Duration::from_micros(1));
            ids.push(world.create_account(&format!("user{}", 9 - number), None).await.id.to_string());
        }
        let inner = create(&world, json!({"displayName": "Inner"})).await;
        ids.push(inner.id.to_string());
        let group = create(&world, json!({"displayName": "Outer", "members": ids})).await;
        let call = admin(CONTOSO);
        for (filter, order_by, expected) in [
            ("", "", vec!["user9", "user8", "user7", "user6", "user5", "Inner"]),
            ("", "value desc", vec!["Inner", "user5", "user6", "user7", "user8", "user9"]),
            ("", "display", vec!["Inner", "user5", "user6", "user7", "user8", "user9"]),
            ("type eq \"User\" and display co \"r7\"", "", vec!["user7"]),
            ("not (type eq \"user\")", "", vec!["Inner"]),
        ] {
            let mut asked = ListMembersQuery { filter: filter.to_owned(), order_by: order_by.to_owned(), page_size: 2, page_token: String::new() };
            let mut listed = Vec::new();
            loop {
                let page = world.core.list_group_members(&call, group.id, &asked).await.unwrap_or_else(|error| panic!("{error}: {asked:?}"));
                listed.extend(page.members.into_iter().map(|member| member.display));
                match page.next_page_token {
                    Some(token) => asked.page_token = token,
                    None => break,
                }
            }
            assert_eq!(listed, expected, "{filter} {order_by}");
        }
        let bad = ListMembersQuery { filter: "userName eq \"x\"".to_owned(), page_size: 2, ..ListMembersQuery::default() };
        assert_eq!(reason(world.core.list_group_members(&call, group.id, &bad).await), Reason::InvalidFilter);
        let first = world.core.list_group_members(&call, group.id, &ListMembersQuery { page_size: 2, ..ListMembersQuery::default() }).await.expect("it is listed");
        let elsewhere = ListMembersQuery { page_size: 2, page_token: first.next_page_token.expect("there is more"), ..ListMembersQuery::default() };
        assert_eq!(reason(world.core.list_group_members(&call, inner.id, &elsewhere).await), Reason::InvalidPageToken);
    }
}
