//! Remedies where Entra wants a group to have a name that is taken.

use super::{
    calls::{Calls, portal, spare_group_name},
    remedy,
};
use crate::{
    attributes::error::excerpt,
    findings::{Remedy, case::Case},
};

pub(super) fn group_name_taken(case: Case<'_>, calls: Calls<'_>) -> Vec<Remedy> {
    let Some(holder) = case.name_holder() else {
        return Vec::new();
    };
    let directory = &case.finding.directory;
    let mut remedies = Vec::new();
    // Entra knows the group that it renames by its id, so the holder is another one.
    if directory.scim_id.is_empty() && !directory.object_id.is_empty() {
        remedies.push(remedy(
            "It is the same group",
            vec![calls.patch_group(
                holder,
                "externalId",
                &directory.object_id,
                "Gives the group the Object ID that Microsoft Entra says: Entra finds it by that and goes on with it, whatever it is matched by.",
            )],
        ));
    }
    remedies.push(remedy(
        "They are two groups, and the one in DragOnce may have another name",
        vec![calls.patch_group(
            holder,
            "displayName",
            &spare_group_name(holder),
            "Frees the name. Microsoft Entra's next attempt succeeds. Choose another name if you like.",
        )],
    ));
    remedies.push(remedy(
        "They are two groups, and the one in Microsoft Entra may have another name",
        vec![portal(
            format!(
                "Groups > {} > Properties: change the group name, and save.",
                excerpt(&directory.display_name)
            ),
            "Microsoft Entra sends the new name with its next attempt.",
        )],
    ));
    remedies.push(remedy(
        "Nobody needs the group in DragOnce",
        vec![calls.delete_group(
            holder,
            "Deletes the group and its memberships, not its members. This cannot be undone.",
        )],
    ));
    remedies
}
