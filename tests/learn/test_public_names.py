"""`fewshot_bench.learn` from outside: its public names, and what importing it costs."""

import subprocess
import sys

import fewshot_bench.learn
from fewshot_bench.learn import EncoderSettings

LATE = ("torchvision", "timm", "pandas", "learn2learn", "matplotlib")


def imported_by(code: str) -> set[str]:
    """Those of `LATE` that a new process has imported after `code`."""
    code += f"\nimport sys\nprint(*(name for name in {LATE} if name in sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def test_all_is_sorted_and_there():
    names = fewshot_bench.learn.__all__
    assert names == sorted(names)
    assert all(hasattr(fewshot_bench.learn, name) for name in names)


def test_heavy_libraries_are_not_imported_before_a_network_is_needed():
    """One after another in one process, since each start takes seconds."""
    lines = (
        "import fewshot_bench.learn",
        "from fewshot_bench.learn import EncoderSettings",
        "EncoderSettings(encoder='vit_b_32')",
        "EncoderSettings().resolved()",
        "from fewshot_bench.plugins.baselines.frozen import FrozenSettings",
        "FrozenSettings()",
    )
    assert imported_by("\n".join(lines)) == set()


def test_resolved_settings_are_others():
    settings = EncoderSettings(weights="DEFAULT")
    resolved = settings.resolved()
    assert (settings.weights, resolved.weights) == ("DEFAULT", "IMAGENET1K_V1")
    assert resolved.resolved() == resolved
