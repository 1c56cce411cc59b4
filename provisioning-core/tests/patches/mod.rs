//! A PATCH does what a plain model says: to a document in memory, and to an account of either engine through the use case.

mod model;

use std::{cell::Cell, time::Duration};

use proptest::{
    prelude::*,
    test_runner::{TestError, TestRunner},
};
use provisioning_core::{
    accounts::{Account, AccountKey, ListQuery, Patched, Precondition},
    attributes::{Map, error::ScimType, patch, patch::Operation, schema::ResourceSchema},
    error::{Error, Reason},
    ids::AccountId,
    receipts::Answer,
    tenants::{Dialect, TenantChanges},
};
use serde_json::json;
use tokio::{runtime::Handle, task::block_in_place};

use self::model::{MAILS, Person, Written, sequence, written};
use crate::world::{CONTOSO, FABRIKAM, World, admin, fresh, on_every_engine, operator};

/// How many sequences are compared in memory; more with the environment variable `PROPERTY_PATCHES`.
const CASES: u32 = 500;
/// How many on each engine; more with `PROPERTY_STORED_PATCHES`.
const STORED_CASES: u32 = 40;

/// Runs a case for each of some random sequences; the case tells of each PATCH whether it was accepted.
fn compare(
    variable: &str,
    cases: u32,
    case: impl Fn(Dialect, Vec<Vec<Written>>) -> Result<Vec<bool>, TestCaseError>,
) {
    let cases = std::env::var(variable).ok().map_or(cases, |cases| {
        cases
            .parse()
            .unwrap_or_else(|_| panic!("{variable} is a number"))
    });
    let mut runner = TestRunner::new(ProptestConfig {
        cases,
        failure_persistence: None,
        ..ProptestConfig::default()
    });
    let (accepted, refused) = (Cell::new(0_usize), Cell::new(0_usize));
    let result = runner.run(&sequence(), |(dialect, patches)| {
        let answers = case(dialect, patches)?;
        let taken = answers.iter().filter(|accepted| **accepted).count();
        accepted.set(accepted.get() + taken);
        refused.set(refused.get() + answers.len() - taken);
        Ok(())
    });
    result.unwrap_or_else(|error: TestError<_>| panic!("{error}"));
    println!(
        "{cases} sequences: {} PATCHes accepted, {} refused",
        accepted.get(),
        refused.get()
    );
    assert!(accepted.get() > refused.get() && refused.get() > 0);
}

fn operations(steps: &[Written]) -> Vec<Operation> {
    let written = steps.iter().map(|(step, shape)| written(step, *shape));
    written.collect()
}

/// What the model says of a PATCH; `None` when it is refused.
fn expected(person: &Person, steps: &[Written], dialect: Dialect) -> Option<Person> {
    let mut next = person.clone();
    for (step, _) in steps {
        next.step(step, dialect)?;
    }
    Some(next)
}

/// Applies a PATCH to both, and tells whether it was accepted.
fn patch_document(
    document: &mut Map,
    person: &mut Person,
    steps: &[Written],
    dialect: Dialect,
) -> Result<bool, TestCaseError> {
    let operations = operations(steps);
    let expected = expected(person, steps, dialect);
    let rules = dialect.rules().patch;
    match patch::apply(document, &operations, ResourceSchema::user(), &rules) {
        Ok(patched) => {
            let Some(next) = expected else {
                return Err(TestCaseError::fail(format!(
                    "it should be refused: {operations:?}"
                )));
            };
            prop_assert_eq!(&Person::of(&patched.document), &next, "{:?}", operations);
            prop_assert_eq!(patched.changed, next != *person, "{:?}", operations);
            *document = patched.document;
            *person = next;
            Ok(true)
        }
        Err(error) => {
            prop_assert_eq!(expected, None, "{}: {:?}", error, operations);
            prop_assert_eq!(error.scim_type(), ScimType::NoTarget);
            Ok(false)
        }
    }
}

#[test]
fn a_sequence_of_patches_leaves_what_the_model_says() {
    compare("PROPERTY_PATCHES", CASES, |dialect, patches| {
        let mut document = Map::from_iter([("userName".to_owned(), json!("u"))]);
        let mut person = Person::default();
        patches
            .iter()
            .map(|steps| patch_document(&mut document, &mut person, steps, dialect))
            .collect()
    });
}

