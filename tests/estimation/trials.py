"""Links of scenes with what is true about them, for tests of estimators."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from crbeam.estimation import LinkModel, estimate_fused, estimate_link, mean_observation, simulate
from crbeam.estimation.prediction import as_vector, link_state_layout, predict
from crbeam.information import Transmission
from crbeam.scenario import Scenario, read_scenario
from crbeam.systems import design_problem, isotropic_transmission, paths_of, system_of, true_state

MUNICH = str(Path(__file__).resolve().parents[2] / "examples" / "munich" / "munich.yaml")


@dataclass(frozen=True, eq=False)
class Scene:
    """A scenario with one set of beams."""

    scenario: Scenario
    beams: np.ndarray

    @property
    def covariances(self):
        return Transmission.of_factors(list(self.scenario.stations), [self.beams])

    @property
    def truth(self):
        return true_state(self.scenario)

    def model(self, link: str, *, extra_db: float = 0.0) -> LinkModel:
        """A link in its noise, or in less of it."""
        (station,) = self.scenario.stations
        model = system_of(self.scenario).link_models({station: self.beams})[link]
        return model.with_noise(model.noise_power_w / 10.0 ** (extra_db / 10.0))

    def gain(self, link: str):
        return paths_of(self.scenario)[link].gain

    def parameters(self, link: str):
        return predict(self.model(link), self.truth)[0]

    def mean(self, model: LinkModel):
        return mean_observation(model, self.parameters(model.name), self.gain(model.name))

    def vector(self, model: LinkModel):
        return as_vector(link_state_layout(model), self.truth)

    def estimate(self, links, *, extra_db: float = 0.0, seed: int | None = None, **options):
        """Models of some links and the estimate from one observation of each, free of noise without a seed."""
        models = [self.model(link, extra_db=extra_db) for link in links]
        seen = [
            self.mean(model) if seed is None else simulate(self.mean(model), np.random.default_rng([seed, index]))
            for index, model in enumerate(models)
        ]
        if len(models) == 1:
            return models, estimate_link(models[0], seen[0], **options)
        return models, estimate_fused(models, seen, **options)


def designed(source: str, *, overrides=(), seed=None, weight: float = 0.5) -> Scene:
    """A scenario with its certified design."""
    from crbeam.design.methods import method_named

    scenario = read_scenario(source, overrides=overrides, seed=seed)
    design = method_named("fdb-wcrb").solve(design_problem(scenario, weight=weight))
    (beamformers,) = design.beamformers.values()
    return Scene(scenario, beamformers.matrix)


def isotropic(scenario: Scenario) -> Scene:
    """A scenario with one beam from each antenna."""
    (covariance,) = isotropic_transmission(scenario).values()
    return Scene(scenario, np.sqrt(np.real(covariance)).astype(complex))
