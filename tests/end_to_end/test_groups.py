"""`--group-by`: plates named in file names are kept apart, in every command and in what is kept."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from fewshot_bench import api
from fewshot_bench.errors import UserError
from fewshot_bench.leaderboard.rows import rows_of
from fewshot_bench.planning.plan import make_plan
from fewshot_bench.records.episode_files import read_episodes, write_episodes
from fewshot_bench.records.folder import ResultsFolder
from fewshot_bench.records.record import Record, read_record
from fewshot_bench.registry.registry import Registry
from fewshot_bench.request import Request
from tests.helpers.command_line import words_of
from tests.helpers.files import picture

PLATE = r"plate(\d+)"
PLATES = 6  # of each class
EACH = 3  # images of a class on a plate
TEST_CLASSES = ["c0", "c1"]


@pytest.fixture(scope="module")
def plates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four classes with names such as `plate07_0003.png`; a plate of c0 is one of c1, one of c1 one of c2."""
    place = tmp_path_factory.mktemp("plates")
    for label in range(4):
        folder = place / f"c{label}"
        folder.mkdir()
        for number in range(PLATES * EACH):
            plate = (PLATES - 1) * label + number // EACH
            content = picture(100 * label + number)
            (folder / f"plate{plate:02d}_{number:04d}.png").write_bytes(content)
    return place


def request(plates: Path, **changes: object) -> Request:
    values: dict[str, object] = {
        "dataset": "folder",
        "data": plates,
        "test_classes": TEST_CLASSES,
        "ways": 2,
        "shots": [1, 2],
        "queries": 3,
        "episodes": 40,
        "baselines": ["pixels"],
        "device": "cpu",
        "group_by": PLATE,
    }
    return Request(**(values | changes))  # type: ignore[arg-type]


def of_pool(record: Record) -> dict[int, int]:
    """The group of each image of the pool, by its index."""
    images = [image for first, count in record.pool for image in range(first, first + count)]
    return dict(zip(images, record.groups, strict=True))


def test_data_shows_groups_of_each_class_and_the_largest(bench, plates: Path):
    words = words_of("data --dataset folder --group-by")
    status, out, err = bench(*words, PLATE, plates)
    assert status == 0, err
    rows = [line.split() for line in out.splitlines() if "│ c" in line]
    assert [row[-4:-1:2] for row in rows] == [[str(PLATES), str(EACH)]] * 4
    assert r"groups: 21 by plate(\d+), of which 3 hold several classes" in out
    status, out, _ = bench(*words_of("data --dataset folder"), plates)
    assert status == 0
    assert "group" not in out


@pytest.mark.parametrize(
    ("group_by", "expected"),
    [
        (r"plate(\d+", "is no regular expression"),
        (r"plate(0\d+)", "finds no group in 39 of 72 file names, first in 'c1/plate10_"),
        ("(plate)", "puts all 72 images into one group"),
    ],
)
def test_an_expression_that_makes_no_groups_is_one_line(
    bench, plates: Path, tmp_path: Path, group_by: str, expected: str
):
    words = words_of("run --dataset folder --baselines pixels --group-by")
    status, _, err = bench(*words, group_by, "--data", plates, "--out", tmp_path / "out")
    assert status == 2
    assert err.count("\n") == 1
    assert expected in err


