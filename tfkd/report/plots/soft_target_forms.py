"""Which soft targets a stage learns from: by what divergence, at what temperature."""

from collections.abc import Mapping, Sequence
from typing import Any

from tfkd.report.systems import Run
from tfkd.report.wording import is_number, number, plain

# Of a term, its `divergence` in the field's words.
DIVERGENCES = {
    "forward_kl": "cross-entropy",
    "reverse_kl": "reverse KL",
    "jensen_shannon": "Jensen-Shannon divergence",
    "total_variation": "total variation",
}


def soft_target_forms(runs: Sequence[Run], stage: str) -> list[str]:
    """A sentence for each term of soft targets with a temperature (at T = 1 both forms are one) or
    with another divergence than the cross-entropy's.

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
            if term.get("kind", name) != "soft_targets":
                continue
            if softened:
                found[_sentence(name, term)] = None
            if term.get("divergence", "forward_kl") != "forward_kl":
                found[_of_divergence(name, term)] = None
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


def _of_divergence(name: str, term: Mapping[str, Any]) -> str:
    kind = term["divergence"]
    share = f" with beta {plain(term.get('beta', 0.5))}" if kind == "jensen_shannon" else ""
    return (
        f"{name}: {DIVERGENCES.get(kind, kind)}{share} between student and teacher, in place "
        "of the cross-entropy; a student equal to its teacher has 0."
    )
