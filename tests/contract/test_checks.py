"""The contract: who keeps it passes, and each way of breaking it is named."""

import json
import re
from pathlib import Path

import pytest
import torch

from fewshot_bench import api
from fewshot_bench.contract.checks import CHECKS, examine
from fewshot_bench.errors import UserError
from fewshot_bench.registry.examined import Examined, examined
from fewshot_bench.registry.registry import Registry
from tests.helpers.command_line import TINY, words_of
from tests.helpers.plugin_files import RULES, copied, plugin

# file of tests/helpers/plugins/breaches: the check that it breaks
BREACHES = {
    "support_order": "support order",
    "way_order": "way order",
    "no_memory": "no memory",
    "queries_alone": "queries alone",
    "blocks": "blocks",
    "same_seed_same_bits": "same seed, same bits",
    "state_and_load": "state and load",
    "picklable": "picklable",
    "leaves_no_trace": "leaves no trace",
    "shapes_and_ranges": "shapes and ranges",
    "ways_and_shots": "ways and shots",
    "chance_on_noise": "chance on noise",
    "tells_patterns_apart": "tells patterns apart",
    "global_random_state_answering_sets_torch_s_generator": "global random state",
    "global_random_state_fit_sets_python_s_generator": "global random state",
    "leaves_no_trace_a_network_in_training_mode": "leaves no trace",
    "way_order_slots": "way order",
    "tells_patterns_apart_slots": "tells patterns apart",
    "support_order_behind_an_offset": "support order",
    "queries_alone_behind_an_offset": "queries alone",
    "leaves_no_trace_a_tensor_beside_its_modules": "leaves no trace",
    "leaves_no_trace_a_buffer_that_is_not_saved": "leaves no trace",
    "leaves_no_trace_features_it_is_handed": "leaves no trace",
    "no_memory_of_the_first_episode": "no memory",
    "no_memory_by_the_name_of_a_tensor": "no memory",
    "shapes_and_ranges_arrays": "shapes and ranges",
    "shapes_and_ranges_whole_numbers": "shapes and ranges",
    "shapes_and_ranges_no_answer": "shapes and ranges",
    "shapes_and_ranges_leaving": "shapes and ranges",
    "state_and_load_no_tensor": "state and load",
    "state_and_load_one_tensor_twice": "state and load",
    "learns": "learns",
    "learns_from": "learns from",
    "learns_from_seed": "learns from",
    "rule_way_order": "way order",
    "rule_support_order": "support order",
    "rule_queries_alone": "queries alone",
    "rule_tells_patterns_apart": "tells patterns apart",
}


def found(path: Path) -> dict[str, str]:
    return dict(api.check([str(path)])[["check", "status"]].itertuples(index=False))


@pytest.mark.parametrize("rule", RULES)
def test_a_sound_method_keeps_it(rule: str):
    assert found(plugin(f"by_{rule}")) == dict.fromkeys(CHECKS, "ok")


def test_a_trained_method_keeps_it():
    assert found(plugin("small_resnet")) == dict.fromkeys(CHECKS, "ok")


@pytest.mark.parametrize("breach", BREACHES)
def test_a_breach_is_named(breach: str):
    """And told: what was expected, what came, and in a sentence why it matters or what to do."""
    path = plugin(f"breaches/{breach}")
    rows = api.check([str(path)]).set_index("check").loc[[BREACHES[breach]]]
    assert rows["status"].tolist() == ["broken"]
    assert re.fullmatch(r"expected [^;]+; .+\. [A-Z].+[.?]", rows["told"].item()), rows[
        "told"
    ].item()


def test_what_a_method_raises_is_told_with_its_place():
    path = plugin("mismatch")
    lines = path.read_text().splitlines()
    number = lines.index("        return support @ query") + 1
    told = api.check([str(path)]).set_index("check").loc["shapes and ranges", "told"]
    expected = (
        r"expected an answer; came RuntimeError: .* "
        rf"\(mismatch.py, line {number}\)\. An error"
    )
    assert re.match(expected, told), told


