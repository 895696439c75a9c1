"""Pictures of images and features: what a data set holds, what encoders look at, how features lie.

Arrays in, figures out. Shapes: M images, C channels, H x W pixels, D features.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from fewshot_bench.data.labelled import LabelledImages
from fewshot_bench.data.near_duplicates import NearDuplicates
from fewshot_bench.errors import UserError, unknown
from fewshot_bench.explain.gradcam import Heat
from fewshot_bench.optional import library, require
from fewshot_bench.report.figure import LOOK, Picture, stem, titled
from fewshot_bench.report.looks import COLOURS, MARKERS

__all__ = [
    "METHODS",
    "Features",
    "check_method",
    "feature_map",
    "heat_maps",
    "near_duplicates",
    "samples",
    "some",
]

Floats = npt.NDArray[np.floating]
EACH = 8  # images of a class
METHODS = {"pca": "PCA", "tsne": "t-SNE", "umap": "UMAP"}
LIBRARIES = {"tsne": "sklearn", "umap": "umap"}  # that a method needs
SIDE = 1.1  # inches of an image
PAIRS_A_ROW = 4
PAIRS_OF_A_CLASS = 6  # in a picture of near-duplicates
LETTERS_OF_A_FILE = 20  # of its name, the last ones
HEAT_SIDE = 1.7 * SIDE  # inches of an image under a heat map
MAP_SIDE = 3.2  # inches of a map of features
LEGEND_ROW = 0.25  # inches
BROADEST = 3  # maps of features beside each other
MOST_POINTS = 2000  # of a map of features
FEWEST_POINTS = 3


def samples(data: LabelledImages) -> Picture:
    """The first images of each class, a row a class, with their boxes where there are some."""
    with rc_context(LOOK):
        classes = len(data.class_names)
        width = EACH * SIDE + 1
        height = classes * SIDE + 0.6
        figure = Figure(figsize=(width, height))
        panels = figure.subplots(classes, EACH, squeeze=False)
        for name, row in zip(data.class_names, panels, strict=True):
            first, count = data.class_range(name)
            for number, axes in enumerate(row):
                _without_scale(axes)
                if number < count:
                    _draw_image(axes, data, first + number)
                else:
                    axes.set_visible(False)
            row[0].set_ylabel(name, rotation=0, ha="right", va="center")
        title = f"{data.name}: the first {EACH} of each class, of {len(data)} images"
        titled(figure, title)
        return Picture(f"samples-{stem(data.name)}", figure)


def near_duplicates(data: LabelledImages, found: NearDuplicates) -> Picture:
    """Pairs of near-duplicates side by side, with their names and similarity.

    Of each class, and of pairs in two classes, those in the middle and at the ends of the order by
    similarity: the least similar ones show whether the limit is right.
    """
    pairs = _pairs_to_draw(found)
    rows = math.ceil(len(pairs) / PAIRS_A_ROW)
    with rc_context(LOOK):
        width = PAIRS_A_ROW * 2 * SIDE
        height = rows * (SIDE + 0.35) + 0.6
        figure = Figure(figsize=(width, height))
        panels = figure.subplots(rows, 2 * PAIRS_A_ROW, squeeze=False).ravel()
        for axes in panels[2 * len(pairs) :]:
            axes.set_visible(False)
        for place, pair in enumerate(pairs):
            panels_of_pair = panels[2 * place : 2 * place + 2]
            for axes, image in zip(panels_of_pair, found.pairs[pair].tolist(), strict=True):
                _without_scale(axes)
                _draw_image(axes, data, image)
                axes.set_title(data.class_names[data.labels[image]], fontsize=6)
                axes.set_xlabel(_short_name(data.files[image]), fontsize=6)
            panels_of_pair[0].set_ylabel(f"{found.similarity[pair]:.2f}", fontsize=7)
        title = (
            f"{data.name}: {len(pairs)} of {len(found.pairs)} pairs of near-duplicates, "
            "with their similarity (1: equal)"
        )
        titled(figure, title)
        return Picture(f"near-duplicates-{stem(data.name)}", figure)


def _short_name(file: str) -> str:
    """The last letters of a file's name, without its folder."""
    return file.rpartition("/")[2][-LETTERS_OF_A_FILE:]


