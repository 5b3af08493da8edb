"""Design methods by their names on the command line."""

from dataclasses import fields
from typing import Any

from crbeam.design.method import DesignMethod
from crbeam.design.methods.analog import AnalogCodebookMismatch, AnalogMismatch, AnalogWeightedBound
from crbeam.design.methods.ao_big_m import AlternatingBigM
from crbeam.design.methods.baselines import Steered, Uniform
from crbeam.design.methods.choices import (
    Exact,
    KMeans,
    Linkage,
    ManyReceivers,
    NearestReceiver,
    NearestSet,
    OneTransmitter,
    RandomChoice,
    RelaxAndRound,
)
from crbeam.design.methods.conic_wcrb import ConicWeightedBound
from crbeam.design.methods.hybrid import Hybrid
from crbeam.design.methods.lifted_sca import LiftedSca
from crbeam.design.methods.mismatch import (
    BeamformerMismatch,
    CodebookBeamformerMismatch,
    CodebookCovarianceMismatch,
    CovarianceMismatch,
)
from crbeam.design.methods.optimum import (
    CodebookWeightedBound,
    Digital,
    FullDimensionalWeightedBound,
    FullPositioning,
    FullSensing,
    FusedWeightedBound,
    JointSequential,
    LiftedSdp,
    Optimum,
    SharedSequential,
    WeightedLinks,
)
from crbeam.design.methods.published_hybrid import AlternatingUplink, PenaltyDownlink, PenaltyUplink, SuccessiveUplink
from crbeam.design.methods.separate_sequential import SeparateSequential
from crbeam.errors import InvalidInput
from crbeam.units import suggestion

METHODS: dict[str, type[DesignMethod]] = {
    method.key: method
    for method in (
        Optimum,
        FullDimensionalWeightedBound,
        CodebookWeightedBound,
        BeamformerMismatch,
        CodebookBeamformerMismatch,
        CovarianceMismatch,
        CodebookCovarianceMismatch,
        FusedWeightedBound,
        AnalogWeightedBound,
        AnalogMismatch,
        AnalogCodebookMismatch,
        JointSequential,
        SharedSequential,
        SeparateSequential,
        WeightedLinks,
        FullSensing,
        FullPositioning,
        ConicWeightedBound,
        Digital,
        Hybrid,
        PenaltyDownlink,
        SuccessiveUplink,
        PenaltyUplink,
        AlternatingUplink,
        LiftedSdp,
        LiftedSca,
        Uniform,
        Steered,
        Exact,
        RelaxAndRound,
        NearestReceiver,
        RandomChoice,
        OneTransmitter,
        AlternatingBigM,
        Linkage,
        KMeans,
        NearestSet,
        ManyReceivers,
    )
}


def method_named(name: str) -> DesignMethod:
    """Method by its key, or by its key with hyper-parameters: `fdb-wcrb`, `fdb-wcrb:tolerance=1e-8,max_evaluations=90`.

    Raises:
        InvalidInput: no method has that key, or it has no such hyper-parameter, or not with such a value.
    """
    key, _, settings = name.partition(":")
    if key not in METHODS:
        close = suggestion(key, METHODS)
        hint = f" Did you mean {close}?" if close else ""
        raise InvalidInput(f"The method must be one of {', '.join(METHODS)}, found `{key}`.{hint}")
    kind = METHODS[key]
    return kind(**dict(_option(kind, setting) for setting in settings.split(",") if setting))


def _option(kind: type[DesignMethod], setting: str) -> tuple[str, int | float | str]:
    """Name and value of a hyper-parameter from `name=value`, of the type of its default."""
    option, _, text = setting.partition("=")
    defaults: dict[str, Any] = {part.name: part.default for part in fields(kind)}  # pyright: ignore[reportArgumentType]
    if option not in defaults:
        raise InvalidInput(
            f"{kind.key} must be given options among {', '.join(defaults) or 'none'}, found `{setting}`."
        )
    type_of_default = type(defaults[option])
    try:
        return option, type_of_default(text)
    except ValueError:
        raise InvalidInput(
            f"Option {option} of {kind.key} must be like its default {defaults[option]}, found `{text}`."
        ) from None
