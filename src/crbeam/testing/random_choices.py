"""Small random problems in which it is open who listens, who serves whom and who takes part, and all their choices.

Enumeration states every choice as a problem without any: observations, parameters, streams and channels of who is not
chosen are taken out one by one, with no word to the code that searches.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import combinations, product

import numpy as np

from crbeam.design.choices import Association, CooperationCosts, Listening, ReceiverChoice, Selection
from crbeam.design.constraints import AntennaPower, Codebook, Constraint, PowerBudget
from crbeam.design.problem import Criterion, DesignProblem, Power, Stream, Tail, WeightedBound
from crbeam.design.service_constraints import BoundLimit, MinimumSinr
from crbeam.information import Contribution, InformationMap, ParameterLayout

#: What is to be chosen: receivers of one block that hear one or several directions, stations that send, both at once
#: (stations that hear one another), who listens and who serves whom, and who listens and who takes part.
KINDS = ("receivers", "directions", "stations", "echoes", "network", "listeners")
#: Power of each block, noise of users.
POWER_W, NOISE_W = 1.0, 0.05
POSITION = "user_position"


def random_choice_problem(rng: np.random.Generator, kind: str, *, members: int = 4) -> DesignProblem:
    """A problem of a kind with that many receivers or stations."""
    names = tuple(
        f"{'bs' if kind in ('stations', 'echoes', 'network') else 'receiver'}{each}" for each in range(members)
    )
    if kind == "listeners":
        problem = _network(rng, names)
        kept = tuple(part for part in problem.constraints if not isinstance(part, Association))
        return replace(problem, constraints=(*kept, Selection(names, at_most=int(rng.integers(2, members + 1)))))
    return _network(rng, names) if kind == "network" else _selection(rng, kind, names)


def _gaussian(rng: np.random.Generator, *shape: int) -> np.ndarray:
    return (rng.standard_normal(shape) + 1j * rng.standard_normal(shape)) / np.sqrt(2.0)


def _contribution(
    rng: np.random.Generator, block: str, transmit: np.ndarray, receiver: str, layout: ParameterLayout
) -> Contribution:
    """What a receiver hears of a block: the position through some terms, and a gain of its own."""
    terms = transmit.shape[1]
    jacobian = np.zeros((terms, layout.size))
    jacobian[:, layout[POSITION]] = rng.standard_normal((terms, 2))
    own = f"{receiver}/gain"
    if own in layout.names:
        jacobian[:, layout[own]] = rng.standard_normal((terms, layout[own].stop - layout[own].start))
    root = _gaussian(rng, terms + 1, terms) * 10.0 ** rng.uniform(0.0, 1.0)
    gram = root.conj().T @ root
    return Contribution(block, transmit, _gaussian(rng, 3, terms), gram, jacobian, receiver=receiver)


def _selection(rng: np.random.Generator, kind: str, names: tuple[str, ...]) -> DesignProblem:
    """Receivers of one station, or stations that send to one user, of which only some take part."""
    blocks = names if kind in ("stations", "echoes") else ("station",)
    sizes = {block: int(rng.integers(2, 4)) for block in blocks}
    own = {} if kind == "stations" or rng.uniform() < 0.3 else {f"{name}/gain": 1 for name in names}
    layout = ParameterLayout.of({POSITION: 2, **own})
    vectors = {block: _gaussian(rng, size, 1) for block, size in sizes.items()}
    parts = []
    for name in names:
        for block in blocks:
            if (kind == "stations" and block != name) or (kind == "echoes" and block == name):
                continue
            size = sizes[block]
            transmit = np.repeat(vectors[block], 4, axis=1) if kind == "receivers" else _gaussian(rng, size, 4)
            if kind == "directions":
                transmit = transmit[:, :2][:, [0, 0, 1, 1]]
            receiver = "user" if kind == "stations" else name
            parts.append(_contribution(rng, block, transmit, receiver, layout))
    constant = (kind != "receivers") * np.diag([1e-3, 1e-3, *(0.0 for _ in own)])
    information = InformationMap(layout, tuple(parts), constant=constant, antennas=sizes)
    users = _users(rng, kind, names, sizes)
    streams = [Stream(f"to {user.user}", tuple(blocks), user.user) for user in users]
    places = rng.uniform(-50.0, 50.0, (len(names), 2))
    pairs = np.hypot(*np.moveaxis(places[:, None] - places, -1, 0))
    costs = CooperationCosts(np.hypot(*places.T), pairs, float(rng.uniform()))
    known = ("sensing",) if kind == "receivers" else ()
    selection = Selection(names, known_streams=known, at_most=int(rng.integers(1, len(names) + 1)))
    if rng.uniform() < 0.5:
        dearest = float(costs.of_sets_m(np.ones((1, len(names)), dtype=bool))[0])
        selection = replace(selection, costs=costs, budget_m=float(rng.uniform(0.2, 1.0)) * dearest, positions_m=places)
    criterion = Criterion(information, {POSITION: 1.0}, "position")
    is_power = kind != "receivers" and rng.uniform() < 0.2
    limits = (BoundLimit("position", float(10.0 ** rng.uniform(-2.5, 0.0))),) if is_power else ()
    objective = Power() if is_power else Tail() if kind != "receivers" and rng.uniform() < 0.2 else WeightedBound()
    return DesignProblem(
        criteria=(criterion,),
        constraints=(
            *(PowerBudget((block,), POWER_W) for block in blocks),
            *(_shaped(rng, sizes) if kind != "receivers" else ()),
            *users,
            *limits,
            selection,
        ),
        objective=objective,
        streams=(*streams, Stream("sensing", tuple(blocks))),
    )


def _shaped(rng: np.random.Generator, sizes: dict[str, int]) -> list[Constraint]:
    """Limits of antennas in some blocks, codebooks in others."""
    found: list[Constraint] = []
    for block, size in sizes.items():
        kind = rng.uniform()
        if kind < 0.15:
            found.append(AntennaPower(block, rng.uniform(0.4, 0.9, size) * POWER_W))
        elif kind < 0.3:
            found.append(Codebook(block, _gaussian(rng, size, size + 1)))
    return found


def _users(rng: np.random.Generator, kind: str, names: Sequence[str], sizes: dict[str, int]) -> tuple[MinimumSinr, ...]:
    """Served users: the receivers themselves, or others, or nobody."""
    served = names[:2] if kind == "receivers" else ("served_user",)
    if rng.uniform() < 0.4:
        return ()
    ratio = float(10.0 ** rng.uniform(-1.5, 0.0))
    return tuple(
        MinimumSinr(name, {block: _gaussian(rng, size) for block, size in sizes.items()}, ratio, NOISE_W)
        for name in served
    )


def _network(rng: np.random.Generator, names: tuple[str, ...]) -> DesignProblem:
    """Stations of which one listens, and each user is served by one of the others."""
    sizes = {name: int(rng.integers(2, 4)) for name in names}
    layout = ParameterLayout.of({POSITION: 2})
    criteria = []
    for listener in names:
        parts = [_contribution(rng, name, _gaussian(rng, sizes[name], 4), listener, layout) for name in names]
        others = tuple(part for part in parts if part.block != listener)
        criteria.append(Criterion(InformationMap(layout, others, antennas=sizes), {POSITION: 1.0}, listener))
    ratio = float(10.0 ** rng.uniform(-0.5, 0.5))
    users = [
        MinimumSinr(f"user{each}", {name: _gaussian(rng, size) for name, size in sizes.items()}, ratio, NOISE_W)
        for each in range(2)
    ]
    constraints: list[Constraint] = [PowerBudget((name,), POWER_W) for name in names]
    constraints += [*users, ReceiverChoice({name: Listening((name,), (name,)) for name in names}), Association()]
    is_power = rng.uniform() < 0.5
    if is_power:
        constraints += [BoundLimit(name, float(10.0 ** rng.uniform(-2.0, -1.0))) for name in names]
    return DesignProblem(
        criteria=tuple(criteria),
        constraints=tuple(constraints),
        objective=Power() if is_power else WeightedBound(),
        streams=(*(Stream(f"to {user.user}", names, user.user) for user in users), Stream("sensing", names)),
    )


def settled_problems(problem: DesignProblem) -> Iterator[DesignProblem]:
    """Each choice that a problem allows as a problem without choices."""
    selection = next((part for part in problem.constraints if isinstance(part, Selection)), None)
    if selection is None:
        yield from _settled_networks(problem)
        return
    if any(isinstance(part, ReceiverChoice) for part in problem.constraints):
        yield from _settled_listeners(problem, selection)
        return
    for size in range(1, len(selection.names) + 1):
        for members in combinations(selection.names, size):
            row = np.isin(selection.names, members)
            if selection.allows(row[None])[0]:
                yield _with_members(problem, selection, members)


def _with_members(
    problem: DesignProblem, selection: Selection, members: Sequence[str], silent: str = ""
) -> DesignProblem:
    """Only some take part, of whom one may be silent."""
    others = [name for name in selection.names if name not in members]
    kept = [block for block in problem.blocks if block not in (*others, silent)]
    (criterion,) = problem.criteria
    layout = criterion.map.layout
    names = [name for name in layout.names if name.partition("/")[0] not in others]
    index = layout.indices(names)
    parts = [
        replace(part, jacobian=part.jacobian[:, index])
        for part in criterion.map.contributions
        if part.block in kept and part.receiver not in others
    ]
    information = InformationMap(
        layout.select(names),
        tuple(parts),
        constant=criterion.map.constant[np.ix_(index, index)],
        antennas={block: problem.antennas[block] for block in kept},
    )
    constraints: list[Constraint] = []
    for part in problem.constraints:
        if isinstance(part, MinimumSinr):
            channels = {block: vector for block, vector in part.channels.items() if block in kept}
            cancels = selection.known_streams if part.user in members else ()
            constraints.append(replace(part, channels=channels, cancels=cancels))
        elif part is not selection and _is_kept(part, kept):
            constraints.append(part)
    streams = tuple(replace(each, blocks=tuple(kept)) for each in problem.streams)
    return replace(
        problem,
        criteria=(replace(criterion, map=information),),
        constraints=tuple(constraints),
        streams=streams,
    )


def _is_kept(part: Constraint, blocks: Sequence[str]) -> bool:
    """Whether what a constraint is about is among some blocks."""
    if isinstance(part, PowerBudget):
        return part.blocks[0] in blocks
    return not isinstance(part, AntennaPower | Codebook) or part.block in blocks


def _settled_networks(problem: DesignProblem) -> Iterator[DesignProblem]:
    """One station listens, and each user has one server."""
    users = [part for part in problem.constraints if isinstance(part, MinimumSinr)]
    for listener in problem.blocks:
        kept = [name for name in problem.blocks if name != listener]
        criterion = next(each for each in problem.criteria if each.name == listener)
        heard = replace(criterion.map, antennas={name: problem.antennas[name] for name in kept})
        for servers in product(kept, repeat=len(users)):
            constraints: list[Constraint] = []
            for part in problem.constraints:
                if isinstance(part, MinimumSinr):
                    channels = {block: vector for block, vector in part.channels.items() if block in kept}
                    constraints.append(replace(part, channels=channels))
                elif (isinstance(part, PowerBudget) and part.blocks[0] in kept) or (
                    isinstance(part, BoundLimit) and part.criterion == listener
                ):
                    constraints.append(part)
            by_user = dict(zip([user.user for user in users], servers, strict=True))
            streams = tuple(
                replace(each, blocks=tuple(kept) if each.served_user is None else (by_user[each.served_user],))
                for each in problem.streams
            )
            yield replace(
                problem,
                criteria=(replace(criterion, map=heard),),
                constraints=tuple(constraints),
                streams=streams,
            )


def _settled_listeners(problem: DesignProblem, selection: Selection) -> Iterator[DesignProblem]:
    """One station listens, and so many others take part; it must take part itself."""
    rest = tuple(part for part in problem.constraints if not isinstance(part, ReceiverChoice))
    for size in range(1, selection.largest + 1):
        for members in combinations(selection.names, size):
            for listener in members:
                kept = tuple(name for name in members if name != listener)
                if not kept:
                    continue
                criterion = next(each for each in problem.criteria if each.name == listener)
                limits = tuple(part for part in rest if not isinstance(part, BoundLimit) or part.criterion == listener)
                one = replace(problem, criteria=(criterion,), constraints=limits)
                yield _with_members(one, selection, (*kept, listener), silent=listener)
