//! Every way in which a text from outside looks for an account.

use provisioning_core::{
    Core,
    accounts::{self, AccountKey, ListQuery},
    error::Reason,
    ids::AccountId,
};

use super::{
    directory::answer,
    stage::{PAGE, Side, Stage},
};

impl Stage {
    /// It finds who has it now, as what it is asked for, and nobody else.
    pub async fn look_up(&self, turn: usize, text: &str, side: &Side) {
        let having = |is_meant: &dyn Fn(&accounts::Account) -> bool| -> Vec<AccountId> {
            let live = side
                .read
                .values()
                .filter(|account| account.deleted_at.is_none());
            live.filter(|account| is_meant(account))
                .map(|account| account.id)
                .collect()
        };
        let by_object_id = having(&|account| account.object_id.as_deref() == Some(text));
        let by_login = having(&|account| account.user_name.eq_ignore_ascii_case(text));
        for (attribute, expected) in [("externalId", &by_object_id), ("userName", &by_login)] {
            let query = ListQuery {
                filter: format!("{attribute} eq \"{text}\""),
                page_size: PAGE,
                ..ListQuery::default()
            };
            let found = self.core().list_accounts(&side.entra(), &query).await;
            let found = found.expect("they are listed").accounts;
            let mut found: Vec<_> = found.iter().map(|account| account.id).collect();
            found.sort();
            assert_eq!(found, *expected, "{}", query.filter);
        }
        // What is not found is logged, so that one of these a step is enough.
        let by_id = AccountId::parse(text);
        let (key, expected) = match (turn % 3, by_id) {
            (0, _) => (AccountKey::ObjectId(text.to_owned()), by_object_id),
            (1, Some(id)) => (AccountKey::Id(id), having(&|account| account.id == id)),
            _ => (Core::user_name_key(text), by_login),
        };
        let found = self.core().get_account(&side.entra(), &key).await;
        match expected.as_slice() {
            [id] => assert_eq!(found.expect("it is found").id, *id, "{key:?}"),
            [] => assert_eq!(answer(found), Err(Reason::AccountNotFound), "{key:?}"),
            _ => assert_eq!(answer(found), Err(Reason::InvalidValue), "{key:?}"),
        }
    }
}
