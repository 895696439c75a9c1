"""Settings reach their part, protocols are put together, and a subclass keeps its own name."""

import dataclasses
from pathlib import Path

import pytest

from fewshot_bench import Request, UserError, data
from fewshot_bench.planning.resolve import resolve_data, resolve_episodes
from fewshot_bench.registry.registry import Registry
from tests.helpers.files import image_folder, npz, wafer_arrays
from tests.helpers.plugin_files import plugin

pytestmark = pytest.mark.usefixtures("empty_cache")


def test_settings_reach_the_part_that_they_name(tmp_path: Path):
    own = image_folder(tmp_path / "own", {"a": [20] * 3, "b": [20] * 3})
    few = {"steel-sim.per_class": "3", "steel-sim.side": "32"}
    asked = Request(dataset="steel-sim+folder", data=own, settings=few)
    whole = data(asked)
    assert whole.images.shape == (24, 1, 20, 20)
    assert whole.class_names[-2:] == ("folder/a", "folder/b")
    named = Request(
        dataset="steel-sim+folder",
        data=own,
        class_names="a=dent",  # an option that one of them has
        settings={**few, "steel-sim+folder.side": "40"},
    )
    assert data(named).images.shape == (24, 1, 40, 40)
    assert data(named).class_names[-2:] == ("folder/b", "folder/dent")
    for option in ({"class_level": 2}, {"fit": "pad"}):
        with pytest.raises(UserError, match="is not for steel-sim\\+wafer-sim"):
            data(Request(dataset="steel-sim+wafer-sim", **option))  # type: ignore[arg-type]
    with pytest.raises(UserError, match="side=3 is out of bounds"):
        data(Request(dataset="steel-sim+folder", data=own, settings={"steel-sim+folder.side": "3"}))


def test_the_default_protocol_holds_out_what_each_part_holds_out():
    registry = Registry([plugin("shades")])
    few = {"steel-sim.per_class": "30", "steel-sim.side": "32"}
    request = Request(dataset="steel-sim+shades", settings=few)
    _, sets = resolve_episodes(request, registry)
    protocol = sets[0].protocol
    assert protocol.name == "steel-sim+shades-heldout"
    assert protocol.dataset == "steel-sim+shades"
    assert protocol.test_classes == (
        "steel-sim/Crazing",
        "steel-sim/Scratches",
        "steel-sim/Pitted_Surface",
        "shades/c3",
        "shades/c4",
        "shades/c5",
    )
    assert len(protocol.train_classes) == 6
    chosen = dataclasses.replace(request, test_classes=("Cr", "shades/c3", "steel-sim/Pa"))
    _, sets = resolve_episodes(chosen, registry)
    assert sets[0].protocol.name == "steel-sim+shades-custom"
    assert len(sets[0].protocol.train_classes) == 9


def test_groups_and_crops_are_of_each_part():
    registry = Registry([plugin("shades"), plugin("boxed")])
    grouped = Request(dataset="shades+boxed", group_by=r"(\d)")
    whole = resolve_data(grouped, registry).data
    assert whole.groups is not None
    assert len(set(whole.groups.tolist())) == 20  # ten first digits of each
    with pytest.raises(UserError, match="shades has no boxes here"):
        resolve_data(Request(dataset="shades+boxed", crop_boxes=0.5), registry)


def test_without_a_default_of_each_part_the_classes_are_named(tmp_path: Path):
    own = image_folder(tmp_path / "own", {"a": [20] * 3, "b": [20] * 3})
    request = Request(dataset="steel-sim+folder", data=own, settings={"steel-sim.per_class": "3"})
    with pytest.raises(UserError, match="steel-sim\\+folder has no default split"):
        resolve_episodes(request, Registry())


@pytest.fixture
def own(tmp_path: Path) -> Path:
    classes = {name: [16] * 20 for name in ("dent", "rust", "hole", "dust")}
    return image_folder(tmp_path / "own", classes)


def test_a_subclass_keeps_its_own_name_and_protocols(own: Path):
    registry = Registry([plugin("own_folder")])
    of_parent = Request(dataset="folder", data=own)
    assert resolve_data(of_parent, registry).data.name == "folder"
    for asked in ({"dataset": "own-folder"}, {"protocol": "own-folder-heldout"}):
        request = Request(data=own, **asked)  # type: ignore[arg-type]
        images, sets = resolve_episodes(request, registry)
        assert images.name == "own-folder"
        assert sets[0].protocol.name == "own-folder-heldout"
        assert sets[0].protocol.train_classes == ("dust", "hole")
    custom = Request(data=own, dataset="own-folder", test_classes=("dent", "hole"), ways=2)
    assert resolve_episodes(custom, registry)[1][0].protocol.name == "own-folder-custom"


def test_what_a_set_adds_to_its_name_stays(tmp_path: Path):
    subset = npz(tmp_path / "wafers.npz", wafer_arrays())
    file = tmp_path / "my_wafers.py"
    file.write_text(
        "from fewshot_bench.plugins.episodes.mixedwm38 import MixedWM38\n"
        "class MyWafers(MixedWM38):\n"
        "    pass\n"
    )
    registry = Registry([file])
    for name in ("mixedwm38", "my-wafers"):
        request = Request(dataset=name, data=subset)
        assert resolve_data(request, registry).data.name == f"{name}-subset"


def test_a_data_set_with_a_mistake_is_told_with_its_line():
    message = r"cracked.py cannot be loaded: TypeError: .*\(cracked.py, line 10\); bench check"
    with pytest.raises(UserError, match=message):
        resolve_data(Request(dataset="cracked"), Registry([plugin("cracked")]))
