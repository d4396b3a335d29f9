"""Whether specs are right: all faults of a variant, or of files with all their variants."""

from collections.abc import Sequence
from pathlib import Path

from tfkd.spec import registry
from tfkd.spec.builtins import register_builtins
from tfkd.spec.checks.circles import circle_through_all
from tfkd.spec.checks.other_specs import MOST_TREES
from tfkd.spec.errors import SpecError, SpecErrors
from tfkd.spec.source.compose import MOST_FILES
from tfkd.spec.source.reading import Reading, Sections


def right(reading: Reading, variant: str | None, elsewhere: bool) -> Sections:
    """A variant's sections, where nothing is wrong with it or with an override.

    Args:
        reading: The spec's file.
        variant: The variant; None: the spec itself.
        elsewhere: Whether an override may have its place in any variant, and not only in the
            spec itself, in this one and in those that it refers to.

    Raises:
        SpecErrors: All faults.
    """
    errors: list[SpecError] = []
    try:
        found = _checked(reading, variant)
    except SpecErrors as error:
        errors = error.errors
    misplaced = reading.misplaced()
    if misplaced and elsewhere:
        misplaced = reading.misplaced(reading.variants())
    if errors or misplaced:
        raise SpecErrors([*errors, *misplaced])
    return found


def validate_files(
    paths: Sequence[str | Path],
    plugins: Sequence[str] = (),
    variant: str | None = None,
    overrides: Sequence[str] = (),
) -> list[SpecError]:
    """All faults of some specs, each with every variant; no TensorFlow is imported.

    Args:
        paths: The YAML files.
        plugins: Modules that register classes of the user's own.
        variant: The one variant to check; None: the spec and all of them.
        overrides: `K=V` each: a dotted path and a YAML value.
    """
    register_builtins()
    registry.load_plugins(plugins)
    errors: dict[tuple, SpecError] = {}
    for path in paths:
        try:
            reading = Reading(path, overrides)
        except SpecErrors as error:
            errors |= {_place(one): one for one in error.errors}
            continue
        for name in reading.variants() if variant is None else (variant,):
            try:
                _checked(reading, name)
            except SpecErrors as error:
                # A variant has its spec's faults too: they are said once.
                errors = {_place(one): one for one in error.errors} | errors
        errors |= {_place(one): one for one in reading.misplaced()}
    return sorted(errors.values(), key=lambda one: (one.file, one.line, one.path))


def _place(error: SpecError) -> tuple:
    return (error.file, error.line, error.path, error.message)


def _checked(reading: Reading, variant: str | None) -> Sections:
    """A variant's sections, without a fault and without a circle through other variants or specs.

    Raises:
        SpecErrors: All its faults.
    """
    found = reading.checked(variant)
    stage, trail = circle_through_all(
        found.parts.stages,
        found.tree.plain(),
        variant,
        lambda name: reading.checked(name).tree.plain(),
        reading.others,
        reading.path,
    )
    if trail:
        message = f"a circle of stages: {' -> '.join(trail)}"
        expected = "stages that do not wait for themselves"
    elif reading.others.refused:
        message = "stages of other specs lead to more and more specs"
        expected = f"at most {MOST_FILES} files, and {MOST_TREES} with their variants"
    else:
        return found
    path = ("stages", stage) if trail else ("stages",)
    node = found.tree.nearest(path)
    raise SpecErrors(
        [SpecError(node.file, node.line, ".".join(path), message, expected, "", variant or "")]
    )
