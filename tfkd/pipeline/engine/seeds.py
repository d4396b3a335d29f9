"""What a spec with `seeds:` asks for: its line once a seed, with shared text and tokenizers."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from tfkd.evaluation import COMPARED_BY, comparison_key, decode_as_asked, over_seeds
from tfkd.pipeline.engine.wanted import Wanted, wanted
from tfkd.pipeline.inputs.data_folder import DataFolder
from tfkd.spec import Spec


def wanted_of_all_seeds(spec: Spec, data_dir: Path, files: DataFolder | None = None) -> Wanted:
    """Builds the graph of a spec, of each of its seeds if it has several.

    All that trains, and all that follows from it, is made once a seed; what does not depend on it
    (corpora, tokenizers, ids, published checkpoints, stages of other specs) once. A seed's models
    are compared with the baselines of the same seed. The first seed's models are exported.

    Args:
        spec: The resolved spec.
        data_dir: The folder that data paths are relative to.
        files: As of `wanted`.
    """
    if not spec.seeds or spec.seed is not None:
        return wanted(spec, data_dir, files)
    # A seed changes none of these, and more may be asked for beside the file.
    asked = {"data": spec.data, "evaluate": spec.evaluate, "export": spec.export}
    parts = [wanted(replace(spec.with_seed(seed), **asked), data_dir, files) for seed in spec.seeds]
    return Wanted(
        spec,
        parts[0].builder,
        evaluations=_distinct([one for part in parts for one in part.evaluations]),
        teacher_checks=_distinct([check for part in parts for check in part.teacher_checks]),
        exports=parts[0].exports,
        parts=parts,
    )


def _distinct(asked: Sequence[Any]) -> list[Any]:
    """What is asked for, once where no seed bears on it: models of other specs."""
    found = {}
    for one in asked:
        nodes = [getattr(one, name, None) for name in ("system", "teacher", "baseline", "noise")]
        key = (one.on, one.options, *(node and node.key for node in nodes))
        found.setdefault(repr(key), one)
    return list(found.values())


def summaries(evaluations: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Mean, std and t-interval over the seeds of what was evaluated, and of the differences to
    its baseline, seed by seed.

    Args:
        evaluations: Entries of results.json; those of one model, test set and search that differ
            in their seed alone belong together.

    Returns:
        One for each that has several seeds: `of`, `variant`, `on`, `decode`, `seeds`, `metrics`,
        `context` where it was chosen and, with a baseline, `against`: its `of`, `variant`,
        `metrics` (its own scores) and `differences`.
    """
    groups: dict[str, list[Mapping[str, Any]]] = {}
    for entry in evaluations:
        groups.setdefault(comparison_key(entry), []).append(entry)
    found = []
    for entries in groups.values():
        seeds = [entry["seed"] for entry in entries]
        if len(entries) < 2 or len({*seeds}) < len(seeds):
            continue
        first = entries[0]
        summary = {name: first.get(name) for name in ("of", "variant", "on")}
        summary["decode"] = decode_as_asked(first)
        summary |= {name: first[name] for name in COMPARED_BY if name in first}
        summary |= {"seeds": seeds, "metrics": _over(entries, "metrics", "value"), "against": None}
        others = [entry.get("against") for entry in entries]
        if all(others):
            summary["against"] = {
                **{name: others[0].get(name) for name in ("of", "variant")},
                "decode": decode_as_asked(first, others[0].get("decode")),
                "metrics": _over(others, "metrics", "value"),
                "differences": _over(others, "metrics", "delta"),
            }
        found.append(summary)
    return found


def _over(entries: Sequence[Any], section: str, key: str) -> dict[str, dict[str, Any]]:
    """Each metric that all entries have, over them."""
    names = [
        name for name in entries[0][section] if all(name in entry[section] for entry in entries)
    ]
    return {name: over_seeds([entry[section][name][key] for entry in entries]) for name in names}
