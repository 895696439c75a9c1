"""Files are written whole or not at all."""

import errno
import os
from pathlib import Path

import pytest

from fewshot_bench import files
from tests.helpers.command_line import TINY


def test_a_full_disk_is_one_line_that_names_the_file(
    bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    def full(*words: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("os.fsync", full)
    (tmp_path / "out").mkdir()
    path = tmp_path / "out" / "leaderboard.csv"
    with pytest.raises(OSError, match="No space left on device") as error:
        files.write_atomically(path, lambda file: file.write(b"x"))
    assert error.value.filename == str(path)
    assert not list((tmp_path / "out").iterdir())
    status, _, err = bench("run", *TINY, "--baselines", "pixels", "--out", tmp_path / "out")
    assert (status, err.count("\n")) == (2, 1)
    assert "No space left on device" in err
