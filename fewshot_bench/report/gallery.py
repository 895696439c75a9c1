"""Pictures of images and features: what a data set holds, what encoders look at, how features lie. Arrays in, figures out.

Shapes: M images, C channels, H x W pixels, D features.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from fewshot_bench.data.labelled import LabelledImages
from fewshot_bench.errors import UserError, unknown
from fewshot_bench.explain.gradcam import Heat
from fewshot_bench.optional import library, require
from fewshot_bench.report.figure import COLOURS, LOOK, MARKERS, Picture, stem, titled

__all__ = ["METHODS", "Features", "check_method", "feature_map", "heat_maps", "samples", "some"]

Floats = npt.NDArray[np.floating]
EACH = 8  # images of a class
METHODS = {"pca": "PCA", "tsne": "t-SNE", "umap": "UMAP"}
SIDE = 1.1  # inches of an image
ROW = 0.25  # inches of a row of a legend
MOST = 2000  # points of a map


def samples(data: LabelledImages) -> Picture:
    """The first images of each class, a row a class, with their boxes where there are some."""
    with rc_context(LOOK):
        rows, across = len(data.class_names), EACH
        figure = Figure(figsize=(across * SIDE + 1, rows * SIDE + 0.6))
        panels = figure.subplots(rows, across, squeeze=False)
        for name, row in zip(data.class_names, panels, strict=True):
            first, count = data.class_range(name)
            for place, axes in enumerate(row):
                _bare(axes)
                if place < count:
                    _image(axes, data, first + place)
                else:
                    axes.set_visible(False)
            row[0].set_ylabel(name, rotation=0, ha="right", va="center")
        title = f"{data.name}: the first {across} of each class, of {len(data)} images"
        titled(figure, title)
        return Picture(f"samples-{stem(data.name)}", figure)


def heat_maps(
    data: LabelledImages, heats: Mapping[str, Sequence[Heat]], *, title: str, name: str
) -> Picture:
    """Test images by rows, with their boxes; by columns the heat of each baseline over them, and the
    class each took them for.
    """
    order = list(dict.fromkeys(heat.image for found in heats.values() for heat in found))
    by_image = [{heat.image: heat for heat in found} for found in heats.values()]
    with rc_context(LOOK):
        figure = Figure(
            figsize=((1 + len(heats)) * 1.7 * SIDE + 0.6, len(order) * 1.7 * SIDE + 0.8)
        )
        panels = figure.subplots(len(order), 1 + len(heats), squeeze=False)
        for row, image in zip(panels, order, strict=True):
            label = data.class_names[data.labels[image]]
            for axes, found in zip(row, [None, *by_image], strict=True):
                _bare(axes)
                _image(axes, data, image)
                if found is None:
                    axes.set_ylabel(label)
                elif image in found:
                    heat = found[image]
                    most = float(heat.map_HW.max())
                    axes.imshow(
                        heat.map_HW / (most or 1.0), cmap="inferno", alpha=0.55, vmin=0, vmax=1
                    )
                    told = "right" if heat.answered == label else f"taken for {heat.answered}"
                    axes.set_xlabel(told if most > 0 else f"{told}; no heat", fontsize=7)
                else:
                    axes.set_xlabel("not asked", fontsize=7)
        for axes, of in zip(panels[0], ["image", *heats], strict=True):
            axes.set_title(of, fontsize=9)
        titled(figure, title)
        return Picture(name, figure)


@dataclass(frozen=True, eq=False)
class Features:
    """A baseline's features of test images, (M, D); unit: whether their direction alone decides."""

    baseline: str
    features_MD: npt.NDArray[np.float32]
    unit: bool


def check_method(method: str) -> None:
    """Raise `UserError` where there is no such method, or its library is not installed."""
    if method not in METHODS:
        raise unknown("method", method, METHODS)
    if method != "pca":
        require(f"--method {method}", {"tsne": "sklearn", "umap": "umap"}[method], "maps")


