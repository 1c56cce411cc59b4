//! An account for unit tests.

use uuid::Uuid;

use super::Account;
use crate::{
    attributes::{fold::fold, show::Shows},
    clock::Timestamp,
    ids::AccountId,
};

/// One that the directory manages and lets sign in.
pub fn account(number: u128, user_name: &str, object_id: Option<&str>) -> Account {
    Account {
        id: AccountId::from_uuid(Uuid::from_u128(number)),
        user_name: user_name.to_owned(),
        user_name_key: fold(user_name),
        object_id: object_id.map(str::to_owned),
        object_id_exclusive: false,
        object_id_pinned: false,
        directory_active: true,
        hold: None,
        protected: false,
        managed: true,
        version: 7,
        created_at: Timestamp::from_micros(0),
        updated_at: Timestamp::from_micros(0),
        deleted_at: None,
        document: "{}".to_owned(),
        groups: Vec::new(),
        shows: Shows::new(),
    }
}
