"""Reference records of xu2023 as the library's own values."""

import json
from pathlib import Path

import numpy as np

from crbeam.design import Criterion, DesignProblem, MinimumSinr, PowerBudget, Stream
from crbeam.design.choices import Association, Listening, ReceiverChoice
from crbeam.design.problem import Power
from crbeam.design.service_constraints import BoundLimit
from crbeam.information.network import TARGET, Snapshots, StationView, network_information
from crbeam.propagation.responses import steering_response
from crbeam.scenario import UniformLinearArray

_DATA = Path(__file__).parent / "data"
CASES = {name: case for name, case in json.loads((_DATA / "xu2023.json").read_text()).items() if isinstance(case, dict)}
_ARRAYS = np.load(_DATA / "xu2023.npz")


def array_of(name, kind):
    """A recorded array of a case: `h` [station, user, antenna], `alpha`, `Rx_test`, `opt_w`, `opt_R`."""
    return _ARRAYS[f"{name}_{kind}"]


def views_of(case):
    """Every station's view of the target; the records have `exp(-j pi n sin(angle))`."""
    array = UniformLinearArray(elements=case["N"], axis="y", reference="first")
    views = []
    for index, place in enumerate(case["bs"]):
        offset_m = np.subtract(case["target"], place)
        angle_rad = np.arctan2(offset_m[1], offset_m[0]) - case["psi_rad"][index]
        response, slope = steering_response(-array.positions_wavelengths, np.array([angle_rad]))
        views.append(StationView(f"bs{index + 1}", response[:, 0], slope[:, 0], offset_m))
    return views


def map_of(name, receiver, *, rms_bandwidth_hz=None):
    """Information that one station hears, all others transmitting."""
    case, views = CASES[name], views_of(CASES[name])
    others = [index for index in range(case["S"]) if index != receiver]
    gains = array_of(name, "alpha")[receiver, others]
    snapshots = Snapshots(case["L"], case["noise_bs_W"], rms_bandwidth_hz)
    return network_information(views[receiver], [views[index] for index in others], gains, snapshots)


def problem_of(name, *, receivers=None, association=None):
    """Least power of a case; with the station that listens given if `receivers` has one, and who serves whom if given.

    Args:
        name: of the case.
        receivers: places of the stations that may listen; by default all.
        association: place of the station that serves each user.
    """
    case, views, channels = CASES[name], views_of(CASES[name]), array_of(name, "h")
    stations = [view.name for view in views]
    able = range(case["S"]) if receivers is None else receivers
    nearest = sorted(able, key=lambda index: case["distance_m"][index])
    blocks = stations if len(nearest) > 1 else [each for each in stations if each != stations[nearest[0]]]
    streams = []
    for user in range(case["K"]):
        served = tuple(blocks) if association is None else (stations[association[user]],)
        streams.append(Stream(f"to served_user[{user}]", served, f"served_user[{user}]"))
    noise_w, ratio = case["noise_cu_W"], case["gamma_linear"]
    users = []
    for user in range(case["K"]):
        heard = {block: channels[stations.index(block), user] for block in blocks}
        users.append(MinimumSinr(f"served_user[{user}]", heard, ratio, noise_w))
    names = [stations[index] for index in nearest]
    choice = (ReceiverChoice({each: Listening((each,), (each,)) for each in names}),) if len(nearest) > 1 else ()
    return DesignProblem(
        criteria=tuple(Criterion(map_of(name, index), {TARGET: 1.0}, stations[index]) for index in nearest),
        constraints=(
            *(PowerBudget((block,), case["P_max_W"]) for block in blocks),
            *users,
            *(BoundLimit(each, case["crlb_max_m2"]) for each in names),
            *choice,
            Association(),
        ),
        objective=Power(),
        streams=(*streams, Stream("sensing", tuple(blocks))),
    )
