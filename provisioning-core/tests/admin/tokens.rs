//! SCIM tokens: one at a time, dead when replaced, never told twice.

use std::time::Duration;

use provisioning_core::{
    error::{Error, Reason},
    receipts::{Answer, Once},
    tokens::{OVERLAP_MAX, Token, TokenState, mask},
};
use secrecy::ExposeSecret as _;
use tokio::task::JoinSet;

use crate::world::{CONTOSO, FABRIKAM, World, admin, fresh, on_every_engine, once, reason, scim};

/// An answer as it is kept for these tests: which tokens, and what they are good for then.
#[expect(clippy::ptr_arg, reason = "the answer is a list")]
fn kept(tokens: &Vec<Token>) -> Vec<u8> {
    let states: Vec<_> = tokens
        .iter()
        .map(|token| (token.id.as_str(), token.revoked_at.is_some(), token.current))
        .collect();
    format!("{states:?}").into_bytes()
}

on_every_engine! {
    async fn a_generated_token_is_accepted_for_its_own_tenant_only(world: World) {
        world.create_tenant(FABRIKAM).await;
        let generated = world.generate(CONTOSO).await;
        assert_eq!(generated.endpoint, "https://scim.example/scim/contoso/v2");
        world.core.authenticate(&scim(CONTOSO, &generated.text)).await.expect("it is accepted");
        let refused = world.core.authenticate(&scim(FABRIKAM, &generated.text)).await;
        assert_eq!(reason(refused), Reason::InvalidCredential);
    }

    async fn a_second_token_is_refused_while_one_lives(world: World) {
        let first = world.generate(CONTOSO).await;
        assert_eq!(reason(world.core.generate_token(&admin(CONTOSO), None).await), Reason::TokenExists);
        world.core.authenticate(&scim(CONTOSO, &first.text)).await.expect("the first one still holds");
        let entries = world.log(CONTOSO, "operation eq \"token_generate\" and outcome eq \"failure\"").await;
        assert_eq!(entries.len(), 1);
        assert_eq!((entries[0].reason.as_str(), entries[0].actor.as_str()), ("TOKEN_EXISTS", "admin"));
    }

    async fn regeneration_kills_the_old_token(world: World) {
        let old = world.generate(CONTOSO).await;
        let new = world.regenerate(CONTOSO, Duration::ZERO).await;
        assert_eq!(new.replaced.as_ref().map(|token| token.state(world.core.now())), Some(TokenState::Replaced));
        assert_eq!(reason(world.core.authenticate(&scim(CONTOSO, &old.text)).await), Reason::InvalidCredential);
        world.core.authenticate(&scim(CONTOSO, &new.text)).await.expect("the new one is accepted");

        let told = world.log(CONTOSO, "operation eq \"authenticate\"").await;
        assert_eq!(told.len(), 1, "the admin is told who still uses the old one");
        assert!(told[0].detail.contains(&mask(&old.token.id)));
        let made = world.log(CONTOSO, "operation eq \"token_regenerate\"").await;
        assert!(made[0].detail.contains(&mask(&old.token.id)) && made[0].detail.contains(&mask(&new.token.id)));
    }

    async fn the_old_token_is_dead_on_a_replica_whose_clock_is_behind(world: World) {
        let old = world.generate(CONTOSO).await;
        let behind = world.replica_with_its_clock_standing_still();
        world.clock.advance(Duration::from_secs(5));
        world.regenerate(CONTOSO, Duration::ZERO).await;
        assert_eq!(reason(behind.authenticate(&scim(CONTOSO, &old.text)).await), Reason::InvalidCredential);
    }

    async fn an_overlap_ends_by_itself(world: World) {
        let old = world.generate(CONTOSO).await;
        let new = world.regenerate(CONTOSO, Duration::from_hours(1)).await;
        for text in [&old.text, &new.text] {
            world.core.authenticate(&scim(CONTOSO, text)).await.expect("both are accepted");
        }
        world.clock.advance(Duration::from_secs(3601));
        assert_eq!(reason(world.core.authenticate(&scim(CONTOSO, &old.text)).await), Reason::InvalidCredential);
        world.core.authenticate(&scim(CONTOSO, &new.text)).await.expect("the new one stays");
    }

    async fn at_most_two_tokens_are_accepted(world: World) {
        let first = world.generate(CONTOSO).await;
        let second = world.regenerate(CONTOSO, OVERLAP_MAX).await;
        let third = world.regenerate(CONTOSO, OVERLAP_MAX).await;
        assert_eq!(reason(world.core.authenticate(&scim(CONTOSO, &first.text)).await), Reason::InvalidCredential);
        for text in [&second.text, &third.text] {
            world.core.authenticate(&scim(CONTOSO, text)).await.expect("it is accepted");
        }
    }

    async fn an_overlap_is_bounded(world: World) {
        let old = world.generate(CONTOSO).await;
        let too_long = OVERLAP_MAX + Duration::from_micros(1);
        let refused = world.core.regenerate_token(&admin(CONTOSO), too_long, None).await;
        assert_eq!(reason(refused), Reason::InvalidRequest);
        world.core.authenticate(&scim(CONTOSO, &old.text)).await.expect("nothing was changed");
    }

    async fn there_must_be_a_token_to_regenerate(world: World) {
        let refused = world.core.regenerate_token(&admin(CONTOSO), Duration::ZERO, None).await;
        assert_eq!(reason(refused), Reason::NoLiveToken);
    }

    async fn revocation_holds_at_once_and_frees_the_place(world: World) {
        let first = world.generate(CONTOSO).await;
        let revoked = fresh(world.core.revoke_token(&admin(CONTOSO), Some(&first.token.id), None).await);
        assert_eq!(revoked.iter().map(|token| token.state(world.core.now())).collect::<Vec<_>>(), [TokenState::Revoked]);
        assert_eq!(reason(world.core.authenticate(&scim(CONTOSO, &first.text)).await), Reason::InvalidCredential);
        let connection = world.core.get_scim_connection(&admin(CONTOSO)).await.expect("it is there");
        assert!(connection.token.is_none());
        world.generate(CONTOSO).await;
    }

    async fn revoking_without_an_id_kills_every_accepted_token(world: World) {
        let old = world.generate(CONTOSO).await;
        let new = world.regenerate(CONTOSO, OVERLAP_MAX).await;
        let revoked = fresh(world.core.revoke_token(&admin(CONTOSO), None, None).await);
        assert_eq!(revoked.len(), 2);
        for text in [&old.text, &new.text] {
            assert_eq!(reason(world.core.authenticate(&scim(CONTOSO, text)).await), Reason::InvalidCredential);
        }
        assert_eq!(world.log(CONTOSO, "operation eq \"token_revoke\"").await.len(), 2);
        assert!(fresh(world.core.revoke_token(&admin(CONTOSO), None, None).await).is_empty());
    }

    async fn a_repeated_revocation_spares_what_was_made_since(world: World) {
        let admin = admin(CONTOSO);
        for request in [1, 2] {
            // With the first there is nothing to revoke, and with the second a token.
            let revoked = fresh(world.core.revoke_token(&admin, None, Some(once(request, 1))).await);
            assert_eq!(revoked.len(), usize::from(request == 2));
            let made = world.generate(CONTOSO).await;
            let again = world.core.revoke_token(&admin, None, Some(once(request, 1))).await;
            assert!(matches!(again, Ok(Answer::Replayed(_))), "{again:?}");
            world.core.authenticate(&scim(CONTOSO, &made.text)).await.expect("it is accepted");
        }
    }

    async fn of_one_revocation_sent_many_times_one_is_done(world: World) {
        world.generate(CONTOSO).await;
        world.regenerate(CONTOSO, OVERLAP_MAX).await;
        let mut requests = JoinSet::new();
        for _ in 0..16 {
            let core = world.core.clone();
            requests.spawn(async move {
                let request = Once { encode: &kept, ..once(1, 1) };
                core.revoke_token(&admin(CONTOSO), None, Some(request)).await.expect("it is answered")
            });
        }
        let (mut fresh, mut replayed) = (Vec::new(), Vec::new());
        for answer in requests.join_all().await {
            match answer {
                Answer::Fresh(tokens) => fresh.push(kept(&tokens)),
                Answer::Replayed(response) => replayed.push(response),
            }
        }
        let listed = world.core.list_tokens(&admin(CONTOSO), 10, "").await.expect("they are listed").tokens;
        assert_eq!((fresh, replayed), (vec![kept(&listed)], vec![kept(&listed); 15]), "the answer tells of the tokens as they are");
        assert_eq!(world.log(CONTOSO, "operation eq \"token_revoke\"").await.len(), 2);
    }

    async fn what_is_not_answered_is_not_revoked(world: World) {
        let old = world.generate(CONTOSO).await;
        let new = world.regenerate(CONTOSO, OVERLAP_MAX).await;
        for named in [None, Some(old.token.id.clone()), Some(new.token.id.clone())] {
            let core = world.core.clone();
            let mut broken = JoinSet::new();
            broken.spawn(async move {
                let request = Once { encode: &|_: &Vec<Token>| panic!("the process ends before it has an answer"), ..once(1, 1) };
                core.revoke_token(&admin(CONTOSO), named.as_ref(), Some(request)).await.map(drop)
            });
            let ended = broken.join_next().await.expect("there is one");
            assert!(ended.expect_err("it does not come to its end").is_panic());
            for text in [&old.text, &new.text] {
                world.core.authenticate(&scim(CONTOSO, text)).await.expect("it is accepted");
            }
        }
        assert_eq!(world.log(CONTOSO, "operation eq \"token_revoke\"").await, []);
    }

    async fn a_foreign_token_cannot_be_revoked(world: World) {
        world.create_tenant(FABRIKAM).await;
        let theirs = world.generate(FABRIKAM).await;
        let refused = world.core.revoke_token(&admin(CONTOSO), Some(&theirs.token.id), None).await;
        assert_eq!(reason(refused), Reason::TokenNotFound);
        world.core.authenticate(&scim(FABRIKAM, &theirs.text)).await.expect("it still holds");
    }

    async fn a_repeated_request_makes_no_second_token_and_names_the_first(world: World) {
        let admin = admin(CONTOSO);
        let generated = fresh(world.core.generate_token(&admin, Some(once(1, 1))).await);
        let Err(Error::Refused(refusal)) = world.core.generate_token(&admin, Some(once(1, 1))).await else {
            panic!("the secret is not kept")
        };
        assert_eq!(refusal.reason, Reason::SecretNotKept);
        assert!(refusal.metadata.contains(&("token_id", generated.token.id.to_string())));
        assert_eq!(reason(world.core.generate_token(&admin, Some(once(1, 2))).await), Reason::RequestIdReused);

        let tokens = world.core.list_tokens(&admin, 100, "").await.expect("they are listed").tokens;
        assert_eq!(tokens.len(), 1);
    }

    async fn tokens_are_listed_newest_first_and_page_by_page(world: World) {
        let mut made = vec![world.generate(CONTOSO).await.token.id];
        for _ in 0..4 {
            made.push(world.regenerate(CONTOSO, Duration::ZERO).await.token.id);
        }
        made.reverse();
        let (mut listed, mut page_token, mut pages) = (Vec::new(), String::new(), 0);
        loop {
            let page = world.core.list_tokens(&admin(CONTOSO), 2, &page_token).await.expect("it is a page");
            listed.extend(page.tokens.into_iter().map(|token| token.id));
            pages += 1;
            match page.next_page_token {
                Some(next) => page_token = next,
                None => break,
            }
        }
        assert_eq!((listed, pages), (made, 3));

        world.create_tenant(FABRIKAM).await;
        let elsewhere = world.core.list_tokens(&admin(FABRIKAM), 2, &page_token).await;
        assert_eq!(reason(elsewhere), Reason::InvalidPageToken);
    }

    async fn the_log_never_holds_a_secret(world: World) {
        let first = world.generate(CONTOSO).await;
        let second = world.regenerate(CONTOSO, Duration::ZERO).await;
        fresh(world.core.revoke_token(&admin(CONTOSO), None, None).await);
        let entries = world.log(CONTOSO, "resourceType eq \"Token\"").await;
        assert_eq!(entries.len(), 3);
        for text in [&first.text, &second.text] {
            let secret = text.expose_secret().split('_').nth(3).expect("the secret part");
            assert!(!format!("{entries:?}").contains(secret));
        }
    }
}
