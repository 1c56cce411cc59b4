//! The only place that turns a cycle's shares into changes of groups and of who is in them.

use rand::RngExt;
use rand::rngs::Xoshiro256PlusPlus;

use super::share_of;
use crate::directory::{Directory, DirectoryGroup};
use crate::population::{self, Stream};
use crate::scenario::Changes;

/// Changes the groups before the cycle with the given number. A directory without groups gets none.
pub(crate) fn apply(directory: &mut Directory, shares: &Changes, cycle: u32, seed: u64) {
    let total = directory.groups().len();
    if total == 0 {
        return;
    }
    let mut rng = population::random(seed, Stream::GroupChanges { cycle });
    for _ in 0..share_of(total, shares.group_delete) {
        if let Some(group) = one_in_scope(&mut rng, directory) {
            directory.delete_group(group);
        }
    }
    for _ in 0..share_of(total, shares.group_rename) {
        if let Some(group) = one_in_scope(&mut rng, directory) {
            let name = format!("Renamed {cycle} {}", directory.groups()[group].display_name);
            directory.rename_group(group, name);
        }
    }
    for group in in_scope(directory) {
        exchange_members(&mut rng, directory, group, shares.member);
    }
    for _ in 0..share_of(total, shares.group_create) {
        let group = population::invent_group(&mut rng, directory);
        directory.add_group(group);
    }
}

/// Drawn users leave the group when they are in it, and come into it when they are not.
fn exchange_members(
    rng: &mut Xoshiro256PlusPlus,
    directory: &mut Directory,
    group: usize,
    share: u32,
) {
    let users = directory.users().len();
    if users == 0 {
        return;
    }
    for _ in 0..share_of(users, share) {
        let user = rng.random_range(0..users);
        if directory.groups()[group].members.contains(&user) {
            directory.remove_member(group, user);
        } else if directory.users()[user].is_active() {
            directory.add_member(group, user);
        }
    }
}

fn in_scope(directory: &Directory) -> Vec<usize> {
    let groups = directory.groups().iter().enumerate();
    groups
        .filter(|(_, group)| DirectoryGroup::is_in_scope(group))
        .map(|(index, _)| index)
        .collect()
}

fn one_in_scope(rng: &mut Xoshiro256PlusPlus, directory: &Directory) -> Option<usize> {
    let groups = in_scope(directory);
    (!groups.is_empty()).then(|| groups[rng.random_range(0..groups.len())])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_busy_story_makes_renames_and_deletes_groups_and_moves_members() {
        let mut directory = population::populate(60, "contoso.com", 1);
        population::populate_groups(&mut directory, 10, 1);
        let before = directory.groups().to_vec();
        apply(&mut directory, &Changes::BUSY, 2, 1);
        let after = directory.groups();
        assert!(after.len() > before.len());
        assert!(after.iter().any(|group| group.deleted));
        assert!(
            after
                .iter()
                .any(|group| group.display_name.starts_with("Renamed"))
        );
        let moved = before.iter().zip(after).any(|(before, after)| {
            !after.members.is_subset(&before.members) && !before.members.is_subset(&after.members)
        });
        assert!(moved);
    }

    #[test]
    fn a_directory_without_groups_gets_none() {
        let mut directory = population::populate(60, "contoso.com", 1);
        apply(&mut directory, &Changes::BUSY, 2, 1);
        assert!(directory.groups().is_empty());
    }
}
