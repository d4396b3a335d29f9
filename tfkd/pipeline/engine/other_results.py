"""Results on files that a run's spec does not name: where they lie, and how they are shown."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from tfkd.pipeline.engine.graph import canonical, fingerprint
from tfkd.pipeline.engine.run_folder import RESULTS, read_results
from tfkd.pipeline.engine.wanted import Wanted
from tfkd.spec.errors import UserError

_ON = "evaluation/on"
# Characters of the corpora's names in a folder's, and digits that tell what was asked.
_MOST, _DIGITS = 100, 8
# What two entries are of the same scores by.
_SAME = ("of", "export", "variant", "on", "seed", "seeds", "decode", "choose", "context",
         "metric_options", "tokenize", "lower_case")  # fmt: skip


def place_on(run: Path, plan: Wanted) -> Path:
    """The folder, in a run's, of results on other files: `evaluation/on/NAME[+NAME]-DIGITS`.

    The digits are of what was asked and of what the files hold, not of the models: the same command
    writes the same folder, on files of the same names elsewhere, or by other metrics, another.

    Args:
        run: The run folder.
        plan: What the spec asks for that ends in these evaluations, see `OtherFiles.scored_by`.
    """
    names = dict.fromkeys(name for one in plan.spec.evaluate for name in one.on)
    asked = {
        "entries": plan.spec.evaluate,
        "files": {name: plan.builder.corpus(plan.spec, name).fingerprint for name in names},
    }
    return run / _ON / f"{'+'.join(names)[:_MOST]}-{fingerprint('on', asked)[:_DIGITS]}"


def with_other_files(results: Mapping[str, Any], run: Path) -> dict[str, Any]:
    """A run's results with what its models, as they are now, score on other files.

    Files of one name and other content are told apart by their folders: `jan/test`, `feb/test`.

    Args:
        results: The content of its results.json.
        run: The run folder.
    """
    shown = {**results, "data": {**results["data"]}, "evaluations": [*results["evaluations"]]}
    shown["over_seeds"] = [*(results.get("over_seeds") or ())]
    found = sorted(_of_these_models(results, run), key=lambda one: str(one.get("finished")))
    called = _names(found)
    known: dict[str, set[str]] = defaultdict(set)
    for one in found:
        names = {on: called[on, _content(one, on)] for on in _files(one)}
        for part in ("evaluations", "over_seeds"):
            for entry in one.get(part) or ():
                entry = {**entry, "on": names.get(entry["on"], entry["on"])}
                same = {key: entry.get(key) for key in _SAME} | {"noise": "noise" in entry}
                had = known[canonical([part, same])]
                fresh = {name: one for name, one in entry["metrics"].items() if name not in had}
                had.update(fresh)
                shown[part] += [{**entry, "metrics": fresh}] * bool(fresh)
        data = {names.get(name, name): one for name, one in one["data"].items()}
        shown["data"] = {**data, **shown["data"]}
    return shown


def _of_these_models(results: Mapping[str, Any], run: Path) -> Iterator[dict[str, Any]]:
    """Results on other files, but those of models that were trained otherwise since."""
    for place in sorted((run / _ON).glob(f"*/{RESULTS}")):
        try:
            found = read_results(place.parent)
        except UserError:
            continue  # of another version
        ours, theirs = results["stages"], found["stages"]
        if all(
            ours[name]["fingerprint"] == theirs[name]["fingerprint"]
            for name in ours.keys() & theirs
        ):
            yield found


def _files(results: Mapping[str, Any]) -> list[str]:
    return list(dict.fromkeys(one["on"] for one in results["evaluations"]))


def _content(results: Mapping[str, Any], name: str) -> str:
    """What tells a corpus from another of its name."""
    return results["stages"].get(f"corpus {name}", {}).get("fingerprint", "")


def _names(found: list[dict[str, Any]]) -> dict[tuple[str, str], str]:
    """What each corpus is called, by its name in its own results and its content."""
    folders: dict[str, dict[str, str]] = defaultdict(dict)
    for one in found:
        for name in _files(one):
            files = one["data"].get(name, {}).get("files") or {name: None}
            folders[name].setdefault(_content(one, name), Path(next(iter(files))).parent.name)
    called: dict[tuple[str, str], str] = {}
    for name, contents in folders.items():
        for content, folder in contents.items():
            plain = f"{folder}/{name}" if len(contents) > 1 and folder else name
            again = list(called.values()).count(plain)
            numbers = (f"{plain} ({number})" for number in range(2, again + 3))
            free = (one for one in (plain, *numbers) if one not in called.values())
            called[name, content] = next(free)
    return called


__all__ = ["place_on", "with_other_files"]
