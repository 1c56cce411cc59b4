//! The list of the tests: what each is called, whether it is mandatory, and what to change when it fails.

use futures_util::future::BoxFuture;

use super::probe::{Failed, Probe};
use super::{gallery, schema, validator_groups as groups, validator_users as users};

/// One test.
pub(super) struct Case {
    pub(super) id: &'static str,
    pub(super) title: &'static str,
    pub(super) mandatory: bool,
    /// What to change, where the test does not know it better.
    pub(super) advice: &'static str,
    pub(super) run: for<'a> fn(&'a mut Probe) -> BoxFuture<'a, Result<(), Failed>>,
}

macro_rules! cases {
    ($($id:literal, $title:literal, $mandatory:literal, $run:path, $advice:literal;)+) => {
        vec![$(Case {
            id: $id,
            title: $title,
            mandatory: $mandatory,
            advice: $advice,
            run: |probe| Box::pin($run(probe)),
        },)+]
    };
}

/// All of them, in the order in which they are played: the token first, as without it nothing else can pass.
pub(super) fn all() -> Vec<Case> {
    cases! {
        "gallery-validate-credentials", "Validate_Credentials", true, gallery::validate_credentials,
            "Answer GET /Users?startIndex=1&count=1 with 200 and a list also when there are no users, and 401 to a wrong token or none.";
        "gallery-schema-discoverability", "Schema_Discoverability", true, schema::schema_discoverability,
            "Publish every attribute that can be mapped at /Schemas, with all of its characteristics.";
        "validator-1", "Create a new User", true, users::test_1,
            "Answer POST /Users with 201 and the resource, store every attribute that was sent, and show it in lists as well.";
        "validator-2", "Create a duplicate User", true, users::test_2,
            "Answer a second POST with the same userName with 409 and scimType uniqueness, whatever its case, and change nothing.";
        "validator-3", "Filter for an existing User", true, users::test_3,
            "Answer a filter on userName with exactly the user who has it, with id, schemas and meta.resourceType.";
        "validator-4", "Filter for a non-existing User", true, users::test_4,
            "Answer a filter that matches nothing with 200 and an empty list (totalResults 0), never with 404.";
        "validator-5", "Filter for an existing User with a different case", true, users::test_5,
            "Compare userName without regard to case: RFC 7643 says caseExact false.";
        "validator-6", "Patch User - Replace Attributes (Verbose)", true, users::test_6,
            "Apply every operation of a PATCH, with paths into complex attributes, into elements selected by type, and into the enterprise extension.";
        "validator-7", "Update User userName", true, users::test_7,
            "Take a replace without a path as a set of attributes to change, and let userName be changed.";
        "validator-8", "Patch User - Disable User", true, users::test_8,
            "Keep inactive users visible: a disabled user is found by filters, with active false.";
        "validator-9", "Patch User - Add Attributes (Verbose)", true, users::test_9,
            "Make the element that a value path such as emails[type eq \"work\"] selects, when there is none yet.";
        "validator-10", "Patch User - Add Manager", true, users::test_10,
            "Store the manager and return it in the enterprise extension; a value that names nobody is stored as it is.";
        "validator-11", "Patch User - Replace Manager", true, users::test_11,
            "Let the manager be replaced, and leave the rest of the enterprise extension as it is.";
        "validator-12", "Patch User - Remove Manager", true, users::test_12,
            "Take an empty manager value, and a remove, as removal.";
        "validator-13", "Delete a User", true, users::test_13,
            "Answer DELETE with 204, and every later request for the user with 404.";
        "validator-14", "Get Group by id excluding members", true, groups::test_14,
            "Leave members out when excludedAttributes names it.";
        "validator-15", "Filter for an existing Group excluding members", true, groups::test_15,
            "Leave members out of lists as well when excludedAttributes names it.";
        "validator-16", "Filter for an existing Group", true, groups::test_16,
            "Answer a filter on displayName with exactly the group that has it.";
        "validator-17", "Filter for a non-existing Group", true, groups::test_17,
            "Answer a filter that matches nothing with 200 and an empty list (totalResults 0), never with 404.";
        "validator-18", "Filter for an existing Group with a different case", true, groups::test_18,
            "Compare displayName of groups without regard to case.";
        "validator-19", "Create a new Group", true, groups::test_19,
            "Answer POST /Groups with 201 and the group, externalId included.";
        "validator-20", "Create a duplicate Group", true, groups::test_20,
            "Answer a second POST with the same displayName with 409.";
        "validator-21", "Patch Group - Replace Attributes", true, groups::test_21,
            "Take a replace without a path as a set of attributes to change: what it does not name, members above all, stays.";
        "validator-22", "Update Group displayName", true, groups::test_22,
            "Let displayName be changed, find the group by the new name only, and leave its members as they are.";
        "validator-23", "Patch Group - Add Member", true, groups::test_23,
            "Take a replace of members as the list of all members.";
        "validator-24", "Patch Group - Remove Member", true, groups::test_24,
            "Remove only the members that the filter or the value list names.";
        "validator-25", "Delete a Group", true, groups::test_25,
            "Answer DELETE with 204, and every later request for the group with 404.";
        "validator-p1", "Patch User - Multiple Operations on different attributes", false, users::test_p1,
            "Apply the operations of a PATCH one after the other, remove among them.";
        "validator-p2", "Patch User - Multiple Operations on the same attribute", false, users::test_p2,
            "Apply the operations of a PATCH in their order: the last one wins.";
        "validator-p3", "Delete a non-existent User", false, users::test_p3,
            "Answer DELETE of a user that does not exist with 404.";
        "validator-p4", "Delete the same User twice", false, users::test_p4,
            "Answer the second DELETE of a user with 404.";
        "validator-p5", "Patch Group - Multiple Operations on the same attribute", false, groups::test_p5,
            "Apply the operations of a PATCH in their order: who is added and then removed is no member.";
        "validator-p6", "Delete a non-existent Group", false, groups::test_p6,
            "Answer DELETE of a group that does not exist with 404.";
        "validator-p7", "Delete the same Group twice", false, groups::test_p7,
            "Answer the second DELETE of a group with 404.";
        "gallery-user-create", "User_Create", true, gallery::user_create,
            "Store what the template builds of the mapped attributes, a role with type \"True\" included, and show it.";
        "gallery-user-update", "User_Update", true, gallery::user_update,
            "Let every mapped attribute be replaced by its path, and check no value for its syntax.";
        "gallery-null-update", "Null_Update", true, gallery::null_update,
            "Take null and an empty text as removal, in operations with a path and in those without, and answer neither with 400.";
        "gallery-update-manager", "Update_Manager", true, gallery::update_manager,
            "Take the manager as a plain id, let filters compare it, and take an empty text as removal.";
        "gallery-group-create", "Group_Create", true, gallery::group_create,
            "Create groups that share an externalId, and find them by displayName.";
        "gallery-group-update", "Group_Update", true, gallery::group_update,
            "Let displayName and externalId of a group be replaced, each alone and both in one operation without a path.";
        "gallery-user-pagination", "User_Pagination", true, gallery::user_pagination,
            "Obey startIndex and count, in an order that stays, and say totalResults, itemsPerPage and startIndex in every answer.";
        "gallery-group-pagination", "Group_Pagination", true, gallery::group_pagination,
            "Obey startIndex and count, in an order that stays, and say totalResults, itemsPerPage and startIndex in every answer.";
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn the_validators_tests_are_all_here_and_each_once() {
        let cases = all();
        let ids: BTreeSet<&str> = cases.iter().map(|case| case.id).collect();
        assert_eq!(ids.len(), cases.len());
        let mandatory = |prefix: &str, mandatory: bool| {
            let of = |case: &&Case| case.id.starts_with(prefix) && case.mandatory == mandatory;
            cases.iter().filter(of).count()
        };
        assert_eq!(
            (
                mandatory("validator-", true),
                mandatory("validator-", false)
            ),
            (25, 7)
        );
        for number in 1..=25 {
            assert!(
                ids.contains(format!("validator-{number}").as_str()),
                "{number}"
            );
        }
        assert!(cases.iter().all(|case| case.advice.ends_with('.')));
    }
}
