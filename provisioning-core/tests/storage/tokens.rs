//! SCIM tokens: one current token a tenant, replaced in one step, used only forward in time.

use provisioning_core::{
    storage::{Commit, Mutation, TokenUse, Write},
    tokens::{Token, TokenState},
};

use super::{make, on_every_engine};

on_every_engine! {
    async fn a_tenant_has_one_current_token(fixture: Fixture) {
        let storage = &fixture.storage;
        let tenant = make::stored_tenant(storage, "contoso").await;
        let other = make::stored_tenant(storage, "fabrikam").await;
        let first = make::token(make::T0);
        assert_eq!(make::commit(storage, tenant.id, Write::InsertToken(first.clone())).await, Commit::Done);
        let second = Mutation { log: Some(make::entry(make::T0)), ..make::mutation(tenant.id, Write::InsertToken(make::token(make::T0))) };
        assert_eq!(storage.commit(second).await.unwrap(), Commit::TokenExists);
        assert_eq!(storage.list_log_entries(tenant.id, None, 10, None).await.unwrap(), []);
        assert_eq!(make::commit(storage, other.id, Write::InsertToken(make::token(make::T0))).await, Commit::Done);
        assert_eq!(storage.find_current_token(tenant.id).await.unwrap().unwrap().id, first.id);
    }

    async fn a_replaced_token_dies_when_it_was_told_to(fixture: Fixture) {
        let storage = &fixture.storage;
        let tenant = make::stored_tenant(storage, "contoso").await;
        let old = make::token(make::T0);
        make::commit(storage, tenant.id, Write::InsertToken(old.clone())).await;
        let new = make::token(make::seconds(10));
        let replace = |new: &Token| Write::ReplaceToken { old: old.id.clone(), new: new.clone(), expires_at: make::seconds(20), ended: Vec::new() };
        assert_eq!(make::commit(storage, tenant.id, replace(&new)).await, Commit::Done);
        let listed = storage.list_tokens(tenant.id, 10, None).await.unwrap();
        assert_eq!(listed.iter().map(|token| &token.id).collect::<Vec<_>>(), [&new.id, &old.id]);
        assert_eq!(listed[0].state(make::seconds(15)), TokenState::Live);
        assert_eq!(listed[1].state(make::seconds(15)), TokenState::Overlap);
        assert_eq!(listed[1].state(make::seconds(20)), TokenState::Replaced);
        assert_eq!((&listed[1].replaced_by, listed[1].replaced_at), (&Some(new.id.clone()), Some(make::seconds(10))));
        let late = make::token(make::seconds(30));
        assert_eq!(make::commit(storage, tenant.id, replace(&late)).await, Commit::NoCurrentToken);
        assert_eq!(storage.find_current_token(tenant.id).await.unwrap().unwrap().id, new.id);
    }

    async fn a_revoked_token_makes_room_and_stays_revoked(fixture: Fixture) {
        let storage = &fixture.storage;
        let tenant = make::stored_tenant(storage, "contoso").await;
        let other = make::stored_tenant(storage, "fabrikam").await;
        let token = make::token(make::T0);
        make::commit(storage, tenant.id, Write::InsertToken(token.clone())).await;
        let revoke = |second| make::revocation(&[&token], make::seconds(second));
        assert_eq!(make::commit(storage, other.id, revoke(1)).await, Commit::VersionMismatch, "another tenant's hand does not reach it");
        assert!(storage.find_current_token(tenant.id).await.unwrap().is_some());
        assert_eq!(make::commit(storage, tenant.id, revoke(2)).await, Commit::Done);
        assert_eq!(make::commit(storage, tenant.id, revoke(3)).await, Commit::VersionMismatch);
        let listed = storage.list_tokens(tenant.id, 10, None).await.unwrap();
        assert_eq!((listed[0].revoked_at, listed[0].current), (Some(make::seconds(2)), false));
        assert_eq!(storage.list_log_entries(tenant.id, None, 10, None).await.unwrap().len(), 1);
        assert!(storage.find_current_token(tenant.id).await.unwrap().is_none());
        assert_eq!(make::commit(storage, tenant.id, Write::InsertToken(make::token(make::T0))).await, Commit::Done);
        let replace = Write::ReplaceToken { old: token.id.clone(), new: make::token(make::T0), expires_at: make::T0, ended: Vec::new() };
        assert_eq!(make::commit(storage, tenant.id, replace).await, Commit::NoCurrentToken);
    }

    async fn of_several_tokens_all_are_revoked_or_none(fixture: Fixture) {
        let storage = &fixture.storage;
        let tenant = make::stored_tenant(storage, "contoso").await;
        let (old, new) = (make::token(make::T0), make::token(make::seconds(1)));
        make::commit(storage, tenant.id, Write::InsertToken(old.clone())).await;
        let replace = Write::ReplaceToken { old: old.id.clone(), new: new.clone(), expires_at: make::seconds(20), ended: Vec::new() };
        make::commit(storage, tenant.id, replace).await;
        let overlap = Token { current: false, ..old.clone() };
        let with_receipt = |tokens: &[&Token], request| Mutation {
            receipt: Some(make::receipt(request, make::T0)),
            ..make::mutation(tenant.id, make::revocation(tokens, make::seconds(2)))
        };
        let state = async || {
            let tokens = storage.list_tokens(tenant.id, 10, None).await.unwrap();
            let revoked = tokens.iter().filter(|token| token.revoked_at.is_some()).count();
            (revoked, storage.list_log_entries(tenant.id, None, 10, None).await.unwrap().len())
        };
        let answered = Mutation { receipt: Some(make::receipt(1, make::T0)), ..make::mutation(tenant.id, Write::Nothing) };
        storage.commit(answered).await.unwrap();
        assert_eq!(storage.commit(with_receipt(&[&new, &overlap], 1)).await.unwrap(), Commit::RequestIdUsed);
        // Who read them before the replacement has seen the old one as the current one.
        for stale in [[&new, &old], [&old, &new]] {
            assert_eq!(storage.commit(with_receipt(&stale, 2)).await.unwrap(), Commit::VersionMismatch);
        }
        // An entry that cannot be written twice.
        let mut broken = make::revocation(&[&new, &overlap], make::seconds(2));
        if let Write::RevokeTokens { revoked, .. } = &mut broken {
            revoked[1].entry.id = revoked[0].entry.id;
        }
        storage.commit(make::mutation(tenant.id, broken)).await.expect_err("it cannot be logged");
        assert_eq!(state().await, (0, 0));
        assert_eq!(storage.find_receipt(tenant.id, &make::receipt(2, make::T0).key).await.unwrap(), None);
        assert_eq!(storage.commit(with_receipt(&[&new, &overlap], 2)).await.unwrap(), Commit::Done);
        assert_eq!(state().await, (2, 2));
        assert_eq!(storage.find_receipt(tenant.id, &make::receipt(2, make::T0).key).await.unwrap(), Some(make::receipt(2, make::T0)));
    }

    async fn the_last_use_only_moves_forward(fixture: Fixture) {
        let storage = &fixture.storage;
        let tenant = make::stored_tenant(storage, "contoso").await;
        let token = make::token(make::T0);
        make::commit(storage, tenant.id, Write::InsertToken(token.clone())).await;
        let used = |second, from: &str| TokenUse {
            tenant_id: tenant.id,
            token_id: token.id.clone(),
            at: make::seconds(second),
            from: Some(from.to_owned()),
        };
        storage.touch_tokens(&[used(5, "early"), used(9, "late"), used(7, "between")]).await.unwrap();
        storage.touch_tokens(&[used(8, "another replica, behind")]).await.unwrap();
        storage.touch_tokens(&[]).await.unwrap();
        let found = storage.find_current_token(tenant.id).await.unwrap().unwrap();
        assert_eq!((found.last_used_at, found.last_used_from.as_deref()), (Some(make::seconds(9)), Some("late")));
    }

    async fn tokens_are_listed_newest_first_and_page_by_page(fixture: Fixture) {
        let storage = &fixture.storage;
        let tenant = make::stored_tenant(storage, "contoso").await;
        let mut made = Vec::new();
        for number in 0..7 {
            let token = make::token(make::seconds(number / 2));
            make::commit(storage, tenant.id, Write::InsertToken(token.clone())).await;
            make::commit(storage, tenant.id, make::revocation(&[&token], make::seconds(number))).await;
            made.push((token.created_at, token.id.as_str().to_owned()));
        }
        made.sort();
        made.reverse();
        let (mut listed, mut after) = (Vec::new(), None);
        loop {
            let page = storage.list_tokens(tenant.id, 2, after).await.unwrap();
            let Some(last) = page.last() else { break };
            after = Some((last.created_at, last.id.clone()));
            listed.extend(page.iter().map(|token| (token.created_at, token.id.as_str().to_owned())));
        }
        assert_eq!(listed, made);
    }

    async fn a_replacement_is_logged_or_not_made(fixture: Fixture) {
        let storage = &fixture.storage;
        let tenant = make::stored_tenant(storage, "contoso").await;
        let old = make::token(make::T0);
        make::commit(storage, tenant.id, Write::InsertToken(old.clone())).await;
        let entry = make::entry(make::T0);
        let first = Mutation { log: Some(entry.clone()), ..make::mutation(tenant.id, Write::Nothing) };
        storage.commit(first).await.unwrap();
        // The same entry again cannot be written, so the token must stay.
        let replace = Write::ReplaceToken { old: old.id.clone(), new: make::token(make::T0), expires_at: make::T0, ended: Vec::new() };
        let broken = Mutation { log: Some(entry), ..make::mutation(tenant.id, replace) };
        storage.commit(broken).await.expect_err("it cannot be logged");
        assert_eq!(storage.find_current_token(tenant.id).await.unwrap().unwrap().id, old.id);
        assert_eq!(storage.list_tokens(tenant.id, 10, None).await.unwrap().len(), 1);
        make::stored(storage, tenant.id, make::named("ada")).await;
    }
}
