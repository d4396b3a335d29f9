"""The best scores that anyone can have on a test set, where what made it is known."""

from collections.abc import Iterable, Mapping
from typing import Any

NAME = "ceiling: the grammar"
NOTE = (
    "ceiling: what the grammar that made the rows scores itself: of outputs its most probable "
    "translations, of loss and perplexity its own probabilities. Nobody who has not seen the "
    "references can expect more."
)


def ceilings(evaluations: Iterable[Mapping[str, Any]]) -> dict[str, dict[str, Mapping[str, Any]]]:
    """The ceilings' figures by test set and metric; {} where none is known.

    Args:
        evaluations: Of results.json.
    """
    found: dict[str, dict[str, Mapping[str, Any]]] = {}
    for entry in evaluations:
        for metric, figure in ((entry.get("ceiling") or {}).get("metrics") or {}).items():
            # The same for all systems of a test set.
            found.setdefault(str(entry.get("on")), {}).setdefault(metric, figure)
    return found
