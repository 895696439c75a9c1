"""A baseline with a rule and settings: `bench recommend` decides it, `bench predict` applies it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from fewshot_bench.errors import UserError
from fewshot_bench.files import user_path

__all__ = ["OPTIONS", "RECOMMENDATION", "Method", "read_method", "read_options"]

RECOMMENDATION = "recommendation.json"  # its name in a folder of results
OPTIONS = "options"  # of a recommendation: what it was measured with beside the method
OWN = "own"
KEYS = ("baseline", "rule", "settings")


@dataclass(frozen=True)
class Method:
    """A baseline, the rule that it answers by (`own`: its own), and settings that were given.

    settings: "owner.name" -> value as text, as `--set` takes them. A name is not looked up here.
    """

    baseline: str
    rule: str = OWN
    settings: Mapping[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """As `--baselines` takes it: frozen+whitened, or frozen for its own rule."""
        return self.baseline if self.rule == OWN else f"{self.baseline}+{self.rule}"

    @property
    def label(self) -> str:
        """Its name with its settings, such as frozen+whitened[whitened.power=0.5]."""
        settings = ",".join(f"{name}={value}" for name, value in self.settings.items())
        return f"{self.name}[{settings}]" if settings else self.name

    @classmethod
    def parse(cls, text: str, settings: Mapping[str, str] | None = None) -> Self:
        """The method of a name such as frozen+whitened.

        Raises `UserError` for a name without a baseline, or with a plus and no rule.
        """
        if "[" in text:
            name = text.partition("[")[0]
            raise UserError(
                f"method {text!r} has settings in its name; write --method {name} --set "
                "OWNER.NAME=VALUE, with the baseline or rule that has the setting as OWNER"
            )
        baseline, plus, rule = (part.strip() for part in text.partition("+"))
        if not baseline or (plus and not rule):
            raise UserError(
                f"method {text!r} cannot be read (allowed: BASELINE, or BASELINE+RULE such as "
                "frozen+whitened); bench list shows them"
            )
        return cls(baseline, rule or OWN, dict(settings or {}))

    def as_json(self) -> dict[str, Any]:
        """What a file holds of it, JSON-serialisable."""
        return {"baseline": self.baseline, "rule": self.rule, "settings": dict(self.settings)}

    @classmethod
    def from_json(cls, content: object, *, source: str = RECOMMENDATION) -> Self:
        """What `as_json` gave. Raises `UserError`, which names `source`, for anything else."""
        if not isinstance(content, dict) or set(content) != set(KEYS):
            raise _not_a_method(source, f"it needs {', '.join(KEYS)} and nothing else")
        settings = content["settings"]
        for key in ("baseline", "rule"):
            is_name = isinstance(content[key], str) and content[key].strip()
            if not is_name:
                raise _not_a_method(source, f"{key} is {content[key]!r} and must be a name")
        if not isinstance(settings, dict):
            raise _not_a_method(source, f"settings is {settings!r} and must be an object")
        for name, value in settings.items():
            owner, dot, setting = name.partition(".")
            if not (owner and dot and setting) or not isinstance(value, str):
                raise _not_a_method(
                    source, f"setting {name!r}: {value!r} must be OWNER.NAME and a text"
                )
        return cls(content["baseline"], content["rule"], dict(settings))


def read_method(path: Path | str) -> Method:
    """The method of a recommendation: a file, or a folder with `recommendation.json` in it.

    Raises `UserError` where there is none, or it cannot be read.
    """
    file, content = _read(path)
    method = content.get("method") if isinstance(content, dict) else None
    return Method.from_json(method, source=str(file))


def read_options(path: Path | str) -> dict[str, str]:
    """The options that a recommendation was measured with, where they are not the defaults.

    Raises as `read_method`.
    """
    _, content = _read(path)
    options = content.get(OPTIONS, {}) if isinstance(content, dict) else {}
    if not isinstance(options, dict):
        return {}
    return {str(name): str(value) for name, value in options.items()}


def _read(path: Path | str) -> tuple[Path, object]:
    """The file of a recommendation and what it holds."""
    file = user_path(path)
    if file.is_dir():
        file = file / RECOMMENDATION
    try:
        return file, json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(
            f"{file} does not exist; bench recommend writes it, or name a method with --method"
        ) from None
    except (OSError, ValueError) as error:
        raise UserError(
            f"{file} cannot be read as a recommendation ({error}); write it anew with bench "
            "recommend, or name a method with --method"
        ) from None


def _not_a_method(source: str, reason: str) -> UserError:
    return UserError(
        f"{source}: its method cannot be read ({reason}); write it anew with bench recommend, or "
        "name a method with --method"
    )
