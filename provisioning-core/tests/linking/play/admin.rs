//! What an admin decides.

use std::collections::BTreeSet;

use provisioning_core::{
    accounts::{self, AccountKey, ActTarget, Precondition},
    error::Reason,
    guard::DecisionWish,
    ids::{AccountId, LogEntryId},
    links::{BulkLine, LineReport, LinkTarget},
};
use uuid::Uuid;

use super::{
    Done,
    directory::answer,
    stage::{PAGE, Side, Stage},
};
use crate::linking::{
    asked::{Pool, Target},
    model::{self, LinkStep},
    steps::{Act, Text, Who},
};

const REASONS: [&str; 3] = ["Left the company", "Account stolen", "On leave"];

impl Stage {
    pub(super) async fn administer(&self, act: &Act, mine: &mut Side, other: &Side) -> Done {
        let now = self.now();
        match act {
            Act::Link(who, text) => {
                let (target, text) = (mine.pool(other).pick(*who), mine.pool(other).text(text));
                let answered = self.link(mine, target, &text).await;
                Done::about(target.id, mine.model.link(target.place, &text), answered)
            }
            Act::Unlink(who) => {
                let target = mine.pool(other).pick(*who);
                let answered = self.unlink(mine, target).await;
                Done::about(target.id, mine.model.unlink(target.place), answered)
            }
            Act::Revert(who, step) => self.revert(*who, *step, mine, other).await,
            Act::BulkLink { lines, dry_run } => self.bulk_link(lines, *dry_run, mine, other).await,
            Act::Decide { approve } => {
                let answered = self.decide(mine, *approve).await;
                mine.model.guard.decide(*approve);
                Done::about_nobody(Ok(()), answered)
            }
            _ => {
                let (who, (act, reason)) = act_of(act).expect("it is an admin's");
                let target = mine.pool(other).pick(who);
                let answered = self.act_on(mine, target, (act, reason)).await;
                let (model, place) = (&mut mine.model, target.place);
                let expected = match act {
                    accounts::Act::Hold => {
                        model.settle(place, |account| account.hold = Some(reason.to_owned()))
                    }
                    accounts::Act::Release => model.settle(place, |account| account.hold = None),
                    accounts::Act::Protect => {
                        model.settle(place, |account| account.protected = true)
                    }
                    accounts::Act::Unprotect => {
                        model.settle(place, |account| account.protected = false)
                    }
                    accounts::Act::Restore => model.restore(place, now),
                    accounts::Act::Purge => model.purge(place),
                };
                Done::about(target.id, expected, answered)
            }
        }
    }

    pub async fn link(&self, side: &Side, target: Target, text: &str) -> model::Answer {
        let link = self.link_target(side, target).await;
        answer(
            self.core()
                .link_object_id(&side.admin(), &link, text, None)
                .await,
        )
    }

    pub async fn unlink(&self, side: &Side, target: Target) -> model::Answer {
        let link = self.link_target(side, target).await;
        answer(
            self.core()
                .unlink_object_id(&side.admin(), &link, None)
                .await,
        )
    }

    /// The account as the admin sees it now; an etag of nothing where it sees none.
    async fn link_target(&self, side: &Side, target: Target) -> LinkTarget {
        LinkTarget {
            account: AccountKey::Id(target.id),
            precondition: self.as_seen(side, target.id).await,
            reason: String::new(),
        }
    }

    async fn as_seen(&self, side: &Side, id: AccountId) -> Precondition {
        let seen = self
            .core()
            .get_account(&side.admin(), &AccountKey::Id(id))
            .await;
        let etag = seen.map_or_else(|_| "\"1\"".to_owned(), |account| account.etag());
        Precondition {
            etag: Some(etag),
            validate_only: false,
        }
    }

    /// Takes back a step of an account; one of the other tenant is no step of this one.
    async fn revert(&self, who: Who, step: u8, mine: &mut Side, other: &Side) -> Done {
        let target = mine.pool(other).pick(who);
        let owner = if who.foreign { other } else { &*mine };
        let history = self.history(owner, target.id).await;
        let step = history.get(usize::from(step) % history.len().max(1));
        let id = step.map_or_else(|| Uuid::nil().to_string(), |(id, _)| id.to_string());
        let answered = self.revert_step(mine, target, &id).await;
        let expected = match step.filter(|_| target.place.is_some()) {
            Some((_, (before, _))) => mine.model.revert(target.place, before.as_deref()),
            None => Err(Reason::LinkStepNotFound),
        };
        Done::about(target.id, expected, answered)
    }

