"""The options of single commands: name, type, default, help, and how the text is read.

Those of a request are in `request_options`.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path

from fewshot_bench.cli import parsing
from fewshot_bench.cli.option import REQUIRED, Argument, Option, Text
from fewshot_bench.cli.output import known_form

__all__ = [
    "ALL_ROWS",
    "CLEAR",
    "CSV",
    "DRY_RUN",
    "ENGINE",
    "EPISODES_TO_WRITE",
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
    "KEEP_CHECKPOINTS",
    "KNOWN",
    "LISTED",
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
    "PLOT_FORMATS",
    "PLUGIN",
    "PREDICTIONS",
    "QUIET",
    "RECOMMENDATION",
    "REFERENCE",
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
    read=parsing.points,
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
IMAGES = Option("--images", "Test images to draw.", int, 6)
STAGE = Option("--stage", "Convolutional stage, counted from the last.", int, 1)
MAP_METHOD = Option("--method", "pca, tsne or umap.", str, "pca")
OUT = Option("--out", "Folder of the results.", Path, Path("results"))
PLOTS = Option("--plots", "Draw the plots too, beside the CSV files.", bool, default=False)
FRESH = Option("--fresh", "Compute again what is on disk.", bool, default=False)
KEEP_CHECKPOINTS = Option(
    "--keep-checkpoints",
    "What trainings learned, which is large: none; last: of each method, that of the last run "
    "that had it; all.",
    str,
    "last",
)
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
DRY_RUN = Option("--dry-run", "Say what would be removed, and remove nothing.", bool, default=False)
SAMPLES = Option("--show", "Draw some images of each class.", bool, default=False)
CSV = Option("--csv", "Same as --format csv.", bool, default=False)
LISTED = Argument(
    "name",
    "A name, for all that is known of it, or a kind, such as baselines or datasets.",
    Text,
)
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
    "table, csv, md, latex or json.",
    str,
    "table",
    read=known_form,
    parameter="form",
)
JSON = Option("--json", "Same as --format json.", bool, default=False)

PLOT_FORMATS = Option(
    "--format",
    "png, svg, pdf, or several with a comma between them.",
    str,
    "png,svg",
    read=parsing.names,
    parameter="formats",
)

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
    "Draw it too, into this file (.png, .svg, .pdf); of more questions, FILE-2 and so on.",
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
