"""Which engine runs a plan, how many jobs at once, and what threads and GPUs they get."""

import dataclasses
from pathlib import Path

import pytest
import torch

from fewshot_bench.errors import UserError
from fewshot_bench.jobs import share
from fewshot_bench.jobs.options import JobOptions
from fewshot_bench.planning.engine_choice import Workplace, chosen_workplace
from fewshot_bench.registry.registry import Registry
from tests.helpers.plugin_files import engine_of_the_docs
from tests.helpers.runs import QUICK

REGISTRY = Registry()


def workplace(**options: object) -> Workplace | None:
    return chosen_workplace(JobOptions(**options), QUICK, REGISTRY)[0]  # type: ignore[arg-type]


def named(**options: object) -> Workplace:
    place = workplace(**options)
    assert place is not None
    return place


@pytest.fixture
def eight_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(share, "cores", lambda: 8)
    monkeypatch.setattr(torch, "get_num_threads", lambda: 8)


def test_one_job_runs_here_unless_an_engine_is_named(
    eight_cores: None, monkeypatch: pytest.MonkeyPatch
):
    assert workplace() is None
    assert workplace(jobs=1) is None
    one = named(engine="local")
    assert (one.engine.jobs, one.threads, one.gpus) == (1, 8, ())
    two = named(jobs=2)
    assert (two.engine.jobs, two.threads) == (2, 4)
    monkeypatch.setattr(share, "free_memory", lambda: 7 * 2**30)
    assert named(jobs="auto").engine.jobs == 2
    monkeypatch.setattr(share, "free_memory", lambda: 2**30)
    assert workplace(jobs="auto") is None


def test_the_request_has_the_threads_of_each_job_unless_the_user_named_them(eight_cores: None):
    options = JobOptions(jobs=4)
    assert chosen_workplace(options, QUICK, REGISTRY)[1].threads == 2
    asked = dataclasses.replace(QUICK, threads=5)
    place, request = chosen_workplace(options, asked, REGISTRY)
    assert place is not None
    assert (place.threads, request.threads) == (5, 5)
    assert chosen_workplace(JobOptions(), QUICK, REGISTRY)[1] is QUICK


def test_gpus_are_given_in_turn_and_never_more_than_they_hold(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda *_, **__: True)
    monkeypatch.setattr(share, "visible_gpus", lambda: ("0", "1"))
    monkeypatch.setattr(share, "cores", lambda: 16)
    monkeypatch.setattr(share, "free_memory", lambda: None)
    request = dataclasses.replace(QUICK, device="cuda")

    def on_gpus(**options: object) -> Workplace:
        place = chosen_workplace(JobOptions(**options), request, REGISTRY)[0]  # type: ignore[arg-type]
        assert place is not None
        return place

    several = on_gpus(jobs=4)
    assert (several.engine.jobs, several.gpus) == (4, ("0", "1"))
    for part, jobs in ((None, 2), (0.5, 4), (1.0, 2)):
        assert on_gpus(jobs="auto", gpus_per_job=part).engine.jobs == jobs
    one = dataclasses.replace(request, device="cuda:1")
    place, for_jobs = chosen_workplace(JobOptions(jobs=2), one, REGISTRY)
    assert place is not None
    assert (place.gpus, for_jobs.device) == (("1",), "cuda")
    with pytest.raises(UserError, match=r"more than 2 GPUs hold \(allowed: at most 4 jobs\)"):
        on_gpus(jobs=5, gpus_per_job=0.5)


def test_settings_of_the_engine_are_taken_out_of_the_request():
    settings = {"local.allowed_failures": "5", "pixels.views": "8"}
    request = dataclasses.replace(QUICK, settings=settings)
    place, left = chosen_workplace(JobOptions(jobs=2), request, REGISTRY)
    assert place is not None
    assert place.engine.settings.allowed_failures == 5
    assert left.settings == {"pixels.views": "8"}


def test_a_file_brings_an_engine(tmp_path: Path):
    registry = Registry([engine_of_the_docs(tmp_path)])
    place, _ = chosen_workplace(JobOptions(engine="instant"), QUICK, registry)
    assert place is not None
    assert place.engine.card.title == "Each job in the thread of the caller"
