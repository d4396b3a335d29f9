"""One spec file as it is read: its sections in each of its variants, each made once."""

import contextlib
import copy
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tfkd.spec import sections
from tfkd.spec.checks.other_specs import OtherSpecs
from tfkd.spec.checks.parts import check
from tfkd.spec.errors import SpecError, SpecErrors
from tfkd.spec.export_section import exports
from tfkd.spec.faults import UNKNOWN_KEY, Faults
from tfkd.spec.names import Parts
from tfkd.spec.options import CardOptions, PaperOptions, RuntimeOptions
from tfkd.spec.seeds import seeded, seeded_stages, seeds
from tfkd.spec.source.asked_steps import OPTION as MORE_STEPS
from tfkd.spec.source.compose import changed, extended, variant_names, variant_paths
from tfkd.spec.source.overrides import Overridden, Override, leads_through, overridden
from tfkd.spec.source.renamed import as_written, renamed
from tfkd.spec.source.spec_files import Texts
from tfkd.spec.source.tree import Node, node_of
from tfkd.spec.stage_sections import evaluations, stages
from tfkd.spec.wording import shown

MOST_VARIANTS = 100


@dataclass(frozen=True)
class Sections:
    """A spec's sections in one variant, as far as they are right.

    Attributes:
        tree: The composed tree.
        top: What is no mapping of named parts.
        parts: The sections of named parts.
        variants: The variants as they were written, by name.
        faults: The faults of the sections, each seen alone.
    """

    tree: Node
    top: dict[str, Any]
    parts: Parts
    variants: dict[str, Any]
    faults: Faults


