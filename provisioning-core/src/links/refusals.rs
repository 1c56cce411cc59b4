//! The refusals of links, worded for the admin who makes them.

use crate::{
    accounts::{Account, AccountKey},
    attributes::error::excerpt,
    error::{Reason, Refusal},
};

pub(super) fn no_such_account() -> Refusal {
    Refusal::new(
        Reason::AccountNotFound,
        "There is no such account. Look it up with ListAccounts.",
    )
    .field("account")
}

/// The same, with the login account where it was asked for by that.
pub(super) fn no_account_of(key: &AccountKey) -> Refusal {
    match key {
        AccountKey::UserName(user_name) => Refusal::new(
            Reason::AccountNotFound,
            format!(
                "No account of this tenant has the login account {}. Look it up with ListAccounts.",
                excerpt(user_name)
            ),
        )
        .field("account")
        .with("user_name", excerpt(user_name)),
        AccountKey::Id(_) | AccountKey::ObjectId(_) => no_such_account(),
    }
}

pub(super) fn not_linked(account: &Account) -> Refusal {
    Refusal::new(
        Reason::NotLinked,
        format!("The account {} has no Object ID.", account.id),
    )
    .with("account_id", account.id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_that_is_not_there_is_named_by_its_login() {
        let refusal = no_account_of(&AccountKey::UserName("nobody@contoso.com".to_owned()));
        assert_eq!(refusal.reason, Reason::AccountNotFound);
        assert!(
            refusal
                .detail
                .contains("has the login account \"nobody@contoso.com\"."),
            "{refusal}"
        );
        let long = no_account_of(&AccountKey::UserName("x".repeat(10_000)));
        assert!(long.detail.chars().count() < 200, "{long}");
    }
}
