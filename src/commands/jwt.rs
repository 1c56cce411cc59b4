//! `provisiond jwt`: JWTs for gRPC calls, signed with the key of the data folder.

use std::time::Duration;

use anyhow::bail;
use clap::builder::PossibleValuesParser;
use provisioning_core::call::Scope;
use secrecy::ExposeSecret as _;

use crate::{client::Signer, output};

/// A JWT cannot be taken back: it must not live long.
const LIFETIME_MAX: Duration = Duration::from_hours(24);

/// What to do.
#[derive(clap::Subcommand)]
pub enum Command {
    /// Makes a JWT and prints it
    Mint {
        /// What it is good for; may be given several times
        #[arg(long, required = true, value_delimiter = ',', value_parser = PossibleValuesParser::new(Scope::ALL.map(Scope::as_str)))]
        scope: Vec<String>,
        /// The only tenant it may act for; `provisioning.admin` needs one
        #[arg(long, value_name = "IDENTIFIER")]
        tenant: Option<String>,
        /// What the provisioning log shows as the actor
        #[arg(long, value_name = "TEXT", default_value = "operator")]
        subject: String,
        /// How long it is valid, for example 90s, 15m or 8h; at most 24h
        #[arg(long, value_name = "TIME", default_value = "15m", value_parser = parse_duration)]
        ttl: Duration,
        #[command(flatten)]
        signer: Signer,
    },
}

/// Does it.
pub fn run(command: Command) -> anyhow::Result<()> {
    let Command::Mint {
        scope,
        tenant,
        subject,
        ttl,
        signer,
    } = command;
    if ttl > LIFETIME_MAX {
        bail!("--ttl may be at most 24h: a JWT cannot be taken back");
    }
    if tenant.is_none()
        && scope
            .iter()
            .any(|scope| scope == Scope::ProvisioningAdmin.as_str())
    {
        bail!("the scope provisioning.admin needs --tenant");
    }
    let token = signer.resolve()?.sign(&subject, scope, tenant, ttl)?;
    Ok(output::line(token.expose_secret())?)
}

/// Reads a number with its unit: s, m or h.
pub fn parse_duration(text: &str) -> Result<Duration, String> {
    let told = || format!("{text} is not a time such as 90s, 15m or 8h");
    let (number, unit) = text
        .split_at_checked(text.len().saturating_sub(1))
        .ok_or_else(told)?;
    let seconds = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3_600,
        _ => return Err(told()),
    };
    let number: u32 = number.parse().map_err(|_| told())?;
    Ok(Duration::from_secs(u64::from(number) * seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_a_number_and_a_unit() {
        assert_eq!(parse_duration("90s"), Ok(Duration::from_secs(90)));
        assert_eq!(parse_duration("15m"), Ok(Duration::from_mins(15)));
        assert_eq!(parse_duration("8h"), Ok(Duration::from_hours(8)));
        for bad in ["", "s", "5", "-5s", "5d", "1e3s", "5é"] {
            assert!(parse_duration(bad).is_err(), "{bad}");
        }
    }
}