class Reading:
    """A spec file with all that it extends.

    Args:
        path: The file.
        overrides: What `--set` replaces.
        change: Replaces the composed plain values before they are checked, or None.
        seed: The seed of all that trains; None: as it is written.

    Raises:
        SpecErrors: The file, or what it extends, cannot be read.
    """

    def __init__(
        self,
        path: str | Path,
        overrides: Sequence[str] = (),
        change: Callable[[dict[str, Any]], dict[str, Any]] | None = None,
        seed: int | None = None,
    ):
        self.path = Path(path)
        self._slips: list[SpecError] = []
        self._renamed: dict[tuple[str, str], str] = {}
        self._texts: Texts = {}
        tree = extended(path, self._slips, self._texts)
        self.written = renamed(tree, self._renamed)
        self.others = OtherSpecs()
        self.overrides, self.change, self._seed = tuple(overrides), change, seed
        self._of_seeds: dict[int | None, Reading] = {seed: self}
        self._start()

    def _start(self) -> None:
        # What others make of its variants, by their names.
        self.made: dict[str | None, Any] = {}
        self._overridden: dict[str | None, Overridden] = {}
        self._sections: dict[str | None, Sections] = {}
        self._checked: dict[str | None, SpecErrors | None] = {}

    def with_seed(self, seed: int | None) -> "Reading":
        """The same file, whose stages with seeds have this one; made once."""
        if seed not in self._of_seeds:
            found = copy.copy(self)
            found._seed = seed
            found._start()
            self._of_seeds[seed] = found
        return self._of_seeds[seed]

    @property
    def texts(self) -> Texts:
        """All that was read so far, of other specs, too: texts by absolute path."""
        return {**self.others.texts, **self._texts}

    def variants(self) -> tuple[str | None, ...]:
        """The spec itself, None, and its variants."""
        return (None, *variant_names(self.written)[:MOST_VARIANTS])

    def renamed(self) -> tuple[str, ...]:
        """What is said of old names in what was read so far."""
        return tuple(self._renamed.values())

    def sections(self, variant: str | None) -> Sections:
        """The sections in a variant, not yet checked against each other.

        What `--set` has no place in it for is left out: see `misplaced`.

        Raises:
            SpecErrors: No such variant, or dotted paths of its own that lead nowhere.
        """
        if variant not in self._sections:
            self._sections[variant] = self._read(variant)
        return self._sections[variant]

    def checked(self, variant: str | None) -> Sections:
        """The sections in a variant, without a fault.

        Raises:
            SpecErrors: All its faults.
        """
        if variant not in self._checked:
            found = self.sections(variant)
            check(found.parts, found.faults)
            faults = (as_written(error, self._renamed) for error in found.faults.errors)
            errors = [*dict.fromkeys(self._slips), *faults]
            self._checked[variant] = SpecErrors(errors) if errors else None
        error = self._checked[variant]
        if error is not None:
            raise error
        return self.sections(variant)

    def placed(self, variant: str | None) -> list[Override]:
        """The overrides that a variant has a place for.

        Raises:
            SpecErrors: No such variant, or dotted paths of its own that lead nowhere.
        """
        if variant not in self._overridden:
            self._overridden[variant] = self._override(variant, self.overrides)
        if self._overridden[variant].added:
            self.sections(variant)  # which of them it has options for
        return self._overridden[variant].placed

    def misplaced(self, among: Collection[str | None] | None = None) -> list[SpecError]:
        """A fault for each override that no variant has a place for.

        Args:
            among: The variants, None for the spec itself; default: this one and those that were
                read so far, which are what was asked for and what that refers to.
        """
        left = dict.fromkeys(self.overrides)
        for variant in [None, *self._sections] if among is None else among:
            if left:
                with contextlib.suppress(SpecErrors):  # paths of its own, said elsewhere
                    self.sections(variant)
                    said = self._overridden[variant].misplaced
                    left = {text: left[text] or said[text] for text in left if text in said}
        return [error for error in left.values() if error is not None]

    def overruled(self, variant: str | None) -> list[str]:
        """What a variant says itself and `--set` says otherwise."""
        return [
            f"variants.{variant}.{path}: --set {override.path} is the last word"
            for override in self.placed(variant)
            for path in variant_paths(self.written, variant)
            if leads_through(path, override.path) and not override.text.startswith(MORE_STEPS)
        ]

    def _override(self, variant: str | None, overrides: Sequence[str]) -> Overridden:
        tree = changed(self.written, variant, ())
        return overridden(tree, variant, variant_paths(self.written, variant), overrides)

    def _read(self, variant: str | None) -> Sections:
        made = self._override(variant, self.overrides)
        found = self._sections_of(made.tree, variant)
        strange: dict[str, SpecError] = {}
        while more := _strange(made, found.faults.errors):  # one may have stood on another
            strange |= more
            made = self._override(variant, [one for one in self.overrides if one not in strange])
            found = self._sections_of(made.tree, variant)
        made.misplaced |= strange
        found.faults.errors += made.refused
        self._overridden[variant] = made
        return found

    def _sections_of(self, tree: Node, variant: str | None) -> Sections:
        tree = renamed(tree, self._renamed, variants=False)  # of `--set`
        of_seeds = seeded_stages(tree)
        if self._seed is not None:
            tree = seeded(tree, self._seed)
        if self.change is not None:
            tree = node_of(self.change(tree.plain()), str(self.path))
        faults = Faults(tree, variant or "")
        sections.version(faults, tree)
        top = {
            "name": sections.run_name(faults, tree),
            "description": sections.description(faults, tree),
            "paper": sections.section(faults, tree, "paper", PaperOptions),
            "card": sections.section(faults, tree, "card", CardOptions),
            "pages": sections.pages(faults, tree),
            "seeds": seeds(faults, tree),
            "seeded_stages": of_seeds,
            "runtime": sections.section(faults, tree, "runtime", RuntimeOptions, RuntimeOptions()),
        }
        variants = sections.named(faults, tree, "variants")
        for name, own in variants.items():
            if not isinstance(own, dict | None):
                expected = "dotted paths and their values"
                faults.add(("variants", name), f"found {shown(own)}", expected)
        if len(variants) > MOST_VARIANTS:
            faults.add(("variants",), f"{len(variants)} variants", f"at most {MOST_VARIANTS}")
        adapters = sections.adapters(faults, tree)
        parts = Parts(
            data=sections.corpora(faults, tree),
            tokenizers=sections.each(faults, tree, "tokenizers", "tokenizer", "wordpiece"),
            models=sections.linked(sections.models(faults, tree), adapters),
            adapters=adapters,
            views=sections.views(faults, tree),
            stages=stages(faults, tree),
            evaluate=evaluations(faults, tree),
            export=exports(faults, tree),
            names=sections.declared(tree),
            variant=variant,
            of_variant=lambda name: self.sections(name).parts,
            others=self.others,
        )
        return Sections(tree, top, parts, variants, faults)


def _strange(made: Overridden, errors: Sequence[SpecError]) -> dict[str, SpecError]:
    """What is said of overrides that a tree has a place but no options for.

    An option of the spec's own model may be none of the model that a variant has instead, and may
    not be enough where the variant does without what it belongs to.
    """
    found: dict[str, SpecError] = {}
    for override in made.placed:
        added = made.added.get(override.text)
        for error in errors:
            unknown = error.message == UNKNOWN_KEY and leads_through(override.path, error.path)
            if unknown or (added is not None and leads_through(error.path, added)):
                found.setdefault(override.text, error)
    return found
