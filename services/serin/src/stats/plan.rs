//! Before the experiment: how many units, or how small an effect.

use anyhow::bail;
use statistics::{Plan, RequiredUnits};

use super::{
    arguments::{PlanArguments, PowerCommand},
    report::{Report, count, significant},
};
use runtime::entry::Usage;

pub(super) fn run(command: &PowerCommand) -> anyhow::Result<()> {
    match command {
        PowerCommand::Proportions { control, treatment, plan } => {
            let needed = planned(plan).units_for_proportions(*control, *treatment)?;
            let change = significant(100.0 * (treatment - control), 3);
            let what = format!("a change of {change} points from {} %", significant(100.0 * control, 3));
            units(needed, plan, &what)?.print(plan.shown.format)
        }
        PowerCommand::Means { sd, effect, plan } => {
            let needed = planned(plan).units_for_means(sd * sd, sd * sd, *effect)?;
            let what = format!(
                "a difference of {} at a standard deviation of {}",
                significant(*effect, 3),
                significant(*sd, 3)
            );
            units(needed, plan, &what)?.print(plan.shown.format)
        }
        PowerCommand::NonInferiority { sd, margin, plan } => {
            let needed = planned(plan).units_for_non_inferiority(sd * sd, sd * sd, *margin)?;
            let what =
                format!("that nothing worse than {} happens, if nothing does", significant(*margin, 3));
            units(needed, plan, &what)?.print(plan.shown.format)
        }
        PowerCommand::Detectable { sd, units, plan } => {
            detectable(*sd, units, plan)?.print(plan.shown.format)
        }
    }
}

fn planned(arguments: &PlanArguments) -> Plan {
    Plan { alpha: arguments.shown.alpha, power: arguments.power, allocation: arguments.ratio }
}

fn units(needed: RequiredUnits, arguments: &PlanArguments, what: &str) -> anyhow::Result<Report> {
    let plan = planned(arguments);
    let inflation = plan.sequential_inflation()?;
    let total = needed.control + needed.treatment;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "some times 2e15")]
    let sequential = (total as f64 * inflation).ceil() as u64;
    Ok(Report::default()
        .line("control", format!("{} units", count(needed.control)))
        .line("treatment", format!("{} units", count(needed.treatment)))
        .line("one look", format!("{} units in all, then one test", count(total)))
        .line("always valid", format!("{} units in all at most, with any look on the way", count(sequential)))
        .sentence(format!(
            "To see {what}, with a chance of {} % and false alarms in {} %.",
            significant(100.0 * plan.power.get(), 3),
            significant(100.0 * plan.alpha.get(), 3),
        ))
        .member("control", needed.control)
        .member("treatment", needed.treatment)
        .member("always_valid_total", sequential)
        .member("always_valid_inflation", inflation))
}

fn detectable(sd: f64, units: &[u64], arguments: &PlanArguments) -> anyhow::Result<Report> {
    let &[control, treatment] = units else {
        bail!(Usage(format!("--units takes those of control and treatment, `{}` are given", units.len())));
    };
    if control == 0 || treatment == 0 {
        bail!(Usage("--units: an arm without units detects nothing".to_owned()));
    }
    let plan = planned(arguments);
    let (n_a, n_b) = (control as f64, treatment as f64);
    let standard_error = sd * (1.0 / n_a + 1.0 / n_b).sqrt();
    let fixed = plan.detectable_effect(standard_error);
    let watched = plan.detectable_sequentially(standard_error, n_a + n_b)?;
    Ok(Report::default()
        .line("one look", format!("{} at least", significant(fixed, 4)))
        .line("always valid", format!("{} at least, with any look on the way", significant(watched, 4)))
        .sentence(format!(
            "With a chance of {} %, a difference of means this large is seen in {} and {} units.",
            significant(100.0 * plan.power.get(), 3),
            count(control),
            count(treatment),
        ))
        .member("detectable", fixed)
        .member("detectable_always_valid", watched))
}
