"""Trainings that are interrupted, go on, diverge or collapse."""

import dataclasses
from pathlib import Path

import pytest
import torch
from torch import Tensor

from fewshot_bench import api
from fewshot_bench.engine import features
from fewshot_bench.engine.progress import Progress
from fewshot_bench.errors import UserError
from fewshot_bench.records.tensors import load_tensors, save_tensors
from tests.helpers.plugin_files import plugin
from tests.helpers.runs import QUICK, run


def unfinished(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, **chosen: object) -> Path:
    """Where a training is kept that was interrupted after some steps."""
    monkeypatch.setattr("fewshot_bench.engine.fitted_baseline.KEEP_EVERY", 0.0)
    saved = 0

    def dying(*arguments: object) -> None:
        nonlocal saved
        save_tensors(*arguments)  # type: ignore[arg-type]
        saved += 1
        if saved == 7:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("fewshot_bench.engine.fitted_baseline.save_tensors", dying)
        with pytest.raises(KeyboardInterrupt):
            run(tmp_path, **chosen)
    (kept,) = (tmp_path / "trainings").glob("*.unfinished.safetensors")
    return kept


def test_a_run_goes_on_in_the_middle_of_a_training(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """The dropout of this encoder draws from torch's own generator, whose state is kept too."""
    chosen = {"baselines": ["resnet"], "shots": [1], "budget": 640, "encoder": "mobilenet_v3_small"}
    alone = run(tmp_path / "alone", **chosen)
    unfinished(tmp_path / "out", monkeypatch, **chosen)
    assert not list((tmp_path / "out" / "claims").glob("*.json"))
    resumed = run(tmp_path / "out", **chosen)
    assert resumed.table.equals(alone.table)
    assert resumed.records[0].training == alone.records[0].training
    assert not list((tmp_path / "out" / "trainings").glob("*.unfinished.safetensors"))


def test_a_training_is_reported_before_its_first_loss(tmp_path: Path):
    """So that a bar stands there from the beginning; what is not trained has none."""
    steps: list[Progress] = []
    names = ["pixels", "protonet"]
    request = dataclasses.replace(QUICK, baselines=names, shots=[1], budget=64, image_size=32)
    api.run(request, tmp_path, notify=steps.append)
    train = [step for step in steps if step.stage == "train"]
    assert {step.baseline for step in train} == {"protonet"}
    assert (train[0].done, train[0].total, train[0].note) == (0, 64, "")
    assert train[1].done > 0


def stopped(*words: object) -> None:
    raise KeyboardInterrupt


def test_fresh_forgets_what_hangs_on_the_training(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    chosen = {"baselines": ["siamese"], "shots": [1], "budget": 64}
    first = run(tmp_path, **chosen)
    monkeypatch.setattr(features, "answer_each", stopped)
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path, **chosen, fresh=True)
    assert not list(
        (tmp_path / "embeddings").iterdir()
    )  # of the old checkpoint, in whose place a new one is
    assert not list((tmp_path / "pairs").iterdir())
    monkeypatch.undo()
    assert run(tmp_path, **chosen, fresh=True).table.equals(first.table)


def test_too_little_space_is_told_before_training(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    usage = dataclasses.make_dataclass("Usage", ["free"])
    monkeypatch.setattr("shutil.disk_usage", lambda folder: usage(2**20))
    outcome = run(tmp_path, baselines=["resnet"], shots=[1], budget=3200)
    assert [record.status for record in outcome.records] == ["failed"]
    assert "has 1 MiB free and a training needs" in outcome.records[0].reason
    assert not outcome.records[0].training.history


def test_a_collapsed_encoder_is_named_and_never_ranked(tmp_path: Path):
    outcome = run(tmp_path / "out", [plugin("collapsed")], baselines=["collapsed", "pixels"])
    rows = outcome.table.set_index("baseline").loc["collapsed"]
    assert set(rows["status"]) == {"diverged"}
    assert rows["rank"].isna().all()
    assert "it collapsed: all images have the same embedding" in rows["note"].iloc[0]


def test_a_score_that_is_no_number_fails_its_own_cell_alone(tmp_path: Path):
    outcome = run(
        tmp_path / "out",
        [plugin("one_shot_nan")],
        baselines=["one_shot_nan"],
        shots=[1, 3],
    )
    assert [record.status for record in outcome.records] == ["diverged", "ok"]
    assert "a score of a query is not finite" in outcome.records[0].reason


def test_weights_that_are_no_numbers_diverge(tmp_path: Path):
    chosen = {"baselines": ["resnet"], "shots": [1], "budget": 64}
    run(tmp_path, **chosen)
    (checkpoint,) = (tmp_path / "trainings").iterdir()
    tensors, about = load_tensors(checkpoint) or ({}, {})
    save_tensors(
        checkpoint,
        {
            name: value.float() * float("nan") if value.ndim else value
            for name, value in tensors.items()
        },
        about,
    )
    for kept in (tmp_path / "embeddings").iterdir():
        kept.unlink()
    outcome = run(tmp_path, **{**chosen, "shots": [2]})
    assert outcome.records[0].status == "diverged"
    with pytest.raises(UserError, match="unknown baseline"):
        api.run(dataclasses.replace(api.Request(), baselines=["resnett"]), tmp_path)


def test_a_collapsed_head_is_named_too(tmp_path: Path):
    free = dict.fromkeys(("shots", "queries", "episodes"))
    outcome = run(
        tmp_path,
        [plugin("flat")],
        baselines=["flat"],
        train_per_class=[5],
        runs=2,
        **free,
    )
    assert {record.status for record in outcome.records} == {"diverged"}
    assert "all images have the same score" in outcome.records[0].reason


def test_a_checkpoint_needs_no_published_weights(
    tmp_path: Path, published: dict[str, Tensor], monkeypatch: pytest.MonkeyPatch
):
    chosen = {"baselines": ["resnet"], "budget": 64, "weights": "IMAGENET1K_V1"}
    first = run(tmp_path, **chosen, shots=[1])
    for kept in (tmp_path / "embeddings").iterdir():
        kept.unlink()

    def offline(*words: object, **options: object) -> None:
        raise OSError("no route to host")

    monkeypatch.setattr("torchvision.models._api.load_state_dict_from_url", offline)
    again = run(tmp_path, **chosen, shots=[1, 3])
    assert [record.status for record in again.records] == ["ok", "ok"]
    assert again.table["accuracy"].iloc[0] == first.table["accuracy"].iloc[0]


SMALL_RUN = {"baselines": ["resnet"], "shots": [1], "budget": 640, "encoder": "shufflenet_v2_x0_5"}


def test_what_was_kept_of_another_training_is_told_in_a_line_and_fresh_helps(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    kept = unfinished(tmp_path, monkeypatch, **SMALL_RUN)
    save_tensors(kept, {"strange": torch.zeros(3)}, {})
    (failed,) = run(tmp_path, **SMALL_RUN).records
    assert failed.status == "failed"
    assert "what was kept of its training is of another one" in failed.reason
    assert failed.reason.endswith("run with --fresh")
    assert len(failed.reason) < 250
    assert run(tmp_path, **SMALL_RUN, fresh=True).records[0].status == "ok"


def test_a_training_that_diverges_leaves_nothing_unfinished(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("fewshot_bench.engine.fitted_baseline.KEEP_EVERY", 0.0)
    settings = {"steel-sim.per_class": "24", "steel-sim.side": "32", "resnet.learning_rate": "1e30"}
    outcome = run(tmp_path, **SMALL_RUN, settings=settings)
    assert outcome.records[0].status == "diverged"
    assert not list((tmp_path / "trainings").glob("*"))


def test_one_killed_between_the_end_of_a_training_and_its_clean_up_leaves_nothing(tmp_path: Path):
    run(tmp_path, **SMALL_RUN)
    (checkpoint,) = (tmp_path / "trainings").iterdir()
    for path in (tmp_path / "records").rglob("*resnet*/*"):
        path.unlink()
    (tmp_path / "trainings" / f"{checkpoint.stem}.unfinished.safetensors").write_bytes(
        checkpoint.read_bytes()
    )
    assert run(tmp_path, **SMALL_RUN).records[0].status == "ok"
    assert list((tmp_path / "trainings").iterdir()) == [checkpoint]


def test_a_stopped_fresh_run_goes_on_without_fresh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    whole = run(tmp_path, **SMALL_RUN)
    unfinished(tmp_path, monkeypatch, **SMALL_RUN, fresh=True)
    assert not list((tmp_path / "records").rglob("*.json"))
    began: list[int] = []
    monkeypatch.setattr(
        "fewshot_bench.learn.train._restore",
        lambda state, kept: began.append(1) or state.restore(kept),
    )
    assert run(tmp_path, **SMALL_RUN).table.equals(whole.table)
    assert began == [1]
