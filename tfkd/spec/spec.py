"""A spec: read, composed, checked, frozen."""

import contextlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tfkd.spec import registry
from tfkd.spec.builtins import register_builtins
from tfkd.spec.checks.validation import right
from tfkd.spec.errors import SpecErrors
from tfkd.spec.seeds import seeded_variants
from tfkd.spec.source.overrides import Override, in_variant
from tfkd.spec.source.reading import Reading
from tfkd.spec.source.resolved import provenance, resolved

_PARTS = ("data", "tokenizers", "models", "adapters", "views", "stages")


@dataclass(frozen=True)
class Spec:
    """A resolved spec: every default filled, every name checked.

    Attributes:
        name: The run's name.
        path: The file it was read from.
        variant: The variant that was applied, or None.
        variants: The names of all its variants.
        overrides: What `--set` replaced, here or in another variant.
        passed_over: What is said of those overrides that this variant has no place for, and of its
            own changes that others replace.
        renamed: What is said of names in it that are others now.
        plugins: The plugins it was read with.
        description: A sentence.
        paper: The paper it follows, or None.
        card: What model cards say beside what a run knows, or None.
        pages: Where data can be had: paths in the data folder, or data sets, with their pages.
        seeds: With which `seeded_stages` are trained, once each; () for the stages' own.
        seeded_stages: The training stages that have seeds: all of them, or those that say so.
        data: Corpora by name.
        tokenizers: Tokenizers by name.
        models: Models by name: `teacher`, `student`, or `teacher.NAME`.
        adapters: The students' adapters by side: `encoder`, `decoder`.
        views: Views by name.
        stages: Stages by name; those that translate are corpora too.
        evaluate: Evaluations.
        export: Stages to export, each in a format; see `tfkd.spec.formats`.
        runtime: Where it runs.
        changes: The variants themselves, by name, as they were written.
        provenance: For each dotted path, where its value was written; `default` where nowhere.
        change: What `load_spec` was given to change the plain values with, or None.
        seed: The one of its seeds that its stages with seeds have; None: their own.
        reading: Its file as it was read, with all that was read of its variants.
    """

    name: str
    path: str
    variant: str | None
    variants: tuple[str, ...]
    overrides: tuple[str, ...]
    passed_over: tuple[str, ...]
    renamed: tuple[str, ...]
    plugins: tuple[str, ...]
    description: str | None
    paper: Any
    card: Any
    pages: Mapping[str, str]
    seeds: tuple[int, ...]
    seeded_stages: tuple[str, ...]
    data: Mapping[str, Any]
    tokenizers: Mapping[str, Any]
    models: Mapping[str, Any]
    adapters: Mapping[str, Any]
    views: Mapping[str, Any]
    stages: Mapping[str, Any]
    evaluate: tuple[Any, ...]
    export: tuple[Any, ...]
    runtime: Any
    changes: Mapping[str, Mapping[str, Any]]
    provenance: Mapping[str, str]
    change: Callable[[dict[str, Any]], dict[str, Any]] | None = None
    seed: int | None = None
    reading: Reading | None = field(default=None, repr=False, compare=False)

    def with_variant(self, name: str) -> "Spec":
        """The same file with another variant, and the same `--set`."""
        return self._again(name, self.seed)

    def with_seed(self, seed: int) -> "Spec":
        """The same spec, whose stages with seeds have this one."""
        return self._again(self.variant, seed)

    def _again(self, variant: str | None, seed: int | None) -> "Spec":
        reading = self.reading.with_seed(seed) if self.reading is not None else None
        made = {} if reading is None else reading.made
        if variant not in made:
            made[variant] = load_spec(
                self.path,
                variant=variant,
                overrides=self.overrides,
                plugins=self.plugins,
                change=self.change,
                seed=seed,
                elsewhere=True,
                reading=reading,
            )
        return made[variant]

    def resolved(self) -> dict[str, Any]:
        """The whole spec in plain values, defaults filled; valid as a spec itself."""
        return resolved(self)


def load_spec(
    path: str | Path,
    *,
    variant: str | None = None,
    overrides: Sequence[str] = (),
    plugins: Sequence[str] = (),
    change: Callable[[dict[str, Any]], dict[str, Any]] | None = None,
    seed: int | None = None,
    elsewhere: bool = False,
    reading: Reading | None = None,
) -> Spec:
    """Reads, composes and checks a spec.

    An override is the last word in the spec and in each of its variants that has the place: a
    variant that does without a term, say, goes on without it.

    Args:
        path: The YAML file.
        variant: One of its variants.
        overrides: `K=V` each: a dotted path and a YAML value.
        plugins: Modules that register classes of the user's own.
        change: Replaces the composed plain values before they are checked (`--smoke`).
        seed: The seed of its stages with seeds; None: their own.
        elsewhere: Whether an override may have its place in any variant, and not only in the
            spec itself, in what is asked for and in the variants that this refers to.
        reading: The file as it was read before, with the same `overrides` and `change`: what is
            known of its variants is not read again.

    Raises:
        SpecErrors: Every fault at once, each with file, line, path and advice.
    """
    overrides, plugins = (
        (one,) if isinstance(one, str) else tuple(one) for one in (overrides, plugins)
    )
    register_builtins()
    registry.load_plugins(plugins)
    reading = (reading or Reading(path, overrides, change, seed)).with_seed(seed)
    found = right(reading, variant, elsewhere)
    placed = _placed(reading, found.variants)
    changes = {
        name: in_variant(own or {}, placed.get(name, ())) for name, own in found.variants.items()
    }
    if seed is not None:
        # With one of them chosen, seeds still stand there only if they are the whole spec's.
        whole = bool(found.top["seeds"])
        changes = seeded_variants(changes, seed, found.top["seeded_stages"], whole)
    parts = {field: getattr(found.parts, field) for field in _PARTS}
    spec = Spec(
        **found.top,
        **parts,
        evaluate=tuple(found.parts.evaluate),
        export=tuple(found.parts.export),
        path=str(path),
        variant=variant,
        variants=tuple(found.variants),
        changes=changes,
        overrides=tuple(overrides),
        passed_over=(*map(str, reading.misplaced([variant])), *reading.overruled(variant)),
        renamed=reading.renamed(),
        plugins=tuple(plugins),
        provenance={},
        change=change,
        seed=seed,
        reading=reading,
    )
    spec.provenance.update(provenance(spec, found.tree, placed))
    return spec


def _placed(reading: Reading, variants: Iterable[str]) -> dict[str, list[Override]]:
    """The overrides that each variant has a place for; none of one whose own paths go wrong."""
    found = {}
    for name in variants:
        with contextlib.suppress(SpecErrors):
            found[name] = reading.placed(name)
    return found
