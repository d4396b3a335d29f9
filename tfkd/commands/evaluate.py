"""`tfkd evaluate`: a run's scores again, under noise, or on other files."""

import argparse
import json
from collections.abc import Mapping
from typing import Any

from tfkd.spec.errors import UserError

# What `--json` prints of results.json.
_PRINTED = ("name", "variant", "evaluations", "over_seeds", "warnings")


def asked(options: argparse.Namespace) -> dict[str, Any]:
    """What `api.run_again` is asked for: `noise` and `on`.

    Raises:
        UserError: There are options without the one that they belong to.
    """
    return {"noise": _noise(options), "on": _other_files(options)}


def as_json(results: Mapping[str, Any]) -> str:
    """The scores of a run, as results.json has them."""
    found = {key: results[key] for key in _PRINTED}
    return json.dumps(found, indent=1, ensure_ascii=False)


def _noise(options: argparse.Namespace) -> dict[str, Any] | None:
    given = {"draws": options.draws, "seed": options.noise_seed, "metrics": options.noise_metrics}
    given = {name: value for name, value in given.items() if value is not None}
    if options.noise:
        return {"sigma": options.noise, **given}
    if given:
        raise UserError(
            "--draws, --noise-seed and --noise-metrics are of noise: give its sigmas, "
            "--noise 0.02,0.05"
        )
    return None


def _other_files(options: argparse.Namespace) -> dict[str, Any] | None:
    beside = {"columns": dict(options.columns), "metrics": options.metrics, "of": options.of}
    if options.on:
        return {"files": options.on, **beside}
    if options.metrics:
        raise UserError(
            "--metrics is of other files: name them, --on FILE. To measure more on the run's own "
            f"corpora, add {' and '.join(options.metrics)} to `metrics:` under `evaluate:` of its "
            "spec and give the same tfkd run again: nothing is trained again"
        )
    if any(beside.values()):
        raise UserError(
            "--columns and --of are of other files: name them, --on FILE. What is "
            "measured on the run's own corpora, its spec says"
        )
    return None
