//! Values about the log: form, sinks, facility. Pure.

use serde::Deserialize;

/// The form of a record.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// `name=value`, as the journal's messages are, too.
    #[default]
    Logfmt,
    /// One JSON object behind the cookie `@cee:`.
    Json,
    /// RFC 5424 with structured data.
    Rfc5424,
}

impl Format {
    /// The word that the policy file uses.
    pub fn name(self) -> &'static str {
        match self {
            Self::Logfmt => "logfmt",
            Self::Json => "json",
            Self::Rfc5424 => "rfc5424",
        }
    }
}

/// Where records can go.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum SinkName {
    /// The syslog daemon's socket.
    Syslog,
    /// The journal's own socket, with a field for each of the record's.
    Journal,
}

impl SinkName {
    pub const ALL: &'static [Self] = &[Self::Syslog, Self::Journal];

    /// The word that the policy file uses.
    pub fn name(self) -> &'static str {
        match self {
            Self::Syslog => "syslog",
            Self::Journal => "journal",
        }
    }
}

/// Sinks that must have a record before anything runs: there is at least one.
#[derive(Clone, Debug, Deserialize)]
#[serde(try_from = "Vec<SinkName>")]
pub struct SinkNames(pub Vec<SinkName>);

impl Default for SinkNames {
    fn default() -> Self {
        Self(vec![SinkName::Syslog])
    }
}

impl TryFrom<Vec<SinkName>> for SinkNames {
    type Error = &'static str;

    fn try_from(names: Vec<SinkName>) -> Result<Self, &'static str> {
        let Some((last, others)) = names.split_last() else {
            return Err("a record is always required: name one sink at least");
        };
        if others.contains(last) { Err("a sink is named twice") } else { Ok(Self(names)) }
    }
}

/// Nothing runs without a record, so there is one value.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(try_from = "bool")]
pub struct Required;

impl TryFrom<bool> for Required {
    type Error = &'static str;

    fn try_from(required: bool) -> Result<Self, &'static str> {
        if required { Ok(Self) } else { Err("a record is always required: nothing runs without one") }
    }
}

/// Syslog facilities (syslog(3)) that make sense for security records.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum Facility {
    Auth,
    #[default]
    Authpriv,
    Daemon,
    User,
    Local0,
    Local1,
    Local2,
    Local3,
    Local4,
    Local5,
    Local6,
    Local7,
}

impl Facility {
    /// Syslog's number for it (RFC 5424, 6.2.1).
    pub fn number(self) -> u32 {
        match self {
            Self::Auth => 4,
            Self::Authpriv => 10,
            Self::Daemon => 3,
            Self::User => 1,
            Self::Local0 => 16,
            Self::Local1 => 17,
            Self::Local2 => 18,
            Self::Local3 => 19,
            Self::Local4 => 20,
            Self::Local5 => 21,
            Self::Local6 => 22,
            Self::Local7 => 23,
        }
    }

    /// The word that the policy file uses.
    pub fn name(self) -> &'static str {
        match self {
            Self::Auth => "auth",
            Self::Authpriv => "authpriv",
            Self::Daemon => "daemon",
            Self::User => "user",
            Self::Local0 => "local0",
            Self::Local1 => "local1",
            Self::Local2 => "local2",
            Self::Local3 => "local3",
            Self::Local4 => "local4",
            Self::Local5 => "local5",
            Self::Local6 => "local6",
            Self::Local7 => "local7",
        }
    }
}
