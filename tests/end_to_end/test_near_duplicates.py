"""Near-duplicates in a run, its records, its table, its episodes, and in `bench data --show`."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fewshot_bench import api
from fewshot_bench.records.folder import ResultsFolder
from fewshot_bench.request import Request
from tests.helpers.command_line import words_of

RUN = words_of(
    "--dataset folder --test-classes dent,rust --ways 2 --shots 1 --queries 3 --episodes 50"
)


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """Three classes of ten pictures of noise; the first two of one have a turned copy."""
    rng = np.random.default_rng(0)
    for name in ("dent", "rust", "zinc"):
        place = tmp_path / "own" / name
        place.mkdir(parents=True)
        for number in range(10):
            pixels = rng.integers(0, 256, (24, 24)).astype(np.uint8)
            Image.fromarray(pixels).save(place / f"{number}.png")
            if name == "rust" and number < 2:
                Image.fromarray(np.rot90(pixels)).save(place / f"copy{number}.png")
    return tmp_path / "own"


def test_a_run_counts_them_or_leaves_them_out(bench, pictures: Path, tmp_path: Path):
    out = tmp_path / "out"
    words = ("run", *RUN, "--data", pictures, "--baselines", "pixels", "--out", out)
    status, table, err = bench(*words)
    assert status == 0, err
    flat = " ".join(table.split())
    assert "Note: 2 of 32 images are near-duplicates of an earlier image of their class" in flat
    status, table, err = bench(*words, "--near-duplicates", "drop")
    assert status == 0, err
    flat = " ".join(table.split())
    assert "folder-distinct, folder-distinct-custom" in flat
    assert "2 of 32 images are near-duplicates" in flat
    assert "were left out." in flat
    assert "@" not in flat  # no older data: another data set
    status, table, err = bench(*words, "--near-duplicates", "keep")
    assert status == 0, err
    assert "near-duplicates" not in table
    parts = {record.dataset.name: record.dataset for record in ResultsFolder(out, write=False)}
    counts = {}
    for name, part in parts.items():
        counts[name] = (part.images, part.near_duplicates, part.near_duplicates_dropped)
    # the records of a run that keeps them are those that are there
    assert counts == {"folder": (32, 2, 0), "folder-distinct": (30, 2, 2)}


def test_episodes_are_replayed_over_the_images_they_were_drawn_from(
    bench, pictures: Path, tmp_path: Path
):
    file = tmp_path / "episodes.npz"
    drop = ("--data", pictures, "--near-duplicates", "drop")
    status, _, err = bench("episodes", file, *RUN, *drop)
    assert status == 0, err
    words = ("run", "--dataset", "folder", "--episodes-file", file, "--baselines", "pixels")
    out = ("--out", tmp_path / "out")
    status, _, err = bench(*words, *drop, *out)
    assert status == 0, err
    status, _, err = bench(*words, "--data", pictures, *out)
    assert (status, err.count("\n")) == (2, 1)
    assert "with the same --near-duplicates" in err


def test_bench_data_names_and_draws_them(bench, pictures: Path, tmp_path: Path):
    status, text, err = bench("data", pictures, "--show", "--out", tmp_path)
    assert status == 0, err
    assert (
        "near-duplicates: 2 images are near-duplicates of an earlier one of their class, in 2 "
        "groups (rust/copy0.png is like rust/0.png; rust/copy1.png is like rust/1.png)"
    ) in text
    assert "near-duplicates in two classes: none" in text
    drawn = tmp_path / "plots" / "near-duplicates-folder.svg"
    assert str(drawn) in text
    picture = drawn.read_text()
    for words in ("2 of 2 pairs", "copy0.png", "1.png", "rust", "1.00"):
        assert words in picture


def test_a_data_set_without_any_has_no_such_picture(bench, pictures: Path, tmp_path: Path):
    for copy in pictures.glob("*/copy*.png"):
        copy.unlink()
    status, text, _ = bench("data", pictures, "--show", "--out", tmp_path)
    assert status == 0
    assert "near-duplicates: none" in text
    assert not (tmp_path / "plots" / "near-duplicates-folder.png").exists()


def test_another_word_is_one_line(bench, pictures: Path, tmp_path: Path):
    words = ("run", *RUN, "--data", pictures, "--baselines", "pixels", "--out", tmp_path / "out")
    status, _, err = bench(*words, "--near-duplicates", "remove")
    assert (status, err.count("\n")) == (2, 1)
    assert "keep, drop, group, report" in err
    status, _, err = bench(*words, "--near-duplicates", "group", "--group-by", "(.)")
    assert (status, err.count("\n")) == (2, 1)
    assert "exclude each other; leave out one of them" in err


def test_as_groups_they_are_never_in_support_and_queries_at_once(pictures: Path, tmp_path: Path):
    request = Request(
        dataset="folder",
        data=pictures,
        test_classes=["dent", "rust"],
        ways=2,
        shots=[1],
        queries=2,
        episodes=300,
        baselines=["pixels"],
        near_duplicates="group",
    )
    outcome = api.run(request, tmp_path / "out")
    assert any("never in support and queries at once" in note for note in outcome.notes)
    (record,) = outcome.records
    assert record.dataset.group_by == "near-duplicates"
    assert record.dataset.near_duplicates == 2
    groups = np.array(record.groups)
    assert len(groups) - len(np.unique(groups)) == 2
    episodes = ResultsFolder(tmp_path / "out").predictions_of(record).episodes
    images = np.concatenate([np.arange(first, first + count) for first, count in record.pool])
    group_of = dict(zip(images, groups, strict=True))
    for support, query in zip(episodes.support_TNK, episodes.query_TNQ, strict=True):
        held = {group_of[image] for image in support.ravel()}
        assert not held & {group_of[image] for image in query.ravel()}
