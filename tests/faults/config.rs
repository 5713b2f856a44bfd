//! The configuration that scorers run under: the example's, with small batches and short time-outs.

use std::path::{Path, PathBuf};

use crate::events::MAX_PAYLOAD;
use crate::support::root;

/// How the `[experiment]` section is written.
#[derive(Clone, Copy)]
pub(crate) enum Experiments {
    /// The example's: a quarter of the aircraft are in it, half of them have the canary.
    On,
    Off,
}

/// Writes the file into `folder`. `name` keeps the run apart from others on the same server.
pub(crate) fn write(folder: &Path, (url, name): (&str, &str), experiments: Experiments) -> PathBuf {
    let root = root().display().to_string();
    let experiments = match experiments {
        Experiments::On => format!("[experiment]\ndirectory = \"{root}/experiments\"\nrun = [\"late-mlp\"]"),
        Experiments::Off => String::new(),
    };
    let text = format!(
        r#"
[broker]
url = "{url}"
[broker.kafka]
prefix = "{name}."
create_topics = true
transaction_timeout = "3s"
[broker.nats]
stream = "{name}"
prefix = "{name}"
session_timeout = "2s"
[input]
event = {{ id = "/event_id", units = {{ aircraft = "/unit_id" }}, time = "/event_time", features = "/features" }}
max_payload = "{MAX_PAYLOAD} B"
[[input.schemas]]
file = "{root}/schemas/avro/feature_event.avsc"
[batch]
records = 200
[model.late]
store = "{root}/examples/flights/models/late"
production = "linear-1"
shadows = [{{ version = "mlp-2" }}]
{experiments}
[admin]
address = "off"
"#
    );
    let file = folder.join("serin.toml");
    std::fs::write(&file, text).unwrap();
    file
}
