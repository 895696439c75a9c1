"""What each of several jobs gets of a machine."""

import pytest
import torch

from fewshot_bench.jobs import share

GIB = 2**30


@pytest.mark.parametrize(
    ("cores", "gibibytes", "on_gpus", "jobs"),
    [
        (16, 64, None, 16),
        (16, 10, None, 3),
        (16, 2, None, 1),  # one always fits
        (2, None, None, 2),
        (16, 64, 1, 1),
        (16, 64, 4, 4),
        (2, 64, 4, 2),
    ],
)
def test_automatic_jobs_are_bounded_by_cores_memory_and_gpus(
    cores: int, gibibytes: int | None, on_gpus: int | None, jobs: int
):
    memory = None if gibibytes is None else gibibytes * GIB
    assert share.automatic_jobs(cores=cores, memory=memory, on_gpus=on_gpus) == jobs


@pytest.mark.parametrize(
    ("gpus", "part", "jobs"), [(1, 1, 1), (4, 1, 4), (2, 0.5, 4), (1, 0.1, 10), (1, 0.4, 2)]
)
def test_jobs_on_gpus(gpus: int, part: float, jobs: int):
    assert share.jobs_on_gpus(gpus, part) == jobs


def test_threads_are_shared_and_never_more_than_this_process_has(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(share, "cores", lambda: 8)
    monkeypatch.setattr(torch, "get_num_threads", lambda: 8)
    assert [share.threads_each(jobs) for jobs in (1, 2, 3, 8, 20)] == [8, 4, 2, 1, 1]
    monkeypatch.setattr(torch, "get_num_threads", lambda: 1)
    assert share.threads_each(2) == 1


@pytest.mark.parametrize(
    ("named", "count", "gpus"),
    [(None, 2, ("0", "1")), ("3,5", 2, ("3", "5")), ("GPU-a, GPU-b", 2, ("GPU-a", "GPU-b")), ("", 0, ())],
)  # fmt: skip
def test_gpus_have_the_names_that_the_environment_has_for_them(
    monkeypatch: pytest.MonkeyPatch, named: str | None, count: int, gpus: tuple[str, ...]
):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: count)
    if named is None:
        monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    else:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", named)
    assert share.visible_gpus() == gpus


def test_there_is_a_core_and_some_memory():
    assert share.cores() >= 1
    assert share.free_memory() is None or share.free_memory() > 0
