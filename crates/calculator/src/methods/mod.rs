//! The methods by name.

mod adjusted;
mod arms;
mod bayesian;
mod distributions;
mod drifts;
mod evidence;
mod guardrails;
mod means;
mod moments;
mod multiple;
mod pairs;
mod planning;
mod proportions;
mod quantiles;
mod ranks;
mod segments;
mod streams;
mod watched;

use crate::{
    fault::{Fault, Name},
    inputs::{Inputs, nearest, shortened},
    results::Results,
};

/// What answers a method.
pub(crate) type Method = fn(&Inputs<'_>) -> Result<Results, Fault>;

const METHODS: [(&str, Method); 77] = [
    ("bayes.beta_binomial", bayesian::beta_binomial),
    ("bayes.gamma_poisson", bayesian::gamma_poisson),
    ("bayes.gaussian_effect", bayesian::gaussian_effect),
    ("calibration", segments::calibration),
    ("count.poisson_two_sample", proportions::poisson),
    ("cuped.lin", adjusted::lin),
    ("cuped.mean", adjusted::mean),
    ("cuped.ratio", adjusted::ratio),
    ("cuped.relative", adjusted::relative),
    ("distribution.beta", distributions::beta),
    ("distribution.chi_squared", distributions::chi_squared),
    ("distribution.normal", distributions::normal),
    ("distribution.student_t", distributions::student_t),
    ("drift.histogram", drifts::histogram),
    ("drift.ks_two_sample", drifts::kolmogorov_smirnov),
    ("drift.wasserstein", drifts::wasserstein),
    ("group_sequential.alpha_spending", planning::alpha_spending),
    ("guardrail.non_inferiority", guardrails::non_inferiority),
    ("guardrail.tost", guardrails::equivalence),
    ("health.aa_uniformity", drifts::uniformity),
    ("heterogeneity.cochran_q", segments::heterogeneity),
    ("lift.relative", means::lift),
    ("mean.degenerate", means::degenerate),
    ("mean.student_t", means::student),
    ("mean.welch_t", means::welch),
    ("moments.covariance", moments::covariance),
    ("moments.merge", moments::merge),
    ("multiplicity.adjusted_p", multiple::adjusted),
    ("multiplicity.combine_p", multiple::combined),
    ("multiplicity.e_bh", multiple::e_benjamini_hochberg),
    ("novelty.trend", segments::trend),
    ("paired.delong", pairs::delong),
    ("paired.delong_binned", pairs::delong_binned),
    ("paired.loss_difference", pairs::loss_difference),
    ("paired.mcnemar", pairs::mcnemar),
    ("paired.wilcoxon_signed_rank", pairs::signed_rank),
    ("post_stratification", segments::post_stratification),
    ("power.mde", planning::detectable),
    ("power.non_inferiority", planning::non_inferiority),
    ("power.sample_size_proportions", planning::proportions),
    ("power.sequential_inflation", planning::sequential_inflation),
    ("power.t_test", planning::t_test),
    ("proportion.fisher_exact", proportions::fisher),
    ("proportion.k_arm", proportions::several),
    ("proportion.miettinen_nurminen", proportions::miettinen_nurminen),
    ("proportion.one_sample_exact", proportions::one_sample),
    ("proportion.ratio", proportions::ratio),
    ("proportion.two_sample", proportions::two_sample),
    ("proportion.unconditional_exact", proportions::unconditional),
    ("quantile.order_statistic_ci", quantiles::order_statistics),
    ("quantile.two_sample", quantiles::two_sample),
    ("rank.hodges_lehmann", ranks::hodges_lehmann),
    ("rank.mann_whitney", ranks::mann_whitney),
    ("rank.mann_whitney_exact", ranks::mann_whitney_exact),
    ("ratio.delta_method", means::ratio),
    ("retention.survival", segments::survival),
    ("sequential.anytime_valid_t", watched::anytime_t),
    ("sequential.bernoulli_cs", watched::bernoulli),
    ("sequential.betting", streams::betting),
    ("sequential.cdf_band", quantiles::cdf_band),
    ("sequential.conversion_multinomial", evidence::conversions),
    ("sequential.gamma_exponential_boundary", streams::gamma_exponential),
    ("sequential.mcnemar", evidence::mcnemar),
    ("sequential.msprt_normal", watched::msprt),
    ("sequential.normal_mixture_boundary", streams::normal_mixture),
    ("sequential.normal_mixture_cs", watched::normal_mixture),
    ("sequential.normal_mixture_cs_one_sided", watched::one_sided),
    ("sequential.paired_score_differential_cs", streams::score_differences),
    ("sequential.poly_stitching", streams::polynomial_stitching),
    ("sequential.predictable_mixture_eb", streams::predictable_mixture),
    ("sequential.quantile_ab_p", quantiles::same_quantile),
    ("sequential.quantile_band", quantiles::double_stitching),
    ("sequential.statsig_msprt", watched::statsig),
    ("srm.chi_square", evidence::sample_ratio),
    ("srm.sequential_multinomial", evidence::sequential_sample_ratio),
    ("weighted.hajek", moments::weighted),
    ("winsorization", moments::winsorized),
];

/// The names of all methods, in their order.
pub fn names() -> impl Iterator<Item = &'static str> {
    METHODS.iter().map(|(name, _)| *name)
}

pub(crate) fn find(name: &str) -> Result<Method, Fault> {
    let method = METHODS.iter().find(|(known, _)| *known == name).map(|(_, method)| *method);
    method.ok_or_else(|| {
        let hint = nearest(name, names()).map_or_else(
            || "`serin stats methods` lists them all".to_owned(),
            |near| format!("did you mean `{near}`?"),
        );
        Fault::new(Name::UnknownMethod, "method", format!("there is no method `{}`; {hint}", shortened(name)))
    })
}
