"""A process of its own that loads a pickled plan, runs it, and prints the accuracies: `python executed.py PLAN OUT`."""

import pickle
import sys
from pathlib import Path

from fewshot_bench.engine.schedule import execute
from fewshot_bench.errors import UserError
from fewshot_bench.leaderboard.write import write_tables
from fewshot_bench.records.folder import ResultsFolder


def main() -> None:
    try:
        plan = pickle.loads(Path(sys.argv[1]).read_bytes())
    except UserError as error:
        sys.exit(f"error: {error}")
    folder = ResultsFolder(sys.argv[2])
    execute(plan, folder, fresh=False, on_progress=lambda progress: None)
    table, _ = write_tables(folder)
    print(table[["baseline", "shots", "status", "accuracy"]].to_csv(index=False))


main()
