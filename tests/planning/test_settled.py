"""A folder settles how its trainings are computed, and a machine that cannot do so says it."""

import dataclasses
import json
from pathlib import Path

import pytest
import torch

from fewshot_bench.errors import UserError
from fewshot_bench.planning.plan import Plan, make_plan
from fewshot_bench.planning.plan_in_folder import plan_in
from fewshot_bench.planning.settled import Machine, machine_for, settled_folder
from fewshot_bench.records.computing import Computing, read_computing, settle
from fewshot_bench.records.folder import ResultsFolder
from fewshot_bench.registry.registry import Registry
from fewshot_bench.request import Request
from tests.helpers.runs import QUICK, run

CPU = torch.device("cpu")
WITH_BF16 = Machine(CPU, is_named=False, bf16=True, threads=4)
WITHOUT = Machine(CPU, is_named=False, bf16=False, threads=2)
GPU = Machine(torch.device("cuda"), is_named=False, bf16=True, threads=8)
TRAINED = dataclasses.replace(QUICK, baselines=["resnet", "pixels"], budget=32, shots=[1])


def planned(machine: Machine, request: Request = TRAINED) -> Plan:
    plan = make_plan(request, Registry())
    return dataclasses.replace(plan, machine=machine).computed_with(machine.own)


def precision(plan: Plan) -> str:
    (training,) = (training for training in plan.trainings if training.learns)
    return str(training.settings.as_dict()["precision"])


