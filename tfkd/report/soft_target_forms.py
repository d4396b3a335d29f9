"""Which soft targets a stage learns from: at what temperature, on which sides."""

from collections.abc import Mapping, Sequence
from typing import Any

from tfkd.report.systems import Run
from tfkd.report.wording import is_number, number


def soft_target_forms(runs: Sequence[Run], stage: str) -> list[str]:
    """A sentence for each term of soft targets with a temperature; at T = 1 both forms are one.

    Args:
        runs: The runs.
        stage: The training stage.
    """
    found: dict[str, None] = {}
    for run in runs:
        options = (run.part("spec").get("stages") or {}).get(stage) or {}
        for name, term in (options.get("objective") or {}).items():
            term = term or {}
            temperature = term.get("temperature")
            softened = is_number(temperature) and temperature != 1
            if term.get("kind", name) == "soft_targets" and softened:
                found[_sentence(name, term)] = None
    return list(found)


def _sentence(name: str, term: Mapping[str, Any]) -> str:
    temperature = number(term["temperature"])
    if term.get("form") == "hinton":
        return (
            f"{name}: teacher and student at temperature {temperature}, times its square (form: "
            "hinton; Hinton, Vinyals and Dean, 2015)."
        )
    return (
        f"{name}: the teacher at temperature {temperature}, the student at 1, no factor (form: "
        "paper; Chen et al., 2020)."
    )
