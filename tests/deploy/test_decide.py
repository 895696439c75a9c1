"""Predictions for pictures, from folders to a table."""

from __future__ import annotations

import shutil

import numpy as np
import pytest
from PIL import Image

import fewshot_bench
from fewshot_bench import Request, UserError
from fewshot_bench.records.computing import Computing, settle
from tests.helpers.factory import defect, factory, folder_of

METHOD = "pixels+mean_cosine"


@pytest.fixture(scope="module")
def places(tmp_path_factory):
    return factory(tmp_path_factory.mktemp("factory"))


@pytest.fixture(scope="module")
def prediction(places):
    known, new, pictures = places
    return fewshot_bench.predict(pictures, known, new, method=METHOD)


def test_each_picture_has_a_row_with_its_class(prediction):
    table = prediction.table
    names = [name.rsplit("/", 1)[1].split("-")[0] for name in table["picture"]]

    assert list(table["class"]) == names
    assert (table["score"] > 0.5).all()
    assert (table["second_class"] != table["class"]).all()
    assert prediction.class_names == ("a", "b", "c", "fresh")


def test_probabilities_sum_to_one_and_the_scores_are_the_two_highest(prediction):
    table = prediction.table
    columns = [f"probability of {name}" for name in prediction.class_names]
    ordered = np.sort(table[columns].to_numpy(), axis=1)

    assert np.allclose(ordered.sum(1), 1)
    assert np.allclose(ordered[:, -1], table["score"])
    assert np.allclose(ordered[:, -2], table["second_score"])


def test_unknown_pictures_come_first_then_the_least_certain(places, tmp_path):
    known, new, pictures = places
    shutil.copytree(pictures, tmp_path / "p")
    noise = np.random.default_rng(0).integers(0, 256, (24, 24), dtype=np.uint8)
    Image.fromarray(noise).save(tmp_path / "p" / "odd.png")

    table = fewshot_bench.predict(tmp_path / "p", known, new, method=METHOD).table

    ordered = table.sort_values("look_first")
    assert ordered["picture"].iloc[0].endswith("odd.png")
    assert ordered["unknown"].iloc[0]
    of_known = ordered[~ordered["unknown"]]
    assert of_known["score"].is_monotonic_increasing
    assert sorted(table["look_first"]) == list(range(1, len(table) + 1))


def test_rows_come_in_the_order_of_the_pictures(places):
    known, new, pictures = places
    files = sorted(pictures.iterdir(), reverse=True)

    table = fewshot_bench.predict(files, known, new, method=METHOD).table

    assert list(table["picture"]) == [str(file) for file in files]


def test_one_picture_alone_gets_the_answer_that_it_has_among_others(places, prediction):
    known, new, pictures = places
    last = sorted(pictures.iterdir())[-1]

    alone = fewshot_bench.predict(last, known, new, method=METHOD).table.iloc[0]

    together = prediction.table.iloc[-1]
    assert alone["class"] == together["class"]
    assert alone["score"] == pytest.approx(together["score"], abs=1e-5)


def test_new_classes_alone_are_told_apart(places, tmp_path):
    new = folder_of(tmp_path / "new", {"a": 0, "b": 1}, 4)

    table = fewshot_bench.predict(places[2] / "a-100.png", new=new, method=METHOD).table

    assert list(table["class"]) == ["a"]


def test_a_rule_that_learns_is_fitted_on_the_known_classes(places):
    known, new, pictures = places

    table = fewshot_bench.predict(pictures, known, new, method="pixels+whitened").table

    names = [name.rsplit("/", 1)[1].split("-")[0] for name in table["picture"]]
    assert (table["class"] == names).mean() > 0.7


def test_a_reference_stands_as_its_views(places, tmp_path):
    known, new, _ = places
    turned = Image.open(new / "fresh" / "0.png").rotate(90)
    turned.save(tmp_path / "turned.png")
    method = {"known": known, "new": new, "method": "pixels+nearest"}

    plain = fewshot_bench.predict(tmp_path / "turned.png", **method).table
    views = Request(settings={"nearest.reference_views": "8"})
    viewed = fewshot_bench.predict(tmp_path / "turned.png", request=views, **method).table

    assert list(plain["class"]) == ["c"]  # whose stripes lie the other way
    assert list(viewed["class"]) == ["fresh"]


def test_a_method_that_trains_is_trained_on_the_known_classes(places, tmp_path):
    known, new, pictures = places
    few = {"protonet.train_shots": "2", "protonet.train_queries": "2"}
    request = Request(preset="scratch", budget=60, settings=few)

    made = fewshot_bench.predict(
        pictures, known, new, method="protonet", request=request, out=tmp_path / "results"
    )

    assert len(made.table) == 8
    assert any("too sure" in note for note in made.notes)
    assert list((tmp_path / "results").rglob("*.safetensors"))
    assert (tmp_path / "results" / "computing.json").is_file()


