"""Generators and laws for testing: what crbeam's own tests use, for use on maps and methods of your own.

`assert_method_conforms(method)` runs the whole suite of laws on a design method; the other `assert_*` functions are
single laws. Generators take a seeded `numpy.random.Generator`; `crbeam.testing.strategies` has the same for hypothesis.
"""

from crbeam.testing.complex_step import (
    LinkState,
    information_by_complex_step,
    jacobian_by_complex_step,
    link_state,
    path_parameters,
)
from crbeam.testing.conformance import (
    assert_method_conforms,
    conformance_problems,
    plain_problems,
    unidentifiable_copy,
)
from crbeam.testing.conic_reference import conic_optimum
from crbeam.testing.design_laws import (
    assert_certificate,
    assert_decreasing,
    assert_feasible,
    assert_lower_bound,
    assert_same_designs,
    assert_sound,
    objective_of,
    optimal_transmissions,
    random_feasible,
)
from crbeam.testing.information_laws import (
    assert_additive,
    assert_adjoint,
    assert_bilinear,
    assert_bounds_scale,
    assert_invariant,
    assert_knowledge_helps,
    assert_linear,
    assert_loewner_at_least,
    assert_monotone,
    assert_same_as_derivative,
    assert_same_information,
    assert_schur_complement,
    scaled_difference,
)
from crbeam.testing.many_digits import echo_root_bounds_m
from crbeam.testing.problem_families import family_problems
from crbeam.testing.random_convex import made_infeasible, random_convex_problem
from crbeam.testing.random_scenes import link_names, random_moving_scenario, random_scenario, station_name
from crbeam.testing.random_service import random_service
from crbeam.testing.random_worlds import (
    position_prior,
    random_covariance,
    random_map,
    random_prior,
    random_problem,
    random_slot_covariances,
    random_transmission,
    two_stage_problem,
    with_position_prior,
)
from crbeam.testing.service_laws import Sent, assert_serves, broken_requirements, sent_by, true_objective

__all__ = [
    "LinkState",
    "Sent",
    "assert_additive",
    "assert_adjoint",
    "assert_bilinear",
    "assert_bounds_scale",
    "assert_certificate",
    "assert_decreasing",
    "assert_feasible",
    "assert_invariant",
    "assert_knowledge_helps",
    "assert_linear",
    "assert_loewner_at_least",
    "assert_lower_bound",
    "assert_method_conforms",
    "assert_monotone",
    "assert_same_as_derivative",
    "assert_same_designs",
    "assert_same_information",
    "assert_schur_complement",
    "assert_serves",
    "assert_sound",
    "broken_requirements",
    "conformance_problems",
    "conic_optimum",
    "echo_root_bounds_m",
    "family_problems",
    "information_by_complex_step",
    "jacobian_by_complex_step",
    "link_names",
    "link_state",
    "made_infeasible",
    "objective_of",
    "optimal_transmissions",
    "path_parameters",
    "plain_problems",
    "position_prior",
    "random_convex_problem",
    "random_covariance",
    "random_feasible",
    "random_map",
    "random_moving_scenario",
    "random_prior",
    "random_problem",
    "random_scenario",
    "random_service",
    "random_slot_covariances",
    "random_transmission",
    "scaled_difference",
    "sent_by",
    "station_name",
    "true_objective",
    "two_stage_problem",
    "unidentifiable_copy",
    "with_position_prior",
]