def test_the_first_machine_settles_and_the_others_keep_to_it(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    results = ResultsFolder(tmp_path)
    first = plan_in(results, planned(WITHOUT))
    assert (precision(first), first.computing) == ("float32", WITHOUT.own)
    assert read_computing(results.paths.computing) == Computing("cpu", bf16=False, threads=2)
    second = plan_in(results, planned(WITH_BF16))
    assert [cell.key for cell in second.cells] == [cell.key for cell in first.cells]
    (note,) = settled_folder(results, WITH_BF16).notes
    assert note.endswith("takes 2 threads, as its first one settled, and not 4")
    assert note in caplog.messages
    learned, other = second.trainings
    assert (second.threads(learned), second.threads(other)) == (2, None)
    third = plan_in(results, planned(GPU))
    assert (third.device, precision(third)) == (CPU, "float32")
    assert "name another --out to use it" in caplog.messages[-1]


def test_what_is_settled_meanwhile_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    results = ResultsFolder(tmp_path)
    theirs = Computing("cpu", bf16=False, threads=1)

    def slow(path: Path, computing: Computing) -> Computing:
        settle(path, theirs)
        return settle(path, computing)

    monkeypatch.setattr("fewshot_bench.planning.settled.settle", slow)
    plan = plan_in(results, planned(WITH_BF16))
    assert (plan.computing, precision(plan)) == (theirs, "float32")


@pytest.mark.parametrize(
    ("settled", "machine", "words"),
    [
        (WITH_BF16.own, WITHOUT, ("cpu, bf16, 4 threads", "run it on a machine that has")),
        (GPU.own, WITH_BF16, ("cuda, bf16", "with a GPU")),
        (
            WITH_BF16.own,
            dataclasses.replace(GPU, is_named=True),
            ("the processor", "leave --device out"),
        ),
    ],
)
def test_a_machine_that_cannot_keep_to_it_says_so(
    tmp_path: Path, settled: Computing, machine: Machine, words: tuple[str, ...]
):
    results = ResultsFolder(tmp_path)
    settle(results.paths.computing, settled)
    with pytest.raises(UserError, match="or name another --out") as error:
        plan_in(results, planned(machine))
    for text in (*words, str(tmp_path), "computing.json"):
        assert text in str(error.value)
    # nothing to train
    pixels = dataclasses.replace(TRAINED, baselines=["pixels"])
    pixels = dataclasses.replace(pixels, budget=None)
    assert plan_in(results, planned(machine, pixels)).computing == machine.own


def test_a_precision_that_is_given_stays(tmp_path: Path):
    results = ResultsFolder(tmp_path)
    settle(results.paths.computing, WITH_BF16.own)
    given = dataclasses.replace(
        TRAINED, settings={**TRAINED.settings, "resnet.precision": "float32"}
    )
    assert precision(plan_in(results, planned(WITHOUT, given))) == "float32"


def test_the_threads_of_a_folder_are_taken_for_its_trainings_alone(tmp_path: Path):
    before = torch.get_num_threads()
    run(tmp_path, baselines=["resnet", "pixels"], budget=32, shots=[1], threads=before + 1)
    more = {"baselines": ["resnet", "pixels"], "budget": 32, "shots": [1, 3]}
    again = run(tmp_path, **more)
    threads = {}
    for record in again.records:
        threads[record.baseline.name, record.shots] = record.provenance.threads
    assert threads == {
        ("resnet", 1): before + 1,
        ("resnet", 3): before + 1,
        ("pixels", 1): before + 1,
        ("pixels", 3): before,
    }
    assert torch.get_num_threads() == before


def test_threads_are_named_at_the_first_run(tmp_path: Path):
    results = ResultsFolder(tmp_path)
    named = dataclasses.replace(WITHOUT, asked=3)
    plan = plan_in(results, planned(named))
    learned, other = plan.trainings
    assert (plan.threads(learned), plan.threads(other)) == (3, 3)
    with pytest.raises(UserError, match=r"--threads 0 .*allowed: 1 to 1024"):
        machine_for(Request(threads=0))
    assert machine_for(Request(threads=5, device="cpu")).own.threads == 5


def edited(path: Path, *, device: str, precision: str, threads: int, started: str) -> None:
    record = json.loads(path.read_bytes())
    record["provenance"].update(device=device, threads=threads, started=started)
    record["baseline"]["settings"]["precision"] = precision
    path.write_text(json.dumps(record))


def test_a_folder_without_the_file_goes_on_as_its_newest_training(tmp_path: Path):
    done = run(tmp_path, baselines=["resnet", "pixels"], budget=32, seeds=2)
    results = ResultsFolder(tmp_path)
    results.paths.computing.unlink()
    # 1 and 3 shots of each seed; another shot value may be answered elsewhere, by the checkpoint
    trained = [record for record in done.records if record.baseline.name == "resnet"]
    first, later, second, last = (results.paths.record(record.stem) for record in trained)
    last.unlink()
    paths = [first, second]
    processor = "x86_64 processor"
    edited(paths[0], device=processor, precision="bf16", threads=1, started="2026-01-01")
    edited(later, device=processor, precision="bf16", threads=1, started="2026-01-01T01")
    edited(paths[1], device=processor, precision="bf16", threads=1, started="2026-01-02")
    folder = settled_folder(results, WITHOUT)
    assert (folder.computing, folder.note) == (Computing("cpu", bf16=True, threads=1), "")
    assert settled_folder(results, GPU).computing == folder.computing
    edited(paths[0], device="NVIDIA", precision="float32", threads=4, started="2026-01-03")
    edited(later, device=processor, precision="float32", threads=8, started="2026-01-04")
    folder = settled_folder(results, WITHOUT)
    assert folder.computing == Computing("cuda", bf16=False, threads=None)
    assert "computed in different ways" in folder.note
    asked = dataclasses.replace(TRAINED, budget=64)
    with pytest.raises(UserError, match=r"its newest training: cuda, float32\)"):
        plan_in(results, planned(WITHOUT, asked))
    # nothing is written before something is trained
    assert not results.paths.computing.exists()


def test_what_is_trained_already_needs_no_machine(tmp_path: Path):
    run(tmp_path, baselines=["resnet"], budget=32, shots=[1])
    results = ResultsFolder(tmp_path)
    settled = read_computing(results.paths.computing)
    assert settled is not None
    results.paths.computing.unlink()
    settle(results.paths.computing, dataclasses.replace(settled, device="cuda", threads=None))
    asked = dataclasses.replace(TRAINED, baselines=["resnet"])
    plan = make_plan(asked, Registry())
    (training,) = plan_in(results, plan).trainings
    assert training.learns
    with pytest.raises(UserError, match="a GPU"):
        plan_in(results, plan, fresh=True)
    with pytest.raises(UserError, match="a GPU"):
        plan_in(results, make_plan(dataclasses.replace(asked, budget=64), Registry()))


def test_a_gpu_is_named_by_its_number(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda *_, **__: True)
    for name in ("cuda", "cuda:0", "cuda:1", "cpu"):
        machine = machine_for(dataclasses.replace(QUICK, device=name))
        assert machine.device == torch.device(name)
        assert machine.own.device == name.partition(":")[0]
    with pytest.raises(UserError, match=r"'cuda:2' is not there \(allowed: cuda:0 to cuda:1"):
        machine_for(dataclasses.replace(QUICK, device="cuda:2"))
    with pytest.raises(UserError, match=r"allowed: auto, cpu, cuda, cuda:0, cuda:1"):
        machine_for(dataclasses.replace(QUICK, device="gpu"))


def test_a_gpu_is_not_there_where_torch_sees_none(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    for name in ("cuda", "cuda:0"):
        with pytest.raises(UserError, match=f"device '{name}' is not there .*; use --device cpu"):
            machine_for(dataclasses.replace(QUICK, device=name))
