//! What is wrong with a configuration: collected, and told as one error.

use std::fmt;

/// What is wrong with the configuration: every fault found, each with what to do.
#[derive(Debug)]
pub struct ConfigError(pub Vec<String>);

impl ConfigError {
    /// A single fault.
    pub fn one(text: impl Into<String>) -> Self {
        Self(vec![text.into()])
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join("\n"))
    }
}

impl std::error::Error for ConfigError {}

/// Collects what is wrong, so that the operator is told everything at once.
#[derive(Default)]
pub struct Faults(pub(super) Vec<String>);

impl Faults {
    pub(super) fn add(&mut self, fault: String) {
        self.0.push(fault);
    }

    /// The value, if nothing is wrong.
    pub fn or<T>(self, value: T) -> Result<T, ConfigError> {
        if self.0.is_empty() {
            Ok(value)
        } else {
            Err(ConfigError(self.0))
        }
    }

    /// The value or its default, which must be within the bounds.
    pub(super) fn within<N: PartialOrd + fmt::Display + Copy>(
        &mut self,
        key: &str,
        value: Option<N>,
        default: N,
        min: N,
        max: N,
    ) -> N {
        let value = value.unwrap_or(default);
        if value < min || value > max {
            self.add(format!("{key} is {value}; it must be from {min} to {max}"));
        }
        value
    }
}
