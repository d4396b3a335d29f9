"""Learning rates as pure functions of the step."""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from tfkd.spec.errors import UserError

Schedule = Callable[[int], float]


def warmup_steps(warmup: float, steps: int) -> int:
    """Steps of warm-up from a whole number of steps, or from a fraction of all steps below 1."""
    return round(warmup * steps) if 0 < warmup < 1 else int(warmup)


@dataclass(frozen=True, kw_only=True)
class Constant:
    """rate * min(1, s / W) at step s = 1, 2, ..., with W steps of warm-up (0: none).

    Args:
        steps: All steps of the training.
        rate: The rate after the warm-up.
        warmup: W, or a fraction of `steps` below 1.
    """

    steps: int
    rate: float
    warmup: float = 0

    def __call__(self, step: int) -> float:
        return self.rate * _rise(step, warmup_steps(self.warmup, self.steps))


@dataclass(frozen=True, kw_only=True)
class Linear:
    """Up to `rate` in W steps, then in a straight line to `end`, reached one step after the last.

        rate * s / W                                       s <= W
        rate + (end - rate) * (s - W) / (S + 1 - W)        s > W

    so that with `end` = 0 neither the first nor the last of the S steps is lost on a rate of 0.

    Args:
        steps: All steps of the training, S.
        rate: The highest rate.
        warmup: W, or a fraction of `steps` below 1.
        end: Where the line ends.
    """

    steps: int
    rate: float
    warmup: float = 0
    end: float = 0.0

    def __call__(self, step: int) -> float:
        warmup = warmup_steps(self.warmup, self.steps)
        if step <= warmup:
            return self.rate * step / warmup
        way = min(1.0, (step - warmup) / (self.steps + 1 - warmup))
        return self.rate + (self.end - self.rate) * way


@dataclass(frozen=True, kw_only=True)
class Triangular(Linear):
    """`Linear` with a warm-up of 6 % unless another is given: BERT's schedule.

    Reference: Devlin et al. 2019, appendix A.2; Chen et al. 2020, section 4.2 (5 % and 100k steps).
    """

    warmup: float = 0.06


@dataclass(frozen=True, kw_only=True)
class Noam:
    """factor * width^-0.5 * min(s^-0.5, s * W^-1.5).

    Args:
        steps: All steps of the training.
        width: The model's width.
        warmup: W, or a fraction of `steps` below 1.
        factor: The factor.

    Reference: Vaswani et al. 2017, section 5.3, equation 3.
    """

    steps: int
    width: int
    warmup: float = 4000
    factor: float = 1.0

    def __call__(self, step: int) -> float:
        warmup = max(1, warmup_steps(self.warmup, self.steps))
        return self.factor * self.width**-0.5 * min(step**-0.5, step * warmup**-1.5)


@dataclass(frozen=True, kw_only=True)
class InverseSquareRoot:
    """rate * min(s / W, sqrt(W / s)): fairseq's `inverse_sqrt`, from 0.

    Args:
        steps: All steps of the training.
        rate: The rate at step W, the highest.
        warmup: W, or a fraction of `steps` below 1.
    """

    steps: int
    rate: float
    warmup: float = 4000

    def __call__(self, step: int) -> float:
        warmup = max(1, warmup_steps(self.warmup, self.steps))
        return self.rate * min(step / warmup, (warmup / step) ** 0.5)


def _rise(step: int, warmup: int) -> float:
    return min(1.0, step / warmup) if warmup else 1.0


def build_schedule(options: Any, steps: int, width: int | None = None) -> Schedule:
    """The schedule of a spec's `schedule:` options: `kind` and its values.

    Args:
        options: A mapping, or an options model with `model_dump`. Values that are None are left to
            their defaults.
        steps: All steps of the training.
        width: The model's width, which `noam` needs.

    Raises:
        UserError: A value that this kind of schedule has no use for, or one that it lacks.
    """
    values = options_of(options)
    kind = values.pop("kind", "constant")
    make = find({}, "schedule", kind)
    accepted = inspect.signature(make).parameters
    if unknown := sorted(set(values) - set(accepted)):
        raise UserError(
            f"schedule: {kind} has no {', '.join(unknown)}; it has "
            f"{', '.join(name for name in accepted if name not in ('steps', 'width'))}"
        )
    if "rate" in accepted and "rate" not in values:
        raise UserError(f"schedule: {kind} needs a rate")
    if "width" in accepted:
        values["width"] = width
    return make(steps=steps, **values)


def options_of(options: Any) -> dict[str, Any]:
    """A plain dict of what is given in a mapping or an options model."""
    if not isinstance(options, Mapping):
        options = options.model_dump()
    return {key: value for key, value in options.items() if value is not None}


def find(built_in: Mapping[str, Any], registry_kind: str, name: str) -> Any:
    """A class by its name: a built-in one, or one that a plugin has registered."""
    if name in built_in:
        return built_in[name]
    from tfkd.spec import registry
    from tfkd.spec.builtins import register_builtins

    register_builtins()
    return registry.load(registry.lookup(registry_kind, name))
