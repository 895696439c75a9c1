"""Reading a folder of pictures: new, and from the cache, each in a process of its own, beside Pillow alone."""

import json
import statistics
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

ROUNDS = 3
CLASSES = 10
CASES = [  # pictures, pixels a side, format
    (1_000, 16, "png"),
    (10_000, 16, "png"),
    (50_000, 16, "png"),
    (500, 2_000, "jpg"),
]
CHILD = """
import json, sys, time
from pathlib import Path
from fewshot_bench.data import decoders
from fewshot_bench.plugins.episodes.folder import Folder

def mebibytes(name, process="self"):
    with open(f"/proc/{process}/status") as status:
        return next(int(line.split()[1]) / 1024 for line in status if line.startswith(name))

workers = []
stop = decoders._Process.stop
def measured(process):
    workers.append(mebibytes("VmHWM", process._running.pid))
    stop(process)
decoders._Process.stop = measured
with open("/proc/self/clear_refs", "w") as peak:
    peak.write("5")  # the peak starts anew
before, start = mebibytes("VmRSS"), time.perf_counter()
data = Folder().load(Path(sys.argv[1]))
seconds = time.perf_counter() - start
print(json.dumps([seconds, mebibytes("VmHWM") - before, sum(workers), len(workers)]))
"""
BARE = """
import json, sys, time
from pathlib import Path
import numpy as np
from PIL import Image
start = time.perf_counter()
for path in sorted(Path(sys.argv[1]).glob("*/*")):
    with Image.open(path) as image:
        np.asarray(image)
print(json.dumps([time.perf_counter() - start]))
"""


def save_pictures(folder: Path, count: int, side: int, suffix: str) -> None:
    """Noise, in classes; large pictures are smooth and in colour."""
    generator = np.random.default_rng(0)
    for number in range(count):
        place = folder / f"class{number % CLASSES}"
        place.mkdir(parents=True, exist_ok=True)
        channels = (3,) if suffix == "jpg" else ()
        pixels = generator.integers(0, 256, (16, 16, *channels), dtype=np.uint8)
        image = Image.fromarray(pixels).resize((side, side), Image.Resampling.BICUBIC)
        image.save(place / f"{number}.{suffix}")


@pytest.mark.parametrize("case", CASES, ids=str)
def test_reading(case, table, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    count, side, suffix = case
    own = tmp_path / "own"
    cache = tmp_path / "cache"
    monkeypatch.setenv("FEWSHOT_BENCH_CACHE", str(cache))
    save_pictures(own, count, side, suffix)

    def run(code: str) -> list[float]:
        done = subprocess.run(
            [sys.executable, "-c", code, str(own)], capture_output=True, text=True, check=True
        )
        return json.loads(done.stdout)

    taken: dict[str, list[list[float]]] = {"new": [], "again": [], "bare": []}
    for _ in range(ROUNDS):
        subprocess.run(["rm", "-rf", cache], check=True)
        taken["new"].append(run(CHILD))
        taken["again"].append(run(CHILD))
        taken["bare"].append(run(BARE))
    medians = {
        name: [statistics.median(values) for values in zip(*rows, strict=True)]
        for name, rows in taken.items()
    }
    seconds, memory, of_workers, workers = medians["new"]
    what = f"reading a folder of {count:,} pictures of {side:,} x {side:,} pixels"
    bare = medians["bare"][0]
    table.add(
        what,
        f"{seconds:.2f} s, {seconds / bare:.1f}x; {memory:.0f} MiB, and {of_workers:.0f} in "
        f"{workers:.0f} more processes",
        f"{bare:.2f} s (Pillow alone, nothing kept)",
    )
    again, memory, _, _ = medians["again"]
    table.add(f"{what}, from the cache", f"{again:.2f} s; {memory:.0f} MiB")
