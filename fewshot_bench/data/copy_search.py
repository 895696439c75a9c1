"""The search for near-duplicates among the pixels of a data set.

Spectra, which a shift leaves as they are, give the candidates; cross-correlation decides.
Shapes: M pictures, P pairs, S pixels a side.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image
from scipy import fft, ndimage

from fewshot_bench.data.labelled import LabelledImages
from fewshot_bench.data.pixels import blank, forget, pieces
from fewshot_bench.data.reading import told
from fewshot_bench.data.spectrum_cells import NEIGHBOURS, neighbours_in_cells

__all__ = ["similar_pairs"]

SIDE = 64  # pixels: larger pictures are made smaller
LUMA = (0.299, 0.587, 0.114)  # ITU-R BT.601
# in pixels of the small picture
COARSE = 2.0  # what is larger, such as uneven light, is taken away
FINE = 0.7  # what is smaller, such as noise and a shift by part of a pixel, is smoothed
AROUND = 3.0  # contrast is made even over this distance
LEAST_CONTRAST = 0.005  # of 1: weaker structure is not amplified
FREQUENCIES = 16  # of the spectra, on each side of zero
LEAST_OVERLAP = 0.5  # share of the area
LEAST_ENERGY = 0.3  # share of its structure that a picture has in the overlap
PLAIN = 0.05  # of the least contrast: pictures that vary less are like none
FROM_COARSE = 0.45  # pixels are compared in full from this similarity at half the size
LEAST = 0.75  # similarity of near-duplicates
CLOSER = 0.3  # how much closer they are than two pictures of their class are anyway
USUAL_PAIRS = 40  # pairs of a class that say how alike its pictures are anyway
USUAL_SHARE = 0.75  # the quantile of their similarity
FEWEST_USUAL = 10  # pairs
STAGE = "near-duplicates"  # what is told while it lasts
BATCH = 128  # pairs
ROWS = 512  # pictures

Pixels = npt.NDArray[np.float32]
Indices = npt.NDArray[np.int64]
# (picture, another one, view group of that one) from the spectra of each view group
Neighbours = Callable[[list[Pixels]], Iterator[tuple[int, int, int]]]


def similar_pairs(data: LabelledImages, *, most_with_all: int) -> tuple[Indices, Pixels]:
    """Pairs of near-duplicates (P, 2), the earlier picture first, and their similarity (P,).

    most_with_all: of more pictures, spectra are compared within cells, see `spectrum_cells`.
    """
    structure = _structure(data.images)
    has_cells = len(structure) > most_with_all
    pairs, groups = _candidates(structure, neighbours_in_cells if has_cells else _neighbours)
    is_close = _compared(structure, pairs, groups, is_coarse=True) >= FROM_COARSE
    pairs = pairs[is_close]
    similarity = _compared(structure, pairs, groups[is_close])
    usual = _usual(structure, data.labels)
    usual_of_pairs = usual[data.labels[pairs]].max(1)
    limit = np.maximum(LEAST, 1 - CLOSER * (1 - usual_of_pairs))
    is_copy = similarity >= limit
    return pairs[is_copy], similarity[is_copy]


def _usual(structure: Pixels, labels: npt.NDArray[np.int64]) -> Pixels:
    """How alike two pictures of a class are anyway, for each class.

    Pictures of one product in one pose are all alike; then only what is much closer counts.
    """
    generator = np.random.default_rng(0)
    usual = []
    for label in range(int(labels.max()) + 1):
        members = np.flatnonzero(labels == label)
        first, second = np.triu_indices(len(members), 1)
        chosen = generator.permutation(len(first))[:USUAL_PAIRS]
        if len(chosen) < FEWEST_USUAL:
            usual.append(0.0)
            continue
        pairs = np.stack([members[first[chosen]], members[second[chosen]]], axis=1)
        unturned = np.zeros(len(pairs), dtype=np.int64)
        similarity = _compared(structure, pairs, unturned)
        usual.append(float(np.quantile(similarity, USUAL_SHARE)))
    return np.array(usual, dtype=np.float32)


def _structure(images: npt.NDArray[np.uint8]) -> Pixels:
    """(M, S, S): grey pictures of even contrast, without what is coarse."""
    side = min(SIDE, *images.shape[2:])
    structure = blank((len(images), side, side), np.float32)
    done = 0
    for part in told(pieces(images), f"{STAGE}: structure"):
        for start in range(0, len(part), ROWS):
            rows = part[start : start + ROWS]
            structure[done : done + len(rows)] = _structure_of_part(rows, side)
            done += len(rows)
        forget(structure)
    return structure


def _structure_of_part(images: npt.NDArray[np.uint8], side: int) -> Pixels:
    small = np.empty((len(images), side, side), dtype=np.float32)
    for index, image in enumerate(images):
        grey = Image.fromarray(_grey(image))
        small[index] = np.asarray(grey.resize((side, side), Image.Resampling.BOX))
    even = _without_slope(small)
    detail = _smoothed(even - _smoothed(even, COARSE), FINE)
    contrast = np.sqrt(_smoothed(detail**2, AROUND) + LEAST_CONTRAST**2)
    return np.asarray(detail / contrast)


def _grey(image: npt.NDArray[np.uint8]) -> Pixels:
    """(H, W), 0 to 1, of an image (C, H, W)."""
    values = image.astype(np.float32) / 255
    if len(values) == 1:
        return np.asarray(values[0])
    weights = np.array(LUMA, dtype=np.float32)
    return np.asarray(np.tensordot(weights, values, axes=1), dtype=np.float32)


def _without_slope(pictures: Pixels) -> Pixels:
    """Pictures without the plane of uneven light, which would leave a trace at the edges."""
    places = np.arange(pictures.shape[1], dtype=np.float32)
    places -= places.mean()
    spread = (places**2).mean()
    across = (pictures.mean(1) * places).mean(1) / spread
    down = (pictures.mean(2) * places).mean(1) / spread
    slope = across[:, None, None] * places + down[:, None, None] * places[:, None]
    return np.asarray(pictures - slope)


def _smoothed(pictures: Pixels, sigma: float) -> Pixels:
    smoothed = ndimage.gaussian_filter(pictures, (0, sigma, sigma), mode="mirror", truncate=3)
    return np.asarray(smoothed)


def _halved(pictures: Pixels) -> Pixels:
    """(M, S / 2, S / 2): the mean of each four pixels."""
    side = pictures.shape[1] // 2 * 2
    even = pictures[:, :side, :side]
    rows = even[:, ::2] + even[:, 1::2]
    return np.asarray((rows[:, :, ::2] + rows[:, :, 1::2]) / 4)


# The size of a spectrum is the same for a picture and the picture turned by 180 degrees. So views
# come in groups of two: (transposed, mirrored) of the first one.
VIEW_GROUPS = ((False, False), (False, True), (True, False), (True, True))


def _seen(pictures: npt.NDArray[Any], group: int) -> npt.NDArray[Any]:
    """Pictures in the first view of a group."""
    transposed, mirrored = VIEW_GROUPS[group]
    if transposed:
        pictures = pictures.swapaxes(-1, -2)
    if mirrored:
        pictures = pictures[..., ::-1]
    return pictures


def _candidates(structure: Pixels, neighbours: Neighbours) -> tuple[Indices, Indices]:
    """Pairs (P, 2) with similar spectra, which a shift leaves as they are, and their view group."""
    directions = _directions(_spectra(structure))
    found: dict[tuple[int, int], int] = {}
    for row, other, group in neighbours(directions):
        pair = (min(row, other), max(row, other))
        found.setdefault(pair, group)
    pairs = np.array(sorted(found), dtype=np.int64).reshape(-1, 2)
    group_of_pairs = [found[one, other] for one, other in pairs.tolist()]
    return pairs, np.array(group_of_pairs, dtype=np.int64)


def _neighbours(directions: list[Pixels]) -> Iterator[tuple[int, int, int]]:
    """(picture, another one that is most alike, view group of that one)."""
    count = len(directions[0])
    nearest = min(NEIGHBOURS, count - 1)
    starts = range(0, count, ROWS)
    for start in told(starts, f"{STAGE}: spectra", len(starts)):
        rows = directions[0][start : start + ROWS]
        best = rows @ directions[0].T
        groups = np.zeros(best.shape, dtype=np.uint8)
        for group in range(1, len(VIEW_GROUPS)):
            cosines = rows @ directions[group].T
            groups[cosines > best] = group
            np.maximum(best, cosines, out=best)
        own = np.arange(len(rows))
        best[own, start + own] = -2  # a picture is not its own neighbour
        neighbours = np.argpartition(-best, nearest - 1, axis=1)[:, :nearest]
        for row, others in enumerate(neighbours.tolist()):
            for other in others:
                yield start + row, other, int(groups[row, other])


def _spectra(structure: Pixels) -> Pixels:
    """Square roots of the sizes of the low frequencies: (M, 33, 33) or less, zero in the middle."""
    middle = structure.shape[1] // 2
    most = min(FREQUENCIES, middle - 1)
    low = slice(middle - most, middle + most + 1)
    side = 2 * most + 1
    spectra = np.empty((len(structure), side, side), dtype=np.float32)
    for start in range(0, len(structure), ROWS):
        part = structure[start : start + ROWS]
        sizes = fft.fftshift(np.abs(fft.fft2(part)), axes=(1, 2))
        spectra[start : start + ROWS] = np.sqrt(sizes[:, low, low])
        forget(structure)
    return spectra


def _directions(spectra: Pixels) -> list[Pixels]:
    """For each view group, what sets the spectra apart from their mean, of length 1: (M, 561)."""
    middle = spectra.shape[2] // 2  # the other half of a spectrum is the same
    flat = []
    for group in range(len(VIEW_GROUPS)):
        half = _seen(spectra, group)[:, :, middle:]
        flat.append(half.reshape(len(half), -1))
    mean = np.mean([view.mean(0) for view in flat], axis=0)
    return [_unit(view - mean) for view in flat]


def _unit(rows: Pixels) -> Pixels:
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.asarray(rows / np.maximum(lengths, np.finfo(np.float32).tiny))


def _compared(
    pictures: Pixels, pairs: Indices, groups: Indices, *, is_coarse: bool = False
) -> Pixels:
    """(P,): the highest correlation over all shifts and the two views of each pair's group.

    is_coarse: at half the size.
    """
    shifts = _Shifts(pictures.shape[1] // 2 if is_coarse else pictures.shape[1])
    similarity = np.empty(len(pairs), dtype=np.float32)
    for group in range(len(VIEW_GROUPS)):
        for part in _batches(np.flatnonzero(groups == group)):
            one = pictures[pairs[part, 0]]
            other = pictures[pairs[part, 1]]
            forget(pictures)
            if is_coarse:
                one = _halved(one)
                other = _halved(other)
            other = _seen(other, group)
            turned = other[:, ::-1, ::-1]
            similarity[part] = np.maximum(shifts.best(one, other), shifts.best(one, turned))
    return similarity


def _batches(indices: Indices) -> Iterator[Indices]:
    for start in range(0, len(indices), BATCH):
        yield indices[start : start + BATCH]


class _Shifts:
    """Normalised cross-correlation of pictures of `side` pixels, at all shifts with enough overlap.

    At each shift it is taken over the overlap alone (Padfield 2012, for rectangles).
    """

    def __init__(self, side: int) -> None:
        self.side = side
        self.padded = fft.next_fast_len(side + side // 2, real=True)
        shifts = np.arange(-(side // 2), side // 2 + 1)
        self.shifts = shifts
        overlap = side - np.abs(shifts)
        self.is_allowed = np.outer(overlap, overlap) >= LEAST_OVERLAP * side**2
        # the overlap in the first picture and in the second, as first and last row or column
        self.in_first = (np.maximum(shifts, 0), np.minimum(side + shifts, side))
        self.in_second = (np.maximum(-shifts, 0), np.minimum(side - shifts, side))

    def best(self, first: Pixels, second: Pixels) -> Pixels:
        """(P,): the highest correlation of each pair of pictures (P, S, S)."""
        shape = (self.padded, self.padded)
        product = fft.rfft2(first, shape) * fft.rfft2(second, shape).conj()
        sums = fft.irfft2(product, shape)[:, self.shifts[:, None], self.shifts]
        energy = _energy(first, self.in_first) * _energy(second, self.in_second)
        correlation = sums / np.sqrt(energy)
        highest = correlation[:, self.is_allowed].max(1)
        at_most_1 = np.minimum(highest, 1)  # rounding can bring more
        return np.asarray(at_most_1, dtype=np.float32)


def _energy(pictures: Pixels, overlap: tuple[Indices, Indices]) -> npt.NDArray[np.float64]:
    """Sum of squares in the overlap of each shift, at least a share of the picture's own sum.

    Without that, the plain corners of two pictures would count as equal, and plain pictures by
    what rounding leaves of them.
    """
    side = pictures.shape[1]
    sums = np.zeros((len(pictures), side + 1, side + 1))
    sums[:, 1:, 1:] = (pictures.astype(np.float64) ** 2).cumsum(1).cumsum(2)
    start, end = overlap
    in_rows = sums[:, end] - sums[:, start]
    in_overlap = in_rows[:, :, end] - in_rows[:, :, start]
    least = np.maximum(LEAST_ENERGY * sums[:, -1:, -1:], (PLAIN * side) ** 2)
    return np.asarray(np.maximum(in_overlap, least))