def _pairs_to_draw(found: NearDuplicates) -> list[int]:
    """Some pairs of each class, and of those in two classes, by similarity."""
    first_labels = found.labels[found.pairs[:, 0]]
    groups = [found.across]
    for label in np.unique(first_labels[found.is_within]):
        groups.append(np.flatnonzero(found.is_within & (first_labels == label)))
    chosen = []
    for group in groups:
        ordered = group[found.similarity[group].argsort()]
        number = min(len(ordered), PAIRS_OF_A_CLASS)
        if number:
            places = np.linspace(0, len(ordered) - 1, number).round().astype(int)
            chosen += ordered[places].tolist()
    return chosen


def heat_maps(
    data: LabelledImages, heats: Mapping[str, Sequence[Heat]], *, title: str, name: str
) -> Picture:
    """Test images with their boxes by rows, the heat of each baseline over them by columns.

    Below each map stands whether the baseline was right, or which class it took the image for.
    """
    maps_by_image = []
    images: dict[int, None] = {}  # in the order in which they were explained
    for maps in heats.values():
        by_image = {heat.image: heat for heat in maps}
        maps_by_image.append(by_image)
        images |= dict.fromkeys(by_image)
    columns = 1 + len(heats)
    with rc_context(LOOK):
        width = columns * HEAT_SIDE + 0.6
        height = len(images) * HEAT_SIDE + 0.8
        figure = Figure(figsize=(width, height))
        panels = figure.subplots(len(images), columns, squeeze=False)
        for row, image in zip(panels, images, strict=True):
            label = data.class_names[data.labels[image]]
            for axes in row:
                _without_scale(axes)
                _draw_image(axes, data, image)
            row[0].set_ylabel(label)
            for axes, by_image in zip(row[1:], maps_by_image, strict=True):
                _draw_heat(axes, by_image.get(image), label)
        for axes, head in zip(panels[0], ["image", *heats], strict=True):
            axes.set_title(head, fontsize=9)
        titled(figure, title)
        return Picture(name, figure)


def _draw_heat(axes: Axes, heat: Heat | None, label: str) -> None:
    """A heat map over its image, and below it what the image was taken for."""
    if heat is None:
        axes.set_xlabel("not explained", fontsize=7)
        return
    hottest = float(heat.map_HW.max())
    relative_HW = heat.map_HW / (hottest or 1.0)
    axes.imshow(relative_HW, cmap="inferno", alpha=0.55, vmin=0, vmax=1)
    answer = "right"
    if heat.answered != label:
        answer = f"taken for {heat.answered}"
    if hottest == 0:
        answer = f"{answer}; no heat"
    axes.set_xlabel(answer, fontsize=7)


@dataclass(frozen=True, eq=False)
class Features:
    """A baseline's features of test images, (M, D)."""

    baseline: str
    features_MD: npt.NDArray[np.float32]


def check_method(method: str) -> None:
    """Raise `UserError` where there is no such method, or its library is not installed."""
    if method not in METHODS:
        raise unknown("method", method, METHODS)
    if method in LIBRARIES:
        require(f"--method {method}", LIBRARIES[method], "maps")