def test_a_run_keeps_groups_apart_and_says_what_it_left_out(bench, plates: Path, tmp_path: Path):
    words = words_of("--test-classes c0,c1 --ways 2 --shots 1,2 --queries 3 --episodes 40")
    status, out, err = bench(
        *words_of("run --dataset folder --baselines pixels,untrained --group-by"),
        *(PLATE, "--data", plates, *words, "--out", tmp_path / "out"),
    )
    assert status == 0, err
    assert "groups kept apart" in out
    assert "Note: 3 images are left out of the training: test classes have their groups too." in out
    folder = ResultsFolder(tmp_path / "out")
    for prediction in folder.predictions():
        record = prediction.record
        assert record.dataset.group_by == PLATE
        group_of = of_pool(record)
        for support, query in zip(
            prediction.episodes.support_TNK, prediction.episodes.query_TNQ, strict=True
        ):
            used = {group_of[image] for image in support.ravel()}
            assert not used & {group_of[image] for image in query.ravel()}
        (row,) = rows_of([prediction]).values()
        groups_M = row.correctness().design.groups_M
        assert groups_M is not None
        assert groups_M.tolist() == list(record.groups)
        of_ten = row.correctness(10).design.groups_M
        assert of_ten is not None
        assert of_ten.tolist() == groups_M.tolist()


def test_rows_over_groups_are_a_ranking_of_their_own(bench, plates: Path, tmp_path: Path):
    grouped = api.run(request(plates), tmp_path / "out")
    plain = api.run(request(plates, group_by=None), tmp_path / "out")
    keys = {record.key for record in [*grouped.records, *plain.records]}
    assert len(keys) == 4
    assert all(record.groups == () for record in plain.records)
    table = api.leaderboard(tmp_path / "out")
    assert table["group_by"].tolist().count(PLATE) == 2
    assert table["baseline"].tolist() == ["pixels"] * 4
    _, out, _ = bench("leaderboard", "--out", tmp_path / "out")
    assert r"grouped by plate(\d+)" in out
    assert "grouped by nothing" in out


def test_a_training_changes_with_the_images_that_are_left_out(plates: Path):
    keys = {}
    for group_by in (None, PLATE):
        plan = make_plan(request(plates, baselines=["resnet"], group_by=group_by), Registry())
        (training,) = plan.trainings
        keys[group_by] = training.key
        assert len(training.split.train) == (36 if group_by is None else 33)
    assert keys[None] != keys[PLATE]


def test_a_train_class_without_an_image_of_its_own_is_told(plates: Path):
    with pytest.raises(
        UserError, match=r"class 'c2' has no image to train on: each shares a group"
    ):
        make_plan(request(plates, group_by=r"/plate\d\d_(\d+)"), Registry())


def test_a_class_with_too_few_groups_is_told(plates: Path):
    with pytest.raises(
        UserError,
        match=r"class 'c0' has 6 groups with 18 images: 5 shots in 2 ways can take the groups of 18 "
        r"of them",
    ):
        make_plan(request(plates, shots=[5]), Registry())


def test_episodes_of_a_file_are_over_the_same_groups_or_refused(plates: Path, tmp_path: Path):
    file = tmp_path / "episodes.npz"
    written = api.episodes(request(plates), file)
    free = {"test_classes": None, "ways": None, "shots": None, "queries": None, "episodes": None}
    drawn = api.run(request(plates), tmp_path / "out")
    replayed = api.run(request(plates, episodes_file=file, **free), tmp_path / "out")
    assert written["digest"].tolist() == [one.episodes_digest for one in drawn.records]
    assert [one.key for one in replayed.records] == [one.key for one in drawn.records]
    with pytest.raises(UserError, match=r"over groups of images by 'plate\(\\d\+\)'"):
        make_plan(request(plates, episodes_file=file, group_by=None, **free), Registry())
    episodes, about = read_episodes(file)
    one = episodes[1]
    one.query_TNQ[4, 0, 0] = one.support_TNK[4, 0, 0] // EACH * EACH + EACH - 1
    one.support_TNK[4, 0, 0] = one.support_TNK[4, 0, 0] // EACH * EACH
    write_episodes(file, episodes, about)
    with pytest.raises(UserError, match="1 shot: support and query of episode 4 share a group"):
        make_plan(request(plates, episodes_file=file, **free), Registry())


