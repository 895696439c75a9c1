"""A program that claims the same work 20 times, and logs when it begins and ends: CLAIMS LOG."""

import sys
import time
from pathlib import Path

from fewshot_bench.records.claims import Claims

TIMES = 20


def claim_often(claims: Path, log: Path) -> None:
    """Write `b` to the log when a claim is held and `e` before it is given back."""
    times = 0
    while times < TIMES:
        with Claims(claims).held("work") as holder:
            if holder:  # another process
                continue
            times += 1
            for letter in "be":
                with log.open("a") as file:
                    file.write(letter)
                time.sleep(0.001)


if __name__ == "__main__":
    claim_often(Path(sys.argv[1]), Path(sys.argv[2]))
