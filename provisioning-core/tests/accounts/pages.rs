//! Page tokens, on every engine: how long they are good, to whom, and which total they carry.

use std::time::Duration;

use provisioning_core::{
    accounts::{AccountPage, ListQuery},
    error::{Error, Reason},
    page_token::TOKEN_LIFETIME,
};

use crate::world::{CONTOSO, FABRIKAM, World, admin, on_every_engine, operator, reason};

async fn page(world: &World, query: ListQuery) -> Result<AccountPage, Error> {
    let query = ListQuery {
        page_size: 2,
        ..query
    };
    world.core.list_accounts(&admin(CONTOSO), &query).await
}

async fn first_page(world: &World) -> AccountPage {
    for name in ["a", "b", "c", "d", "e"] {
        world.clock.advance(Duration::from_secs(1));
        world.create_account(name, None).await;
    }
    page(world, ListQuery::default())
        .await
        .expect("it is a page")
}

fn behind(page: &AccountPage) -> ListQuery {
    ListQuery {
        page_token: page.next_page_token.clone().expect("there is more"),
        ..ListQuery::default()
    }
}

fn names(page: &AccountPage) -> Vec<&str> {
    let accounts = page.accounts.iter();
    accounts.map(|account| account.user_name.as_str()).collect()
}

on_every_engine! {
    async fn a_walk_tells_the_total_of_its_first_page_and_ends_with_the_last_account(world: World) {
        let first = first_page(&world).await;
        assert_eq!((names(&first), first.total_size), (vec!["a", "b"], 5));
        world.clock.advance(Duration::from_secs(1));
        world.create_account("f", None).await;
        let second = page(&world, behind(&first)).await.expect("it is a page");
        assert_eq!((names(&second), second.total_size), (vec!["c", "d"], 5), "it is not counted again");
        let third = page(&world, behind(&second)).await.expect("it is a page");
        assert_eq!((names(&third), &third.next_page_token), (vec!["e", "f"], &None), "the last page may be full");
        let again = page(&world, ListQuery::default()).await.expect("it is a page");
        assert_eq!(again.total_size, 6);
        let skipped = page(&world, ListQuery { skip: 4, ..ListQuery::default() }).await.expect("it is a page");
        assert_eq!((names(&skipped), skipped.total_size, &skipped.next_page_token), (vec!["e", "f"], 6, &None));
    }

    async fn a_page_token_is_good_for_an_hour(world: World) {
        let first = first_page(&world).await;
        world.clock.advance(TOKEN_LIFETIME);
        page(&world, behind(&first)).await.expect("it is a page");
        world.clock.advance(Duration::from_micros(1));
        assert_eq!(reason(page(&world, behind(&first)).await), Reason::ExpiredPageToken);
        let refused = world.log(CONTOSO, "operation eq \"list\"").await;
        assert_eq!(refused[0].scim_type, "expiredCursor");
        assert_eq!(page(&world, ListQuery::default()).await.expect("it is a page").total_size, 5);
    }

    async fn a_page_token_is_good_for_its_own_question_only(world: World) {
        world.create_tenant(FABRIKAM).await;
        let first = first_page(&world).await;
        for other in [
            ListQuery { filter: "userName pr".to_owned(), ..behind(&first) },
            ListQuery { order_by: "userName".to_owned(), ..behind(&first) },
            ListQuery { page_token: "made up".to_owned(), ..ListQuery::default() },
        ] {
            assert_eq!(reason(page(&world, other).await), Reason::InvalidPageToken);
        }
        let elsewhere = world.core.list_accounts(&admin(FABRIKAM), &behind(&first)).await;
        assert_eq!(reason(elsewhere), Reason::InvalidPageToken);
        assert_eq!(world.log(CONTOSO, "operation eq \"list\"").await[0].scim_type, "invalidCursor");
    }

    async fn every_listing_seals_its_page_tokens(world: World) {
        world.create_tenant(FABRIKAM).await;
        world.generate(CONTOSO).await;
        world.regenerate(CONTOSO, Duration::ZERO).await;
        let page_token = world.core.list_tokens(&admin(CONTOSO), 1, "").await.expect("it is a page").next_page_token;
        let tokens = page_token.expect("there are two");
        let page_token = world.core.list_log_entries(&admin(CONTOSO), "", 1, "").await.expect("it is a page").next_page_token;
        let entries = page_token.expect("there are several");
        let page_token = world.core.list_tenants(1, "").await.expect("it is a page").next_page_token;
        let tenants = page_token.expect("there are two");
        assert_eq!(reason(world.core.list_tokens(&admin(CONTOSO), 1, &entries).await), Reason::InvalidPageToken);
        assert_eq!(reason(world.core.list_log_entries(&operator(CONTOSO), "", 1, &tenants).await), Reason::InvalidPageToken);
        world.clock.advance(TOKEN_LIFETIME * 2);
        assert_eq!(reason(world.core.list_tokens(&admin(CONTOSO), 1, &tokens).await), Reason::ExpiredPageToken);
        assert_eq!(reason(world.core.list_log_entries(&admin(CONTOSO), "", 1, &entries).await), Reason::ExpiredPageToken);
        assert_eq!(reason(world.core.list_tenants(1, &tenants).await), Reason::ExpiredPageToken);
    }
}
