//! In which order the operations of a bulk are done: the one in which they stand, except that what refers to a resource waits until that is
//! made (RFC 7644 section 3.7.2). Resources that refer to each other are made without, and completed as soon as both are there.

use std::{borrow::Cow, collections::HashMap};

/// What the order of an operation depends on.
#[derive(Clone, Debug, Default)]
pub(crate) struct Subject<'a> {
    /// What a POST makes, as its `bulkId`.
    pub makes: Option<&'a str>,
    /// What another operation is about: a text that is the same for the same resource.
    pub acts_on: Option<String>,
    /// The `bulkId` that this is the resource of, if it is one's.
    pub acts_on_made: Option<&'a str>,
    /// The `bulkId`s in its data.
    pub refers_to: Vec<Cow<'a, str>>,
}

/// One step on the way. An operation is named by its index.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// Do the operation, without what refers to these.
    Perform { index: usize, without: Vec<String> },
    /// Add what the operation was done without.
    Complete { index: usize },
}

/// Orders the operations. A reference to what no operation makes holds nothing up: it fails when its turn comes.
pub(crate) fn plan(subjects: &[Subject]) -> Vec<Step> {
    let mut makers = HashMap::new();
    for (index, subject) in subjects.iter().enumerate() {
        if let Some(bulk_id) = subject.makes {
            makers.entry(bulk_id).or_insert(index);
        }
    }
    let mut planner = Planner {
        subjects,
        makers,
        is_performed: vec![false; subjects.len()],
        waits_for: vec![Vec::new(); subjects.len()],
        steps: Vec::new(),
    };
    while let Some((index, without)) = planner.next() {
        planner.perform(index, without);
    }
    planner.steps
}

struct Planner<'a> {
    subjects: &'a [Subject<'a>],
    /// Which operation makes a `bulkId`.
    makers: HashMap<&'a str, usize>,
    is_performed: Vec<bool>,
    /// What an operation was performed without and is not there yet.
    waits_for: Vec<Vec<usize>>,
    steps: Vec<Step>,
}

