"""TODO"""

import os
import time
from pathlib import Path

from fewshot_bench import files
from fewshot_bench.records.folder import ResultsFolder


def test_a_killed_writer_leaves_nothing_that_stays(tmp_path: Path):
    stray = tmp_path / "records" / f".some.json.{'0' * 32}"
    stray.parent.mkdir()
    for age, stays in ((10, True), (files.ABANDONED + 10, False)):
        stray.write_text("half")
        os.utime(stray, (time.time() - age,) * 2)
        ResultsFolder(tmp_path)
        assert stray.exists() == stays
