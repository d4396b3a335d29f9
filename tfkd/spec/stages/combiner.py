"""`gradients:` of a training stage: how those of its terms are combined."""

from typing import Any

from tfkd.spec.faults import Faults
from tfkd.spec.sections import of_kind


def combiner_of(
    faults: Faults, path: tuple[Any, ...], value: Any, gone: set[str], terms: set[str]
) -> Any:
    """`{gated: {main: ..}}`, or in one mapping `{kind: gated, main: ..}`.

    Terms of weight 0 are taken out of its lists; None where one of them is empty then: there is
    nothing to combine.
    """
    if isinstance(value, dict) and "kind" not in value and len(value) == 1:
        ((kind, inner),) = value.items()
        path, value = (*path, kind), {"kind": kind, **inner} if isinstance(inner, dict) else inner
    options = of_kind(faults, path, "combiner", value)
    if options is None:
        return None
    lists = {
        key: [name for name in getattr(options, key) if name not in gone]
        for key in ("main", "auxiliary")
    }
    unknown = {name for key in lists for name in lists[key]} - terms
    # A name that no term has is told of where terms are checked.
    return options.model_copy(update=lists) if all(lists.values()) or unknown else None
