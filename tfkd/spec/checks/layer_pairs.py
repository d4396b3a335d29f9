"""Which states of a student are compared with which of a teacher."""

from collections.abc import Mapping

MAPS = ("last", "second_to_last", "every", "mix")
LAST, MIX = "hidden", "mix"


def layer_pairs(layers: str | Mapping[str, str], ours: int, theirs: int) -> dict[str, str]:
    """The teacher's state for each of the student's.

    Args:
        layers: One of `MAPS` or a mapping; see `tfkd.objectives.HiddenStates`.
        ours: Layers of the student.
        theirs: Layers of the teacher.

    Raises:
        ValueError: A state does not exist, or there is no last but one.
    """
    if layers == "last":
        return {LAST: LAST}
    if layers == MIX:
        return {LAST: MIX}
    if layers == "second_to_last":
        if theirs < 2:
            raise ValueError(
                "Invalid value for argument `layers`. Expected a teacher of two layers or more for "
                f"'second_to_last'. Received: one of {theirs}"
            )
        return {LAST: f"layer_{theirs - 1}"}
    if layers == "every":
        # Halves are rounded up, as people do: Python rounds them to even numbers.
        nearest = {number: int(number * theirs / ours + 0.5) for number in range(1, ours + 1)}
        return {
            LAST if number == ours else f"layer_{number}": (
                LAST if layer == theirs else f"layer_{max(1, layer)}"
            )
            for number, layer in nearest.items()
        }
    for whose, names, count, more in (
        ("student", layers, ours, ()),
        ("teacher", layers.values(), theirs, (MIX,)),
    ):
        known = ["embedding", *(f"layer_{number}" for number in range(1, count + 1)), LAST, *more]
        if unknown := sorted(set(names) - set(known)):
            raise ValueError(
                f"Invalid value for argument `layers`. Expected states of the {whose}: "
                f"{', '.join(known)}. Received: {', '.join(unknown)}"
            )
    return dict(layers)
