"""The engine: what is done is not done again, one failure stops nothing, and every rule gets the same questions."""

import dataclasses
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from fewshot_bench import api
from fewshot_bench.engine import scoring
from fewshot_bench.engine.progress import Progress
from fewshot_bench.errors import UserError
from fewshot_bench.records.folder import ResultsFolder
from tests.helpers.plugin_files import BY_RULE, copied, plugin
from tests.helpers.runs import QUICK, run


def test_each_rule_answers_the_same_questions_alike(tmp_path: Path):
    """Baselines with one and the same rule behind an interface each: equal predictions, but for rounding."""
    for queries in (5, "all"):
        outcome = run(
            tmp_path / "out", BY_RULE, baselines=[path.stem for path in BY_RULE], queries=queries
        )
        assert not outcome.failed
        records = ResultsFolder(tmp_path / "out")
        for shots in (1, 3):
            found = [
                records.predictions_of(record)
                for record in outcome.records
                if record.shots == shots
            ]
            assert len({answer.record.episodes_digest for answer in found}) == 1
            for answer in found[1:]:
                assert (answer.predicted_TNQ == found[0].predicted_TNQ).mean() > 0.999
            assert {answer.record.baseline.rule for answer in found} == {
                "mean_cosine",
                "pair",
                "classify",
                "predict",
            }


