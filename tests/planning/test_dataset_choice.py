"""The data set is named, or told by the files; options that are its settings reach it or are refused."""

from pathlib import Path

import pytest

from fewshot_bench import Request, UserError, data
from fewshot_bench.planning.dataset_choice import chosen_dataset, dataset_notes
from fewshot_bench.registry.registry import Registry
from tests.helpers.files import image_folder, npz, wafer_arrays

pytestmark = pytest.mark.usefixtures("empty_cache")


def test_files_tell_the_data_set_where_no_name_does(tmp_path: Path):
    registry = Registry()
    own = image_folder(tmp_path / "own", {"a": [8, 8], "b": [8, 8]})
    wafers = npz(tmp_path / "wafers.npz", wafer_arrays())
    request = Request(data=own)
    assert chosen_dataset(request, registry).name == "folder"
    assert "read as folder" in dataset_notes(request, "folder")[0]
    assert chosen_dataset(Request(data=wafers), registry).name == "mixedwm38"
    for named in (Request(data=own, dataset="neu"), Request(data=own, protocol="neu-small")):
        assert chosen_dataset(named, registry).name == "neu"
        assert dataset_notes(named, "neu") == []
    assert chosen_dataset(Request(), registry).name == "steel-sim"


def test_options_of_the_request_are_settings_of_the_data_set(tmp_path: Path):
    image_folder(tmp_path / "line" / "old", {"a": [8, 9], "b": [8, 9]})
    image_folder(tmp_path / "line" / "new", {"a": [8, 9], "b": [8, 9]}, grey_level=60)
    names = {}
    for level in (2, 3):
        names[level] = data(Request(data=tmp_path, class_level=level)).class_names
    assert names == {2: ("new", "old"), 3: ("a", "b")}
    with pytest.raises(UserError, match="fit=round is out of bounds"):
        data(Request(data=tmp_path, class_level=2, fit="round"))
    with pytest.raises(UserError, match="--class-level 0 is out of bounds"):
        data(Request(data=tmp_path, class_level=0))
    with pytest.raises(UserError, match="--class-level is not for steel-sim"):
        data(Request(dataset="steel-sim", class_level=2))


def test_names_with_a_plus_between_them_are_put_together():
    registry = Registry()
    for request in (Request(dataset="neu+xsdd"), Request(protocol="neu+xsdd-heldout")):
        choice = chosen_dataset(request, registry)
        assert choice.name == "neu+xsdd"
        assert choice.owners == ["neu", "xsdd", "neu+xsdd"]
        assert choice.published == {}  # nobody printed a figure of both
    assert chosen_dataset(Request(dataset="xsdd"), registry).published
    with pytest.raises(UserError, match="'neu' is named twice in 'neu\\+xsdd\\+neu'"):
        chosen_dataset(Request(dataset="neu+xsdd+neu"), registry)
    with pytest.raises(UserError, match="unknown data set 'xsd'; did you mean 'xsdd'"):
        chosen_dataset(Request(dataset="neu+xsd"), registry)
