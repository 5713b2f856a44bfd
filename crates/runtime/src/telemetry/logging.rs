//! The log: on standard error, for people or for programs.

use std::collections::BTreeMap;
use std::fmt;
use std::io::{self, IsTerminal as _};
use std::str::FromStr;

use serde::Deserialize;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::util::{SubscriberInitExt as _, TryInitError};

/// The variable that says what is logged and goes before the configuration, such as `SERIN_LOG=debug` or
/// `SERIN_LOG=info,messaging=debug`.
const VARIABLE: &str = "SERIN_LOG";

/// How lines of the log look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// A line of text, coloured on a terminal unless `NO_COLOR` is set to anything.
    #[default]
    Text,
    /// A line of JSON, never coloured.
    Json,
}

impl FromStr for LogFormat {
    type Err = LoggingError;

    fn from_str(text: &str) -> Result<Self, LoggingError> {
        match text {
            "text" => Ok(Self::Text),
            "json" => Ok(Self::Json),
            other => Err(LoggingError::Format(other.to_owned())),
        }
    }
}

impl fmt::Display for LogFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Text => "text",
            Self::Json => "json",
        })
    }
}

/// What is logged and how; the section `[log]` of the configuration.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Logging {
    /// What is logged; default `info`. The variable `SERIN_LOG` goes before it.
    pub level: Level,
    /// `text` (default) for people, `json` for programs.
    pub format: LogFormat,
}

/// How much is logged: `error`, `warn`, `info`, `debug`, `trace` or `off`, for all or per crate, such as
/// `info,messaging=debug`.
///
/// `info` says what starts, stops and fails, and nothing per event; `debug` is for one crate and a while.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Level(String);

impl Level {
    /// Only what went wrong or may soon: for tools, whose answer is on standard output.
    pub fn warn() -> Self {
        Self("warn".to_owned())
    }
}

impl Default for Level {
    fn default() -> Self {
        Self("info".to_owned())
    }
}

impl TryFrom<String> for Level {
    type Error = LoggingError;

    fn try_from(text: String) -> Result<Self, LoggingError> {
        // The filter takes a lone word that is no level for the name of a crate, and would log nothing else.
        let is_plain = |part: &&str| !part.contains(['=', '[']);
        let is_level = |part: &str| !part.is_empty() && part.parse::<LevelFilter>().is_ok();
        let whole = text.split(',').filter(is_plain).all(is_level);
        match EnvFilter::builder().parse(&text) {
            Ok(_) if whole => Ok(Self(text)),
            Ok(_) => Err(LoggingError::Level { level: text, source: None }),
            Err(source) => Err(LoggingError::Level { level: text, source: Some(source) }),
        }
    }
}

impl FromStr for Level {
    type Err = LoggingError;

    fn from_str(text: &str) -> Result<Self, LoggingError> {
        Self::try_from(text.to_owned())
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Logging {
    /// These settings with the level of `SERIN_LOG`, where `environment` has one that is not empty.
    ///
    /// # Errors
    ///
    /// When that level makes no sense.
    pub fn overlaid(mut self, environment: &BTreeMap<String, String>) -> Result<Self, LoggingError> {
        if let Some(level) = environment.get(VARIABLE).filter(|level| !level.is_empty()) {
            self.level = level.parse()?;
        }
        Ok(self)
    }
}

/// Why there is no log. A level or a format that makes no sense is a fault of configuration.
#[derive(Debug, thiserror::Error)]
pub enum LoggingError {
    /// The level is not one that the log knows.
    #[error(
        "log level `{level}` is none of error, warn, info, debug, trace or off, alone or as `crate=level`"
    )]
    Level {
        /// What was asked for.
        level: String,
        /// What the filter says of it, where it is the filter that refuses it.
        source: Option<tracing_subscriber::filter::ParseError>,
    },
    /// The format is not one that the log knows.
    #[error("log format `{0}` is neither `text` nor `json`")]
    Format(String),
    /// The process already has a log, set by somebody else.
    #[error("the process already has a log")]
    Taken(#[from] TryInitError),
}

/// Opens the log of this process on standard error. Standard output stays free for what the program is asked for.
///
/// `environment` is read for `SERIN_LOG` and `NO_COLOR` only. Levels are checked before anything is changed.
///
/// # Errors
///
/// When the level of `SERIN_LOG` makes no sense, or the process has a log already.
pub fn install_logging(
    logging: &Logging,
    environment: &BTreeMap<String, String>,
) -> Result<(), LoggingError> {
    let level = logging.clone().overlaid(environment)?.level;
    let filter = EnvFilter::builder().parse_lossy(&level.0);
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr);
    match logging.format {
        LogFormat::Text => {
            let colours = colours(io::stderr().is_terminal(), environment);
            log.with_ansi(colours).finish().try_init()?;
        }
        LogFormat::Json => log.json().flatten_event(true).with_ansi(false).finish().try_init()?,
    }
    Ok(())
}

/// Colours are for terminals, and for people who have not asked for none (<https://no-color.org>).
fn colours(terminal: bool, environment: &BTreeMap<String, String>) -> bool {
    terminal && environment.get("NO_COLOR").is_none_or(String::is_empty)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(name: &str, value: &str) -> BTreeMap<String, String> {
        BTreeMap::from([(name.to_owned(), value.to_owned())])
    }

    #[test]
    fn the_variable_goes_before_the_configuration() {
        for (name, value, level) in [
            ("SERIN_LOG", "debug", "debug"),
            ("SERIN_LOG", "warn,messaging=trace", "warn,messaging=trace"),
            ("SERIN_LOG", "", "info"),
            ("RUST_LOG", "trace", "info"),
        ] {
            let logging = Logging::default().overlaid(&environment(name, value)).unwrap();
            assert_eq!(logging.level.to_string(), level, "{name}={value}");
        }
    }

    #[test]
    fn levels_are_checked_before_the_log_is_opened() {
        for level in ["info", "off", "INFO", "info,messaging=debug", "error", "messaging[commit]=trace,warn"]
        {
            assert!(level.parse::<Level>().is_ok(), "{level}");
        }
        for level in ["inof", "", "info,messaging", "info,messaging=loud", "a=b=c", "messaging=="] {
            let error = level.parse::<Level>().unwrap_err();
            assert!(error.to_string().starts_with(&format!("log level `{level}` is none of")), "{error}");
        }
        let error = install_logging(&Logging::default(), &environment("SERIN_LOG", "loud")).unwrap_err();
        assert!(matches!(error, LoggingError::Level { level, .. } if level == "loud"));
    }

    #[test]
    fn colours_are_for_terminals_that_want_them() {
        for (terminal, name, value, expected) in [
            (true, "TERM", "xterm", true),
            (false, "TERM", "xterm", false),
            (true, "NO_COLOR", "1", false),
            (true, "NO_COLOR", "", true),
        ] {
            assert_eq!(colours(terminal, &environment(name, value)), expected, "{terminal} {name}={value}");
        }
    }

    #[test]
    fn formats_are_read_and_written_alike() {
        for format in [LogFormat::Text, LogFormat::Json] {
            assert_eq!(format.to_string().parse::<LogFormat>().unwrap(), format);
        }
        let error = "yaml".parse::<LogFormat>().unwrap_err();
        assert_eq!(error.to_string(), "log format `yaml` is neither `text` nor `json`");
    }
}
