"""Stages of other specs, `SPEC:STAGE[#VARIANT]`: whether they are there."""

import os
from collections.abc import Collection
from dataclasses import replace
from pathlib import Path

from tfkd.spec.errors import SpecError, SpecErrors
from tfkd.spec.faults import Faults
from tfkd.spec.references import Reference
from tfkd.spec.source.compose import Files, changed, variant_names
from tfkd.spec.source.spec_files import Texts
from tfkd.spec.source.tree import Node
from tfkd.spec.stage_kinds import givers, type_of
from tfkd.spec.wording import a, cut, shown

MOST_TREES = 200


class OtherSpecs:
    """Other specs as they are composed, each read once, and no more than a few of them.

    Attributes:
        refused: Whether it was asked for more files than `Files` reads, what they extend
            counted, or more than `MOST_TREES` specs and variants.
        texts: What was read of them, by absolute path.
    """

    def __init__(self) -> None:
        self.texts: Texts = {}
        self._files = Files(texts=self.texts)
        self._trees: dict[tuple[Path, str | None], Node | SpecErrors] = {}
        self._more = False

    @property
    def refused(self) -> bool:
        return self._more or self._files.refused

    def tree(self, file: Path, variant: str | None = None) -> Node:
        """A spec's tree with one of its variants applied; its own faults stay unsaid.

        Args:
            file: From `real_path`.
            variant: The variant.

        Raises:
            SpecErrors: It cannot be read, has no such variant, or is one too many.
        """
        key = (file, variant)
        if key not in self._trees:
            if len(self._trees) >= MOST_TREES:
                self._more = True
                message = f"more than {MOST_TREES} specs and variants"
                raise SpecErrors([SpecError(str(file), 0, "", message)])
            try:
                tree = self._files.read(file) if variant is None else self.tree(file)
                self._trees[key] = changed(tree, variant, ())
            except SpecErrors as error:
                self._trees[key] = error
        found = self._trees[key]
        if isinstance(found, SpecErrors):
            raise found
        return found


def real_path(file: Path, spec: str) -> Path:
    """Where the spec lies that a file names: its folder without links, its name as it is given.

    Raises:
        ValueError: A name that no file can have.
    """
    file = file.parent / spec
    return Path(os.path.realpath(file.parent)) / file.name


def check_other_spec(
    others: OtherSpecs, faults: Faults, path: tuple, parsed: Reference, given: Collection[str]
) -> None:
    """A fault where a reference to another spec leads nowhere.

    The other file is read and composed, no more: its own faults are its own `tfkd validate`'s.

    Args:
        others: The other specs.
        faults: Takes the fault.
        path: Where the reference stands.
        parsed: The reference.
        given: What the stage has to give, one of them; see `StageOptions`.
    """
    here, name = Path(faults.tree.file), cut(str(parsed.spec))
    try:
        file = real_path(here, str(parsed.spec))
        if os.path.realpath(file) == os.path.realpath(here):
            faults.add(path, f"{name} is this spec", "STAGE or STAGE#VARIANT")
            return
        tree = others.tree(file)
        known = variant_names(tree)
        if parsed.variant is not None and parsed.variant not in known:
            message = f"{name} has no variant {shown(parsed.variant)}"
            faults.unknown(path, message, known, parsed.variant)
            return
        tree = others.tree(file, parsed.variant)
    except SpecErrors as error:
        first = error.errors[0]
        faults.add(path, f"{name} cannot be read: {replace(first, file=cut(first.file))}")
        return
    except ValueError as error:  # a name that no file can have
        faults.add(path, f"{name} cannot be read: {error}")
        return
    stages = tree.child("stages")
    names = list(stages.value) if stages is not None and stages.is_mapping else []
    if parsed.stage not in names:
        faults.unknown(path, f"{name} has no stage {shown(parsed.stage)}", names, parsed.stage)
    elif not _given(stages, parsed.stage) & {*given}:
        faults.add(
            path, f"{cut(str(parsed))} is another kind of stage", f"{a(givers(given))} stage"
        )


def _given(stages: Node, name: str) -> frozenset[str]:
    """What a stage gives, of one that is like another what that one gives; all that there is where
    this leads on to a third file."""
    seen: set[str] = set()
    while (kind := type_of(stages.value[name].value)) is not None and kind.is_alike():
        seen.add(name)
        name = kind.alike(stages.value[name].plain()) or ""
        if name in seen or name not in stages.value:
            return frozenset({"model", "trained", "targets"})
    return frozenset() if kind is None else kind.gives
