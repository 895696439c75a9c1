"""The command that lists what can be named."""

from __future__ import annotations

from pathlib import Path

import typer

from fewshot_bench.cli import output
from fewshot_bench.cli.option import examples, takes
from fewshot_bench.cli.options import CSV, FORMAT, JSON, LISTED, PLUGIN
from fewshot_bench.cli.output import Form
from fewshot_bench.errors import UserError

__all__ = ["app"]

app = typer.Typer()


@app.command(
    "list",
    epilog=examples(
        "bench list",
        "bench list scl_amp",
        "bench list datasets",
        "bench list --plugin my_method.py",
        "bench list --format csv",
    ),
)
@takes(LISTED, PLUGIN, FORMAT, JSON, CSV)
def list_(name: str | None, plugins: list[Path], form: Form, json: bool, csv: bool) -> None:
    """List methods, rules, data sets, protocols, encoders, engines and trackers, or show one."""
    form = _form(form, json=json, csv=csv)
    from fewshot_bench import api
    from fewshot_bench.cli.plugin_lists import description_blocks, kind_of, plugin_blocks

    if name is None:
        output.show(api.listing(plugins), form, plugin_blocks)
        return
    listed = api.listing(plugins)
    kind = kind_of(name, listed["kind"].unique())
    if kind is not None:
        output.show(listed[listed["kind"] == kind], form, plugin_blocks)
        return
    found = api.described(name, plugins)
    output.show(listed[listed["name"] == name], form, lambda _: description_blocks(found))


def _form(form: Form, *, json: bool, csv: bool) -> Form:
    """The form that the three options choose; raises `UserError` if they choose two."""
    form = output.chosen_form(form, json=json)
    if not csv:
        return form
    if form not in ("table", "csv"):
        raise UserError(f"--csv and --format {form} are two forms; leave one out")
    return "csv"