def test_a_generator_set_by_the_seed_of_the_training_is_no_breach():
    assert found(plugin("seeded")) == dict.fromkeys(CHECKS, "ok")


QUICK = {"pixels", "whitened"}  # `test_a_trained_method_keeps_it` has one that trains
SUBJECTS = {
    subject.name: subject
    for subject in examined("all", Registry())
    if isinstance(subject, Examined)
}
REGISTERED = [
    pytest.param(name, marks=() if name in QUICK else pytest.mark.slow) for name in SUBJECTS
]


@pytest.mark.parametrize("name", REGISTERED)
def test_every_registered_baseline_and_rule_keeps_it(name: str, published: dict[str, torch.Tensor]):
    kind = SUBJECTS[name].baseline_class
    findings = examine(kind, SUBJECTS[name].rule_class)
    rows = {finding.check: finding for finding in findings}
    assert list(rows) == list(CHECKS)
    unchecked = {"queries alone"} if kind.card.transductive else set()
    unchecked |= set() if kind.card.label_equivariant else {"way order"}
    for check, finding in rows.items():
        assert finding.status == ("not checked" if check in unchecked else "ok"), (
            f"{check}: {finding.message}"
        )


def test_what_the_card_says_is_not_held_against_it():
    rows = found(plugin("open_card"))
    assert {rows["queries alone"], rows["way order"]} == {"not checked"}


def test_bench_check_tells_what_was_expected_and_ends_with_status_1(bench, tmp_path: Path):
    path = copied("breaches/tells_patterns_apart", tmp_path / "backwards.py")
    status, out, _ = bench("check", path, "pixels")
    assert status == 1
    assert "pixels: 17 checks passed" in out
    assert "backwards: 1 broken, 16 checks passed" in out
    assert "broken: tells patterns apart: expected at least 80 %" in out
    assert bench("check", "pixels")[0] == 0
    assert bench("check", "no_such_method")[0] == 2


def test_weights_that_cannot_be_had_are_no_breach(monkeypatch: pytest.MonkeyPatch):
    def offline(*args: object, **options: object) -> None:
        raise OSError("no route to host")

    monkeypatch.setattr("torch.hub.load_state_dict_from_url", offline)
    monkeypatch.setattr("torchvision.models._api.load_state_dict_from_url", offline)
    rows = api.check([str(plugin("downloaded"))]).set_index("check")
    assert rows.loc["learns", "status"] == "not checked"
    assert "fetch them with: curl" in rows.loc["learns", "told"]


def test_what_follows_from_a_broken_answer_is_not_told_too(bench, tmp_path: Path):
    path = copied("breaches/shapes_and_ranges", tmp_path / "empty.py")
    status, out, _ = bench("check", path)
    assert status == 1
    assert out.splitlines()[0] == "empty: 1 broken, 14 not checked, 2 checks passed"
    assert len(out.splitlines()) == 3
    assert "mend 'shapes and ranges' first" in out.splitlines()[2]


def test_every_variant_of_a_family_is_checked_by_its_file():
    rows = api.check(str(plugin("family")))
    assert rows["baseline"].unique().tolist() == ["family:half", "family:whole"]
    assert set(rows["status"]) == {"ok"}


def test_what_is_no_baseline_cannot_be_checked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "method.ipynb").touch()
    with pytest.raises(
        UserError, match=r"method.ipynb is no Python file; name one that ends in .py, or a baseline"
    ):
        api.check(["method.ipynb"])


def test_what_a_method_prints_is_kept_out_of_the_rows(bench, tmp_path: Path):
    path = plugin("talking")
    status, out, err = bench("check", path, "--json")
    assert status == 0
    assert len(json.loads(out)) == len(CHECKS)
    assert "hello" in err
    status, out, err = bench(
        "run",
        *TINY,
        "--plugin",
        path,
        *words_of("--baselines talking --shots 1 --json --out"),
        tmp_path / "out",
    )
    assert [row["baseline"] for row in json.loads(out)] == ["talking"]
    assert "hello" in err
