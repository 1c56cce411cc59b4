//! The calls behind `/Users`.

use provisioning_proto::v1::{self, Account, Dialect, DryRun, get_account_request::Key};
use tonic::Status;

use crate::{
    http::collection::{Caller, Collection, Listing, Page, Target, Written, calls, list_request},
    scim::patch::Operation,
};

impl Collection for Account {
    calls! {
        account, accounts;
        create_account: CreateAccountRequest;
        get_account: GetAccountRequest by Key::Id;
        list_accounts: ListAccountsRequest with attributes;
        replace_account: ReplaceAccountRequest;
        patch_account: PatchAccountRequest;
        delete_account: DeleteAccountRequest;
    }

    fn is_shown_after_patch(dialect: Dialect) -> bool {
        match dialect {
            Dialect::Unspecified | Dialect::Entra => false,
            Dialect::Rfc => true,
        }
    }
}
