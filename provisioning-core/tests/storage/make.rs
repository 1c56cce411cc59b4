//! Makes what the cases write: tenants, accounts, tokens, log entries, changes and receipts with all that is not the point left plain.

use std::time::Duration;

use provisioning_core::{
    accounts::{Account, AccountKey},
    attributes::{
        filter::{self, Filter},
        fold::fold,
        order::Order,
        schema::{ENTERPRISE_URN, ResourceSchema},
        search,
        show::Shows,
    },
    call::CallerKey,
    changes::{Change, ChangeKind, Resource},
    clock::Timestamp,
    ids::{AccountId, ChangeId, LogEntryId, TenantId},
    log::{AttributeChange, LogEntry, Operation, Outcome, ResourceType},
    receipts::{Receipt, ReceiptKey},
    storage::{
        AccountIndex, AccountWrite, Commit, EmailKey, Mutation, RevokedToken, Storage, Write,
    },
    tenants::{Identifier, Tenant, TenantSettings},
    tokens::{NewToken, Token},
};
use serde_json::{Value, json};

/// A moment; cases count from it.
pub const T0: Timestamp = Timestamp::from_micros(1_800_000_000_000_001);

pub fn seconds(seconds: u64) -> Timestamp {
    T0.plus(Duration::from_secs(seconds))
}

pub fn identifier(text: &str) -> Identifier {
    Identifier::parse(text).expect("it is an identifier")
}

pub fn tenant(text: &str) -> Tenant {
    Tenant {
        id: TenantId::generate(T0),
        identifier: identifier(text),
        display_name: format!("{text} Ltd."),
        provisioning_enabled: true,
        settings: TenantSettings::default(),
        version: 1,
        schema_version: 0,
        created_at: T0,
        updated_at: T0,
    }
}

pub async fn stored_tenant(storage: &Storage, text: &str) -> Tenant {
    let tenant = tenant(text);
    assert_eq!(
        commit(storage, tenant.id, Write::InsertTenant(tenant.clone())).await,
        Commit::Done
    );
    tenant
}

pub fn caller_key(tenant: &Tenant) -> CallerKey {
    CallerKey {
        tenant: tenant.identifier.clone(),
        token: None,
    }
}

/// A new account with these attributes.
pub fn account(at: Timestamp, document: &Value) -> AccountWrite {
    let account = Account {
        id: AccountId::generate(at),
        user_name: String::new(),
        user_name_key: String::new(),
        object_id: None,
        object_id_exclusive: false,
        object_id_pinned: false,
        directory_active: true,
        hold: None,
        protected: false,
        managed: true,
        version: 1,
        created_at: at,
        updated_at: at,
        deleted_at: None,
        document: String::new(),
        groups: Vec::new(),
        shows: Shows::new(),
    };
    described(account, None, document)
}

pub fn named(user_name: &str) -> AccountWrite {
    account(T0, &json!({ "userName": user_name }))
}

pub fn linked(user_name: &str, object_id: &str) -> AccountWrite {
    account(
        T0,
        &json!({ "userName": user_name, "externalId": object_id }),
    )
}

/// The next version of an account, a second later, with these attributes.
pub fn next(old: &Account, document: &Value) -> AccountWrite {
    let account = Account {
        version: old.version + 1,
        updated_at: old.updated_at.plus(Duration::from_secs(1)),
        ..old.clone()
    };
    described(account, Some(old.version), document)
}

/// The tombstone of an account.
pub fn deleted(old: &Account, at: Timestamp) -> AccountWrite {
    let document: Value = serde_json::from_str(&old.document).expect("a document is JSON");
    let mut write = next(old, &document);
    write.account.deleted_at = Some(at);
    write
}

fn described(
    mut account: Account,
    expected_version: Option<i64>,
    document: &Value,
) -> AccountWrite {
    let map = document.as_object().expect("a document is an object");
    let search = search::search_document(map, ResourceSchema::user());
    let text = |name: &str| search.get(name).and_then(Value::as_str).map(str::to_owned);
    let emails = search::emails(&search);
    let index = AccountIndex {
        emails: emails
            .map(|(value, kind)| EmailKey {
                value_key: value.to_owned(),
                type_key: kind.map(str::to_owned),
            })
            .collect(),
        employee_number_key: search
            .get(ENTERPRISE_URN)
            .and_then(|user| user["employeeNumber"].as_str())
            .map(str::to_owned),
        display_name: document["displayName"].as_str().map(str::to_owned),
        display_name_key: text("displayName"),
        search: Value::Object(search.clone()).to_string(),
    };
    document["userName"]
        .as_str()
        .expect("a user name")
        .clone_into(&mut account.user_name);
    account.user_name_key = fold(&account.user_name);
    account.object_id = document["externalId"].as_str().map(str::to_owned);
    account.document = document.to_string();
    AccountWrite {
        expected_version,
        account,
        index,
    }
}

