"""MixedWM38 at its full size: peak memory of converting it, and seconds of loading it again."""

import json
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
from fewshot_bench.plugins.episodes.mixedwm38 import CLASSES, MAPS, PATTERNS

CHILD = """
import json, sys, time
from pathlib import Path
from fewshot_bench.plugins.episodes.mixedwm38 import MixedWM38
def mebibytes(name):
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) / 1024 for line in status if line.startswith(name))
before, start = mebibytes("VmRSS"), time.perf_counter()
data = MixedWM38().load(Path(sys.argv[1]))
seconds = time.perf_counter() - start
assert len(data) + len(data.dropped) == 38_015 and data.name == "mixedwm38"
print(json.dumps([seconds, mebibytes("VmHWM") - before, data.images.nbytes / 2**20]))
"""


@pytest.mark.parametrize("form", ["npz", "zip"])
def test_the_full_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, table, form: str):
    monkeypatch.setenv("FEWSHOT_BENCH_CACHE", str(tmp_path / "cache"))
    rng = np.random.default_rng(0)
    maps = rng.integers(0, 3, (MAPS, 52, 52), dtype=np.int32)
    names = [CLASSES[at % len(CLASSES)] for at in range(MAPS)]
    labels = np.array(
        [[pattern in name.split("+") for pattern in PATTERNS] for name in names], dtype=np.int32
    )
    path = tmp_path / "Wafer_Map_Datasets.npz"
    np.savez(path, arr_0=maps, arr_1=labels)
    del maps
    if form == "zip":
        with zipfile.ZipFile(
            tmp_path / "archive.zip", "w", zipfile.ZIP_DEFLATED, compresslevel=1
        ) as archive:
            archive.write(path, path.name)
        path = tmp_path / "archive.zip"

    def load() -> tuple[float, float, float]:
        done = subprocess.run(
            [sys.executable, "-c", CHILD, str(path)], capture_output=True, text=True, check=True
        )
        return tuple(json.loads(done.stdout))

    first, peak, pixels = load()
    again = sorted(load()[0] for _ in range(3))[1]
    what = f"MixedWM38 at full size ({form})"
    table.add(
        f"{what}, converting",
        f"{first:.1f} s, peak {peak:.0f} MiB, of which {pixels:.0f} are the maps",
        "",
        "< 1,024 MiB beyond",
    )
    table.add(f"{what}, loading again", f"{again:.2f} s", "", "< 2 s")