def some(images_M: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """As many of the images as a map can show, at even distances."""
    count = min(MOST_POINTS, len(images_M))
    last = len(images_M) - 1
    positions = np.linspace(0, last, count)
    return np.asarray(images_M[positions.astype(int)])


def feature_map(
    data: LabelledImages,
    images_M: npt.NDArray[np.int64],
    features: Sequence[Features],
    *,
    method: str,
    title: str,
    name: str,
) -> Picture:
    """Features in two dimensions, a panel a baseline, a mark a class.

    images_M: indices in the data set. Raises `UserError` for fewer than 3 images.
    """
    if len(images_M) < FEWEST_POINTS:
        raise UserError(
            f"a map of {len(images_M)} test images shows nothing (allowed: {FEWEST_POINTS} or more)"
        )
    columns = min(BROADEST, len(features))
    lines = math.ceil(len(features) / columns)
    with rc_context(LOOK):
        width = columns * MAP_SIDE + 1.2
        height = lines * MAP_SIDE + 0.6
        figure = Figure(figsize=(width, height))
        panels = figure.subplots(lines, columns, squeeze=False)
        for axes, of_baseline in zip(panels.flat, features, strict=False):
            _draw_map(axes, data, images_M, of_baseline, method)
        for axes in panels.flat[len(features) :]:
            axes.set_visible(False)
        _legend_of_classes(figure, panels[0, 0])
        titled(figure, title)
        return Picture(name, figure)


def _draw_map(
    axes: Axes,
    data: LabelledImages,
    images_M: npt.NDArray[np.int64],
    features: Features,
    method: str,
) -> None:
    """The features of one baseline in two dimensions."""
    points_M2, remark = PROJECTIONS[method](features.features_MD)
    labels_M = data.labels[images_M]
    for number, label in enumerate(np.unique(labels_M)):
        of_class = points_M2[labels_M == label]
        axes.plot(
            of_class[:, 0],
            of_class[:, 1],
            MARKERS[number % len(MARKERS)],
            # with a space: a legend leaves out a name that starts with _
            label=f" {data.class_names[label]}",
            color=COLOURS[number % len(COLOURS)],
            alpha=0.8,
            ms=3.5,
            mec="black",
            mew=0.2,
        )
    _without_scale(axes)
    axes.set_title(features.baseline, fontsize=9)
    axes.set_xlabel(remark, fontsize=7)


def _legend_of_classes(figure: Figure, axes: Axes) -> None:
    """A legend for all panels, in as many columns as its height needs."""
    handles, names = axes.get_legend_handles_labels()
    rows = int(figure.get_figheight() / LEGEND_ROW)
    columns = math.ceil(len(names) / max(1, rows))
    figure.legend(
        handles,
        names,
        loc="outside right center",
        markerscale=1.5,
        ncols=columns,
    )


def _pca(features_MD: Floats) -> tuple[Floats, str]:
    """Principal components: points (M, 2), and their shares of the variance."""
    features = features_MD.shape[1]
    centred_MD = features_MD - features_MD.mean(0)
    if features < 2:
        # a single feature gets a second one of zeros
        centred_MD = np.pad(centred_MD, ((0, 0), (0, 2 - features)))
    centred_MD = centred_MD.astype(np.float64)
    left, sizes, right = np.linalg.svd(centred_MD, full_matrices=False)
    sizes_2 = sizes[:2]
    right_2D = right[:2]
    # a direction and its opposite fit equally well: the largest entry is made positive
    largest_2 = np.abs(right_2D).argmax(1)
    entries_2 = right_2D[np.arange(2), largest_2]
    points_M2 = left[:, :2] * sizes_2 * np.sign(entries_2)
    variance = float(np.square(sizes).sum())
    # features that are all the same have no variance, and no share of it
    variance = max(variance, np.finfo(np.float64).tiny)
    first, second = 100 * np.square(sizes_2) / variance
    return points_M2, f"{first:.0f} % and {second:.0f} % of the variance"


def _tsne(features_MD: Floats) -> tuple[Floats, str]:
    """t-SNE (van der Maaten and Hinton, JMLR 2008): points (M, 2), and its perplexity."""
    most = (len(features_MD) - 1) / 3
    perplexity = min(30.0, most)
    manifold = library("--method tsne", "sklearn.manifold", "maps")
    projection = manifold.TSNE(init="pca", random_state=0, perplexity=perplexity)
    points_M2 = projection.fit_transform(features_MD)
    return points_M2, f"perplexity {perplexity:g}"


def _umap(features_MD: Floats) -> tuple[Floats, str]:
    """UMAP (McInnes et al., 2018): points (M, 2), and its number of neighbours."""
    others = len(features_MD) - 1
    neighbours = min(15, others)
    umap = library("--method umap", "umap", "maps")
    # one job: several would make the map another one each time
    projection = umap.UMAP(random_state=0, n_jobs=1, n_neighbors=neighbours)
    points_M2 = projection.fit_transform(features_MD)
    return points_M2, f"{neighbours} neighbours"


PROJECTIONS: dict[str, Callable[[Floats], tuple[Floats, str]]] = {
    "pca": _pca,
    "tsne": _tsne,
    "umap": _umap,
}


def _without_scale(axes: Axes) -> None:
    """Remove ticks and grid."""
    axes.set_xticks([])
    axes.set_yticks([])
    axes.grid(visible=False)


def _draw_image(axes: Axes, data: LabelledImages, image: int) -> None:
    """An image with its boxes, a black dashed line on a white one."""
    pixels = data.images[image].transpose(1, 2, 0)
    if pixels.shape[2] == 1:
        pixels = pixels[..., 0]
    axes.imshow(pixels, cmap="gray", vmin=0, vmax=255)
    if data.boxes is None:
        return
    for left, top, right, bottom in data.boxes[image].tolist():
        # a box counts pixels from 1, the axes from 0 and from the middle of a pixel
        corner = (left - 1.5, top - 1.5)
        width = right - left + 1
        height = bottom - top + 1
        below = Rectangle(corner, width, height, fill=False, edgecolor="white", lw=1.4)
        above = Rectangle(corner, width, height, fill=False, edgecolor="black", lw=0.7, ls="--")
        axes.add_patch(below)
        axes.add_patch(above)
