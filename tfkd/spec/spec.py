"""A spec: read, composed, checked, frozen."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tfkd.spec import registry, sections
from tfkd.spec.builtins import register_builtins
from tfkd.spec.checks import Parts, check
from tfkd.spec.circles import circle_through_variants
from tfkd.spec.compose import changed, extended, variant_names
from tfkd.spec.errors import SpecError, SpecErrors
from tfkd.spec.faults import Faults
from tfkd.spec.needed import needed_stages
from tfkd.spec.options import PaperOptions, RuntimeOptions
from tfkd.spec.resolved import provenance, resolved, with_overrides
from tfkd.spec.stage_sections import evaluations, stages
from tfkd.spec.tree import Node, node_of
from tfkd.spec.wording import shown

MOST_VARIANTS = 100


@dataclass(frozen=True)
class Spec:
    """A resolved spec: every default filled, every name checked.

    Attributes:
        name: The run's name.
        path: The file it was read from.
        variant: The variant that was applied, or None.
        variants: The names of all its variants.
        overrides: What `--set` replaced.
        plugins: The plugins it was read with.
        description: A sentence.
        paper: The paper it follows, or None.
        data: Corpora by name.
        tokenizers: Tokenizers by name.
        models: Models by name: `teacher`, `student`, or `teacher.NAME`.
        views: Views by name.
        stages: Training and scoring stages by name.
        evaluate: Evaluations.
        export: Stages to export.
        runtime: Where it runs.
        changes: The variants themselves, by name, as they were written.
        provenance: For each dotted path, where its value was written; `default` where nowhere.
        change: What `load_spec` was given to change the plain values with, or None.
    """

    name: str
    path: str
    variant: str | None
    variants: tuple[str, ...]
    overrides: tuple[str, ...]
    plugins: tuple[str, ...]
    description: str | None
    paper: Any
    data: Mapping[str, Any]
    tokenizers: Mapping[str, Any]
    models: Mapping[str, Any]
    views: Mapping[str, Any]
    stages: Mapping[str, Any]
    evaluate: tuple[Any, ...]
    export: tuple[str, ...]
    runtime: Any
    changes: Mapping[str, Mapping[str, Any]]
    provenance: Mapping[str, str]
    change: Callable[[dict[str, Any]], dict[str, Any]] | None = None

    def with_variant(self, name: str) -> "Spec":
        """The same file with another variant, and the same `--set`."""
        return load_spec(
            self.path,
            variant=name,
            overrides=self.overrides,
            plugins=self.plugins,
            change=self.change,
        )

    def needed_stages(self) -> list[tuple[str | None, str]]:
        """(variant, stage) of all that evaluations and exports rest on, inputs first."""
        return needed_stages(self)

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
) -> Spec:
    """Reads, composes and checks a spec.

    Args:
        path: The YAML file.
        variant: One of its variants.
        overrides: `K=V` each: a dotted path and a YAML value.
        plugins: Modules that register classes of the user's own.
        change: Replaces the composed plain values before they are checked (`--smoke`).

    Raises:
        SpecErrors: Every fault at once, each with file, line, path and advice.
    """
    register_builtins()
    registry.load_plugins(plugins)
    given = _Given(str(path), tuple(overrides), tuple(plugins), change)
    return _loaded(extended(path), variant, given)


def validate_files(paths: Sequence[str | Path], plugins: Sequence[str] = ()) -> list[SpecError]:
    """All faults of some specs, each with every variant; no TensorFlow is imported."""
    register_builtins()
    registry.load_plugins(plugins)
    errors: dict[tuple, SpecError] = {}
    for path in paths:
        given = _Given(str(path), (), tuple(plugins), None)
        try:
            tree = extended(path)
        except SpecErrors as error:
            errors |= {_place(one): one for one in error.errors}
            continue
        for variant in (None, *variant_names(tree)[:MOST_VARIANTS]):
            try:
                _loaded(tree, variant, given)
            except SpecErrors as error:
                # A variant has its spec's faults too: they are said once.
                errors = {_place(one): one for one in error.errors} | errors
    return sorted(errors.values(), key=lambda one: (one.file, one.line, one.path))


def _place(error: SpecError) -> tuple:
    return (error.file, error.line, error.path, error.message)


@dataclass(frozen=True)
class _Given:
    path: str
    overrides: tuple[str, ...]
    plugins: tuple[str, ...]
    change: Callable[[dict[str, Any]], dict[str, Any]] | None


def _loaded(written: Node, variant: str | None, given: _Given) -> Spec:
    spec = _built(written, variant, given)
    trail = circle_through_variants(
        spec.stages, variant, lambda name: _built(written, name, given).stages
    )
    if trail:
        message = f"a circle of stages: {' -> '.join(trail)}"
        path = f"stages.{trail[0].partition('#')[0]}"
        line = written.nearest(tuple(path.split("."))).line
        raise SpecErrors([SpecError(given.path, line, path, message)])
    return spec


def _built(written: Node, variant: str | None, given: _Given) -> Spec:
    tree = changed(written, variant, given.overrides)
    if given.change is not None:
        tree = node_of(given.change(tree.plain()), given.path)
    faults = Faults(tree, variant or "")
    sections.version(faults, tree)
    top = {
        "name": sections.run_name(faults, tree),
        "description": sections.description(faults, tree),
        "paper": sections.section(faults, tree, "paper", PaperOptions),
        "runtime": sections.section(faults, tree, "runtime", RuntimeOptions, RuntimeOptions()),
    }
    variants = sections.named(faults, tree, "variants")
    for name, own in variants.items():
        if not isinstance(own, dict | None):
            faults.add(("variants", name), f"found {shown(own)}", "dotted paths and their values")
    if len(variants) > MOST_VARIANTS:
        faults.add(("variants",), f"{len(variants)} variants", f"at most {MOST_VARIANTS}")
    parts = {
        "data": sections.corpora(faults, tree),
        "tokenizers": sections.each(faults, tree, "tokenizers", "tokenizer", "wordpiece"),
        "models": sections.models(faults, tree),
        "views": sections.each(faults, tree, "views", "view", None),
        "stages": stages(faults, tree),
        "evaluate": evaluations(faults, tree),
        "export": sections.export(faults, tree),
    }
    check(Parts(**parts, names=sections.declared(tree), variant=variant), faults)
    if faults.errors:
        raise SpecErrors(faults.errors)
    spec = Spec(
        **top,
        **{**parts, "evaluate": tuple(parts["evaluate"]), "export": tuple(parts["export"])},
        path=given.path,
        variant=variant,
        variants=tuple(variants),
        changes=with_overrides(variants, given.overrides),
        overrides=given.overrides,
        plugins=given.plugins,
        provenance={},
        change=given.change,
    )
    spec.provenance.update(provenance(spec, tree))
    return spec
