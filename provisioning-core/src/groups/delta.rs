//! The one place where operations on members become one difference: what is added and what is removed, whatever else the group holds.
//!
//! Pure, and as good as applying the operations one after the other: a property compares the two. What is written costs as much as the
//! difference is long, and differences of one group at the same time do not get into each other's way.

use std::collections::BTreeSet;

use uuid::Uuid;

/// What becomes of the members of a group: each list in order of ids, in which storage takes them where it can, so that two differences seldom wait for
/// each other.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Delta {
    clear: bool,
    add: BTreeSet<Uuid>,
    remove: BTreeSet<Uuid>,
}

impl Delta {
    /// Adds a member.
    pub fn add(&mut self, id: Uuid) {
        self.remove.remove(&id);
        self.add.insert(id);
    }

    /// Removes a member.
    pub fn remove(&mut self, id: Uuid) {
        self.add.remove(&id);
        if !self.clear {
            self.remove.insert(id);
        }
    }

    /// Removes all members.
    pub fn clear(&mut self) {
        self.clear = true;
        self.add.clear();
        self.remove.clear();
    }

    /// Leaves an id the member that it is, or is not. Tells whether that makes a difference.
    pub fn spare(&mut self, id: Uuid, is_member: bool) -> bool {
        if self.contains(&id, is_member) == is_member {
            return false;
        }
        if !is_member {
            self.add.remove(&id);
        } else if self.clear {
            self.add.insert(id);
        } else {
            self.remove.remove(&id);
        }
        true
    }

    /// Whether all members go that are not added.
    pub const fn clears(&self) -> bool {
        self.clear
    }

    /// Who is added.
    pub const fn added(&self) -> &BTreeSet<Uuid> {
        &self.add
    }

    /// Who is removed, where not all are.
    pub const fn removed(&self) -> &BTreeSet<Uuid> {
        &self.remove
    }

    /// Whether an id is a member afterwards.
    pub fn contains(&self, id: &Uuid, was_member: bool) -> bool {
        self.add.contains(id) || (was_member && !self.clear && !self.remove.contains(id))
    }

    /// Leaves out what is so already, as far as it is known who is a member.
    pub fn reduce(&mut self, is_member: impl Fn(&Uuid) -> bool) {
        if !self.clear {
            self.add.retain(|id| !is_member(id));
        }
        self.remove.retain(|id| is_member(id));
    }

    /// Whether nothing is left to do.
    pub fn is_empty(&self) -> bool {
        !self.clear && self.add.is_empty() && self.remove.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[derive(Clone, Debug)]
    enum Step {
        Add(u8),
        Remove(u8),
        Clear,
    }

    fn id(number: u8) -> Uuid {
        Uuid::from_u128(number.into())
    }

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        let step = prop_oneof![
            4 => (0..8_u8).prop_map(Step::Add),
            4 => (0..8_u8).prop_map(Step::Remove),
            1 => Just(Step::Clear),
        ];
        prop::collection::vec(step, 0..12)
    }

    fn applied(members: &BTreeSet<Uuid>, delta: &Delta) -> BTreeSet<Uuid> {
        let kept = members
            .iter()
            .filter(|id| !delta.clears() && !delta.removed().contains(id));
        kept.chain(delta.added()).copied().collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 4_000, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn a_difference_is_as_good_as_one_step_after_the_other(before in prop::collection::btree_set(0..8_u8, 0..8), steps in steps()) {
            let before: BTreeSet<_> = before.into_iter().map(id).collect();
            let (mut delta, mut model) = (Delta::default(), before.clone());
            for step in steps {
                match step {
                    Step::Add(number) => {
                        delta.add(id(number));
                        model.insert(id(number));
                    }
                    Step::Remove(number) => {
                        delta.remove(id(number));
                        model.remove(&id(number));
                    }
                    Step::Clear => {
                        delta.clear();
                        model.clear();
                    }
                }
                for number in 0..8 {
                    prop_assert_eq!(delta.contains(&id(number), before.contains(&id(number))), model.contains(&id(number)));
                }
            }
            prop_assert_eq!(&applied(&before, &delta), &model);
            prop_assert!(delta.added().is_disjoint(delta.removed()));
            for spared in [id(0), id(1)] {
                let was = before.contains(&spared);
                prop_assert_eq!(delta.spare(spared, was), model.contains(&spared) != was);
                if was { model.insert(spared); } else { model.remove(&spared); }
            }
            prop_assert_eq!(&applied(&before, &delta), &model);
            delta.reduce(|id| before.contains(id));
            prop_assert_eq!(&applied(&before, &delta), &model);
            prop_assert!(delta.clears() || delta.is_empty() == (before == model), "what is left over makes a difference");
        }
    }
}
