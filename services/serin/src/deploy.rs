//! `serin deploy` and `serin experiment start|ramp|stop`: what serves from now on, put on record as the next revision.

mod change;
mod show;

use std::collections::BTreeMap;
use std::io::Write as _;

use anyhow::{Context, bail};
use events::Deployment;
use messaging::Broker;
use runtime::{Clock, Output, Shutdown};
use stream_scorer::Service;
use stream_scorer::deployment::History;

use crate::cli::{DeployCommand, DeployShowArguments, RolloutCommand};
use crate::config::Config;

/// Shows or changes what is deployed.
pub(crate) async fn run(
    command: DeployCommand,
    environment: BTreeMap<String, String>,
    _shutdown: Shutdown,
) -> anyhow::Result<()> {
    match command {
        DeployCommand::Show(arguments) => print(arguments, &environment, show::in_force).await,
        DeployCommand::History(arguments) => print(arguments, &environment, show::history).await,
        DeployCommand::Set(arguments) => {
            let site = Site::open(&arguments.config.config, &environment).await?;
            site.deploy(|site| match arguments.as_configured {
                true => Ok(site.service.configured().clone()),
                false => change::set(site.wanted()?, &arguments),
            })
            .await
        }
        DeployCommand::Rollback(arguments) => {
            let site = Site::open(&arguments.config.config, &environment).await?;
            site.deploy(|site| change::rollback(site.history.all(), arguments.to)).await
        }
    }
}

/// Starts, ramps or stops an experiment.
pub(crate) async fn rollout(
    command: RolloutCommand,
    environment: BTreeMap<String, String>,
    _shutdown: Shutdown,
) -> anyhow::Result<()> {
    let site = Site::open(command.config(), &environment).await?;
    match command {
        RolloutCommand::Start(arguments) => {
            let experiment = site.config.definition(&arguments.name)?;
            site.deploy(|site| change::start(site.wanted()?, &experiment, arguments.coverage)).await
        }
        RolloutCommand::Ramp(arguments) => {
            site.deploy(|site| change::ramp(site.wanted()?, &arguments.name, arguments.coverage)).await
        }
        RolloutCommand::Stop(arguments) => {
            site.deploy(|site| change::stop(site.wanted()?, &arguments.name)).await
        }
    }
}

/// Prints something about the deployments.
async fn print(
    arguments: DeployShowArguments,
    environment: &BTreeMap<String, String>,
    say: impl FnOnce(&[Deployment], crate::cli::Format, &mut Output) -> std::io::Result<()>,
) -> anyhow::Result<()> {
    let config = Config::open(&arguments.config.config, environment)?;
    let (broker, history) = reach(&config).await?;
    let mut out = Output::stdout();
    say(history.all(), arguments.format, &mut out)?;
    out.flush()?;
    drop(history);
    broker.close().await;
    Ok(())
}

/// Reaches the broker of a configuration, as a guest beside the services, and reads the deployments.
async fn reach(config: &Config) -> anyhow::Result<(Broker, History)> {
    let url = &config.broker.url;
    let broker = Broker::connect(&config.broker).await.with_context(|| format!("cannot reach {url}"))?;
    let topic = &config.scorer.output.deployments;
    if broker.topic(topic).await.context("cannot look for the topic")?.is_none() {
        bail!(
            "there is no topic \"{topic}\" at {url} yet: the first start of `serin stream` deploys what is configured"
        );
    }
    let history = History::open(&broker, &topic.as_str().into(), &config.scorer.model_name).await;
    Ok((broker, history.context("cannot read the deployments")?))
}

/// All that a change needs.
struct Site {
    config: Config,
    service: Service,
    broker: Broker,
    history: History,
}

impl Site {
    async fn open(path: &std::path::Path, environment: &BTreeMap<String, String>) -> anyhow::Result<Self> {
        let config = Config::open(path, environment)?;
        let (service, _) = config.services()?;
        let (broker, history) = reach(&config).await?;
        Ok(Self { config, service, broker, history })
    }

    /// What is in force, to be changed.
    fn wanted(&self) -> anyhow::Result<Deployment> {
        let model = &self.config.scorer.model_name;
        let nothing = || format!("nothing is deployed of model \"{model}\" yet: start `serin stream` once");
        self.history.last().cloned().with_context(nothing)
    }

    /// Puts a change on record, and says what is in force then.
    async fn deploy(
        mut self,
        change: impl FnOnce(&Self) -> anyhow::Result<Deployment>,
    ) -> anyhow::Result<()> {
        let wanted = change(&self)?;
        let before = self.history.last().map_or(0, |last| last.revision);
        let in_force = self
            .service
            .deploy(wanted.clone(), &mut self.history, (&self.broker, &Clock::System))
            .await
            .context("nothing was deployed")?;
        let ours = Deployment { revision: before + 1, created_at: in_force.created_at, ..wanted };
        let mut out = Output::stdout();
        show::in_force(self.history.all(), crate::cli::Format::Text, &mut out)?;
        out.flush()?;
        drop(self.history);
        self.broker.close().await;
        if in_force != ours {
            bail!(
                "somebody else deployed at the same time: revision {} is theirs, and yours was not made",
                in_force.revision
            );
        }
        Ok(())
    }
}
