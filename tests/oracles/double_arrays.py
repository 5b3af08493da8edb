"""The cases of `data/li2024.json` as inputs of the library: see README.md."""

import json
from pathlib import Path

import numpy as np

from crbeam.communication import UplinkChannel
from crbeam.design import Criterion, DesignProblem, PowerBudget, Stream
from crbeam.design.service_constraints import MinimumSinr, MinimumUplinkSinr
from crbeam.information.near_field import Echo, echo_information
from crbeam.propagation.near_field import near_field_response

CASES = {
    case["name"]: case for case in json.loads((Path(__file__).parent / "data" / "li2024.json").read_text())["cases"]
}


def complex_of(pair):
    """Complex numbers from `[real, imaginary]`."""
    real, imaginary = np.asarray(pair, dtype=float)
    return real + 1j * imaginary


def channels_of(case, key="h"):
    """Channels `[antenna, user]`: the received signal of a user is `h^T x`."""
    return complex_of(case[key])


def analog_network(case):
    """F of the partially connected network with the phases of the case."""
    setting = case["setting"]
    n, per_chain = setting["Na"], setting["M"]
    network = np.zeros((n, n // per_chain), dtype=complex)
    network[np.arange(n), np.arange(n) // per_chain] = np.exp(1j * np.array(case["phi"])) / np.sqrt(per_chain)
    return network


def responses_of(case, model="fresnel"):
    """Responses of the main and of the assisting array towards the target."""
    setting = case["setting"]
    place = np.array([setting["theta"]]), np.array([setting["r"]])

    def response(elements, spacing_m, wave):
        positions_m = np.stack([np.zeros(elements), spacing_m * np.arange(elements)], axis=1)
        return near_field_response(positions_m, *place, wavelength_m=setting["wavelength"], model=wave)

    return response(setting["Na"], setting["d_a"], model), response(setting["Nb"], setting["d_b"], "far")


def echo_of(case, link, block, **options):
    setting = case["setting"]
    gain = complex(*setting["beta"])
    return Echo(link, block, (gain,), setting["T"], setting["noise_sensing"], **options)


def downlink_map(case, model="fresnel", **options):
    main, assisting = responses_of(case, model)
    return echo_information(echo_of(case, "downlink", "main", **options), transmit=main, receive=assisting)


def uplink_map(case, network=None, **options):
    main, assisting = responses_of(case)
    projector = None if network is None else network @ network.conj().T
    return echo_information(
        echo_of(case, "uplink", "assisting", **options), transmit=assisting, receive=main, projector=projector
    )


def weights_of(case):
    return dict(zip(("target_angle[0]", "target_range[0]"), case["setting"]["weights"], strict=True))


def downlink_problem(case, sinr=None, key="h"):
    """Users served by streams of their own beside a sensing stream, all from the main array."""
    setting, channels = case["setting"], channels_of(case, key)
    ratios = setting["gamma"] if sinr is None else [sinr] * setting["K"]
    users = [f"user[{k}]" for k in range(setting["K"])]
    served = [
        MinimumSinr(user, {"main": channel.conj()}, ratio, setting["noise_user"])
        for user, channel, ratio in zip(users, channels.T, ratios, strict=True)
    ]
    return DesignProblem(
        (Criterion(downlink_map(case), weights_of(case)),),
        (PowerBudget(("main",), setting["P"]), *served),
        streams=(*(Stream(f"to {user}", ("main",), user) for user in users), Stream("sensing", ("main",))),
    )


def uplink_problem(case, network=None, sinr=None):
    """The assisting array probes while the main array listens to its users."""
    setting = case["setting"]
    main, assisting = responses_of(case)
    service = MinimumUplinkSinr(
        "assisting",
        tuple(f"user[{k}]" for k in range(setting["K"])),
        UplinkChannel(channels_of(case), setting["Pu"], setting["noise_sensing"], network),
        echo=main.value[:, 0],
        response=assisting.value[:, 0].conj(),
        echo_gain=abs(complex(*setting["beta"])) ** 2,
        minimum_sinr=np.array(setting["gamma"] if sinr is None else [sinr] * setting["K"]),
    )
    return DesignProblem(
        (Criterion(uplink_map(case, network), weights_of(case)),), (PowerBudget(("assisting",), setting["P"]), service)
    )