def test_edited_episodes_are_another_record_with_groups_than_without(plates: Path, tmp_path: Path):
    file = tmp_path / "episodes.npz"
    api.episodes(request(plates), file)
    episodes, about = read_episodes(file)
    turned = {}
    for shots, part in episodes.items():
        parts = (part.classes_TN[::-1], part.support_TNK[::-1], part.query_TNQ[::-1])
        turned[shots] = type(part)(*parts)
    del about["group_by"]
    write_episodes(file, turned, about)
    free = {"test_classes": None, "ways": None, "shots": None, "queries": None, "episodes": None}
    keys = set()
    for group_by in (PLATE, None):
        asked = request(plates, episodes_file=file, group_by=group_by, **free)
        outcome = api.run(asked, tmp_path / "out")
        keys |= {record.key for record in outcome.records}
    assert len(keys) == 4


def test_runs_of_a_classification_keep_groups_apart(bench, plates: Path, tmp_path: Path):
    status, out, err = bench(
        *words_of("run --dataset folder --baselines pixels --group-by"),
        *(PLATE, "--data", plates),
        *words_of("--train-per-class 4,7 --runs 3 --out"),
        tmp_path / "out",
    )
    assert status == 0, err
    assert "images of a run are left out of training and test" in out
    folder = ResultsFolder(tmp_path / "out")
    assert len(folder.predictions()) == 6
    for prediction in folder.predictions():
        group_of = of_pool(prediction.record)
        episodes = prediction.episodes
        trained = {group_of[image] for image in episodes.support_TNK.ravel()}
        tested = episodes.query_TNQ[episodes.is_query_TNQ]
        assert not trained & {group_of[image] for image in tested}
    recalls = pd.read_csv(tmp_path / "out" / "recalls.csv")
    assert set(recalls["group_by"]) == {PLATE}


def test_runs_over_other_groups_are_another_row(plates: Path, tmp_path: Path):
    free = {"test_classes": None, "ways": None, "shots": None, "queries": None, "episodes": None}
    for group_by in (PLATE, r"plate\d(\d)", None):
        asked = request(plates, group_by=group_by, train_per_class=[4], runs=2, **free)
        api.run(asked, tmp_path / "out")
    table = api.leaderboard(tmp_path / "out")
    assert table["seeds"].tolist() == [2, 2, 2]
    assert table["key"].nunique() == 3


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"groups": [0, 1.5] * 18}, "an item of groups is 1.5, not int"),
        ({"groups": [True] * 36}, "an item of groups is True, not int"),
        ({"groups": "0"}, "groups is '0', not list"),
        ({"groups": [0] * 35}, "it has groups of 35 images and not 36"),
    ],
)
def test_groups_of_a_record_are_read_strictly(
    plates: Path, tmp_path: Path, changes: dict[str, object], expected: str
):
    record = api.run(request(plates, shots=[1]), tmp_path / "out").records[0]
    values = json.loads(json.dumps(record.as_json()))
    assert read_record(values) == record
    with pytest.raises((TypeError, ValueError), match=expected):
        read_record(values | changes)
    del values["groups"], values["dataset"]["group_by"]
    assert read_record(values).groups == ()


def test_maps_of_an_encoder_are_of_images_of_other_groups_than_the_support(plates: Path):
    plan = make_plan(request(plates), Registry())
    episode_set = plan.cells[0].episode_set
    groups = plan.data.groups
    assert groups is not None
    support = episode_set.source.draw(3, 4).support_TNK[0]
    pool = plan.data.indices(TEST_CLASSES)
    is_beside = np.isin(groups[pool], groups[support])
    assert episode_set.beside(support) == set(pool[is_beside].tolist())


def test_train_tasks_of_learn2learn_lack_what_the_training_lacks(plates: Path, learn2learn: None):
    from fewshot_bench.interop import tasksets

    asked = request(plates, shots=[1], baselines=())
    assert len(tasksets(asked).train.dataset) == 33
    test = tasksets(asked).test
    assert len(test) == 40
    assert test[0][0].shape[0] == 2 * (1 + 3)
