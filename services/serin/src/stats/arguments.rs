//! The command line of `serin stats`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use statistics::{Alpha, Moments, Power, Proportion, Rate};

#[derive(Debug, Subcommand)]
pub(crate) enum StatsCommand {
    /// Answer requests in bulk: one a line, {"id", "method", "inputs"}; docs/statistics.md has the methods. Exit code
    /// 1 if a line could not be answered; the others are.
    Run(RunArguments),
    /// List the methods of `run`.
    Methods,
    /// Compare two shares: conversions, errors, approvals.
    Proportions(ProportionsArguments),
    /// Compare two means, one number a unit.
    Means(MeansArguments),
    /// Compare two rates of independent events: errors an hour.
    Rates(RatesArguments),
    /// Compare two models' decisions on the same events.
    Mcnemar(McnemarArguments),
    /// Check that units were split as planned.
    Split(SplitArguments),
    /// Adjust p-values for being several.
    Adjust(AdjustArguments),
    /// Plan: units needed, or the effect that can be found.
    Power {
        #[command(subcommand)]
        command: PowerCommand,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Shape {
    /// For people.
    Table,
    /// For programs.
    Json,
}

/// The level, and how the answer is printed.
#[derive(Args, Debug)]
pub(crate) struct Shown {
    /// The chance of a false alarm; intervals have confidence 1 - alpha.
    #[arg(long, default_value = "0.05", value_parser = alpha)]
    pub(crate) alpha: Alpha,
    /// How the answer is printed.
    #[arg(long, value_enum, default_value_t = Shape::Table)]
    pub(crate) format: Shape,
}

#[derive(Args, Debug)]
pub(crate) struct RunArguments {
    /// The requests, one a line; `-` is standard input.
    #[arg(long, short, value_name = "FILE")]
    pub(crate) input: PathBuf,
    /// Where the answers go, one a line in the same order; without it to standard output.
    #[arg(long, short, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
}

#[derive(Args, Debug)]
pub(crate) struct ProportionsArguments {
    /// The control: successes/units.
    #[arg(long, value_name = "X/N", value_parser = proportion)]
    pub(crate) control: Proportion,
    /// The treatment: successes/units.
    #[arg(long, value_name = "X/N", value_parser = proportion)]
    pub(crate) treatment: Proportion,
    /// The units in all arms together for which the always-valid interval is narrowest: the number planned. It must
    /// stay the same from look to look.
    #[arg(long, value_name = "UNITS", default_value = "10000", value_parser = positive)]
    pub(crate) planned: f64,
    #[command(flatten)]
    pub(crate) shown: Shown,
}

#[derive(Args, Debug)]
pub(crate) struct MeansArguments {
    /// The control: units, mean and standard deviation (of the units, not of the mean).
    #[arg(long, value_name = "N,MEAN,SD", value_parser = sample, allow_hyphen_values = true)]
    pub(crate) control: Moments,
    /// The treatment: units, mean and standard deviation.
    #[arg(long, value_name = "N,MEAN,SD", value_parser = sample, allow_hyphen_values = true)]
    pub(crate) treatment: Moments,
    /// The units in all arms together for which the always-valid interval is narrowest: the number planned. It must
    /// stay the same from look to look.
    #[arg(long, value_name = "UNITS", default_value = "10000", value_parser = positive)]
    pub(crate) planned: f64,
    #[command(flatten)]
    pub(crate) shown: Shown,
}

#[derive(Args, Debug)]
pub(crate) struct RatesArguments {
    /// The control: events/exposure.
    #[arg(long, value_name = "EVENTS/EXPOSURE", value_parser = rate)]
    pub(crate) control: Rate,
    /// The treatment: events/exposure.
    #[arg(long, value_name = "EVENTS/EXPOSURE", value_parser = rate)]
    pub(crate) treatment: Rate,
    #[command(flatten)]
    pub(crate) shown: Shown,
}

#[derive(Args, Debug)]
pub(crate) struct McnemarArguments {
    /// Events on which only the first model was right.
    #[arg(long, value_name = "EVENTS", value_parser = whole)]
    pub(crate) only_first: u64,
    /// Events on which only the second model was right.
    #[arg(long, value_name = "EVENTS", value_parser = whole)]
    pub(crate) only_second: u64,
    #[command(flatten)]
    pub(crate) shown: Shown,
}

#[derive(Args, Debug)]
pub(crate) struct SplitArguments {
    /// The units of each arm.
    #[arg(long, value_name = "N,N,…", value_delimiter = ',', value_parser = whole, required = true)]
    pub(crate) observed: Vec<u64>,
    /// What they should be in proportion to; the same for all if not given.
    #[arg(long, value_name = "W,W,…", value_delimiter = ',', value_parser = positive)]
    pub(crate) weights: Vec<f64>,
    #[command(flatten)]
    pub(crate) shown: Shown,
}

#[derive(Args, Debug)]
pub(crate) struct AdjustArguments {
    /// The p-values.
    #[arg(long, value_name = "P,P,…", value_delimiter = ',', value_parser = p_value, required = true)]
    pub(crate) p: Vec<f64>,
    /// How the answer is printed.
    #[arg(long, value_enum, default_value_t = Shape::Table)]
    pub(crate) format: Shape,
}

#[derive(Debug, Subcommand)]
pub(crate) enum PowerCommand {
    /// Units to see one share change into another.
    Proportions {
        /// The control's share, as it is known.
        #[arg(long, value_name = "SHARE", value_parser = share)]
        control: f64,
        /// The treatment's share that should be seen.
        #[arg(long, value_name = "SHARE", value_parser = share)]
        treatment: f64,
        #[command(flatten)]
        plan: PlanArguments,
    },
    /// Units to see a difference of means.
    Means {
        /// The standard deviation of the units.
        #[arg(long, value_name = "SD", value_parser = positive)]
        sd: f64,
        /// The difference that should be seen.
        #[arg(long, value_name = "DIFFERENCE", value_parser = positive)]
        effect: f64,
        #[command(flatten)]
        plan: PlanArguments,
    },
    /// Units to show that a mean is not worse by a margin, one-sided.
    NonInferiority {
        /// The standard deviation of the units.
        #[arg(long, value_name = "SD", value_parser = positive)]
        sd: f64,
        /// The loss that is still acceptable.
        #[arg(long, value_name = "DIFFERENCE", value_parser = positive)]
        margin: f64,
        #[command(flatten)]
        plan: PlanArguments,
    },
    /// The smallest difference of means that units in two arms can show.
    Detectable {
        /// The standard deviation of the units.
        #[arg(long, value_name = "SD", value_parser = positive)]
        sd: f64,
        /// The units of control and treatment.
        #[arg(long, value_name = "N,N", value_delimiter = ',', num_args = 1.., value_parser = whole)]
        units: Vec<u64>,
        #[command(flatten)]
        plan: PlanArguments,
    },
}

#[derive(Args, Debug)]
pub(crate) struct PlanArguments {
    /// The chance of seeing the effect, if it is there.
    #[arg(long, default_value = "0.8", value_parser = power)]
    pub(crate) power: Power,
    /// Units in treatment for each in control.
    #[arg(long, default_value = "1", value_parser = positive)]
    pub(crate) ratio: f64,
    #[command(flatten)]
    pub(crate) shown: Shown,
}

fn number(text: &str) -> Result<f64, String> {
    match text.trim().parse::<f64>() {
        Ok(number) if number.is_finite() => Ok(number),
        _ => Err(format!("`{text}` is not a finite number")),
    }
}

fn positive(text: &str) -> Result<f64, String> {
    match number(text)? {
        number if number > 0.0 => Ok(number),
        number => Err(format!("`{number}` is not above 0")),
    }
}

fn share(text: &str) -> Result<f64, String> {
    match number(text)? {
        number if number > 0.0 && number < 1.0 => Ok(number),
        number => Err(format!("`{number}` is not between 0 and 1, both exclusive")),
    }
}

fn p_value(text: &str) -> Result<f64, String> {
    match number(text)? {
        number if (0.0..=1.0).contains(&number) => Ok(number),
        number => Err(format!("`{number}` is not from 0 to 1")),
    }
}

fn alpha(text: &str) -> Result<Alpha, String> {
    Alpha::try_from(number(text)?).map_err(|error| error.to_string())
}

fn power(text: &str) -> Result<Power, String> {
    Power::try_from(number(text)?).map_err(|error| error.to_string())
}

/// A count up to 2^53, the whole numbers that every float can be.
fn whole(text: &str) -> Result<u64, String> {
    let digits: String = text.trim().chars().filter(|char| *char != '_').collect();
    match digits.parse::<u64>() {
        Ok(count) if count <= 1 << 53 => Ok(count),
        _ => Err(format!("`{text}` is not a whole number from 0 to 2^53")),
    }
}

fn proportion(text: &str) -> Result<Proportion, String> {
    let (successes, units) = text.split_once('/').ok_or("it must be successes/units, such as 120/2400")?;
    let (successes, units) = (whole(successes)?, whole(units)?);
    match units.checked_sub(successes) {
        _ if units == 0 => Err("an arm without units has no share".to_owned()),
        Some(failures) => Ok(Proportion { successes, failures }),
        None => Err(format!("{successes} successes are more than {units} units")),
    }
}

fn rate(text: &str) -> Result<Rate, String> {
    let (events, exposure) = text.split_once('/').ok_or("it must be events/exposure, such as 320/10000")?;
    Ok(Rate { events: whole(events)?, exposure: positive(exposure)? })
}

fn sample(text: &str) -> Result<Moments, String> {
    let [units, mean, deviation] = text.split(',').collect::<Vec<_>>()[..] else {
        return Err("it must be units,mean,standard deviation, such as 1000,10.2,3.1".to_owned());
    };
    let (units, mean, deviation) = (whole(units)?, number(mean)?, number(deviation)?);
    if units == 0 {
        return Err("an arm without units has no mean".to_owned());
    }
    if deviation < 0.0 {
        return Err(format!("a standard deviation of `{deviation}` is negative"));
    }
    Ok(Moments::from_sample(units, mean, deviation * deviation))
}
