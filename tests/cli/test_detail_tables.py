"""Confusion, recalls and heat on the terminal."""

import pandas as pd

from fewshot_bench.cli import detail_tables
from fewshot_bench.leaderboard import columns
from tests.helpers.terminal import RESULT, Row, names, shown


def test_what_classes_were_taken_for_is_shown_by_question():
    rows = []
    for train_classes in ("Pa | In", "RS"):
        for name, predicted, count in [
            ("Cr", "Cr", 30), ("Cr", "Sc", 10), ("Sc", "Cr", 30), ("Sc", "Sc", 10),
        ]:  # fmt: skip
            cell = {"class": name, "predicted": predicted, "count": count, "share": count / 40}
            rows.append(RESULT | {"train_classes": train_classes} | cell)
    frame = pd.DataFrame(rows, columns=list(columns.CONFUSION))
    text = shown(detail_tables.confusion_blocks, frame)
    assert names(text, 1) == [["75.0", "25.0"], ["75.0", "25.0"]]
    assert names(text, 2) == [["", "worst"], ["", "worst"]]
    for train_classes in ("Pa | In", "RS"):
        expected = "resnet, 5-shot, 3-way, 15 queries a class, preset quick, trained on"
        assert f"{expected} {train_classes}\n" in text


def test_recalls_of_other_test_images_stand_apart_and_published_ones_beside():
    recall: Row = {
        "dataset": "steel",
        "protocol": "steel-small",
        "preset": "quick",
        "train_size": 10.0,
        "queries": "all",
        "episode_seed": 0,
        "dataset_digest": "0" * 32,
        "baseline": "resnet",
        "runs": 3,
        "class": "Cr",
        "recall": 0.7,
        "ci95_low": 0.6,
        "ci95_high": 0.8,
        "published_differs": "",
    }
    question = ("dataset", "protocol", "preset", "train_size")
    published = {name: recall[name] for name in question} | {
        "baseline": "resnet",
        "class": "Cr",
        "recall": 0.9389,
        "published_differs": "Table III",
    }
    rows = [
        recall,
        recall | {"baseline": "amp"},
        recall | {"queries": "180"},
        recall | {"train_size": 20.0},
        published,
    ]
    frame = pd.DataFrame(rows, columns=list(columns.RECALLS))
    text = shown(detail_tables.recall_blocks, frame)
    heads = [line.split("┃")[2:-1] for line in text.splitlines() if line.startswith("┃")]
    assert [[head.strip() for head in line] for line in heads] == [
        ["resnet", "amp", "resnet"],
        ["resnet"],
        ["resnet", "resnet"],
    ]
    assert "93.89" in text
    assert "10 a class: recall in %, tested on 180 images" in text
    assert "10 a class: recall in %, tested on all images that were not trained on" in text
    assert "Published: resnet (Table III)." in text


def test_heat_of_different_test_classes_stands_apart_and_one_note_ends_it():
    heat: Row = {
        "dataset": "steel",
        "protocol": "steel-splits",
        "test_classes": "Cr | Sc",
        "preset": "quick",
        "ways": 2,
        "shots": 5,
        "train_size": None,
        "baseline": "resnet",
        "places": "4 x 4",
        "images": 9,
        "without_heat": 1,
        "reference": "amp",
        "cover": 0.2,
        "hit_chance": 0.3,
    }
    for name in ("energy", "hit", "difference"):
        heat |= {name: 0.5, f"{name}_low": 0.4, f"{name}_high": 0.6}
    amp = heat | {"baseline": "amp", "difference": None}
    none = {"baseline": "pixels", "places": None, "note": "it has no encoder", "energy": None}
    frame = pd.DataFrame([heat, amp, heat | {"test_classes": "Pa"}, heat | none])
    text = shown(detail_tables.pointing_blocks, frame)
    assert names(text, 0) == [["resnet", "amp"], ["resnet"]]
    assert names(text, 8) == [["+50.0 +- 10.0", ""], ["+50.0 +- 10.0"]]
    assert "pixels: it has no encoder" in text
    assert text.count("Share of the heat inside the boxes") == 1
    frame["energy"] = None
    assert "The data set has no boxes" in shown(detail_tables.pointing_blocks, frame)