impl Planner<'_> {
    /// The first that can be done; where all wait, the first of those that wait for each other, without what it waits for.
    fn next(&self) -> Option<(usize, Vec<usize>)> {
        let left = || (0..self.subjects.len()).filter(|&index| !self.is_performed[index]);
        if let Some(ready) = left().find(|&index| self.is_ready(index)) {
            return Some((ready, Vec::new()));
        }
        let in_circle = left().find(|&index| self.is_in_circle(index))?;
        Some((in_circle, self.missing(in_circle)))
    }

    fn is_ready(&self, index: usize) -> bool {
        let subject = &self.subjects[index];
        let maker = subject.acts_on_made.and_then(|made| self.makers.get(made));
        let is_made =
            maker.is_none_or(|&maker| self.is_performed[maker] && self.waits_for[maker].is_empty());
        let is_in_turn = subject.acts_on.is_none()
            || (0..index).all(|earlier| {
                self.is_performed[earlier] || self.subjects[earlier].acts_on != subject.acts_on
            });
        is_made && is_in_turn && self.missing(index).is_empty()
    }

    /// The operations, not yet performed, that make what the data of this one refer to.
    fn missing(&self, index: usize) -> Vec<usize> {
        let refers_to = self.subjects[index].refers_to.iter();
        let mut missing: Vec<_> = refers_to
            .filter_map(|bulk_id| self.makers.get(bulk_id.as_ref()).copied())
            .filter(|&maker| !self.is_performed[maker])
            .collect();
        missing.sort_unstable();
        missing.dedup();
        missing
    }

    /// Whether what this POST refers to refers back to it.
    fn is_in_circle(&self, index: usize) -> bool {
        let makes = self.subjects[index].makes;
        if makes.and_then(|bulk_id| self.makers.get(bulk_id)) != Some(&index) {
            return false;
        }
        let (mut seen, mut next) = (vec![false; self.subjects.len()], self.missing(index));
        while let Some(other) = next.pop() {
            if other == index {
                return true;
            }
            if !std::mem::replace(&mut seen[other], true) {
                next.extend(self.missing(other));
            }
        }
        false
    }

    fn perform(&mut self, index: usize, without: Vec<usize>) {
        let names = without
            .iter()
            .filter_map(|&maker| self.subjects[maker].makes);
        self.steps.push(Step::Perform {
            index,
            without: names.map(str::to_owned).collect(),
        });
        self.is_performed[index] = true;
        self.waits_for[index] = without;
        for waiting in 0..self.subjects.len() {
            let makers = &mut self.waits_for[waiting];
            if makers.is_empty() {
                continue;
            }
            makers.retain(|&maker| maker != index);
            if makers.is_empty() {
                self.steps.push(Step::Complete { index: waiting });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn post<'a>(makes: &'a str, refers_to: &[&'a str]) -> Subject<'a> {
        Subject {
            makes: Some(makes),
            refers_to: refers_to.iter().copied().map(Cow::from).collect(),
            ..Subject::default()
        }
    }

    fn on<'a>(resource: &'a str, refers_to: &[&'a str]) -> Subject<'a> {
        Subject {
            acts_on: Some(resource.to_owned()),
            acts_on_made: resource.strip_prefix("bulkId:"),
            refers_to: refers_to.iter().copied().map(Cow::from).collect(),
            ..Subject::default()
        }
    }

    /// `0 1-a 0+` is: operation 0, operation 1 without what refers to a, operation 0 completed.
    fn line(subjects: &[Subject]) -> String {
        let words: Vec<_> = plan(subjects)
            .into_iter()
            .map(|step| match step {
                Step::Perform { index, without } if without.is_empty() => index.to_string(),
                Step::Perform { index, without } => format!("{index}-{}", without.join(",")),
                Step::Complete { index } => format!("{index}+"),
            })
            .collect();
        words.join(" ")
    }

    #[test]
    fn what_refers_waits_for_what_it_refers_to() {
        assert_eq!(line(&[post("a", &[]), post("b", &["a"])]), "0 1");
        assert_eq!(
            line(&[post("a", &["b"]), on("x", &[]), post("b", &[])]),
            "1 2 0"
        );
        assert_eq!(
            line(&[
                on("g", &["c"]),
                post("a", &["b"]),
                post("b", &["c"]),
                post("c", &[])
            ]),
            "3 0 2 1"
        );
        assert_eq!(line(&[on("bulkId:a", &[]), post("a", &[])]), "1 0");
        assert_eq!(
            line(&[post("a", &["nobody"]), on("bulkId:nobody", &[])]),
            "0 1"
        );
    }

    #[test]
    fn a_circle_is_made_without_and_completed() {
        assert_eq!(line(&[post("a", &["b"]), post("b", &["a"])]), "0-b 1 0+");
        assert_eq!(line(&[post("a", &["a"])]), "0-a 0+");
        assert_eq!(
            line(&[
                post("u", &["a"]),
                post("a", &["b"]),
                post("b", &["c"]),
                post("c", &["a"])
            ]),
            "1-b 0 3 2 1+",
            "who only waits for a circle is made with all it refers to"
        );
    }

    #[test]
    fn what_acts_on_a_resource_waits_until_it_is_complete() {
        assert_eq!(
            line(&[post("a", &["b"]), on("bulkId:a", &[]), post("b", &["a"])]),
            "0-b 2 0+ 1"
        );
    }

    #[test]
    fn operations_on_one_resource_keep_their_order() {
        assert_eq!(
            line(&[on("x", &["a"]), on("x", &[]), on("y", &[]), post("a", &[])]),
            "2 3 0 1"
        );
    }

    fn subject() -> impl Strategy<Value = Subject<'static>> {
        let name = || prop::sample::select(vec!["a", "b", "c", "d", "e"]);
        let refers_to = || proptest::collection::vec(name(), 0..3);
        let resource = prop::sample::select(vec!["x", "y", "bulkId:a", "bulkId:b", "bulkId:c"]);
        prop_oneof![
            (name(), refers_to()).prop_map(|(makes, refers_to)| post(makes, &refers_to)),
            (resource, refers_to()).prop_map(|(resource, refers_to)| on(resource, &refers_to)),
        ]
    }

    /// When an operation is performed, and when it is complete.
    fn times(steps: &[Step], index: usize) -> (usize, usize) {
        let performed = steps
            .iter()
            .position(|step| matches!(step, Step::Perform { index: i, .. } if *i == index));
        let performed = performed.expect("every operation is performed");
        let completed = steps
            .iter()
            .position(|step| *step == Step::Complete { index });
        (performed, completed.unwrap_or(performed))
    }

    proptest! {
        #[test]
        fn every_operation_is_done_once_and_in_time(subjects in proptest::collection::vec(subject(), 0..12)) {
            let steps = plan(&subjects);
            let maker = |name: &str| subjects.iter().position(|s| s.makes == Some(name));
            for (index, subject) in subjects.iter().enumerate() {
                let performs = |step: &&Step| matches!(step, Step::Perform { index: i, .. } if *i == index);
                prop_assert_eq!(steps.iter().filter(performs).count(), 1);
                let (performed, completed) = times(&steps, index);
                let Step::Perform { without, .. } = &steps[performed] else { unreachable!() };
                prop_assert_eq!(without.is_empty(), performed == completed);
                for name in &subject.refers_to {
                    let Some(maker) = maker(name) else { continue };
                    let (made, _) = times(&steps, maker);
                    let is_deferred = without.iter().any(|other| other == name);
                    prop_assert!(made < performed || is_deferred && made < completed);
                }
                if let Some(maker) = subject.acts_on_made.and_then(maker) {
                    prop_assert!(times(&steps, maker).1 < performed);
                }
                for (earlier, other) in subjects.iter().enumerate().take(index) {
                    if subject.acts_on.is_some() && other.acts_on == subject.acts_on {
                        prop_assert!(times(&steps, earlier).0 < performed);
                    }
                }
            }
        }

        #[test]
        fn without_references_nothing_changes_its_place(subjects in proptest::collection::vec(subject(), 0..12)) {
            let plain: Vec<_> = subjects
                .into_iter()
                .map(|subject| Subject { refers_to: Vec::new(), acts_on_made: None, ..subject })
                .collect();
            let order = (0..plain.len()).map(|index| Step::Perform { index, without: Vec::new() });
            prop_assert_eq!(plan(&plain), order.collect::<Vec<_>>());
        }
    }
}
