"""Stages of other specs, `SPEC:STAGE[#VARIANT]`: whether they are there."""

from pathlib import Path

from tfkd.spec.compose import changed, extended, variant_names
from tfkd.spec.errors import SpecErrors
from tfkd.spec.faults import Faults
from tfkd.spec.references import Reference


def check_other_spec(
    faults: Faults, path: tuple, parsed: Reference, kinds: tuple[str, ...]
) -> None:
    """A fault where a reference to another spec leads nowhere.

    The other file is read and composed, no more: its own faults are its own `tfkd validate`'s.

    Args:
        faults: Takes the fault.
        path: Where the reference stands.
        parsed: The reference.
        kinds: The kinds of stage that it may name.
    """
    here = Path(faults.tree.file)
    place = here.parent / str(parsed.spec)
    try:
        if place.resolve() == here.resolve():
            faults.add(path, f"{parsed.spec} is this spec", "STAGE or STAGE#VARIANT")
            return
        tree = extended(place)
        known = variant_names(tree)
        if parsed.variant is not None and parsed.variant not in known:
            _unknown(faults, path, f"{place} has no variant", parsed.variant, known)
            return
        tree = changed(tree, parsed.variant, ())
    except SpecErrors as error:
        faults.add(path, f"{parsed.spec} cannot be read: {error.errors[0]}")
        return
    except (OSError, ValueError) as error:  # a name that no file can have
        faults.add(path, f"{str(parsed.spec)!r} cannot be read: {error}")
        return
    stages = tree.child("stages")
    names = list(stages.value) if stages is not None and stages.is_mapping else []
    if parsed.stage not in names:
        _unknown(faults, path, f"{place} has no stage", parsed.stage, names)
    elif not any(stages.value[parsed.stage].child(kind) for kind in kinds):
        faults.add(path, f"{parsed} is another kind of stage", f"a {' or '.join(kinds)} stage")


def _unknown(faults: Faults, path: tuple, what: str, name: str, names: list[str]) -> None:
    expected = f"one of {', '.join(names)}" if names else ""
    faults.add(path, f"{what} {name!r}", expected, names, name)
