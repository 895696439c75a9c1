"""The most similar spectra in a large data set, without comparing each with all others.

Spectra are parted into cells around some of them; each is compared with those of the cells that are
nearest to it. Shapes: M pictures, D numbers of a spectrum, C cells, V view groups.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from fewshot_bench.data.reading import told

__all__ = ["NEIGHBOURS", "neighbours_in_cells"]

NEIGHBOURS = 8  # of each picture, whose pixels are compared
CELLS_OF_EACH = 8  # whose pictures one is compared with
ROWS = 4096  # spectra that are compared with the centres at once
OWN = -2.0  # less than any cosine

Pixels = npt.NDArray[np.float32]
Indices = npt.NDArray[np.int64]


def neighbours_in_cells(directions: list[Pixels]) -> Iterator[tuple[int, int, int]]:
    """(picture, another one that is most alike, view group of that one), 8 or fewer of each.

    directions: for each view group, spectra of length 1, (M, D).
    """
    count = len(directions[0])
    cells = math.isqrt(count)
    generator = np.random.default_rng(0)
    centres = directions[0][np.sort(generator.permutation(count)[:cells])]
    near = _nearest_cells(directions[0], centres, min(CELLS_OF_EACH, cells))
    homes = [_nearest_cells(view, centres, 1)[:, 0] for view in directions]
    shape = (count, near.shape[1] * NEIGHBOURS)
    cosines = np.full(shape, OWN, dtype=np.float32)
    others = np.zeros(shape, dtype=np.int64)
    groups = np.zeros(shape, dtype=np.int64)
    for cell in told(range(cells), "near-duplicates: spectra", cells):
        rows, slots = np.nonzero(near == cell)
        members, views = _members(homes, cell)
        if not len(rows) or not len(members):
            continue
        spectra = np.concatenate(
            [directions[view][members[views == view]] for view in range(len(directions))]
        )
        found = directions[0][rows] @ spectra.T
        found[rows[:, None] == members] = OWN  # a picture is not its own neighbour
        best = min(NEIGHBOURS, len(members))
        places = np.argpartition(-found, best - 1, axis=1)[:, :best]
        columns = slots[:, None] * NEIGHBOURS + np.arange(best)
        cosines[rows[:, None], columns] = np.take_along_axis(found, places, axis=1)
        others[rows[:, None], columns] = members[places]
        groups[rows[:, None], columns] = views[places]
    yield from _best(cosines, others, groups)


def _nearest_cells(spectra: Pixels, centres: Pixels, count: int) -> Indices:
    """(M, count): the cells whose centres are most like each spectrum."""
    nearest = np.empty((len(spectra), count), dtype=np.int64)
    for start in range(0, len(spectra), ROWS):
        cosines = spectra[start : start + ROWS] @ centres.T
        nearest[start : start + ROWS] = np.argpartition(-cosines, count - 1, axis=1)[:, :count]
    return nearest


def _members(homes: list[Indices], cell: int) -> tuple[Indices, Indices]:
    """(pictures, view groups in which they are in this cell), view after view."""
    pictures = [np.flatnonzero(home == cell) for home in homes]
    views = np.repeat(np.arange(len(homes)), [len(in_view) for in_view in pictures])
    return np.concatenate(pictures), views


def _best(cosines: Pixels, others: Indices, groups: Indices) -> Iterator[tuple[int, int, int]]:
    """The most similar pictures of each row, each once, in the view in which it is most alike."""
    order = np.argsort(-cosines, axis=1, kind="stable")
    is_other = np.take_along_axis(cosines, order, axis=1) > OWN
    sorted_others = np.take_along_axis(others, order, axis=1)
    sorted_groups = np.take_along_axis(groups, order, axis=1)
    for row in range(len(order)):
        group_of: dict[int, int] = {}
        count = int(is_other[row].sum())
        named = zip(sorted_others[row, :count], sorted_groups[row, :count], strict=True)
        for other, group in named:
            group_of.setdefault(int(other), int(group))
        for other, group in list(group_of.items())[:NEIGHBOURS]:
            yield row, other, group
