//! What a reader of a remedy's instruction does in the Microsoft Entra admin centre.

use entra_sim::{ExternalId, Matching};

use super::world::{ALICE_AT, World};

/// Follows an instruction. One that is not understood is an error of the test: then it must learn it.
pub fn follow(world: &mut World, portal: &str, instruction: &str) {
    assert_eq!(portal, "Microsoft Entra admin centre");
    let says = |words: &str| instruction.contains(words);
    let engine = &mut world.engine;
    let maps_object_id = says("choose objectId as its source attribute");
    let matches_login = says("\"Match objects using this attribute\"");
    if maps_object_id || matches_login {
        engine.edit_mapping(|mapping| {
            if maps_object_id {
                mapping.external_id = ExternalId::ObjectId;
            }
            if matches_login && mapping.matching.first() != Some(&Matching::Name) {
                mapping.matching.insert(0, Matching::Name);
            }
        });
    } else if says("choose Restore user") {
        engine.directory_mut().restore(ALICE_AT);
    } else if says("choose Delete permanently") {
        engine.directory_mut().purge(ALICE_AT);
    } else if says("choose Remove") {
        engine.directory_mut().set_assigned(ALICE_AT, false);
    } else if let Some((_, rest)) = instruction.split_once("edit User principal name to ") {
        let name = rest.split([',', ' ']).next().expect("a name follows");
        let name = name.trim_matches('"').to_owned();
        engine.directory_mut().rename(ALICE_AT, name);
    } else if says("change the group name") {
        engine
            .directory_mut()
            .rename_group(0, "Engineering of Entra");
    } else {
        panic!("what is to be done? {instruction}");
    }
}
