"""Pictures show what the tables hold, the missing as missing, and are the same files for the same records."""

import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from fewshot_bench import api
from fewshot_bench.errors import UserError
from fewshot_bench.leaderboard.columns import Ranking
from fewshot_bench.report import class_plots, condition_plots, figure, plots, split_plots
from fewshot_bench.report import draw as pictures
from fewshot_bench.report.looks import looks_of
from tests.helpers.frames import DIFFERENT, board, board_row, confusion, confusion_frame
from tests.helpers.plugin_files import plugin
from tests.helpers.runs import run

KINDS = {"ranking", "accuracy", "differences", "recall", "confusion", "episodes", "cost", "loss"}


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three baselines, one of which answers one of two shot values and one of which has a loss."""
    folder = tmp_path_factory.mktemp("plots")
    run(
        folder / "out",
        [plugin("raising")],
        baselines=["pixels", "raising", "resnet"],
        budget=128,
    )
    return folder / "out"


def picture(table: pd.DataFrame, draw) -> figure.Figure:
    return draw(Ranking(table, ""), looks_of(table["baseline"]))


def test_bench_plot_draws_every_kind_as_png_and_svg(bench, done: Path):
    status, out, err = bench("plot", "--out", done, "--reference", "pixels")
    assert status == 0, err
    found = [Path(line) for line in out.splitlines()]
    assert {path.name.partition("-")[0] for path in found} == KINDS
    assert {path.suffix for path in found} == {".png", ".svg"}
    for path in found:
        content = path.read_bytes()
        if path.suffix == ".png":
            with Image.open(path) as image:
                assert min(image.size) > 200
                assert len(np.unique(np.asarray(image.convert("L")))) > 10, "an empty picture"
        else:
            assert content.startswith(b"<?xml")
            assert b"mathdefault" not in content, "a formula that is not set"


def test_the_same_results_give_the_same_bytes_in_every_format(done: Path):
    formats = ("png", "svg", "pdf")
    files = pictures.plot(done, formats=formats)
    assert {path.suffix for path in files} == {".png", ".svg", ".pdf"}
    assert all(p.read_bytes().startswith(b"%PDF") for p in files if p.suffix == ".pdf")
    before = {path: path.read_bytes() for path in files}
    pictures.plot(done, formats=formats)
    assert {path: path.read_bytes() for path in files} == before


def test_formats_are_those_that_were_asked_for(bench, done: Path):
    status, out, err = bench("plot", "--out", done, "--baselines", "pixels", "--format", "pdf")
    assert status == 0, err
    assert {Path(line).suffix for line in out.splitlines()} == {".pdf"}


def test_accuracy_shows_each_cell_where_it_is_and_the_missing_as_missing(done: Path):
    table = api.leaderboard(done)
    figure = picture(table, condition_plots.accuracy)
    axes = figure.axes[0]
    lines = {container.get_label(): container.lines[0] for container in axes.containers}
    assert set(lines) == {"pixels", "raising", "resnet"}
    shots = [label.get_text() for label in axes.get_xticklabels()]
    assert shots == [f"{one}" for one in sorted(table["shots"].unique())]
    assert axes.get_xticks().tolist() == sorted(table["shots"].unique()), "to scale"
    for name in ("pixels", "resnet"):
        rows = table[table["baseline"] == name].sort_values("shots")
        assert lines[name].get_ydata() == pytest.approx(100 * rows["accuracy"].to_numpy())
        bars = next(c for c in axes.containers if c.get_label() == name).lines[2][0].get_segments()
        assert [bar[:, 1].tolist() for bar in bars] == pytest.approx(
            100 * rows[["ci95_low", "ci95_high"]].to_numpy()
        )
    assert np.isnan(lines["raising"].get_ydata()).all()
    heights = {text.get_text(): text.get_position()[1] for text in axes.texts}
    crosses = [line for line in axes.lines if line.get_marker() == "x"]
    assert [len(line.get_xdata()) for line in crosses] == [2]
    assert "cross: no result" in axes.get_xlabel()
    assert "chance: 33.3" in axes.get_ylabel()
    by_accuracy = table.groupby("baseline")["accuracy"].max().sort_values(ascending=False)
    names = [text.get_text() for text in axes.texts]
    assert sorted(names, key=lambda name: heights[name], reverse=True) == [
        name if accuracy > 0 else f"{name} (no result)" for name, accuracy in by_accuracy.items()
    ]


def test_differences_have_margin_verdict_and_reference(done: Path):
    frame = api.compare(done, "pixels", 2)
    drawn = picture(frame, plots.paired_differences)
    assert "Difference to pixels" in {text.get_text() for text in drawn.texts}
    assert "within +-2 points" in drawn.get_supxlabel().replace("\n", " ")
    shots = frame["shots"].unique()
    for axes, value in zip(drawn.axes, shots, strict=True):
        rows = frame[frame["shots"] == value].to_dict("records")
        assert axes.get_title(loc="left") == f"{value}-shot"
        assert [text.get_text() for text in axes.texts] == [row["verdict"] for row in rows]
        band = axes.patches[0]
        assert (band.get_x(), band.get_x() + band.get_width()) == pytest.approx((-2, 2))
        bars = [container.lines[2][0].get_segments()[0][:, 0] for container in axes.containers]
        for bar, row in zip(bars, rows, strict=True):
            assert bar == pytest.approx([100 * row["low"], 100 * row["high"]])
            is_decided = row["verdict"] in ("better", "worse")
            assert (bar[0] <= 0 <= bar[1]) == (not is_decided), "no bar contradicts its verdict"


def test_shares_of_episodes_fall_from_all_to_none(done: Path):
    answers = api.ResultsFolder(done, write=False).predictions()
    frame = api.tables.episode_accuracies(answers)
    table = api.leaderboard(done)
    sums = frame.assign(accuracy=frame["accuracy"] * frame["count"]).groupby(["baseline", "shots"])
    means = sums["accuracy"].sum() / sums["count"].sum()
    for row in table.dropna(subset=["accuracy"]).to_dict("records"):
        assert means[row["baseline"], row["shots"]] == pytest.approx(row["accuracy"])
    axes = picture(frame, plots.episode_shares).axes[0]
    curves = [line for line in axes.lines if line.get_label() in set(table["baseline"])]
    assert curves
    for line in curves:
        assert line.get_ydata()[0] == 100
        assert (np.diff(line.get_ydata()) < 0).all()
        assert (np.diff(line.get_xdata()) >= 0).all()


@pytest.mark.parametrize(("classes", "written"), [(12, 144), (13, 0)])
def test_a_confusion_of_many_classes_is_told_by_colour(classes: int, written: int):
    pairs = [
        (f"class{i}", f"class{j}", float(i == j)) for i in range(classes) for j in range(classes)
    ]
    frame = pd.DataFrame(pairs, columns=["class", "predicted", "share"]).assign(
        dataset="many", protocol="many", preset="quick", ways=classes, queries="15", test_classes="all", shots=1, train_size=np.nan, pairs=np.nan,
        baseline="pixels", encoder="", settings="",
    )  # fmt: skip
    drawn = class_plots.confusions(Ranking(frame, ""))
    assert len(drawn.axes[0].texts) == written
    assert [axes.get_ylabel() for axes in drawn.axes[1:]] == (
        [] if written else ["%"]
    )  # the colour bar


def test_a_confusion_shows_what_was_taken_for_none_of_the_classes():
    answers = ["dent", "rust", "none of these"]
    shares = {"dent": [0.5, 0.0, 0.5], "rust": [0.0, 1.0, 0.0]}
    cells = [(name, *cell) for name in shares for cell in zip(answers, shares[name], strict=True)]
    frame = pd.DataFrame(cells, columns=["class", "predicted", "share"]).assign(
        dataset="steel", protocol="steel", preset="quick", ways=2, queries="15", test_classes="all", shots=1, train_size=np.nan, pairs=np.nan,
        baseline="pixels", encoder="", settings="",
    )  # fmt: skip
    axes = class_plots.confusions(Ranking(frame, "")).axes[0]
    names = [label.get_text() for label in axes.get_xticklabels()]
    assert names == answers
    assert [text.get_text() for text in axes.texts] == ["50", "0", "50", "0", "100", "0"]


def test_a_confusion_has_room_for_long_names():
    names = ["oxide scale of temperature system", "finishing roll printing"]
    pairs = [(one, other, 0.5) for one in names for other in names]
    frame = pd.DataFrame(pairs, columns=["class", "predicted", "share"]).assign(
        dataset="steel", protocol="steel", preset="quick", ways=2, queries="15", test_classes="all", shots=1, train_size=np.nan, pairs=np.nan,
        baseline="pixels", encoder="", settings="",
    )  # fmt: skip
    drawn = class_plots.confusions(Ranking(frame, ""))
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # matplotlib warns where nothing is left of the fields
        figure.files_of(figure.Picture("confusion", drawn))
    field = drawn.axes[0].get_window_extent().width / drawn.dpi / len(names)
    assert field > 0.3, "inches: two digits fit"


def test_names_from_data_sets_are_text_and_no_mathematics(tmp_path: Path, done: Path):
    confusion = api.confusion(done).assign(protocol="$\\frac{$", dataset="a/b:c")
    pictures = list(
        plots.drawn(
            api.leaderboard(done).assign(protocol="$\\frac{$"), confusion=confusion, episodes=pd.DataFrame(),
            costs=pd.DataFrame(columns=["key", "seconds"]), losses=pd.DataFrame(),
        )
    )  # fmt: skip
    for found in pictures:
        for name, content in figure.files_of(found).items():
            (tmp_path / name).write_bytes(content)
    assert {path.name.partition("-")[0] for path in tmp_path.iterdir()} == {
        "ranking",
        "accuracy",
        "recall",
        "confusion",
    }


def test_what_cannot_be_drawn_is_one_line(
    bench, done: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    for words, expected in (
        (("--out", tmp_path), "holds no result to draw"),
        (("--out", done, "--baselines", "nothing"), "unknown baseline of the results 'nothing'"),
        (
            ("--out", done, "--reference", "resnett"),
            "unknown reference 'resnett'; did you mean 'resnet'",
        ),
        (
            ("--out", done, "--reference", "pixels", "--margin", "0"),
            "--margin 0.0 is out of bounds",
        ),
        (("--out", done, "--format", "gif"), "--format 'gif' is unknown (allowed: png, svg, pdf)"),
    ):
        status, _, err = bench("plot", *words)
        assert (status, err.count("\n")) == (2, 1), err
        assert expected in err
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(
        UserError, match=r"bench plot needs matplotlib, .*install fewshot-bench\[plots\]"
    ):
        pictures.plot(done)


def test_every_split_is_a_row_of_one_picture(tmp_path: Path):
    run(
        tmp_path,
        [plugin("levels")],
        baselines=["pixels", "levels"],
        splits="all",
        shots=[1, 2],
        episodes=40,
        queries=2,
    )
    files = {path.name for path in pictures.plot(tmp_path, "pixels")}
    assert files == {
        f"{kind}-steel-sim-splits.{end}"
        for kind in ("accuracy", "differences")
        for end in ("png", "svg")
    }
    board = api.leaderboard(tmp_path)
    last = board[board["shots"] == 2]
    axes = picture(board, split_plots.accuracy_by_split).axes[0]
    names = [text.get_text() for text in axes.get_yticklabels()]
    assert len(names) == 20
    means = last.groupby("test_classes")["accuracy"].mean()
    assert (np.diff(means[names]) >= 0).all(), "the hardest first"
    for container in axes.containers:
        own = last[last["baseline"] == container.get_label()].set_index("test_classes")["accuracy"]
        shown = dict(
            zip(
                np.round(container.lines[0].get_ydata().astype(float)),
                container.lines[0].get_xdata(),
                strict=True,
            )
        )
        assert [shown[at] for at in range(20)] == pytest.approx((100 * own[names]).tolist())
    frame = api.compare(tmp_path, "pixels")
    (axes,) = picture(frame, split_plots.differences_by_split).axes
    sure = frame[(frame["shots"] == 2) & frame["verdict"].isin(["better", "worse"])]
    filled = [c for c in axes.containers if c.lines[0].get_markerfacecolor() != "white"]
    assert sorted(c.lines[0].get_xdata()[0] for c in filled) == pytest.approx(
        sorted(100 * sure["difference"])
    )
    counts = [int(word) for word in axes.get_title().replace(",", "").split() if word.isdigit()]
    assert counts == [(sure["difference"] > 0).sum(), (sure["difference"] < 0).sum()]


def test_a_classification_protocol_is_drawn_too(tmp_path: Path):
    free = dict.fromkeys(("shots", "queries", "episodes"))
    run(tmp_path, baselines=["pixels"], train_per_class=[4, 8], runs=2, **free)
    names = {path.name.partition("-")[0] for path in pictures.plot(tmp_path)}
    assert names == {"ranking", "accuracy", "recall", "confusion", "cost"}
    recalls = api.recalls(tmp_path)
    confusion = api.confusion(tmp_path)
    drawn = class_plots.class_recalls(Ranking(confusion, ""))
    own = recalls[(recalls["train_size"] == 8) & recalls["class"].isin(confusion["class"])]
    texts = [text.get_text() for text in drawn.axes[0].texts]
    assert texts == [f"{100 * recall:.0f}" for recall in own["recall"]]
    assert "8 a class" in drawn.get_suptitle().replace("\n", " ")


def test_names_like_formulas_are_drawn_as_they_are(tmp_path: Path):
    rng = np.random.default_rng(0)
    names = ["$e_$", "a^b$", "$$", "one"]
    for label, name in enumerate(names):
        (tmp_path / "data" / name).mkdir(parents=True)
        for number in range(8):
            pixels = rng.integers(0, 40, (16, 16)).astype(np.uint8) + 50 * label
            Image.fromarray(pixels).save(tmp_path / "data" / name / f"{number}.png")
    free = {
        "settings": {},
        "shots": [1],
        "queries": 3,
        "ways": 2,
        "train_classes": names[2:],
        "test_classes": names[:2],
    }
    run(tmp_path / "out", dataset="folder", data=tmp_path / "data", **free)
    assert any(path.name.startswith("confusion") for path in pictures.plot(tmp_path / "out"))


NO_COSTS = pd.DataFrame(columns=["key", "seconds"])


def written_recalls(figure) -> dict[str, list[int]]:
    """The diagonal of each panel of a picture of confusions, by the title of the panel."""
    recalls = {}
    for axes in figure.axes:
        texts = [int(text.get_text()) for text in axes.texts]
        recalls[axes.get_title()] = [texts[0], texts[3]]
    return recalls


@pytest.mark.parametrize("column", DIFFERENT)
def test_rankings_that_differ_have_a_picture_each_that_says_what_differs(column: str):
    other, expected = DIFFERENT[column]
    changes = {column: other}
    # the confusions come in the other order than the leaderboard's rows
    frame = confusion_frame(confusion(0.3, 0.5, **changes), confusion(0.9, 0.8))
    table = board(board_row(0.85), board_row(0.4, **changes))
    pictures = list(
        plots.drawn(
            table, confusion=frame, episodes=pd.DataFrame(), costs=NO_COSTS, losses=pd.DataFrame()
        )
    )
    titles = {
        picture.name: picture.figure.get_suptitle().replace("\n", " ") for picture in pictures
    }
    assert set(titles) == {
        f"{kind}-steel-heldout{number}" for kind in ("recall", "confusion") for number in ("", "-1")
    } | {"ranking-steel-heldout-1-shot", "ranking-steel-heldout-1-1-shot"}
    recalls = {}
    for picture in pictures:
        said = [text for text in expected if text in titles[picture.name]]
        assert len(said) == 1, titles[picture.name]
        if picture.name.startswith("confusion"):
            recalls[said[0]] = written_recalls(picture.figure)
    assert recalls == {expected[0]: {"hist": [90, 80]}, expected[1]: {"hist": [30, 50]}}
    for number in ("", "-1"):  # the same number: the same ranking
        for name in (f"ranking-steel-heldout{number}-1-shot", f"recall-steel-heldout{number}"):
            said = [text for text in expected if text in titles[name]]
            assert said[0] in titles[f"confusion-steel-heldout{number}"]


def test_a_single_ranking_has_nothing_that_differs_in_its_title():
    (picture,) = plots.drawn(
        board(board_row(0.5)),
        confusion=pd.DataFrame(),
        episodes=pd.DataFrame(),
        costs=NO_COSTS,
        losses=pd.DataFrame(),
    )
    assert picture.figure.get_suptitle().replace("\n", " ").strip() == (
        "steel-heldout: 2-way, 15 queries a class, 1-shot, preset quick, tested on dent | rust"
    )


def test_two_rows_have_a_panel_and_a_name_each():
    older = {"baseline": "hist@older", "source": "cccccccccccc"}
    frame = confusion_frame(confusion(0.3, 0.5, **older), confusion(0.9, 0.8))
    ((of_splits, ranking),) = plots._of_pictures(frame)
    assert not of_splits
    assert written_recalls(class_plots.confusions(ranking)) == {
        "hist": [90, 80],
        "hist@older": [30, 50],
    }
    table = board(board_row(0.4, **older), board_row(0.85))
    costs = pd.DataFrame({"key": ["one", "two"], "seconds": [3.0, 5.0]})
    pictures = plots.drawn(
        table.assign(key=costs["key"]),
        confusion=frame,
        episodes=pd.DataFrame(),
        costs=costs,
        losses=pd.DataFrame(),
    )
    figures = {picture.name.partition("-")[0]: picture.figure for picture in pictures}
    for kind in ("ranking", "recall"):
        (axes,) = figures[kind].axes
        names = [label.get_text() for label in axes.get_yticklabels()]
        assert names == ["hist", "hist@older"], kind
    assert [text.get_text() for text in figures["cost"].axes[0].texts] == ["hist", "hist@older"]
    seconds = [float(c.lines[0].get_xdata()[0]) for c in figures["cost"].axes[0].containers]
    assert seconds == [5.0, 3.0], "each row has its own seconds"


def test_shares_of_two_rows_with_one_name_are_never_averaged():
    frame = confusion_frame(confusion(0.3, 0.5), confusion(0.9, 0.8))
    with pytest.raises(ValueError, match="duplicate"):
        class_plots.confusions(Ranking(frame, ""))
