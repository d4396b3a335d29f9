"""The metrics by name: what is known of one before it is counted.

Their classes are found in the registry; a plugin's stand there beside the package's own. The
results of a run tell what a plugin's metrics are, so that they are read without it, too.
"""

import inspect
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from functools import cache
from typing import Any

from tfkd.spec import registry
from tfkd.spec.errors import UserError

KIND = "metric"
# What evaluations make of a model's rows, and metrics are counted from: what it writes; how it
# predicts the reference word by word; the classes that it guesses; how likely a text's words are.
# ("figures" stands in fingerprints and manifests.)
OUTPUTS, TEACHER_FORCED, CLASSES, WORDS = "outputs", "figures", "classes", "words"
# What can be made of the rows of a model that predicts words.
OF_WORDS = (OUTPUTS, TEACHER_FORCED, WORDS)
# A name among an evaluation's metrics that asks for a verdict: no figure.
TEACHER_CHECK = "teacher_check"
# Figures of trainings, of which less is better and which no spec names.
_LESS_IS_BETTER = frozenset({"entropy"})
_SHOWS = ("name", "products", "statistics", "of_sums", "also")
# Methods of a metric and what each is called with; `rows` where a base class calls it.
_CALLED: Mapping[str, Sequence[str]] = {
    "statistics": ("product", "references", "sources"), "of_sums": ("sums",),
    "value": ("statistics",), "of_rows": ("statistics",),
    "rows": ("product", "references", "sources"),
}  # fmt: skip
_TOLD = ("title", "higher_is_better", "decimals", "percent", "logarithmic", "proper")


class Told:
    """A metric that results speak of, as far as they do.

    Attributes:
        As of `evaluation.metrics.Metric`.
    """

    products: tuple[str, ...] = ()
    decimals = 3
    percent = logarithmic = proper = False

    def __init__(self, name: str, told: Mapping[str, Any] | None = None):
        self.name = name
        self.title = name.replace("_", " ").capitalize()
        self.higher_is_better = name not in _LESS_IS_BETTER
        for key in _TOLD:
            if key in (told or {}):
                setattr(self, key, told[key])


_told: dict[str, Told] = {}


def names() -> list[str]:
    """The metrics that specs can name, in the order in which they were added."""
    return [*_entries()]


def _entries() -> dict[str, registry.Entry]:
    _register()
    return {one.name: one for one in registry.entries(KIND)}


def _entry(name: str) -> registry.Entry | None:
    _register()
    return registry.find(KIND, name)


def _register() -> None:
    """Has the package's own stand there, of a use without a spec."""
    if registry.find(KIND, "bleu") is None:
        from tfkd.spec.builtins import register_builtins

        register_builtins()


def metrics(among: Iterable[str] | None = None) -> dict[str, Any]:
    """The classes of metrics by name; of these names alone, those that specs can name.

    Args:
        among: The names; None: all whose classes can be imported, as none asked for the others.

    Raises:
        UserError: A plugin's class that was asked for is not where it says, or is none.
    """
    if among is not None:
        entries = {name: _entry(name) for name in among}
        return {name: _loaded(entry) for name, entry in entries.items() if entry is not None}
    found = {}
    for name, entry in _entries().items():
        with suppress(UserError):
            found[name] = _loaded(entry)
    return found


@cache
def _loaded(entry: registry.Entry) -> Any:
    """A metric's class.

    Raises:
        UserError: A plugin's is not where it says, or is none.
    """
    if entry.target.startswith("tfkd."):
        return registry.load(entry)
    where = f"the metric {entry.name} of a plugin: {entry.target}"
    try:
        made = registry.load(entry)
    except Exception as error:
        raise UserError(f"{where} cannot be imported ({type(error).__name__}: {error})") from error
    lacking = [key for key in _SHOWS if not hasattr(made, key)]
    if lacking or made.name != entry.name:
        lacks = f"has no {', '.join(lacking)}" if lacking else f"calls itself {made.name!r}"
        raise UserError(
            f"{where} {lacks}; expected a subclass of tfkd.evaluation.Metric with the name "
            f"{entry.name!r}"
        )
    unknown = {*made.products} - {OUTPUTS, TEACHER_FORCED, CLASSES, WORDS}
    if unknown or not made.products:
        raise UserError(
            f"{where} is counted from {', '.join(map(str, unknown)) or 'nothing'}; expected "
            f"products of {OUTPUTS}, {TEACHER_FORCED}, {CLASSES}, {WORDS}"
        )
    if wrong := _wrong_method(made):
        raise UserError(f"{where} {wrong}")
    return made


