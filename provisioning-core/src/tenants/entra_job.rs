//! Where a tenant's provisioning job is in Microsoft Graph.

use uuid::Uuid;

use crate::error::{Reason, Refusal};

/// Characters of a job's id at most: those that Graph gives have about 70.
const JOB_ID_LENGTH_MAX: usize = 200;

/// A provisioning job in Microsoft Graph.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EntraJob {
    /// Object id of the enterprise application's service principal.
    pub service_principal_id: Uuid,
    /// Id of its synchronization job: letters, digits, dots, hyphens and underscores, so that it can stand in a URL as it is.
    pub job_id: String,
}

impl EntraJob {
    /// Reads what an operator gives. Both ids are needed: one without the other names no job.
    pub fn parse(service_principal_id: &str, job_id: &str) -> Result<Self, Refusal> {
        let service_principal_id = Uuid::try_parse(service_principal_id.trim()).map_err(|_| {
            refusal(
                "service_principal_id",
                "The service principal id is not a GUID. Copy the Object ID (not the Application ID) from the enterprise application's overview \
                 in the Microsoft Entra admin centre.",
            )
        })?;
        let job_id = job_id.trim();
        let may_stand_in_url = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
        if job_id.is_empty()
            || job_id.len() > JOB_ID_LENGTH_MAX
            || !job_id.chars().all(may_stand_in_url)
        {
            return Err(refusal(
                "job_id",
                "The job id is not one that Microsoft Graph gives: up to 200 letters, digits, dots, hyphens and underscores. Copy the \"id\" that \
                 GET https://graph.microsoft.com/v1.0/servicePrincipals/{service principal id}/synchronization/jobs shows.",
            ));
        }
        Ok(Self {
            service_principal_id,
            job_id: job_id.to_owned(),
        })
    }
}

fn refusal(field: &str, detail: &str) -> Refusal {
    Refusal::new(Reason::InvalidRequest, detail).field(format!("tenant.settings.entra_job.{field}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SERVICE_PRINCIPAL: &str = "5d1f0f6e-5a3e-4c1e-9d1b-1f4c0a3b2e11";
    const JOB: &str = "scim.9a21f0f28d2a4f8ebf987363c4aed4ef.0a21f0f2-8d2a-4f8e-bf98-7363c4aed4ef";

    #[test]
    fn a_job_is_read_as_graph_and_the_portal_show_it() {
        let job = EntraJob::parse(&format!(" {}\n", SERVICE_PRINCIPAL.to_uppercase()), JOB)
            .expect("it is one");
        assert_eq!(job.service_principal_id.to_string(), SERVICE_PRINCIPAL);
        assert_eq!(job.job_id, JOB);
    }

    #[test]
    fn a_refusal_tells_where_to_find_the_id() {
        for (service_principal_id, job_id, hint) in [
            ("", JOB, "Microsoft Entra admin centre"),
            ("scim.1", JOB, "Microsoft Entra admin centre"),
            (SERVICE_PRINCIPAL, "", "synchronization/jobs"),
            (SERVICE_PRINCIPAL, "a/../b", "synchronization/jobs"),
            (SERVICE_PRINCIPAL, "<jobId>", "synchronization/jobs"),
            (SERVICE_PRINCIPAL, &"x".repeat(201), "synchronization/jobs"),
        ] {
            let refusal =
                EntraJob::parse(service_principal_id, job_id).expect_err("it names no job");
            assert_eq!(refusal.reason, Reason::InvalidRequest);
            assert!(refusal.detail.contains(hint), "{}", refusal.detail);
        }
    }
}
