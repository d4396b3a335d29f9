"""Corpora that a training reads in some of its steps: whether each step has one."""

from typing import Any

from tfkd.spec.faults import Faults
from tfkd.spec.names import written
from tfkd.spec.options.stages import mixtures_of


def check_mixtures(faults: Faults, path: tuple, stage: Any) -> None:
    """`from:` and `until:` of a training stage's data.

    Args:
        faults: Takes the faults.
        path: The stage's path.
        stage: Its options, or a stand-in for faulty ones.
    """
    steps = getattr(stage, "steps", None)
    for index, part in enumerate(stage.data):
        for key, step in (
            ("from", getattr(part, "from_", None)),
            ("until", getattr(part, "until", None)),
        ):
            where = written(faults, (*path, "data", index, key))
            if step is not None and getattr(stage, "epochs", None) is not None:
                faults.add(where, f"{key}: {step}, a step, and the stage has epochs",
                           "steps: of the stage in place of epochs")  # fmt: skip
            elif key == "from" and step is not None and steps is not None and step >= steps:
                faults.add(where, f"from: {step}, and the stage has {steps} steps",
                           "a step before its last, or more steps")  # fmt: skip
    if not stage.data:
        return  # a fault of its own
    mixtures = mixtures_of(stage.data, steps)
    ends = [one.start for one in mixtures[1:]]
    for one, end in zip(mixtures, [*ends, steps], strict=True):
        if not one.parts:
            last = "the last" if end is None else f"{end:,}"
            faults.add(
                (*path, "data"), f"steps {one.start + 1:,} to {last} have no corpus",
                "one in each step: a corpus without from and until, or with others",
            )  # fmt: skip
