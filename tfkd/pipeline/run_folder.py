"""A run's folder, read again: its results, its spec, its stages."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tfkd.spec.errors import UserError

RESULTS = "results.json"
ORIGIN = "origin.json"


def read_results(run: Path) -> dict[str, Any]:
    """The run's results.json.

    Raises:
        UserError: The folder is no run folder, or its run has no results yet.
    """
    path = run / RESULTS
    try:
        return json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        raise UserError(
            f"{run} has no {RESULTS}: expected a run folder like runs/NAME, whose run has "
            "reached its end (tfkd run SPEC)"
        ) from None
    except ValueError as error:
        raise UserError(f"{path} is no JSON ({error}); tfkd run SPEC writes it anew") from error


def _again(run: Path, plugins: Sequence[str]) -> tuple[Any, dict[str, Any]]:
    from tfkd.spec import load_spec

    try:
        origin = json.loads((run / ORIGIN).read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise UserError(f"{run} is no run folder of tfkd: {error}") from error
    spec = load_spec(
        origin["spec"],
        variant=origin["variant"],
        overrides=origin["overrides"],
        plugins=plugins or origin["plugins"],
    )
    return spec, origin


def evaluate(run: Path, plugins: Sequence[str] = ()) -> str:
    """Scores a run's models again (what is stored is not decoded anew); returns the table."""
    from tfkd.pipeline.run import run as run_spec
    from tfkd.pipeline.tables import score_table

    spec, origin = _again(run, plugins)
    results = run_spec(
        spec,
        data_dir=Path(origin["data_dir"]),
        runs_dir=run.parent,
        smoke=origin["smoke"],
        say=lambda line: None,
    )
    return score_table(results)


def export(run: Path, plugins: Sequence[str] = ()) -> list[Path]:
    """Writes a run's SavedModels where they are missing; returns their folders."""
    from tfkd.pipeline.run import run as run_spec

    spec, origin = _again(run, plugins)
    results = run_spec(
        spec,
        data_dir=Path(origin["data_dir"]),
        runs_dir=run.parent,
        smoke=origin["smoke"],
        say=lambda line: None,
    )
    return [run / entry["folder"] for entry in results["exports"]]
