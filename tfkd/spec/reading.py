"""One spec file as it is read: its sections in each of its variants, each made once."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tfkd.spec import sections
from tfkd.spec.checks import check
from tfkd.spec.compose import changed, extended
from tfkd.spec.errors import SpecErrors
from tfkd.spec.faults import Faults
from tfkd.spec.names import Parts
from tfkd.spec.options import PaperOptions, RuntimeOptions
from tfkd.spec.other_specs import OtherSpecs
from tfkd.spec.seeds import seeded, seeded_stages, seeds
from tfkd.spec.stage_sections import evaluations, stages
from tfkd.spec.tree import Node, node_of
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
        self.written = extended(path)
        self.others = OtherSpecs()
        self._overrides, self._change, self._seed = tuple(overrides), change, seed
        self._sections: dict[str | None, Sections] = {}
        self._checked: dict[str | None, SpecErrors | None] = {}

    def sections(self, variant: str | None) -> Sections:
        """The sections in a variant, not yet checked against each other.

        Raises:
            SpecErrors: No such variant, or dotted paths that lead nowhere.
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
            errors = found.faults.errors
            self._checked[variant] = SpecErrors(errors) if errors else None
        error = self._checked[variant]
        if error is not None:
            raise error
        return self.sections(variant)

    def _read(self, variant: str | None) -> Sections:
        tree = changed(self.written, variant, self._overrides)
        of_seeds = seeded_stages(tree)
        if self._seed is not None:
            tree = seeded(tree, self._seed)
        if self._change is not None:
            tree = node_of(self._change(tree.plain()), str(self.path))
        faults = Faults(tree, variant or "")
        sections.version(faults, tree)
        top = {
            "name": sections.run_name(faults, tree),
            "description": sections.description(faults, tree),
            "paper": sections.section(faults, tree, "paper", PaperOptions),
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
            export=sections.export(faults, tree),
            names=sections.declared(tree),
            variant=variant,
            of_variant=lambda name: self.sections(name).parts,
            others=self.others,
        )
        return Sections(tree, top, parts, variants, faults)
