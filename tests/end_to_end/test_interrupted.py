"""Nothing is lost when a run is killed, stopped, or meets a full disk, and what goes on is what would have been."""

import dataclasses
import errno
import functools
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import pytest
import torch
from torch import Tensor

from fewshot_bench import api, files
from fewshot_bench.baseline import Context
from fewshot_bench.data.labelled import LabelledImages
from fewshot_bench.engine.fitted_baseline import FittedBaseline
from fewshot_bench.errors import UserError
from fewshot_bench.records.folder import ResultsFolder
from fewshot_bench.registry.registry import Registry
from fewshot_bench.seeds import global_seed
from tests.helpers.command_line import TINY
from tests.helpers.plugin_files import plugin
from tests.helpers.runs import run
from tests.helpers.training import CPU
from tests.kill_study import study


class Stopped(Exception):
    """Stands for the end of the process."""


@pytest.mark.parametrize("name", ["scl_amp", "siamese", "protonet", "resnet", "anil"])
@pytest.mark.parametrize("after", [1, 4])
def test_a_resumed_training_is_the_unbroken_one_to_the_bit(
    blobs: LabelledImages, learn2learn: None, name: str, after: int
):
    kind, train = Registry().baseline(name).load(), blobs.subset(blobs.class_names[:3])
    settings = kind.settings_type.given(
        name, {"image_size": 32, "passes": 30 * 32, "encoder": "mobilenet_v3_small"}
    )

    def fit(
        keep, resumed: Mapping[str, Tensor] | None = None
    ) -> tuple[dict[str, Tensor], list[tuple[int, float]]]:
        history: list[tuple[int, float]] = []
        with global_seed(3):
            baseline = kind(settings)
            context = Context(
                CPU, 3, lambda passed, loss: history.append((passed, loss)), keep, resumed
            )
            baseline.fit(train, context=context)
        return dict(baseline.state()), history

    steps, kept = 0, {}

    def keep_and_stop(snapshot) -> None:
        nonlocal steps, kept
        steps += 1
        if steps == after:
            kept = {key: value.clone() for key, value in snapshot().items()}
        if steps == after + 2:
            raise Stopped

    whole, history = fit(lambda snapshot: None)
    with pytest.raises(Stopped):
        fit(keep_and_stop)
    resumed, rest = fit(lambda snapshot: None, kept)
    assert rest == history[-len(rest) :]
    assert 0 < len(rest) < len(history)
    assert all(torch.equal(value, resumed[key]) for key, value in whole.items())


def unfinished(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, **chosen: object) -> Path:
    """Where a training is kept that was interrupted after some steps."""
    monkeypatch.setattr("fewshot_bench.engine.fitted_baseline.KEEP_EVERY", 0.0)
    save, saved = ResultsFolder.save_tensors, 0

    def dying(self: ResultsFolder, place: str, *rest: object) -> None:
        nonlocal saved
        save(self, place, *rest)  # type: ignore[arg-type]
        saved += 1
        if saved == 7:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(ResultsFolder, "save_tensors", dying)
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


def test_runs_killed_at_random_come_to_the_same_bytes(tmp_path: Path):
    """A short form of `tests/kill_study.py`."""
    assert study(tmp_path, 2, random.Random(1)).total() == 2


def test_a_killed_writer_leaves_nothing_that_stays(tmp_path: Path):
    stray = tmp_path / "records" / f".some.json.{'0' * 32}"
    stray.parent.mkdir()
    for age, stays in ((10, True), (files.ABANDONED + 10, False)):
        stray.write_text("half")
        os.utime(stray, (time.time() - age,) * 2)
        ResultsFolder(tmp_path)
        assert stray.exists() == stays


