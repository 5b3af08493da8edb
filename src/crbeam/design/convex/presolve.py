"""What a program is spared before it is solved: bounds of one number, and streams that have little in common.

If all that a term hears comes over one transmit direction t of one block, and nothing is known beforehand, then
`I(R) = (t^H R t) M`, and its bound is `tr(E^T M^-1 E) / (t^H R t)`: that of an amplitude, whose response is one number
z in place of a matrix. Along `M^-1 E` the dual loses nothing: `Z = z M^-1 E / sqrt(tr(E^T M^-1 E))` is the response of
the term itself.

The slacks of a cone are one matrix less what each stream counts more than others. A stream that knows nothing of many
rows which all others disturb, as one for sensing does, counts so many more that it is better a cone of its own.
"""

from dataclasses import replace

import numpy as np

from crbeam.design.convex.cone import Cone, View
from crbeam.design.convex.program import Program, ProgramTerm, span

#: Most vectors that a stream counts more than others of its cone do.
MANY = 16


def presolved(program: Program) -> Program:
    """The same problem in another form; evidence is for the terms themselves, and blocks may have several cones."""
    for number in range(len(program.terms)):
        program = _with_amplitude(program, number)
    return replace(program, cones=tuple(part for cone in program.cones for part in _parted(cone)))


def _parted(cone: Cone) -> tuple[Cone, ...]:
    """The cone without streams that count many vectors more than others, and these alone."""
    is_apart = np.sum(cone.factors > cone.factors.min(axis=0), axis=1) > MANY
    if cone.is_line or not is_apart.any() or is_apart.all():
        return (cone,)
    alike = [name for name, apart in zip(cone.streams, is_apart, strict=True) if not apart]
    return cone.with_streams(alike), *(cone.with_streams([name]) for name in cone.streams if name not in alike)


def _with_amplitude(program: Program, number: int) -> Program:
    term, hearing = program.terms[number], [cone for cone in program.cones if cone.views[number] is not None]
    if len(hearing) != 1 or term.selection.size == 1 or np.any(term.constant):
        return program
    amplitude = _amplitude(term, hearing[0].views[number])
    if amplitude is None:
        return program
    reduced, seen = amplitude
    terms = (*program.terms[:number], reduced, *program.terms[number + 1 :])
    cones = tuple(
        replace(cone, views=(*cone.views[:number], seen, *cone.views[number + 1 :])) if cone is hearing[0] else cone
        for cone in program.cones
    )
    return replace(program, terms=terms, cones=cones)


def _amplitude(term: ProgramTerm, view: View | None) -> tuple[ProgramTerm, View] | None:
    """A term of one number, and its view; None if the looks of the view differ in direction."""
    assert view is not None
    direction = span(view.transmit)
    if direction.shape[1] != 1:
        return None
    gains = direction[:, 0].conj() @ view.transmit
    size = float(np.linalg.norm(term.selection))
    along = term.selection / size  # M is a multiple of the identity in whitened parameters
    slopes = view.jacobian @ along
    told = float(np.sum((slopes @ slopes.T) * np.real(view.weight * np.outer(gains, gains.conj()))))
    one = np.ones((1, 1))
    reduced = replace(term, constant=0.0 * one, selection=size * one, along=along)
    return reduced, View(direction, one.astype(complex), np.sqrt(told) * one)