def some(images_M: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """As many of the images as a map can show, evenly from all."""
    return np.asarray(
        images_M[np.linspace(0, len(images_M) - 1, min(MOST, len(images_M))).astype(int)]
    )


def feature_map(
    data: LabelledImages,
    images_M: npt.NDArray[np.int64],
    found: Sequence[Features],
    *,
    method: str,
    title: str,
    name: str,
) -> Picture:
    """Features in two dimensions, a panel a baseline, a mark a class. images_M: indices in the data set.

    Raises `UserError` for fewer than 3 images.
    """
    if len(images_M) < 3:
        raise UserError(f"a map of {len(images_M)} test images shows nothing (allowed: 3 or more)")
    labels_M = data.labels[images_M]
    across = min(3, len(found))
    down = -(-len(found) // across)
    with rc_context(LOOK):
        figure = Figure(figsize=(across * 3.2 + 1.2, down * 3.2 + 0.6))
        panels = figure.subplots(down, across, squeeze=False)
        for axes, one in zip(panels.flat, found, strict=False):
            places_M2, told = _flat(one.features_MD, method, unit=one.unit)
            for number, label in enumerate(
                np.unique(labels_M)
            ):  # a legend leaves out what starts with _
                own = places_M2[labels_M == label]
                axes.plot(
                    own[:, 0], own[:, 1], MARKERS[number % len(MARKERS)], color=COLOURS[number % len(COLOURS)], ms=3.5,
                    mec="black", mew=0.2, alpha=0.8, label=f" {data.class_names[label]}",
                )  # fmt: skip
            _bare(axes)
            axes.set_title(one.baseline, fontsize=9)
            axes.set_xlabel(told, fontsize=7)
        for axes in panels.flat[len(found) :]:
            axes.set_visible(False)
        handles, names = panels[0, 0].get_legend_handles_labels()
        rows = max(1, int(figure.get_figheight() / ROW))
        figure.legend(
            handles,
            names,
            loc="outside right center",
            markerscale=1.5,
            ncols=-(-len(names) // rows),
        )
        titled(figure, title)
        return Picture(name, figure)


def _flat(features_MD: Floats, method: str, *, unit: bool) -> tuple[Floats, str]:
    """Places (M, 2), and what is to be said of them."""
    length_M1 = np.linalg.norm(features_MD, axis=1, keepdims=True)
    scaled = features_MD / np.maximum(length_M1, np.finfo(np.float32).tiny) if unit else features_MD
    if method == "pca":
        centred = np.pad(scaled - scaled.mean(0), ((0, 0), (0, max(0, 2 - scaled.shape[1]))))
        left, size, right = np.linalg.svd(centred.astype(np.float64), full_matrices=False)
        signs = np.sign(
            right[np.arange(2), np.abs(right[:2]).argmax(1)]
        )  # else either way round is as good
        share = (
            100 * np.square(size[:2]) / max(float(np.square(size).sum()), np.finfo(np.float64).tiny)
        )
        return left[:, :2] * size[
            :2
        ] * signs, f"{share[0]:.0f} % and {share[1]:.0f} % of the variance"
    if method == "tsne":
        perplexity = min(30.0, (len(scaled) - 1) / 3)
        tsne = library("--method tsne", "sklearn.manifold", "maps").TSNE
        return tsne(init="pca", random_state=0, perplexity=perplexity).fit_transform(
            scaled
        ), f"perplexity {perplexity:g}"
    neighbours = min(15, len(scaled) - 1)
    umap = library("--method umap", "umap", "maps").UMAP
    return umap(random_state=0, n_jobs=1, n_neighbors=neighbours).fit_transform(
        scaled
    ), f"{neighbours} neighbours"


def _bare(axes: Axes) -> None:
    """Without ticks and lines."""
    axes.set_xticks([])
    axes.set_yticks([])
    axes.grid(visible=False)


def _image(axes: Axes, data: LabelledImages, image: int) -> None:
    pixels = data.images[image].transpose(1, 2, 0)
    axes.imshow(pixels[..., 0] if pixels.shape[2] == 1 else pixels, cmap="gray", vmin=0, vmax=255)
    for left, top, right, bottom in [] if data.boxes is None else data.boxes[image].tolist():
        size = (right - left + 1, bottom - top + 1)
        axes.add_patch(
            Rectangle((left - 1.5, top - 1.5), *size, fill=False, edgecolor="white", lw=1.4)
        )
        axes.add_patch(
            Rectangle(
                (left - 1.5, top - 1.5), *size, fill=False, edgecolor="black", lw=0.7, ls="--"
            )
        )
