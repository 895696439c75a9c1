"""How far reading is reaches whoever listens, and nobody else."""

from pathlib import Path

import pytest
from fewshot_bench.plugins.episodes.folder import Folder

from fewshot_bench.data.reading import Reading, listening
from tests.helpers.files import image_folder

pytestmark = pytest.mark.usefixtures("empty_cache")


def test_each_stage_of_reading_is_told(tmp_path: Path):
    place = image_folder(tmp_path / "own", {"a": [8, 8], "b": [8, 8]})
    told: list[Reading] = []
    with listening(told.append):
        Folder().load(place)
    ends = {reading.stage: (reading.done, reading.total) for reading in told}
    assert ends["listing"] == (4, 0)
    assert ends["reading"] == (4, 4)
    assert ends["decoding"] == (4, 4)
    count = len(told)
    Folder().load(place)
    assert len(told) == count
