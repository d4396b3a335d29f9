"""`--more-steps`: training stages that go on from where they ended."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from tfkd.spec import Spec
from tfkd.spec.errors import UserError, nearest
from tfkd.spec.source.asked_steps import OPTION, steps_override
from tfkd.training.optimization.schedules import build_schedule


def more_steps(spec: Spec, asked: Sequence[str]) -> str:
    """The override that raises the steps of some stages.

    Args:
        spec: The spec with its own steps.
        asked: `STAGE=N` each; or `N`, of the one stage that trains.

    Raises:
        UserError: There is no such stage, it has `epochs`, or its schedule forbids to go on.
    """
    trained = {name: one for name, one in spec.stages.items() if one.kind == "train"}
    more: dict[str, int] = {}
    for text in asked:
        name, _, number = text.rpartition("=")
        if not (number.isascii() and number.isdecimal()) or not 0 < int(number) < 2**31:
            raise UserError(f"{OPTION} {text}: expected a number of steps, N or STAGE=N")
        if not name:
            if len(trained) != 1:
                raise UserError(
                    f"{OPTION} {text}: {', '.join(trained) or 'no stage'} train; say which goes "
                    f"on: {' '.join(f'{OPTION} {one}={number}' for one in trained)}"
                )
            (name,) = trained
        if name not in trained:
            near = nearest(re.split(r"[#+]", name)[0], trained)
            raise UserError(
                f"{OPTION} {text}: no stage {name} trains; expected one of {', '.join(trained)}"
                + (" (with all its seeds, and in all variants)" * bool(re.search(r"[#+]", name)))
                + (f"; did you mean {near}?" if near else "")
            )
        _refuse_other_rates(name, trained[name], int(number))
        more[name] = int(number)
    return steps_override(more)


def as_words(more: int | Mapping[str, int]) -> list[str]:
    """The same as the command line has it, of a number or of numbers by stage."""
    if type(more) is int:
        return [str(more)]
    if not isinstance(more, Mapping) or any(type(number) is not int for number in more.values()):
        raise ValueError(
            "Invalid value for argument `more_steps`. Expected a number of steps, or a mapping of "
            f"stages to numbers. Received: more_steps={more!r}"
        )
    return [f"{name}={number}" for name, number in more.items()]


def _refuse_other_rates(name: str, options: Any, more: int) -> None:
    if options.steps is None:
        raise UserError(
            f"{OPTION} {name}={more}: it is trained for {options.epochs:g} epochs; more of them, "
            f"--set stages.{name}.epochs=N, go on from where these ended, too"
        )
    steps = options.steps + more
    trials = [options] if options.choose is None else [one for _, one in options.choose.trials]
    for trial in trials:
        ours, theirs = (
            build_schedule(trial.schedule, length, width=1) for length in (steps, options.steps)
        )
        if any(ours(step) != theirs(step) for step in range(1, options.steps + 1)):
            raise UserError(
                f"{OPTION} {name}={more}: {OTHER_RATES.format(kind=trial.schedule.kind)} To train "
                f"all {steps:,} steps anew: --set stages.{name}.steps={steps}. To go on from the "
                f"weights alone: a stage of its own, from: {name}, with steps: {more}"
            )


OTHER_RATES = (
    "its schedule ({kind}) comes down by the number of all steps, so that a longer training has "
    "other rates from its start. What goes on as if it had been longer from the start is constant, "
    "inverse_square_root and noam, with a warm-up of so many steps."
)
