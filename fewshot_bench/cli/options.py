"""The one table of options: name, type, default, help, and how the text is read."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from fewshot_bench.cli import parsing
from fewshot_bench.cli.option import REQUIRED, Argument, Option
from fewshot_bench.cli.output import known_form

__all__ = [
    "ALL_ROWS",
    "AT_HAND_OPTIONS",
    "CLEAR",
    "CSV",
    "DATA",
    "DATA_OPTIONS",
    "ENGINE",
    "EPISODES_TO_WRITE",
    "EPISODE_OPTIONS",
    "EXPORTED",
    "FAIL_ON",
    "FIRST",
    "FOLDERS",
    "FORMAT",
    "FRESH",
    "GPUS_PER_JOB",
    "HARDEST",
    "IMAGES",
    "INTO",
    "JOBS",
    "JSON",
    "KNOWN",
    "MAP_METHOD",
    "MARGIN",
    "METHOD",
    "METHODS",
    "NEW",
    "NO_CHECKPOINTS",
    "OLDER_THAN",
    "OUT",
    "PATH_OF_DATA",
    "PICTURE",
    "PICTURES",
    "PLOTS",
    "PLUGIN",
    "PREDICTIONS",
    "QUIET",
    "RECOMMENDATION",
    "REFERENCE",
    "REFERENCES_OPTIONS",
    "REQUEST_OPTIONS",
    "REQUIRED_REFERENCE",
    "SAMPLES",
    "SCHEDULER",
    "SECOND",
    "SEVERAL",
    "SHEET",
    "SHOWN_BASELINES",
    "SHOWN_SHOTS",
    "STAGE",
    "TRACKERS",
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
    Option("--seeds", "Trainings of each baseline.  [default: 1]", read=parsing.whole_number),
    Option("--device", "auto, cpu or cuda.", str, "auto"),
    Option(
        "--threads",
        "Threads of this run, and of each training of its folder, which the first one settles.",
        read=parsing.whole_number,
    ),
)

# options and arguments of single commands
METHODS = Argument(
    "methods",
    "Python files that define a baseline, rule or data set, names of them, or all.",
    list[str],
    REQUIRED,
)
EPISODES_TO_WRITE = Argument("file", "The .npz file to write.", Path, REQUIRED)
PATH_OF_DATA = Argument("path", "The folder or archive.", Path | None)
REFERENCE = Option("--reference", "Baseline that the others are compared with.")
REQUIRED_REFERENCE = dataclasses.replace(REFERENCE, type=str, default=REQUIRED)
MARGIN = Option(
    "--margin",
    "Differences within this many points count as equivalent.",
    float,
    0.5,
)
# --baselines and --shots mean something else where results are read: which of them to show
SHOWN_BASELINES = Option(
    "--baselines",
    "Names of baselines.  [default: all there are]",
    read=parsing.names,
)
SHOWN_SHOTS = Option(
    "--shots", "Shot values.  [default: all there are]", read=parsing.whole_numbers
)
HARDEST = Option(
    "--hardest",
    "Show so many test pictures that were most often wrong, also as a sheet; needs the data.",
    read=parsing.whole_number,
)
# where the pictures of results are read again
AT_HAND_OPTIONS = (DATA, *DATA_OPTIONS, SETTING)
IMAGES = Option("--images", "Test images to draw.", int, 6)
STAGE = Option("--stage", "Convolutional stage, counted from the last.", int, 1)
MAP_METHOD = Option("--method", "pca, tsne or umap.", str, "pca")
OUT = Option("--out", "Folder of the results.", Path, Path("results"))
PLOTS = Option("--plots", "Draw the plots too, beside the CSV files.", bool, default=False)
FRESH = Option("--fresh", "Compute again what is on disk.", bool, default=False)
JOBS = Option(
    "--jobs",
    "Trainings at once, each in a process of its own: a number, or auto.  [default: 1]",
    read=parsing.whole_number_or_auto,
)
GPUS_PER_JOB = Option(
    "--gpus-per-job",
    "Share of a GPU for each of them, e.g. 0.5.  [default: GPUs in turn]",
    read=parsing.number,
)
ENGINE = Option("--engine", "What runs trainings: local, dask; bench list shows all.")
SCHEDULER = Option(
    "--scheduler",
    "With --engine dask: the address of a cluster, or the file that holds it.",
)
CLEAR = Option("--clear", "Remove what is in the cache and not in use.", bool, default=False)
OLDER_THAN = Option(
    "--older-than",
    "With --clear: only what was not used for so many days.",
    read=parsing.days,
)
SAMPLES = Option("--show", "Draw some images of each class.", bool, default=False)
CSV = Option("--csv", "Print CSV, with the settings of each.", bool, default=False)
PLUGIN = Option(
    "--plugin",
    "A Python file with another baseline, rule, data set, engine or tracker; repeat for more.",
    list[Path],
    (),
    parameter="plugins",
)
TRACKERS = Option(
    "--tracker",
    "Names of trackers that are told of the run; bench list shows all.",
    read=parsing.names,
    parameter="trackers",
)
QUIET = Option("--quiet", "Print errors only.", bool, default=False)
FORMAT = Option(
    "--format",
    "table, csv, md or json.",
    str,
    "table",
    read=known_form,
    parameter="form",
)
JSON = Option("--json", "Same as --format json.", bool, default=False)

# of bench merge and bench diff
FOLDERS = Argument("folders", "Folders of finished runs.", list[Path], REQUIRED)
INTO = Option("--into", "Folder that gets what they hold; what it has stays.", Path, REQUIRED)
NO_CHECKPOINTS = Option(
    "--no-checkpoints",
    "Leave checkpoints behind: they are large, and only new shot values or rules need them.",
    bool,
    default=False,
)
FIRST = Argument("first", "A: a folder of results, or the name of a published one.", str, REQUIRED)
SECOND = Argument("second", "B: another one.", str, REQUIRED)
ALL_ROWS = Option(
    "--all", "List rows of the same bits too.", bool, default=False, parameter="every"
)
SEVERAL = Argument(
    "folders", "Folders of results, or names of published ones.", list[str], REQUIRED
)
PICTURE = Option(
    "--picture",
    "Draw it too, into this file (.png or .svg); of more questions, FILE-2 and so on.",
    Path | None,
)
FAIL_ON = Option(
    "--fail-on",
    "End with exit status 1 if a row moved, changed (any bit) or is missing in B, "
    "e.g. moved,missing.",
    read=parsing.causes,
)

# of bench predict and bench export
EXPORTED = Argument("folder", "The folder to write.", Path, REQUIRED)
PICTURES = Argument(
    "pictures",
    "Files, folders or archives of the pictures to decide.",
    list[Path],
    REQUIRED,
)
KNOWN = Option(
    "--known",
    "Folder or archive of the known classes, one folder a class.",
    Path | None,
    is_once=True,
)
NEW = Option(
    "--new",
    "Folder or archive with a few pictures of each new class, one folder a class.",
    Path | None,
    is_once=True,
)
# --method and --out mean something else where pictures are decided
METHOD = dataclasses.replace(
    MAP_METHOD,
    help="A baseline or baseline+rule, e.g. frozen+whitened.",
    type=str | None,
    default=None,
    is_once=True,
)
RECOMMENDATION = Option(
    "--recommendation",
    "What bench recommend wrote (folder or recommendation.json), in the place of --method.",
    Path | None,
    is_once=True,
)
PREDICTIONS = dataclasses.replace(
    OUT,
    help="CSV file of the predictions; its reliability goes beside it.  [default: print it]",
    type=Path | None,
    default=None,
    is_once=True,
)
SHEET = Option("--sheet", "Draw the pictures with their classes: FILE.png or .html.", Path | None)
_READ_BY = (
    *("class_level", "fit", "keep_masks"),
    *("preset", "budget", "settings", "device", "threads"),
)
REFERENCES_OPTIONS = tuple(option for option in REQUEST_OPTIONS if option.name in _READ_BY)
