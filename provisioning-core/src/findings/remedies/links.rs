//! Remedies where the Object ID is on the wrong account, on none, or no Object ID at all.

use super::{
    calls::{Calls, portal, spare_user_name},
    meant, name, person, remedy,
};
use crate::{
    accounts::Account,
    attributes::error::excerpt,
    findings::{Remedy, RemedyStep, case::Case},
};

/// How many of the accounts that share an Object ID are offered as the one that keeps it.
const KEEPERS_MAX: usize = 3;

/// Where attribute mappings are.
const USER_MAPPING: &str = "Enterprise applications > your DragOnce application > Provisioning > Mappings > Provision Microsoft Entra ID Users";

pub(super) fn object_id_not_guid(calls: Calls<'_>) -> Vec<Remedy> {
    vec![
        remedy(
            "mailNickname, or another attribute that is no GUID, is mapped to externalId",
            vec![map_object_id()],
        ),
        remedy(
            "objectId is mapped to externalId already, and older values are still here",
            vec![calls.restart(
                "Watermark",
                "The next cycle is an initial one: Microsoft Entra looks at every user again and sends what differs, also the Object IDs. Links are \
                 kept.",
            )],
        ),
    ]
}

/// First of all where what Entra sends as the Object ID names nobody: no link can mend that.
pub(super) fn not_an_object_id(case: Case<'_>) -> Remedy {
    let sent = &case.finding.directory.object_id;
    let steps = vec![map_object_id()];
    if sent.is_empty() {
        return remedy(
            "Microsoft Entra sends no Object ID: objectId is to be mapped to externalId",
            steps,
        );
    }
    remedy(
        format!(
            "{} is no Object ID: mailNickname, or another attribute that is no GUID, is mapped to externalId",
            excerpt(sent)
        ),
        steps,
    )
}

pub(super) fn object_id_on_another_account(case: Case<'_>, calls: Calls<'_>) -> Vec<Remedy> {
    let meant_account = case.meant();
    let Some(holder) = case.other_holder(meant_account) else {
        return Vec::new();
    };
    let unlink = calls.unlink(
        holder,
        format!(
            "Takes the Object ID off {}. The account stays as it is otherwise.",
            name(holder)
        ),
    );
    let mut steps = vec![unlink];
    if let (Some(account), Some(object_id)) = (meant_account, case.object_id()) {
        steps.push(calls.link(
            account,
            object_id,
            format!(
                "Links {} to the user in Microsoft Entra: Entra's next request finds it and updates it.",
                name(account)
            ),
        ));
    }
    steps.extend(calls.provision_on_demand(case.object_id()));
    let mut remedies = vec![remedy(
        format!(
            "The link is wrong: the Object ID is that of {}, not of {}",
            person(case),
            name(holder)
        ),
        steps,
    )];
    let login = &case.finding.directory.user_name;
    if meant_account.is_none() && !login.is_empty() {
        remedies.push(remedy(
            format!(
                "The link is right: {} is the same person, renamed in Microsoft Entra",
                name(holder)
            ),
            calls.then_provision(calls.rename(
                    holder,
                    login,
                    "The account gets the login account that Microsoft Entra says, and is found by it.",
                ), case.object_id()),
        ));
    }
    remedies
}

pub(super) fn object_id_shared(case: Case<'_>, calls: Calls<'_>) -> Vec<Remedy> {
    let accounts: Vec<_> = case
        .live()
        .filter(|account| account.object_id.is_some())
        .collect();
    if accounts.len() < 2 {
        return Vec::new();
    }
    let keep = |keeper: &Account| {
        remedy(
            format!("The Object ID is that of {} alone", name(keeper)),
            keep_alone(case, calls, keeper, &accounts),
        )
    };
    let mut remedies: Vec<_> = accounts
        .iter()
        .take(KEEPERS_MAX)
        .map(|keeper| keep(keeper))
        .collect();
    remedies.push(remedy(
        "They are different people, to whom Microsoft Entra gives the same value",
        vec![map_object_id()],
    ));
    remedies
}

/// Takes the Object ID off all others. Where Entra finds one of them by its login account, that becomes the keeper's, and Entra matches the person
/// anew: else it would give that one the Object ID again.
fn keep_alone(
    case: Case<'_>,
    calls: Calls<'_>,
    keeper: &Account,
    accounts: &[&Account],
) -> Vec<RemedyStep> {
    let found = case
        .login_holder()
        .filter(|found| found.id != keeper.id && accounts.iter().any(|one| one.id == found.id));
    let mut steps = Vec::new();
    for account in accounts.iter().filter(|account| account.id != keeper.id) {
        steps.push(match found {
            Some(found) if found.id == account.id => calls.give_up(
                account,
                &spare_user_name(account),
                "Takes the Object ID and the login account off it: a person who uses this account signs in with the new name from then on; choose \
                 another one if you like.",
            ),
            _ => calls.unlink(
                account,
                format!(
                    "Takes the Object ID off {}. The account stays as it is otherwise.",
                    name(account)
                ),
            ),
        });
    }
    if found.is_some() {
        steps.push(calls.rename(
            keeper,
            &case.finding.directory.user_name,
            "The account gets the login account that Microsoft Entra says, and is found by it.",
        ));
        steps.extend(calls.match_anew(case.object_id()));
    }
    steps
}

