"""Points of reduced problems that tests of the engine begin with."""

import numpy as np

from crbeam.design.engine.reduced_bound import joined


def isotropic_point(shape):
    """The point of the isotropic X, every budget shared equally by its blocks; each budget's part has norm 1."""
    parts = []
    for block in shape.blocks:
        sharing = sum(other.budget == block.budget for other in shape.blocks)
        level = 1.0 / np.sqrt(block.size * sharing)
        parts.append(np.full(block.size, level) if block.is_diagonal else level * np.eye(block.size, dtype=complex))
    return joined(parts, shape)
