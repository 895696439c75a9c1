"""Pictures of images and features: what lies where, for whom, and the same files for the same run."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest
from matplotlib.colors import to_rgb

from fewshot_bench.data.labelled import LabelledImages
from fewshot_bench.errors import UserError
from fewshot_bench.report import gallery
from tests.helpers.command_line import TINY, words_of


def features(blobs: LabelledImages) -> gallery.Features:
    rng = np.random.default_rng(0)
    along = blobs.labels + 0.1 * rng.random(len(blobs))
    return gallery.Features("one", np.outer(along, [3.0, 4.0, 0.0]).astype(np.float32))


def test_pca_keeps_what_varies_and_says_how_much(blobs: LabelledImages):
    picture = gallery.feature_map(
        blobs, np.arange(len(blobs)), [features(blobs)], method="pca", title="t", name="n"
    )
    axes = picture.figure.axes[0]
    assert axes.get_xlabel() == "100 % and 0 % of the variance"
    groups = {line.get_label(): line for line in axes.lines}
    assert [name.strip() for name in groups] == list(blobs.class_names)
    means = [line.get_xdata().mean() for line in groups.values()]
    steps = np.diff(means)
    assert np.allclose(np.abs(steps), 5, atol=0.3), "3-4-5: one class is 5 from the next"
    assert (np.sign(steps) == np.sign(steps[0])).all()
    greys = [
        0.2126 * r + 0.7152 * g + 0.0722 * b
        for r, g, b in (to_rgb(line.get_color()) for line in groups.values())
    ]
    marks = [line.get_marker() for line in groups.values()]
    assert len(set(zip(marks, greys, strict=True))) == len(groups)
    assert len(set(marks)) == len(groups), "told apart without colour"


def test_other_methods_are_asked_for_by_name(blobs: LabelledImages):
    with pytest.raises(UserError, match=r"'pda'.*pca"):
        gallery.check_method("pda")
    if importlib.util.find_spec("umap") is None:
        with pytest.raises(UserError, match=r"--method umap needs umap, which is not installed"):
            gallery.check_method("umap")
    gallery.check_method("tsne")
    rows = np.arange(0, len(blobs), 4)
    one = gallery.Features("one", features(blobs).features_MD[rows])
    drawn = [
        gallery.feature_map(blobs, rows, [one], method="tsne", title="t", name="n")
        for _ in range(2)
    ]
    places = [
        np.concatenate([line.get_xydata() for line in picture.figure.axes[0].lines])
        for picture in drawn
    ]
    assert places[0].shape == (30, 2)
    assert np.array_equal(*places)
    with pytest.raises(UserError, match="3 or more"):
        gallery.feature_map(blobs, rows[:2], [one], method="pca", title="t", name="n")


@pytest.mark.skipif(
    importlib.util.find_spec("umap") is None,
    reason="umap-learn is not installed (fewshot-bench[maps])",
)
def test_umap(blobs: LabelledImages):
    gallery.check_method("umap")
    one = features(blobs)
    picture = gallery.feature_map(
        blobs, np.arange(len(blobs)), [one], method="umap", title="t", name="n"
    )
    assert sum(len(line.get_xdata()) for line in picture.figure.axes[0].lines) == len(blobs)


def test_bench_map_draws_a_panel_a_baseline_of_each_split(bench, tmp_path: Path):
    words = (
        "map",
        *TINY,
        *words_of("--shots 1 --splits all --out"),
        tmp_path,
        "--baselines",
        "pixels",
    )
    status, out, err = bench(*words)
    assert status == 0, err
    files = [Path(line) for line in out.splitlines() if line.endswith(".png")]
    assert len(files) == 20
    assert len({path.read_bytes() for path in files}) == 20
    before = files[3].read_bytes()
    assert bench(*words)[0] == 0
    assert files[3].read_bytes() == before
    status, _, err = bench(
        "map", *TINY, "--out", tmp_path, "--baselines", "pixels", "--method", "tse"
    )
    assert (status, err.count("\n")) == (2, 1)
    assert "tsne" in err


def test_bench_data_shows_images_of_each_class_with_their_boxes(
    bench, tmp_path: Path, blobs: LabelledImages
):
    status, out, err = bench("data", "--dataset", "steel-sim", "--show", "--out", tmp_path)
    assert status == 0, err
    assert str(tmp_path / "plots" / "samples-steel-sim.png") in out
    import dataclasses

    boxes = tuple(np.array([[1, 1, 4, 8]]) for _ in range(len(blobs)))
    picture = gallery.samples(dataclasses.replace(blobs, boxes=boxes))
    panel = picture.figure.axes[0]
    assert [axes.get_ylabel() for axes in picture.figure.axes[:: gallery.EACH]] == list(
        blobs.class_names
    )
    assert np.array_equal(panel.images[0].get_array(), blobs.images[0, 0])
    box = panel.patches[0]
    assert (box.get_x(), box.get_y(), box.get_width(), box.get_height()) == (-0.5, -0.5, 4, 8)


def test_names_like_formulas_are_drawn_as_they_are(tmp_path: Path, blobs: LabelledImages):
    import dataclasses

    from fewshot_bench.report.figure import files_of

    named = dataclasses.replace(
        blobs, name="a $x_$ b", class_names=("$e_$", "a^b$", "$$", "\\frac", "_", "f")
    )
    files_of(gallery.samples(named))
    picture = gallery.feature_map(
        named, np.arange(0, 120, 5), [gallery.Features("one", features(blobs).features_MD[::5, :1])],
        method="pca", title="a $title_$ " * 20, name="n",
    )  # fmt: skip
    assert {text.get_text().strip() for text in picture.figure.legends[0].get_texts()} == set(
        named.class_names
    )
    assert len(picture.figure.get_suptitle().splitlines()) > 1, "a long title is broken into lines"
    files_of(picture)