pub(super) fn login_not_linked(case: Case<'_>, calls: Calls<'_>) -> Vec<Remedy> {
    let Some(account) = case.meant().or_else(|| case.live().next()) else {
        return Vec::new();
    };
    let mut remedies = Vec::new();
    if let Some(object_id) = case.object_id() {
        remedies.push(remedy(
            format!("{} is this person's account", name(account)),
            calls.then_provision(calls.link(
                    account,
                    object_id,
                    format!(
                        "Sets the Object ID of {}: Microsoft Entra's next request finds the account and updates it instead of creating one.",
                        name(account)
                    ),
                ), Some(object_id)),
        ));
    }
    remedies.push(another_person(case, calls, account));
    remedies.push(remedy(
        "All accounts of this kind are to be found by their login",
        vec![portal(
            format!(
                "{USER_MAPPING}: edit userPrincipalName -> userName, set \"Match objects using this attribute\" to Yes with matching precedence 1, and \
                 save."
            ),
            "Microsoft Entra finds accounts by their login before it creates any. Saving starts an initial cycle by itself; links are kept.",
        )],
    ));
    remedies
}

pub(super) fn two_accounts(case: Case<'_>, calls: Calls<'_>) -> Vec<Remedy> {
    let Some(of_login) = case.login_holder() else {
        return Vec::new();
    };
    let of_object_id = case
        .other_holder(Some(of_login))
        .or_else(|| case.addressed().filter(|account| account.id != of_login.id));
    let Some(of_object_id) = of_object_id else {
        return Vec::new();
    };
    let spare = spare_user_name(of_login);
    let mut remedies = vec![remedy(
        format!(
            "{} is another person's account, and the person is the one of {}",
            name(of_login),
            name(of_object_id)
        ),
        vec![
            calls.rename(
                of_login,
                &spare,
                "Frees the login account. The other person signs in with this name from then on; choose another one if you like.",
            ),
            calls.rename(
                of_object_id,
                &case.finding.directory.user_name,
                "The account of the Object ID gets the login account that Microsoft Entra says.",
            ),
        ],
    )];
    if let Some(object_id) = case.object_id() {
        let mut steps = vec![
            calls.unlink(
                of_object_id,
                format!(
                    "Takes the Object ID off {}. The account keeps its data; delete it when nobody needs it.",
                    name(of_object_id)
                ),
            ),
            calls.link(
                of_login,
                object_id,
                format!(
                    "Links {} to the user in Microsoft Entra.",
                    name(of_login)
                ),
            ),
        ];
        steps.extend(calls.match_anew(Some(object_id)));
        remedies.push(remedy(
            format!(
                "Both are the same person's, who is to go on with {}",
                name(of_login)
            ),
            steps,
        ));
    }
    remedies
}

pub(super) fn object_id_mismatch(case: Case<'_>, calls: Calls<'_>) -> Vec<Remedy> {
    let Some(account) = case.meant().or_else(|| case.live().next()) else {
        return Vec::new();
    };
    let others = [another_person(case, calls, account), meant(calls)];
    let Some(object_id) = case.object_id() else {
        return others.into();
    };
    let mut steps = Vec::new();
    if let Some(other) = case.other_holder(Some(account)) {
        steps.push(calls.unlink(
            other,
            format!("Takes the Object ID off {}, which has it now.", name(other)),
        ));
    }
    steps.push(calls.link(
        account,
        object_id,
        format!(
            "Gives {} the Object ID that Microsoft Entra says. The one it had is kept in the link history and can be brought back.",
            name(account)
        ),
    ));
    steps.extend(calls.provision_on_demand(Some(object_id)));
    let mut remedies = vec![remedy("Microsoft Entra is right", steps)];
    remedies.extend(others);
    remedies
}

/// Frees a login account for the user that Entra wants to create.
fn another_person(case: Case<'_>, calls: Calls<'_>, account: &Account) -> Remedy {
    let mut steps: Vec<RemedyStep> = vec![calls.rename(
        account,
        &spare_user_name(account),
        "Frees the login account, so that Microsoft Entra can create the user. The other person signs in with this name from then on; choose another \
         one if you like.",
    )];
    steps.extend(calls.provision_on_demand(case.object_id()));
    remedy(
        format!(
            "{} is another person's account, and the user in Microsoft Entra is to get one of their own",
            name(account)
        ),
        steps,
    )
}

fn map_object_id() -> RemedyStep {
    portal(
        format!(
            "{USER_MAPPING}: edit the mapping whose target is externalId (mailNickname -> externalId in the template; add one where there is none), \
             choose objectId as its source attribute, and save. In userPrincipalName -> userName, \"Match objects using this attribute\" is to be Yes \
             with matching precedence 1."
        ),
        "Microsoft Entra sends each user's Object ID. Saving starts an initial cycle by itself: every account is found by its login and gets its Object \
         ID; links are kept.",
    )
}
