"""Whether two runs are two trainings of one spec: then their difference is that of their seeds."""

import re
from collections.abc import Mapping
from typing import Any

# What says nothing of how models are trained.
_BESIDE = ("name", "description", "paper", "pages", "evaluate", "export", "seeds")
_SEED = re.compile(r"seeds|stages\.[^.]+\.seeds?")


def differ_in_seed_alone(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Whether two runs train the same with other seeds, by their results.json.

    Names, evaluations and exports may differ. What files hold counts, where both results say it.
    """
    if _seeds(one["spec"]) == _seeds(other["spec"]):
        return False
    if _trained(one["spec"]) != _trained(other["spec"]):
        return False
    files = [
        {name: report.get("files") for name, report in (results.get("data") or {}).items()}
        for results in (one, other)
    ]
    return all(files[0][name] == files[1][name] for name in files[0].keys() & files[1].keys())


def _seeds(spec: Mapping[str, Any]) -> Any:
    """The seeds of all that trains."""
    stages = spec.get("stages") or {}
    return spec.get("seeds"), {
        name: (stage.get("seed"), stage.get("seeds"))
        for name, stage in stages.items()
        if "train" in stage
    }


def _trained(spec: Mapping[str, Any]) -> dict[str, Any]:
    """A resolved spec without what is beside training, and without seeds."""
    plain = {key: value for key, value in spec.items() if key not in _BESIDE}
    plain["stages"] = {
        name: _without_seeds(stage) for name, stage in (spec.get("stages") or {}).items()
    }
    plain["variants"] = {
        name: {
            path: _without_seeds(value) if path.count(".") == 1 else value
            for path, value in (changes or {}).items()
            if not _SEED.fullmatch(path) and path.split(".")[0] not in _BESIDE
        }
        for name, changes in (spec.get("variants") or {}).items()
    }
    return plain


def _without_seeds(stage: Any) -> Any:
    if not isinstance(stage, Mapping) or "train" not in stage:
        return stage
    return {key: value for key, value in stage.items() if key not in ("seed", "seeds")}
