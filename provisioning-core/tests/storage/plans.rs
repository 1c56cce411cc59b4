//! Whatever an Entra mapping may match on is answered from an index.

use provisioning_core::{
    attributes::order::Order,
    storage::{RowQuery, StorageUrl, Write},
};
use secrecy::ExposeSecret as _;
use serde_json::json;

use super::{fixture::execute, make, on_every_engine};

/// Enough rows for PostgreSQL to prefer an index to reading the table.
const ACCOUNTS: usize = 600;

on_every_engine! {
    async fn every_matching_attribute_is_answered_from_an_index(fixture: Fixture) {
        let storage = &fixture.storage;
        let tenant = make::stored_tenant(storage, "contoso").await;
        let mut id = String::new();
        let mut writers = tokio::task::JoinSet::new();
        for number in 0..ACCOUNTS {
            let account = make::account(make::T0, &json!({
                "userName": format!("user{number}@contoso.example"),
                "externalId": format!("oid{number}"),
                "emails": [{ "value": format!("user{number}@contoso.example"), "type": "work" }],
                "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": { "employeeNumber": format!("E{number}") }
            }));
            id = account.account.id.to_string();
            let (storage, tenant) = (storage.clone(), tenant.id);
            writers.spawn(async move { make::commit(&storage, tenant, Write::Account(account.into())).await });
        }
        writers.join_all().await;
        if let StorageUrl::Postgres(url) = &fixture.config.url {
            execute(url.expose_secret(), "VACUUM ANALYZE").await;
        }
        let explain = async |text: &str, order: Order| {
            let filter = (!text.is_empty()).then(|| make::user_filter(text));
            let query = RowQuery { filter: filter.as_ref(), order, limit: 100, skip: 0, after: None };
            storage.explain_list_accounts(&make::caller_key(&tenant), &query).await.unwrap().join("\n")
        };
        let enterprise = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
        for (text, index) in [
            (r#"userName eq "user7@contoso.example""#, "accounts_user_name_key"),
            (r#"externalId eq "oid7""#, "accounts_object_id"),
            (&format!("id eq \"{id}\""), "accounts_pkey"),
            (r#"emails.value eq "user7@contoso.example""#, "account_emails_value_key"),
            (r#"emails[type eq "work"].value eq "user7@contoso.example""#, "account_emails_value_key"),
            (&format!("{enterprise}:employeeNumber eq \"E7\""), "accounts_employee_number_key"),
            (r#"userName eq "user7@contoso.example" and active eq true"#, "accounts_user_name_key"),
        ] {
            let plan = explain(text, Order::default()).await;
            // SQLite names the index of a primary key after its number.
            let index = if fixture.is_sqlite() { index.replace("accounts_pkey", "sqlite_autoindex_accounts_1") } else { index.to_owned() };
            assert!(plan.contains(&format!("{index} ")) || plan.ends_with(&index), "{text} should use {index}:\n{plan}");
            for scan in ["Seq Scan on accounts", "SCAN accounts", "SCAN a\n", "Seq Scan on account_emails", "SCAN m"] {
                assert!(!plan.contains(scan), "{text}:\n{plan}");
            }
        }
        let by_name = make::user_order("userName desc");
        for (order, index) in [(Order::default(), ["accounts_pkey", "sqlite_autoindex_accounts_1"]), (by_name, ["accounts_user_name_key"; 2])] {
            let plan = explain("", order).await;
            assert!(index.iter().any(|index| plan.contains(index)), "a page should be read in the order of an index:\n{plan}");
        }
    }
}
