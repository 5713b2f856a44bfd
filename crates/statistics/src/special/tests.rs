//! Where one recipe hands over to the next, and the far ends; the middle is in the reference.

use super::{beta, chi_squared, gamma, log_complement, normal, student_t};

fn assert_close(got: f64, expected: f64, tolerance: f64) {
    assert!((got - expected).abs() <= tolerance * expected.abs(), "got {got}, expected {expected}");
}

#[test]
fn the_normal_tail_is_smooth_where_the_recipe_changes() {
    for z in [29.999_999_999_f64, 30.0, 30.000_000_001] {
        let series = 1.0 - z.powi(-2) + 3.0 * z.powi(-4) - 15.0 * z.powi(-6) + 105.0 * z.powi(-8);
        assert_close(normal::log_sf(z), -z * z / 2.0 - normal::LN_SQRT_2PI - z.ln() + series.ln(), 1e-14);
    }
    assert_close(normal::log_sf(1e4), -5e7 - normal::LN_SQRT_2PI - 1e4_f64.ln(), 1e-12);
    assert_eq!(normal::log_sf(-50.0), 0.0);
    assert!(normal::log_sf(1e150).is_finite());
    for z in [0.499_999_999, 0.5, 0.500_000_001] {
        assert_close(normal::log_two_sided(z), std::f64::consts::LN_2 + normal::log_sf(z), 1e-13);
    }
}

#[test]
fn students_t_has_closed_forms_at_one_and_two_degrees() {
    for t in [1e-6_f64, 0.1, 0.7, 1.0, 1.5, 10.0, 1e6] {
        // 1/2 - atan(t) / pi loses digits for large t, atan(1/t) / pi does not.
        assert_close(student_t::log_sf(t, 1.0), ((1.0 / t).atan() / std::f64::consts::PI).ln(), 1e-12);
        let root = (2.0 + t * t).sqrt();
        assert_close(student_t::log_sf(t, 2.0), (1.0 / (root * (root + t))).ln(), 1e-12);
        assert_close(student_t::log_sf(-t, 2.0).exp(), 1.0 - 1.0 / (root * (root + t)), 1e-12);
    }
}

#[test]
fn students_t_is_smooth_where_the_recipe_changes() {
    for t in [0.01, 1.0, 3.0, 10.0, 37.0] {
        let (few, many) = (student_t::log_sf(t, 1e4), student_t::log_sf(t, 1e4 * (1.0 + 1e-12)));
        assert_close(few, many, 1e-11);
        assert_close(student_t::log_sf(t, 1e15), student_t::log_sf(t, f64::INFINITY), 1e-11);
    }
}

#[test]
fn students_t_quantiles_undo_its_tail() {
    for df in [1.0, 1.3, 2.0, 5.0, 29.0, 1e3, 9_999.0, 1e4, 1e6, 1e9, 1e14, f64::INFINITY] {
        for p in [1e-300, 1e-50, 1e-8, 0.001, 0.025, 0.2, 0.4, 0.499, 0.499_999_9] {
            let t = student_t::isf(p, df);
            assert!(t.is_finite(), "df {df}, p {p}");
            let back = student_t::log_sf(t, df);
            assert!(
                (back - p.ln()).abs() < 1e-10 * p.ln().abs().max(1.0),
                "df {df}, p {p}: t {t}, ln p {back}"
            );
            assert_close(student_t::isf(1.0 - 0.025, df), -student_t::isf(0.025, df), 1e-9);
        }
        assert_eq!(student_t::isf(0.5, df), 0.0);
    }
}

#[test]
fn students_t_never_overflows() {
    for t in [1e100, 1e200, f64::MAX, f64::INFINITY] {
        for df in [1.0, 30.0, 1e3, 1e6] {
            let tail = student_t::log_sf(t, df);
            assert!(tail.is_finite() && tail < -200.0, "t {t}, df {df}: {tail}");
        }
    }
}

#[test]
fn the_beta_function_has_closed_forms_with_a_shape_of_one() {
    for x in [1e-12, 0.001, 0.3, 0.5, 0.9, 0.999_999] {
        for b in [1.0, 2.0, 17.0, 1e4] {
            let (lower, upper) = beta::log_tails(1.0, b, x, 1.0 - x);
            let expected = b * (-x).ln_1p();
            assert!((upper - expected).abs() <= 1e-11 * expected.abs().max(1e-12), "{upper} {expected}");
            assert!((lower - log_complement(expected)).abs() < 1e-11 * lower.abs().max(1e-6), "b {b}, x {x}");
        }
    }
}

#[test]
fn chi_squared_has_closed_forms() {
    for x in [0.001, 1.0, 10.0, 1e5] {
        assert_close(chi_squared::log_sf(x, 2.0), -x / 2.0, 1e-14);
        assert_close(chi_squared::log_sf(x, 4.0), -x / 2.0 + f64::ln_1p(x / 2.0), 1e-12);
        assert_close(chi_squared::log_sf(x, 1.0), normal::log_two_sided(x.sqrt()), 1e-15);
    }
    assert_eq!(chi_squared::log_sf(0.0, 3.0), 0.0);
}

#[test]
fn stirlings_error_is_smooth_where_the_recipe_changes() {
    // error(x) - error(x + 1) = (x + 1/2) ln(1 + 1/x) - 1, across the change at 16.
    for x in [1.0_f64, 5.0, 15.0, 15.5, 15.999, 16.0, 100.0] {
        let step = gamma::stirling_error(x) - gamma::stirling_error(x + 1.0);
        assert!((step - ((x + 0.5) * (1.0 / x).ln_1p() - 1.0)).abs() < 2e-14, "{x}");
    }
}

#[test]
fn log1p_minus_keeps_its_digits() {
    for x in [1e-9_f64, -1e-9, 1e-4, -1e-4] {
        let series = -x * x / 2.0 + x.powi(3) / 3.0 - x.powi(4) / 4.0 + x.powi(5) / 5.0;
        assert_close(gamma::log1p_minus(x), series, 1e-13);
    }
    for x in [-0.7, -0.5, -0.3, 0.3, 0.5, 0.999_999, 1.0] {
        assert_close(gamma::log1p_minus(x), f64::ln_1p(x) - x, 1e-13);
    }
}

#[test]
fn the_ratio_of_gammas_is_smooth_where_the_recipe_changes() {
    for a in [0.5_f64, 1.0, 19.0, 19.999, 20.0, 20.001, 60.0] {
        // Two half steps make a whole one: Gamma(a + 1) / Gamma(a) = a.
        let whole = gamma::log_half_step(a) + gamma::log_half_step(a + 0.5);
        assert!((whole - a.ln()).abs() < 1e-13, "{a}");
    }
}
