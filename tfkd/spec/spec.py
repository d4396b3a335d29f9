"""A spec: read, composed, checked, frozen."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tfkd.spec import registry
from tfkd.spec.builtins import register_builtins
from tfkd.spec.checks import check
from tfkd.spec.compose import compose
from tfkd.spec.errors import SpecError, SpecErrors
from tfkd.spec.sections import TOP, Faults, corpora, mapping, models, of_kind
from tfkd.spec.tree import Node, node_of


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

    def resolved(self) -> dict[str, Any]:
        """The whole spec in plain values, defaults filled; valid as a spec itself."""
        plain: dict[str, Any] = {"tfkd": 1, "name": self.name}
        if self.description:
            plain["description"] = self.description
        if self.paper is not None:
            plain["paper"] = _dump(self.paper)
        plain["data"] = {name: _dump(options) for name, options in self.data.items()}
        plain["tokenizers"] = {name: _dump(o) for name, o in self.tokenizers.items()}
        for name, options in self.models.items():
            role, _, part = name.partition(".")
            if part:
                plain.setdefault(role, {})[part] = _dump(options)
            else:
                plain[role] = _dump(options)
        plain["views"] = {name: _dump(options) for name, options in self.views.items()}
        plain["stages"] = {name: _dump(options) for name, options in self.stages.items()}
        plain["evaluate"] = [_dump(options) for options in self.evaluate]
        plain["export"] = list(self.export)
        plain["runtime"] = _dump(self.runtime)
        return plain


def _dump(options: Any) -> Any:
    if hasattr(options, "model_dump"):
        return _without_nothing(options.model_dump(mode="json", by_alias=True))
    return options


def _without_nothing(value: Any) -> Any:
    """Leaves out what is null: a default that says "not given"."""
    if isinstance(value, dict):
        return {key: _without_nothing(item) for key, item in value.items() if item is not None}
    if isinstance(value, list):
        return [_without_nothing(item) for item in value]
    return value


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
    tree = compose(path, variant, overrides)
    if change is not None:
        tree = node_of(change(tree.plain()), str(path))
    faults = Faults(tree)
    spec = _build(tree, faults, str(path), variant, tuple(overrides), tuple(plugins), change)
    if not faults.errors:
        check(spec, faults)
    if faults.errors:
        raise SpecErrors(faults.errors)
    return spec


def _build(
    tree: Node,
    faults: Faults,
    path: str,
    variant: str | None,
    overrides: tuple[str, ...],
    plugins: tuple[str, ...],
    change: Any,
) -> Spec:
    from tfkd.spec.options import PaperOptions, RuntimeOptions

    for key in tree.value:
        if key not in TOP:
            faults.add((key,), "unknown key", f"one of {', '.join(TOP)}", TOP, key)
    _version(tree, faults)
    name = _name(tree, faults)
    variants = mapping(faults, tree, "variants")
    paper = tree.value.get("paper")
    runtime = tree.value.get("runtime")
    export = tree.value["export"].plain() if "export" in tree.value else []
    export = [export] if isinstance(export, str) else export or []
    if not isinstance(export, list) or not all(isinstance(stage, str) for stage in export):
        faults.add(("export",), "no list of stages", TOP["export"])
        export = []
    description = tree.value.get("description")
    fields = {
        "data": corpora(faults, tree),
        "tokenizers": _each(faults, tree, "tokenizers", "tokenizer", "wordpiece"),
        "models": models(faults, tree),
        "views": _each(faults, tree, "views", "view", None),
        "stages": _stages(faults, tree),
        "evaluate": tuple(_evaluations(faults, tree)),
    }
    spec = Spec(
        name=name,
        path=path,
        variant=variant,
        variants=tuple(variants),
        overrides=overrides,
        plugins=plugins,
        description=description.plain() if description else None,
        paper=faults.options(("paper",), PaperOptions, paper.plain())
        if paper is not None and paper.value is not None
        else None,
        export=tuple(export),
        runtime=faults.options(
            ("runtime",), RuntimeOptions, runtime.plain() if runtime and runtime.value else {}
        ),
        provenance={},
        change=change,
        **fields,
    )
    if not faults.errors:
        spec.provenance.update(_provenance(spec.resolved(), tree))
    return spec


def _version(tree: Node, faults: Faults) -> None:
    node = tree.value.get("tfkd")
    if node is None:
        faults.add(("tfkd",), "missing", "tfkd: 1, the version of the spec's form")
    elif node.value != 1 or isinstance(node.value, bool):
        faults.add(("tfkd",), f"version {node.plain()!r} is not known", "1")


def _name(tree: Node, faults: Faults) -> str:
    node = tree.value.get("name")
    name = node.plain() if node else None
    if not isinstance(name, str) or not name or not set(name) <= _NAME or name[0] in ".-":
        faults.add(
            ("name",), "missing" if name is None else f"{name!r} is no name for a folder",
            "letters, digits, _, - and dots inside",
        )  # fmt: skip
        return "unnamed"
    return name


_NAME = set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.")


def _each(faults: Faults, tree: Node, key: str, kind: str, default: str | None) -> dict[str, Any]:
    found = {
        name: of_kind(faults, (key, name), kind, value, default)
        for name, value in mapping(faults, tree, key).items()
    }
    return {name: options for name, options in found.items() if options is not None}


def _stages(faults: Faults, tree: Node) -> dict[str, Any]:
    from tfkd.spec.stage_sections import stage

    found = {
        name: stage(faults, ("stages", name), value)
        for name, value in mapping(faults, tree, "stages").items()
    }
    return {name: options for name, options in found.items() if options is not None}


def _evaluations(faults: Faults, tree: Node) -> list[Any]:
    from tfkd.spec.stage_sections import evaluation

    node = tree.value.get("evaluate")
    if node is None or node.value is None:
        return []
    if not isinstance(node.value, list):
        faults.add(("evaluate",), "no list", TOP["evaluate"])
        return []
    found = [evaluation(faults, ("evaluate", i), value) for i, value in enumerate(node.plain())]
    return [options for options in found if options is not None]


def _provenance(resolved: Any, tree: Node) -> dict[str, str]:
    found: dict[str, str] = {}

    def walk(value: Any, node: Node | None, path: str) -> None:
        if isinstance(value, dict | list) and value:
            items = value.items() if isinstance(value, dict) else enumerate(value)
            for key, item in items:
                child = node.child(key) if node is not None else None
                if child is None and key == "of" and node is not None:
                    child = node  # `data: train` is short for `data: [{of: train}]`
                walk(item, child, f"{path}.{key}" if path else str(key))
        else:
            found[path] = node.origin if node is not None else "default"

    walk(resolved, tree, "")
    return found


def validate_files(paths: Sequence[str | Path], plugins: Sequence[str] = ()) -> list[SpecError]:
    """All faults of some specs, each with every variant; no TensorFlow is imported."""
    errors: dict[str, SpecError] = {}
    for path in paths:
        try:
            spec = load_spec(path, plugins=plugins)
            variants = spec.variants
        except SpecErrors as error:
            errors |= {str(one): one for one in error.errors}
            continue
        for name in variants:
            try:
                load_spec(path, variant=name, plugins=plugins)
            except SpecErrors as error:
                errors |= {str(one): one for one in error.errors}
    return list(errors.values())