def test_fresh_forgets_what_hangs_on_the_training(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    chosen = {"baselines": ["siamese"], "shots": [1], "budget": 64}
    first = run(tmp_path, **chosen)
    monkeypatch.setattr(
        FittedBaseline, "_of_each", lambda *words: (_ for _ in ()).throw(KeyboardInterrupt)
    )
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
    assert "history" not in outcome.records[0].training


def test_a_full_disk_is_one_line_that_names_the_file(
    bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    def full(*words: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("os.fsync", full)
    (tmp_path / "out").mkdir()
    path = tmp_path / "out" / "leaderboard.csv"
    with pytest.raises(OSError, match="No space left on device") as error:
        files.write_atomically(path, lambda file: file.write(b"x"))
    assert error.value.filename == str(path)
    assert not list((tmp_path / "out").iterdir())
    status, _, err = bench("run", *TINY, "--baselines", "pixels", "--out", tmp_path / "out")
    assert (status, err.count("\n")) == (2, 1)
    assert "No space left on device" in err


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
def test_a_stopped_run_says_what_is_done_and_how_to_go_on(tmp_path: Path, sent: signal.Signals):
    words = (
        "run",
        *TINY,
        "--shots",
        "1",
        "--budget",
        "200000",
        "--baselines",
        "pixels,resnet",
        "--out",
        str(tmp_path / "out"),
    )
    command = [sys.executable, "-u", "-m", "fewshot_bench", *words]
    heard = functools.partial(
        signal.signal, signal.SIGINT, signal.SIG_DFL
    )  # a shell's background jobs do not hear it
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, preexec_fn=heard
    )
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith("resnet: train"):
            break
    time.sleep(1)
    begun = time.perf_counter()
    process.send_signal(sent)
    _, err = process.communicate(timeout=30)
    assert time.perf_counter() - begun < 3
    assert process.returncode == 130
    assert err.splitlines() == [
        "done: pixels",
        "stopped; what is done is kept, and the same command, without --fresh, goes on from there",
    ]
    assert "resnet" not in [record.baseline["name"] for record in ResultsFolder(tmp_path / "out")]


def test_the_same_command_gives_the_same_bytes_in_another_process(tmp_path: Path):
    words = ("run", *TINY, "--shots", "1,2", "--budget", "200", "--baselines", "scl_amp,siamese", "--device", "cpu",
             "--encoder", "shufflenet_v2_x0_5")  # fmt: skip
    for name in ("one", "two"):
        command = [sys.executable, "-m", "fewshot_bench", *words, "--out", str(tmp_path / name)]
        subprocess.run(command, check=True, capture_output=True)
    one, two = ((tmp_path / name / "leaderboard.csv").read_bytes() for name in ("one", "two"))
    assert one == two
    found = next(iter(ResultsFolder(tmp_path / "one")))
    assert {"threads", "device", "packages"} <= set(found.provenance)
    assert found.baseline["settings"]["precision"] in ("float32", "bf16")


def test_a_collapsed_encoder_is_named_and_never_ranked(tmp_path: Path):
    outcome = run(tmp_path / "out", [plugin("collapsed")], baselines=["collapsed", "pixels"])
    rows = outcome.table.set_index("baseline").loc["collapsed"]
    assert set(rows["status"]) == {"diverged"}
    assert rows["rank"].isna().all()
    assert "it collapsed: all test images have the same embedding" in rows["note"].iloc[0]


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
    records = ResultsFolder(tmp_path)
    (checkpoint,) = (tmp_path / "trainings").iterdir()
    place = f"trainings/{checkpoint.stem}"
    tensors, about = records.load_tensors(place) or ({}, {})
    records.save_tensors(
        place,
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
    assert "all test images have the same score" in outcome.records[0].reason


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
    ResultsFolder(tmp_path).save_tensors(f"trainings/{kept.stem}", {"strange": torch.zeros(3)}, {})
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
        "fewshot_bench.learn.train._restored",
        lambda state, kept: began.append(1) or state.restore(kept),
    )
    assert run(tmp_path, **SMALL_RUN).table.equals(whole.table)
    assert began == [1]