def test_a_pair_head_is_asked_about_the_query_first_with_and_without_a_matrix(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    names = ["asymmetric_pair", "asymmetric_classify"]
    paths = [plugin(name) for name in names]
    matrix = run(tmp_path / "matrix", paths, baselines=names)
    monkeypatch.setattr(scoring, "LARGEST_MATRIX", 10)
    tables = [matrix.table, run(tmp_path / "direct", paths, baselines=names[:1]).table]
    found = [
        table[table["baseline"] == name]["accuracy"].tolist()
        for table, name in zip([*tables, tables[0]], [names[0], *names], strict=True)
    ]
    assert found[0] == found[1] == found[2]
    assert max(found[0]) > 0.34
    assert list((tmp_path / "matrix").glob("pairs/*"))
    assert not list((tmp_path / "direct").glob("pairs/*"))


def test_another_shot_value_needs_neither_network_nor_checkpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    chosen = {"baselines": ["untrained", "siamese"], "budget": 64}
    run(tmp_path, **chosen)

    def forbidden(*_: object, **__: object) -> None:
        raise AssertionError("a network was built")

    monkeypatch.setattr("fewshot_bench.learn.train.Encoder", forbidden)
    monkeypatch.setattr("fewshot_bench.engine.fitted_baseline.load_tensors", forbidden)
    outcome = run(tmp_path, **chosen, shots=[2], episodes=90)
    assert [record.status for record in outcome.records] == ["ok", "ok"]


def test_finished_work_is_skipped_and_fresh_does_it_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("FITS_LOG", str(tmp_path / "fits"))
    path = copied("counted", tmp_path / "counted.py")

    def fits() -> int:
        return len((tmp_path / "fits").read_text().splitlines())

    for expected, changes in [
        (1, {}),
        (1, {}),
        (1, {"shots": [1, 3, 5]}),
        (1, {"queries": "all"}),
        (2, {"fresh": True}),
        (3, {"test_classes": ["Pa", "In", "RS"]}),
    ]:
        run(tmp_path / "out", [path], baselines=["counted"], **changes)
        assert fits() == expected
    path.write_text(path.read_text() + "# edited: another method\n")
    run(tmp_path / "out", [path], baselines=["counted"])
    assert fits() == 4


def test_every_record_is_reported_once_and_those_of_an_earlier_run_first(tmp_path: Path):
    def steps_of(**changes: object) -> list[tuple[str, str, int, int, int | None]]:
        steps: list[Progress] = []
        request = dataclasses.replace(QUICK, **changes)  # type: ignore[arg-type]
        api.run(request, tmp_path, plugins=[plugin("raising")], notify=steps.append)
        shown = []
        for step in steps:
            if step.stage in ("found", "cell", "done"):
                shots = step.record.shots if step.record else None
                shown.append((step.stage, step.baseline, step.done, step.total, shots))
        return shown

    assert steps_of(baselines=["pixels"]) == [
        ("found", "", 0, 2, None),
        ("cell", "pixels", 1, 2, 1),
        ("cell", "pixels", 2, 2, 3),
        ("done", "pixels", 0, 0, None),
    ]
    failing = {"baselines": ["pixels", "raising"], "shots": [2, 3]}
    assert steps_of(**failing) == [
        ("found", "", 0, 4, None),
        ("found", "pixels", 1, 4, 3),
        ("cell", "pixels", 2, 4, 2),
        ("done", "pixels", 0, 0, None),
        ("cell", "raising", 3, 4, 2),
        ("cell", "raising", 4, 4, 3),
        ("done", "raising", 0, 0, None),
    ]
    # a failure of an earlier run is no result: it is tried again
    stages = [stage for stage, *_ in steps_of(**failing)]
    assert stages == ["found"] * 3 + ["done", "cell", "cell", "done"]


def test_a_failing_baseline_is_recorded_and_the_others_go_on(tmp_path: Path):
    outcome = run(tmp_path / "out", [plugin("raising")], baselines=["raising", "pixels"])
    assert {(record.baseline.name, record.status) for record in outcome.records} == {
        ("raising", "failed"),
        ("pixels", "ok"),
    }
    assert outcome.failed[0].reason == "ValueError: no"
    rows = pd.read_csv(tmp_path / "out" / "leaderboard.csv")
    assert rows[rows["baseline"] == "raising"]["accuracy"].isna().all()
    assert rows[rows["baseline"] == "raising"]["rank"].isna().all()
    assert set(rows["status"]) == {"ok", "failed"}


@pytest.mark.parametrize("part", ["loss", "embedding"])
def test_not_a_number_is_named_and_never_ranked(tmp_path: Path, part: str):
    name = f"nan_{part}"
    outcome = run(tmp_path / "out", [plugin(name)], baselines=[name])
    assert [record.status for record in outcome.records] == ["diverged", "diverged"]
    assert part in outcome.records[0].reason
    assert outcome.table["rank"].isna().all()


def test_seeds_are_trainings_of_their_own_and_one_row(tmp_path: Path):
    outcome = run(tmp_path / "out", baselines=["untrained"], seeds=3)
    assert len({record.training.key for record in outcome.records}) == 3
    assert outcome.table["seeds"].tolist() == [3, 3]
    assert outcome.table["ci95_kind"].tolist() == ["images+seeds"] * 2
    again = run(tmp_path / "other", baselines=["untrained"], seeds=3)
    assert again.table.equals(outcome.table)


def test_the_global_random_state_is_left_alone(tmp_path: Path):
    before, legacy = torch.random.get_rng_state(), np.random.get_state()[1].tolist()  # type: ignore[index]
    run(tmp_path / "out", baselines=["untrained"])
    assert torch.equal(before, torch.random.get_rng_state())
    assert np.random.get_state()[1].tolist() == legacy  # type: ignore[index]


def test_a_notebook_without_gradients_trains_the_same(tmp_path: Path):
    trained = run(tmp_path / "out", baselines=["protonet"], shots=[1], budget=64, image_size=32)
    with torch.no_grad():
        again = run(tmp_path / "again", baselines=["protonet"], shots=[1], budget=64, image_size=32)
    assert not again.failed, again.failed[0].reason
    assert again.table["accuracy"].tolist() == trained.table["accuracy"].tolist()


def test_a_slow_baseline_answers_fewer_episodes_of_the_same_sequence(tmp_path: Path):
    outcome = run(tmp_path / "out", [plugin("slow")], baselines=["slow", "pixels"], shots=[1])
    slow, fast = outcome.records
    assert (slow.episodes, fast.episodes) == (20, 60)
    assert slow.episodes_digests[16] == fast.episodes_digests[16]


def test_no_write_permission_is_found_before_anything_runs(tmp_path: Path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="cannot be written"):
        run(tmp_path / "file")


def test_a_method_that_leaves_is_its_own_cells_failure(tmp_path: Path):
    outcome = run(tmp_path / "out", [plugin("leaver")], baselines=["leaver", "pixels"], shots=[1])
    assert outcome.table.set_index("baseline")["status"].to_dict() == {
        "leaver": "failed",
        "pixels": "ok",
    }
    assert outcome.failed[0].reason == "SystemExit: 3"


def test_an_answer_that_is_no_tensor_is_told(tmp_path: Path):
    outcome = run(tmp_path / "out", [plugin("arrays")], baselines=["arrays"], shots=[1])
    assert (
        outcome.failed[0].reason == "TypeError: embed gave a ndarray; it must give a torch.Tensor"
    )


def test_an_episode_has_one_answer_whatever_random_numbers_were_drawn_before(tmp_path: Path):
    """A classifier that starts from random weights: asked from another episode on, or about one query, it is the same."""
    path = plugin("drawing")
    whole = run(tmp_path / "whole", [path], baselines=["drawing"], shots=[1], episodes=60)
    assert not whole.failed, whole.failed[0].reason
    run(tmp_path / "parts", [path], baselines=["drawing"], shots=[1], episodes=20)
    parts = run(tmp_path / "parts", [path], baselines=["drawing"], shots=[1], episodes=60)
    assert parts.table["accuracy"].tolist() == whole.table["accuracy"].tolist()