    pub async fn revert_step(&self, side: &Side, target: Target, step: &str) -> model::Answer {
        let (admin, seen) = (side.admin(), self.as_seen(side, target.id).await);
        let reverted = self.core().revert_link_step(&admin, step, &seen, "", None);
        answer(reverted.await)
    }

    /// How an account came to its Object ID, the newest step first; nothing where there is no such account.
    pub async fn history(&self, side: &Side, id: AccountId) -> Vec<(LogEntryId, LinkStep)> {
        let id = id.to_string();
        let page = self
            .core()
            .list_link_history(&side.admin(), Some(&id), PAGE, "")
            .await;
        let entries = page.map(|page| page.entries).unwrap_or_default();
        let steps = entries.into_iter().filter_map(|entry| {
            let step = entry.link_step?;
            Some((entry.id, (step.before, step.after)))
        });
        steps.collect()
    }

    async fn bulk_link(
        &self,
        lines: &[(Text, Text)],
        dry_run: bool,
        mine: &mut Side,
        other: &Side,
    ) -> Done {
        let pool = mine.pool(other);
        let lines: Vec<BulkLine> = lines.iter().map(|line| bulk_line(&pool, line)).collect();
        let reports = self.send_bulk_link(mine, &lines, dry_run).await;
        let mut judged = mine.model.clone();
        let mut about = BTreeSet::new();
        for (line, report) in lines.iter().zip(&reports) {
            let expected = judged.link_line(&line.user_name, &line.object_id);
            let answered = report
                .outcome
                .as_ref()
                .map(drop)
                .map_err(|refusal| refusal.reason);
            assert_eq!(answered, expected, "{line:?} of {lines:?}");
            about.extend(report.account_id);
        }
        if !dry_run {
            mine.model = judged;
        }
        Done {
            about,
            ..Done::about_nobody(Ok(()), Ok(()))
        }
    }

    pub async fn send_bulk_link(
        &self,
        side: &Side,
        lines: &[BulkLine],
        dry_run: bool,
    ) -> Vec<LineReport> {
        let run = self
            .core()
            .bulk_link(side.admin(), String::new(), dry_run)
            .await;
        let mut run = run.expect("it begins");
        let mut reports = Vec::new();
        for line in lines {
            reports.push(run.link(line).await.expect("it is answered"));
        }
        reports
    }

    /// Decides of what waits, where something does.
    pub async fn decide(&self, side: &Side, approve: bool) -> model::Answer {
        let status = self.core().get_deprovision_guard(&side.admin()).await;
        let Some(batch) = status.expect("it is answered").pending else {
            return Ok(());
        };
        let wish = DecisionWish {
            batch_id: batch.id.to_string(),
            approve,
            reason: String::new(),
            precondition: Precondition::default(),
        };
        answer(
            self.core()
                .decide_deprovision_batch(&side.admin(), &wish, None)
                .await,
        )
    }

    pub async fn act_on(
        &self,
        side: &Side,
        target: Target,
        (act, reason): (accounts::Act, &str),
    ) -> model::Answer {
        let target = ActTarget {
            account_id: target.id,
            precondition: Precondition::default(),
            reason: reason.to_owned(),
        };
        answer(
            self.core()
                .act_on_account(&side.admin(), act, &target, None)
                .await,
        )
    }
}

pub fn bulk_line(pool: &Pool<'_>, (user_name, object_id): &(Text, Text)) -> BulkLine {
    BulkLine {
        user_name: pool.text(user_name),
        object_id: pool.text(object_id),
        etag: None,
    }
}

/// What is decided of one account as such, and why; not of its link.
pub fn act_of(act: &Act) -> Option<(Who, (accounts::Act, &'static str))> {
    let (who, act, reason) = match act {
        Act::Hold(who, reason) => (who, accounts::Act::Hold, REASONS[usize::from(*reason)]),
        Act::Release(who) => (who, accounts::Act::Release, ""),
        Act::Protect(who) => (who, accounts::Act::Protect, ""),
        Act::Unprotect(who) => (who, accounts::Act::Unprotect, ""),
        Act::Restore(who) => (who, accounts::Act::Restore, ""),
        Act::Purge(who) => (who, accounts::Act::Purge, ""),
        Act::Directory(_)
        | Act::Bulk(_)
        | Act::Service(_)
        | Act::Link(..)
        | Act::Unlink(_)
        | Act::Revert(..)
        | Act::BulkLink { .. }
        | Act::Decide { .. }
        | Act::Wait(_) => return None,
    };
    Some((*who, (act, reason)))
}