def _wrong_method(made: type) -> str | None:
    """What is wrong with the first method that cannot be called as it will be, after hours."""
    for name, arguments in _CALLED.items():
        method = inspect.getattr_static(made, name, None)
        owner = next((one for one in made.__mro__ if name in vars(one)), made)
        bases = [one for one in made.__mro__ if one.__module__.startswith("tfkd.")]
        expected = f"{name}(self, {', '.join(arguments)})"
        called = name != "rows" or any(name in vars(base) for base in bases)
        if not called or not inspect.isfunction(method):
            continue
        if owner in bases:
            if "NotImplementedError" in method.__code__.co_names:
                return f"has no {name}; expected {expected}"
            continue
        try:
            inspect.signature(method).bind(made, *arguments)
        except TypeError as error:
            code = inspect.unwrap(method).__code__
            return (
                f"has {name}{inspect.signature(method)} at {code.co_filename}:"
                f"{code.co_firstlineno} ({error}); expected {expected}"
            )
    return None


def about(name: str) -> Any:
    """What is known of a metric: its class; of an unknown one, what results have told of it, or
    what its name says.

    Raises:
        UserError: A plugin's class is not where it says, or is none.
    """
    if (entry := _entry(name)) is not None:
        return _loaded(entry)
    for found in metrics().values():
        for one in found.also:
            if one.name == name:
                return one
    return _told.get(name) or Told(name)


def higher_is_better(name: str) -> bool:
    """Whether more of this metric is better."""
    return about(name).higher_is_better


def product_of(metric: Any, made: Collection[str]) -> str | None:
    """What a metric is counted from, of what is made; None: it has nothing there."""
    return next((kind for kind in metric.products if kind in made), None)


def names_of(*products: str, among: Iterable[str] | None = None) -> list[str]:
    """The metrics that are counted from one of these products: of a classifier, from its classes;
    of a model of words, from the first other that they name.

    Args:
        products: The products.
        among: Names to choose from, whose classes alone are loaded; None: all.
    """
    of = ((CLASSES,), OF_WORDS)
    return [
        name
        for name, one in metrics(among).items()
        if {product_of(one, made) for made in of} & {*products}
    ]


def in_training(among: Iterable[str] | None = None) -> list[str]:
    """The metrics that a training can validate by, those first that need no outputs; of these
    names alone, or of all."""
    found = {
        name: one
        for name, one in metrics(among).items()
        if one.in_training and {*one.products} != {WORDS}
    }
    return sorted(found, key=lambda name: product_of(found[name], OF_WORDS) == OUTPUTS)


def measured(names: Iterable[str]) -> list[str]:
    """The names of what comes of measuring these metrics: some come in two."""
    return [one.name for name in names for one in (about(name), *getattr(about(name), "also", ()))]


def remember(told: Mapping[str, Mapping[str, Any]]) -> None:
    """Takes in what results tell of metrics that no class here is of."""
    _told.update({name: Told(name, one) for name, one in told.items()})


def told_of(names: Iterable[str]) -> dict[str, dict[str, Any]]:
    """What results tell of these metrics: of those that only a plugin has."""
    own = [name for name, entry in _entries().items() if not entry.target.startswith("tfkd.")]
    return {
        name: {key: getattr(about(name), key) for key in _TOLD} for name in names if name in own
    }
