"""The options of a request: what to run, on which data and with which methods."""

from __future__ import annotations

from pathlib import Path

from fewshot_bench.cli import parsing
from fewshot_bench.cli.option import Option

__all__ = [
    "AT_HAND_OPTIONS",
    "DATA",
    "DATA_OPTIONS",
    "EPISODE_OPTIONS",
    "REFERENCES_OPTIONS",
    "REQUEST_OPTIONS",
    "SETTING",
]

DATASET = Option("--dataset", "Name of the data set; bench list shows all.")
DATA = Option("--data", "Folder or archive that holds the data set.", Path | None, is_once=True)
GROUP_BY = Option(
    "--group-by",
    "Regular expression: the part of a file name that tells plate, part or wafer.",
)
CLASS_LEVEL = Option(
    "--class-level",
    "Level of the folders that are the classes, 1 being the first.  [default: the one that varies]",
    read=parsing.whole_number,
)
FIT = Option("--fit", "How an image becomes a square: squash, pad or crop.  [default: squash]")
KEEP_MASKS = Option(
    "--keep-masks",
    "Read masks and annotations beside the pictures as pictures.",
    bool | None,
)
SETTING = Option(
    "--set",
    "One setting, e.g. scl_amp.margin=0.3; repeat for more.",
    list[str] | None,
    read=parsing.settings,
    parameter="settings",
)
# what every command takes that loads data
DATA_OPTIONS = (
    *(DATASET, GROUP_BY, CLASS_LEVEL, FIT, KEEP_MASKS),
    Option("--labels", "Table with the path and label of each picture (.csv, .tsv).", Path | None),
    Option("--label-columns", "Columns of the table, e.g. path=file,label=2."),
    Option("--multi-label", "A picture with several labels: error, first, drop.  [default: error]"),
    Option("--class-names", "Names for classes, e.g. 0=background,1=crack."),
    Option("--crop-boxes", "Make each box an image, with this margin.", read=parsing.number),
)
# what bench episodes takes of a request; a default stands in the help where the protocol sets it
EPISODE_OPTIONS = (
    *DATA_OPTIONS,
    DATA,
    Option(
        "--train-classes",
        "Classes to train on, e.g. Pa,In,RS.",
        read=parsing.names,
        is_once=True,
    ),
    Option(
        "--test-classes",
        "Held-out classes, e.g. Cr,Sc,PS.",
        read=parsing.names,
        is_once=True,
    ),
    Option("--ways", "Classes per episode.  [default: 3]", read=parsing.whole_number),
    Option(
        "--shots",
        "Support images per class, e.g. 1,3,5.  [default: 1,3,5]",
        read=parsing.whole_numbers,
    ),
    Option(
        "--queries",
        "Query images per class: a number or all.  [default: 15]",
        read=parsing.whole_number_or_all,
    ),
    Option(
        "--episodes",
        "Episodes for each shot value.  [default: 2000]",
        read=parsing.whole_number,
    ),
    Option("--episode-seed", "Seed of the episodes.  [default: 0]", read=parsing.whole_number),
    Option(
        "--near-duplicates",
        "keep, drop (all but the first of each group), group (never in support and queries at "
        "once) or report.",
        str,
        "report",
    ),
)
# a whole request
REQUEST_OPTIONS = (
    *EPISODE_OPTIONS,
    Option("--protocol", "A named protocol, e.g. neu-small; bench list shows them."),
    Option(
        "--train-per-class",
        "Classification: train images per class, e.g. 10,20,50.",
        read=parsing.whole_numbers,
    ),
    Option(
        "--train-fraction",
        "Classification: share of the images to train on, e.g. 0.8,0.7,0.6.",
        read=parsing.shares,
    ),
    Option(
        "--runs",
        "Classification: random splits, each trained on anew.  [default: 10]",
        read=parsing.whole_number,
    ),
    Option(
        "--pairs",
        "Pair verification: pairs of test images, half of them of one class.  [default: 900]",
        read=parsing.whole_number,
    ),
    Option(
        "--test-images",
        "Classification: number or share of the images to test on, or all (all others).",
        read=parsing.size_or_all,
    ),
    Option(
        "--unlabelled",
        "Share of the train images of each class that lose their label, e.g. 0.5.",
        read=parsing.number,
    ),
    Option(
        "--episodes-file",
        "Replay the episodes of a file that bench episodes wrote.",
        Path | None,
    ),
    Option("--splits", "all: run every choice of as many held-out classes."),
    Option(
        "--known",
        "Train classes that compete with the new ones: names or all.",
        read=parsing.names,
    ),
    Option(
        "--open-set",
        "Also ask about images of classes without references.",
        bool | None,
    ),
    Option(
        "--baselines",
        "Names of baselines, also as frozen+whitened, or all.  [default: the standard ones]",
        read=parsing.names,
    ),
    Option(
        "--rules",
        "Decision rules on the features: names, own, or all fast ones.  [default: own]",
        read=parsing.names,
    ),
    Option(
        "--views",
        "Views of each test image, whose features are averaged: 1 or 8.  [default: 1]",
        read=parsing.whole_number,
    ),
    Option(
        "--preset",
        "quick (pretrained), scratch or paper (both from random weights).",
        str,
        "quick",
    ),
    Option(
        "--encoder",
        "efficientnet_lite0, a torchvision classifier, e.g. resnet50, or timm:NAME.",
    ),
    Option(
        "--weights",
        "none, DEFAULT, published weights, e.g. IMAGENET1K_V2, or a file, e.g. moco.pth.",
    ),
    Option(
        "--image-size",
        "Side of the images that enter the encoder, in pixels; 0: the encoder's own.",
        read=parsing.whole_number,
    ),
    Option(
        "--freeze",
        "Keep the encoder as it is, and train only what is added to it.",
        bool | None,
    ),
    Option(
        "--budget",
        "Images passed through the encoder in training.",
        read=parsing.whole_number,
    ),
    SETTING,
    Option("--seed", "Seed of the first training.  [default: 0]", read=parsing.whole_number),
    Option(
        "--seeds",
        "Trainings of each baseline, with one seed after the other.  [default: 1]",
        read=parsing.whole_number,
    ),
    Option("--device", "auto, cpu, cuda, or cuda:1 for the second GPU.", str, "auto"),
    Option(
        "--threads",
        "Threads of this run, and of each training of its folder, which the first one settles.",
        read=parsing.whole_number,
    ),
)

# where the pictures of results are read again
AT_HAND_OPTIONS = (DATA, *DATA_OPTIONS, SETTING)
# what bench predict and bench export take of it
_READ_BY = (
    *("class_level", "fit", "keep_masks"),
    *("preset", "budget", "settings", "device", "threads"),
)
REFERENCES_OPTIONS = tuple(option for option in REQUEST_OPTIONS if option.name in _READ_BY)