/// A tenant of each dialect.
const fn tenant(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::Entra => CONTOSO,
        Dialect::Rfc => FABRIKAM,
    }
}

async fn read(world: &World, tenant: &str, id: AccountId) -> Account {
    let key = AccountKey::Id(id);
    let found = world.core.get_account(&admin(tenant), &key).await;
    found.expect("it is there")
}

fn person(account: &Account) -> Person {
    let document = serde_json::from_str(&account.document).expect("it is JSON");
    Person::of(&document)
}

/// Sends a PATCH and reads what is stored then; tells whether it was accepted.
async fn patch_stored(
    world: &World,
    id: AccountId,
    steps: &[Written],
    dialect: Dialect,
) -> Result<bool, TestCaseError> {
    let (tenant, operations) = (tenant(dialect), operations(steps));
    let before = read(world, tenant, id).await;
    let was = person(&before);
    let mut expected = expected(&was, steps, dialect);
    if let Some(next) = expected.as_mut().filter(|_| dialect == Dialect::Entra) {
        // To clear it changes nothing in this dialect.
        next.active = next.active.or(was.active);
    }
    world.clock.advance(Duration::from_micros(1));
    let precondition = Precondition::default();
    let call = admin(tenant);
    let answer = world
        .core
        .patch_account(&call, id, &operations, &precondition, None)
        .await;
    let after = read(world, tenant, id).await;
    match answer {
        Ok(Answer::Fresh(Patched {
            account, changed, ..
        })) => {
            let Some(next) = expected else {
                return Err(TestCaseError::fail(format!(
                    "it should be refused: {operations:?}"
                )));
            };
            prop_assert_eq!(&account, &after, "what is answered is what is stored");
            prop_assert_eq!(person(&after), next.clone(), "{:?}", operations);
            prop_assert_eq!(changed, next != was, "{:?}", operations);
            prop_assert_eq!(after.version, before.version + i64::from(changed));
            Ok(true)
        }
        Err(Error::Refused(refusal)) => {
            prop_assert_eq!(expected, None, "{}: {:?}", refusal, operations);
            prop_assert_eq!(refusal.reason, Reason::NoTarget);
            prop_assert_eq!(after, before, "a refusal changes nothing");
            Ok(false)
        }
        other => Err(TestCaseError::fail(format!("{other:?}"))),
    }
}

/// The index of mail addresses follows the document.
async fn find_by_mails(
    world: &World,
    id: AccountId,
    dialect: Dialect,
) -> Result<(), TestCaseError> {
    let account = read(world, tenant(dialect), id).await;
    for mail in MAILS.iter().filter(|mail| !mail.is_empty()) {
        let query = ListQuery {
            filter: format!("id eq \"{id}\" and emails.value eq {}", json!(mail)),
            page_size: 1,
            ..ListQuery::default()
        };
        let found = world
            .core
            .list_accounts(&admin(tenant(dialect)), &query)
            .await
            .expect("it is a filter");
        let has = person(&account).mails.iter().any(|found| {
            let value = found.value.as_deref().unwrap_or_default();
            value.to_lowercase() == mail.to_lowercase()
        });
        prop_assert_eq!(found.accounts.len(), usize::from(has), "{}", mail);
    }
    Ok(())
}

on_every_engine! {
    async fn a_stored_account_is_what_the_model_says_after_each_patch(world: World) {
        world.create_tenant(FABRIKAM).await;
        let rfc = TenantChanges { dialect: Some(Dialect::Rfc), ..TenantChanges::default() };
        fresh(world.core.update_tenant(&operator(FABRIKAM), &rfc, &Precondition::default(), None).await);
        let next = Cell::new(0_u32);
        let case = |dialect, patches: Vec<Vec<Written>>| {
            next.set(next.get() + 1);
            let user_name = format!("u{}", next.get());
            block_in_place(|| Handle::current().block_on(async {
                let id = world.create_account_in(tenant(dialect), &user_name, None).await.id;
                let mut answers = Vec::new();
                for steps in &patches {
                    answers.push(patch_stored(&world, id, steps, dialect).await?);
                }
                find_by_mails(&world, id, dialect).await?;
                Ok(answers)
            }))
        };
        block_in_place(|| compare("PROPERTY_STORED_PATCHES", STORED_CASES, case));
    }
}
