"""Whom a run's models have learnt from, and how large they are, by its results.json."""

import copy
from collections.abc import Iterator, Mapping
from typing import Any

from tfkd.report.systems import stage_of
from tfkd.spec.registry import UNNAMED_STAGES
from tfkd.spec.stage_kinds import type_of


def model_of(results: Mapping[str, Any], label: str) -> Any:
    """The model that a stage trains, by its name in the spec; None of other stages."""
    return _options(results, label).get("train")


def teacher_of(results: Mapping[str, Any], label: str) -> str | None:
    """The training that a stage's terms or data come from, of several the first; None: it has no
    teacher. Arguments as of `teachers_of`."""
    return next(iter(teachers_of(results, label)), None)


def teachers_of(results: Mapping[str, Any], label: str) -> list[str]:
    """The trainings that a stage's first term with a teacher, or its data, come from: several,
    where it learns from their mean.

    Args:
        results: The results.json.
        label: `STAGE[#VARIANT]`; of another run's variant, the terms are those of this run.
    """
    options = _options(results, label)
    if _before(options):
        return _trained(results, [label])
    if same := _alike(options):
        return teachers_of(results, same)
    for references in _references(results, options):
        return _trained(results, references)
    origin = options.get("from")
    if isinstance(origin, str) and origin != label and stage_of(origin) != stage_of(label):
        # Distilled before, and trained on without a teacher.
        return teachers_of(results, origin)
    return []


def has_no_teacher(results: Mapping[str, Any], label: str) -> bool:
    """Whether a model had no teacher, neither in its stage nor in those that it went on from.

    Args:
        results: The results.json.
        label: `STAGE[#VARIANT]`; another variant's stages are this run's, with its changes.
    """
    stage, _, variant = label.partition("#")
    if not variant or variant == results.get("variant"):
        return teacher_of(results, stage_of(stage)) is None
    changes = (_spec(results).get("variants") or {}).get(variant) or {}
    options = _changed(_options(results, stage), changes, f"stages.{stage}")
    if next(_references(results, options), None) is not None:
        return False
    origins = options.get("from")
    named = origins.values() if isinstance(origins, Mapping) else [origins] if origins else []
    before = [name if "#" in name else f"{name}#{variant}" for name in map(str, named)]
    return all(one == label or has_no_teacher(results, one) for one in before)


def parameters_of(results: Mapping[str, Any], label: str) -> int | None:
    """How many weights a stage's model has; None: no stage and no export says it."""
    trained = {
        str(stage.get("label", name)).partition("+")[0]: stage.get("summary") or {}
        for name, stage in (results.get("stages") or {}).items()
        if stage["kind"] not in UNNAMED_STAGES  # an export has parameters, too
    }
    variant = results.get("variant")
    asked = [label, f"{label}#{variant}"]
    names = [*asked, *(name for name in trained if "#" not in label and stage_of(name) == label)]
    for name in names:
        if (count := trained.get(name, {}).get("parameters")) is not None:
            return count
    same = [one for one in results.get("exports") or () if stage_of(one["stage"]) == label]
    return same[0].get("parameters") if same else None


def _spec(results: Mapping[str, Any]) -> Mapping[str, Any]:
    return results.get("spec") or {}


def _options(results: Mapping[str, Any], label: str) -> Mapping[str, Any]:
    stages = _spec(results).get("stages") or {}
    return stages.get(label) or stages.get(stage_of(label)) or {}


def _changed(options: Mapping[str, Any], changes: Mapping[str, Any], path: str) -> dict[str, Any]:
    """A stage's options with a variant's changes, of which each names a place in the spec."""
    found: dict[str, Any] = copy.deepcopy(dict(options))
    for key, value in changes.items():
        if key == path:
            found = dict(value)
        if not key.startswith(f"{path}."):
            continue
        place = found
        *way, last = key.removeprefix(f"{path}.").split(".")
        for name in way:
            if not isinstance(place.get(name), dict):
                place[name] = {}
            place = place[name]
        place[last] = value
    return found


def _references(results: Mapping[str, Any], options: Mapping[str, Any]) -> Iterator[list[str]]:
    """The stages whose models speak in each of a training's terms, and then in its data."""
    for term in (options.get("objective") or {}).values():
        if not isinstance(term, Mapping) or term.get("weight") == 0:
            continue
        teacher = term.get("teacher")
        named = [teacher] if isinstance(teacher, str) else list(teacher or ())
        if named:
            yield [*named, *(term.get("beside") or ())]
    data = options.get("data") or ()
    for part in [data] if isinstance(data, str) else data:
        of = str(part.get("of") if isinstance(part, Mapping) else part)
        if _options(results, of).get("translate"):
            yield [of]


def _trained(results: Mapping[str, Any], labels: list[str]) -> list[str]:
    """The trainings behind stages, some of which score or translate, each once."""
    found: dict[str, None] = {}
    for label in labels:
        options = _options(results, str(label))
        before = _before(options)
        behind = [] if before is None else [before, *(options.get("beside") or ())]
        found |= dict.fromkeys(_trained(results, behind) if behind else [str(label)])
    return list(found)


def _before(options: Mapping[str, Any]) -> str | None:
    """The stage whose model a stage scores or translates with."""
    return next((str(options[key]) for key in ("score", "translate") if options.get(key)), None)


def _alike(options: Mapping[str, Any]) -> str | None:
    """The stage that a plugin's stage has its model from, where the plugin is known."""
    kind = type_of(options)
    return kind.alike(options) if kind is not None and kind.is_alike() else None