pub fn mutation(tenant: TenantId, write: Write) -> Mutation {
    Mutation {
        tenant_id: tenant,
        write,
        guard: None,
        log: None,
        change: None,
        receipt: None,
        findings: Vec::new(),
    }
}

/// An account with its log entry and its change.
pub fn recorded(tenant: TenantId, write: AccountWrite, kind: ChangeKind) -> Mutation {
    let (account, at) = (&write.account, write.account.updated_at);
    let change = Change {
        id: ChangeId::generate(at),
        at,
        kind,
        resource: Resource::Account(account.id),
        version: account.version,
    };
    let entry = LogEntry {
        resource_id: account.id.to_string(),
        user_name: account.user_name.clone(),
        ..entry(at)
    };
    Mutation {
        log: Some(entry),
        change: Some(change),
        ..mutation(tenant, Write::Account(write.into()))
    }
}

pub async fn commit(storage: &Storage, tenant: TenantId, write: Write) -> Commit {
    storage
        .commit(mutation(tenant, write))
        .await
        .expect("the storage answers")
}

pub async fn write(storage: &Storage, tenant: TenantId, account: AccountWrite) -> Commit {
    commit(storage, tenant, Write::Account(account.into())).await
}

/// Writes what has to succeed, and hands it back.
pub async fn stored(storage: &Storage, tenant: TenantId, account: AccountWrite) -> Account {
    assert_eq!(write(storage, tenant, account.clone()).await, Commit::Done);
    account.account
}

/// The account as it is stored, if it is there and not deleted.
pub async fn found(storage: &Storage, tenant: &Tenant, account: &Account) -> Option<Account> {
    let (caller, accounts) = storage
        .find_accounts(&caller_key(tenant), &AccountKey::Id(account.id))
        .await
        .expect("the storage answers");
    assert_eq!(caller.expect("the tenant is there").tenant.id, tenant.id);
    accounts.into_iter().next()
}

pub fn entry(at: Timestamp) -> LogEntry {
    LogEntry {
        id: LogEntryId::generate(at),
        at,
        operation: Operation::Patch,
        request: "PATCH /Users/{id}".to_owned(),
        outcome: Outcome::Success,
        resource_type: ResourceType::User,
        resource_id: "7".to_owned(),
        object_id: "0fc2d6a1-0000-4000-8000-000000000001".to_owned(),
        user_name: "Ada@Contoso.example".to_owned(),
        http_status: 200,
        scim_type: String::new(),
        reason: String::new(),
        detail: String::new(),
        request_id: "3d3e5a7c-0000-4000-8000-000000000002".to_owned(),
        token_id: "a1b2c3d4e5f6".to_owned(),
        actor: "scim".to_owned(),
        changes: vec![AttributeChange {
            attribute: "active".to_owned(),
            old: Some(json!(true)),
            new: Some(json!(false)),
        }],
        duration: Duration::from_micros(1_234),
        justification: "left for good".to_owned(),
        link_step: None,
    }
}

pub fn token(at: Timestamp) -> Token {
    let new = NewToken::generate();
    Token {
        id: new.id,
        secret: new.secret,
        current: true,
        created_at: at,
        created_by: "admin@dragonce.example".to_owned(),
        expires_at: None,
        revoked_at: None,
        replaced_by: None,
        replaced_at: None,
        last_used_at: None,
        last_used_from: None,
    }
}

/// The end of tokens as they were read, each with an entry.
pub fn revocation(tokens: &[&Token], at: Timestamp) -> Write {
    let revoked = |token: &&Token| RevokedToken {
        id: token.id.clone(),
        current: token.current,
        entry: entry(at),
    };
    Write::RevokeTokens {
        revoked: tokens.iter().map(revoked).collect(),
        at,
    }
}

pub fn receipt(request: u128, at: Timestamp) -> Receipt {
    let key = ReceiptKey {
        caller: "scim".to_owned(),
        method: "CreateAccount".to_owned(),
        request_id: uuid::Uuid::from_u128(request),
    };
    Receipt {
        key,
        body_sha256: [7; 32],
        response: vec![1, 0, 255],
        at,
    }
}

pub fn user_filter(text: &str) -> Filter {
    filter::parse(text, ResourceSchema::user()).expect("it is a filter")
}

pub fn user_order(text: &str) -> Order {
    Order::parse(text, ResourceSchema::user()).expect("it is an order")
}

pub fn group_filter(text: &str) -> Filter {
    filter::parse(text, ResourceSchema::group()).expect("it is a filter")
}

pub fn log_filter(text: &str) -> Filter {
    filter::parse(text, ResourceSchema::log_entry()).expect("it is a filter")
}