def test_a_training_is_computed_as_its_folder_settled(places, tmp_path):
    known, new, pictures = places
    settle(tmp_path / "computing.json", Computing("cuda", bf16=True, threads=None))
    asked = {"out": tmp_path, "request": Request(preset="scratch", budget=60, device="cpu")}
    with pytest.raises(UserError, match=r"computed on a GPU.*another --out") as error:
        fewshot_bench.predict(pictures, known, new, method="resnet", **asked)
    assert str(tmp_path) in str(error.value)
    made = fewshot_bench.predict(pictures, known, new, method=METHOD, out=tmp_path)
    assert len(made.table) == 8  # nothing to train


def test_a_picture_that_is_a_reference_is_told(places):
    known, new, _ = places

    made = fewshot_bench.predict(known / "a" / "0.png", known, new, method=METHOD)

    assert any("1 picture is a reference itself" in note for note in made.notes)


def test_other_sizes_and_modes_are_brought_to_those_of_the_references_with_a_note(places, tmp_path):
    known, new, pictures = places
    image = Image.open(pictures / "b-100.png").resize((48, 48)).convert("RGB")
    image.save(tmp_path / "b.png")

    made = fewshot_bench.predict(tmp_path / "b.png", known, new, method=METHOD)

    assert list(made.table["class"]) == ["b"]
    notes = " ".join(made.notes)
    assert "resized to 24 x 24" in notes
    assert "made grey" in notes


def test_a_class_of_one_picture_is_told_and_never_flagged(places, tmp_path):
    known, _, pictures = places
    new = folder_of(tmp_path / "new", {"fresh": 3}, 1)

    made = fewshot_bench.predict(pictures, known, new, method=METHOD)

    of_new = made.table[made.table["class"] == "fresh"]
    assert len(of_new) >= 1
    assert not of_new["unknown"].any()
    assert any("1 class has one picture (fresh)" in note for note in made.notes)
    assert any("fresh is flagged unknown" in note for note in made.notes)


def test_the_default_learns_from_known_classes_where_there_are_some():
    from fewshot_bench.deploy.chosen import default_method
    from fewshot_bench.registry.registry import Registry

    assert default_method(Registry(), has_known=True).name == "frozen+whitened"
    assert default_method(Registry(), has_known=False).name == "frozen"


def _refused(match, pictures, known=None, new=None, method=METHOD, **options):
    with pytest.raises(UserError, match=match) as error:
        fewshot_bench.predict(pictures, known, new, method=method, **options)
    assert "\n" not in str(error.value)


def test_bad_input_is_one_line(places, tmp_path):
    known, new, pictures = places
    _refused("no class is named", pictures)
    _refused("no pictures are named", [], known, new)
    _refused("does not exist", tmp_path / "no", known, new)
    (tmp_path / "empty").mkdir()
    _refused("holds no picture", tmp_path / "empty", known, new)
    _refused("holds no image in a class folder", pictures, tmp_path / "empty", new)
    _refused("is the only class", pictures, new=new)
    _refused("unknown baseline", pictures, known, new, method="froze")
    _refused("unknown rule", pictures, known, new, method="pixels+white")
    _refused("transductive", pictures, known, new, method="pixels+easyfsl:TIM")
    _refused("learns from known classes", pictures, new=known, method="pixels+whitened")
    _refused("stands for", pictures, known, new, method="pixels+all")
    _refused("two methods", pictures, known, new, recommendation=tmp_path)
    _refused("answers from the pictures", pictures, known, new, method="maml")
    alone = folder_of(tmp_path / "alone", {"x": 0, "y": 1}, 1)
    _refused("every class has one picture", pictures, new=alone)


@pytest.mark.parametrize("name", ["a", "A", "as", "a_"])
def test_a_new_class_that_is_known_is_told(places, tmp_path, name):
    known, _, pictures = places
    new = folder_of(tmp_path / "new", {name: 3}, 2, start=50)
    if name == "as":  # of so short a name, a plural s tells nothing
        assert fewshot_bench.predict(pictures, known, new, method=METHOD).class_names[-1] == "as"
        return
    _refused("is in --known too", pictures, known, new)


def test_a_picture_in_a_known_and_a_new_class_is_told(places, tmp_path):
    known, _, pictures = places
    new = folder_of(tmp_path / "new", {"fresh": 3}, 2)
    shutil.copy(known / "b" / "0.png", new / "fresh" / "copy.png")

    _refused(r"copy\.png .*keep each picture in one class", pictures, known, new)


def test_all_pictures_that_cannot_be_read_are_named(places, tmp_path):
    known, new, _ = places
    for place in ("one", "two"):
        (tmp_path / place).mkdir()
        (tmp_path / place / f"bad-{place}.png").write_bytes(b"no picture")
        defect(0, 7).save(tmp_path / place / "good.png")

    paths = [tmp_path / "one", tmp_path / "two"]
    _refused(r"bad-one\.png.*bad-two\.png", paths, known, new)
