//! Every read tells who calls: the tenant by its identifier, and the token of that tenant.

use provisioning_core::{
    accounts::AccountKey,
    attributes::order::Order,
    call::{Caller, CallerKey},
    storage::{RowQuery, Write},
    tokens::TokenId,
};

use super::{make, on_every_engine};

on_every_engine! {
    async fn an_unknown_tenant_is_nobody(fixture: Fixture) {
        let key = CallerKey { tenant: make::identifier("nobody"), token: None };
        assert!(fixture.storage.find_caller(&key).await.unwrap().is_none());
        let by_name = AccountKey::UserName("ada".to_owned());
        let (caller, accounts) = fixture.storage.find_accounts(&key, &by_name).await.unwrap();
        assert!(caller.is_none() && accounts.is_empty());
    }

    async fn a_tenant_comes_back_as_it_was_stored(fixture: Fixture) {
        let tenant = make::stored_tenant(&fixture.storage, "contoso").await;
        let caller = fixture.storage.find_caller(&make::caller_key(&tenant)).await.unwrap().unwrap();
        assert_eq!(caller.tenant, tenant);
        assert!(caller.token.is_none());
    }

    async fn a_token_belongs_to_its_tenant_only(fixture: Fixture) {
        let contoso = make::stored_tenant(&fixture.storage, "contoso").await;
        let fabrikam = make::stored_tenant(&fixture.storage, "fabrikam").await;
        let token = make::token(make::T0);
        make::commit(&fixture.storage, contoso.id, Write::InsertToken(token.clone())).await;
        let find = async |tenant, id: &TokenId| -> Caller {
            let key = CallerKey { token: Some(id.clone()), ..make::caller_key(tenant) };
            fixture.storage.find_caller(&key).await.unwrap().unwrap()
        };
        let found = find(&contoso, &token.id).await.token.expect("it is the tenant's");
        assert!(found.secret.matches(&token.secret));
        assert_eq!((found.id, found.created_by, found.current), (token.id.clone(), token.created_by, true));
        assert!(find(&fabrikam, &token.id).await.token.is_none());
        assert!(find(&contoso, &TokenId::from_text("000000000000")).await.token.is_none());
    }

    async fn each_read_of_accounts_names_the_caller_even_without_accounts(fixture: Fixture) {
        let storage = &fixture.storage;
        let tenant = make::stored_tenant(storage, "contoso").await;
        let token = make::token(make::T0);
        make::commit(storage, tenant.id, Write::InsertToken(token.clone())).await;
        let key = CallerKey { token: Some(token.id.clone()), ..make::caller_key(&tenant) };
        let known = |caller: Option<Caller>| {
            let caller = caller.expect("the tenant is there");
            assert_eq!(caller.tenant, tenant);
            assert_eq!(caller.token.expect("the token is there").id, token.id);
        };
        let id = make::named("ada").account.id;
        known(storage.batch_find_accounts(&key, &[id]).await.unwrap().0);
        known(storage.batch_find_accounts(&key, &[]).await.unwrap().0);
        known(storage.find_create_candidates(&key, "ada", Some("x"), make::T0).await.unwrap().0);
        let query = RowQuery { filter: None, order: Order::default(), limit: 10, skip: 0, after: None };
        known(storage.list_accounts(&key, &query).await.unwrap().0);
    }
}
