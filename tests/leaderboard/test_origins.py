"""What differs in how two results were made is told, and nothing else."""

import dataclasses

from fewshot_bench.leaderboard.origins import ORIGINS, origin_columns
from fewshot_bench.records.record import Provenance, Record
from tests.helpers.records import record


def made(packages: dict[str, str], one: Record | None = None, **changes: object) -> Record:
    provenance = Provenance(packages=packages, device="a processor", threads=2, **changes)  # type: ignore[arg-type]
    return dataclasses.replace(one or record(), provenance=provenance)


def test_nothing_differs_between_a_record_and_itself_made_later():
    first = made({"torch": "2.0"}, started="2026-01-01")
    second = made({"torch": "2.0"}, started="2026-01-02")
    assert origin_columns([first], [second]) == dict.fromkeys(ORIGINS, "")


def test_each_thing_that_differs_stands_in_its_column():
    first = made({"torch": "2.0", "numpy": "1"}, record(settings={"lr": 0.1, "old": 1}))
    second = made(
        {"torch": "2.1", "numpy": "1"}, record(settings={"lr": 0.2}, sha256="other", data="new")
    )
    second = dataclasses.replace(
        second,
        provenance=dataclasses.replace(second.provenance, threads=4, commit="abc", dirty=True),
    )
    columns = origin_columns([first], [second])
    assert columns["differs_packages"] == "torch 2.0 -> 2.1"
    assert columns["differs_settings"] == "lr 0.1 -> 0.2; old 1 -> absent"
    assert columns["differs_code"] == "baseline code -> other; commit absent -> abc (edited)"
    assert columns["differs_data"] == "digest data -> new"
    assert columns["differs_machine"] == "threads 2 -> 4"
    assert columns["differs_episodes"].startswith("digest ")


def test_trainings_of_one_row_from_several_machines():
    first = [made({"torch": "2.0"}), made({"torch": "2.1"})]
    assert origin_columns(first, first[::-1]) == dict.fromkeys(ORIGINS, "")
    columns = origin_columns(first, first[:1])
    assert columns["differs_packages"] == "torch 2.0, 2.1 -> 2.0"
