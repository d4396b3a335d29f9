"""The classes of plugins that specs name: imported before anything is made."""

import importlib.util
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from tfkd.pipeline.engine.graph import Node
from tfkd.pipeline.engine.roles import Role
from tfkd.spec import Spec, registry
from tfkd.spec.errors import UserError
from tfkd.spec.faults import Faults
from tfkd.spec.formats.format import Served
from tfkd.spec.metrics import TEACHER_CHECK
from tfkd.spec.names import Found
from tfkd.spec.source.tree import Node as Tree
from tfkd.spec.tasks.task import task_of

_OWN = "tfkd."


def import_named(specs: Iterable[Spec]) -> None:
    """Imports what plugins have registered under names that specs use: a name is only a promise,
    and a stage that breaks it may be hours away.

    Raises:
        UserError: A class is not where its plugin says; or a model's class cannot be built from a
            spec.
    """
    for kind, name in dict.fromkeys(pair for spec in specs for pair in named(spec)):
        entry = registry.lookup(kind, name)
        if entry.target.startswith(_OWN):
            continue
        try:
            made = registry.load(entry)
        except Exception as error:
            raise UserError(
                f"the {kind} {name} of a plugin: {entry.target} cannot be imported "
                f"({type(error).__name__}: {error})"
            ) from error
        if kind == "model" and not hasattr(made, "from_options"):
            raise UserError(
                f"the model {name} of a plugin: {entry.target} has no class method from_options, "
                "by which models of specs are built"
            )


def refuse_exports(nodes: Iterable[Node]) -> None:
    """Refuses exports of models that their format cannot hold, which the checks of a spec do not
    know of stages of other specs; those whose format needs a package that is not installed; and
    those of what a plugin's decoding decodes, where it lacks what an export asks; and stages that
    cannot be made here.

    Raises:
        UserError: The format says a reason against the model; there is no such package; or the
            decoding has no `numpy`, say, which an export's answers are held against.
    """
    nodes = list(nodes)
    for node in nodes:
        node.stage.refuse_unready(node)
    refuse_unheld(nodes)
    for node in nodes:
        if node.kind != "export":
            continue
        export = node.options["export"]
        missing = [one for one in export.packages if not _is_installed(one)]
        if missing:
            raise UserError(
                f"export: {node.label} needs {' and '.join(missing)}, which "
                f"{'is' if len(missing) == 1 else 'are'} not installed: pip install "
                f"'tfkd[{export.format}]'"
            )
        if node.options["decode"] is None:
            continue
        entry = registry.lookup("decode", node.options["decode"].kind)
        if entry.target.startswith(_OWN):
            continue
        from tfkd.decoding import build_search
        from tfkd.decoding.search import EXPORTED

        search = build_search(node.options["decode"])
        if missing := [name for name in EXPORTED if not hasattr(search, name)]:
            raise UserError(
                f"export: {node.label} is decoded by {entry.name} of a plugin, and {entry.target} "
                f"has no {', '.join(missing)}: a SavedModel's answers are held against the "
                "same search in NumPy. Derive it from tfkd.decoding.Search and write its "
                f"numpy(), decode {node.label} otherwise in its first evaluation, or export nothing"
            )


def refuse_unheld(nodes: Iterable[Node]) -> None:
    """Refuses exports of what answers no text, or their format cannot hold: those of other specs'
    stages, for a spec's checks know its own.

    Raises:
        UserError: With the first reason.
    """
    nodes = list(nodes)
    engines = {
        node.inputs[Role.EXPORT].key: node
        for node in nodes
        if node.kind == "translate" and Role.EXPORT in node.inputs
    }
    for node in nodes:
        if node.kind == "export":
            _refuse_unheld(node, engines)


def _refuse_unheld(node: Node, engines: Mapping[str, Node]) -> None:
    """Refuses an export of what answers no text, or its format cannot hold, with the first reason.

    Args:
        node: The export.
        engines: By the keys of exports: the translate stages that they run the search of.
    """
    export, trained = node.options["export"], node.trained
    tuned = node.inputs.get(Role.TUNED)  # any of the settings that are tried may be the best
    tried = [node] if tuned is None else [*tuned.inputs_of(Role.TRIAL).values()]
    found = Found(trained.options, trained.spec)
    task, told = task_of(found), Faults(Tree({}, f"export: {node.label}", 0))
    if not (export.encoders and task.encodes):
        task.check_export(told, (), export.of, found)
    for fault in told.errors:
        raise UserError(str(fault))
    for one in tried:
        served = Served(export.of, found.model, task, one.options["decode"])
        for what, way_out in export.reasons_against(served):
            place = f"export: {node.label}"
            if (translating := engines.get(node.key)) is not None:
                place = f"stages.{translating.label}.decode.engine"
                way_out = "no engine: TensorFlow"
            raise UserError(
                f"{place}: {what}, which {export.format} cannot hold; expected {way_out}"
            )


def _is_installed(package: str) -> bool:
    """Whether a package can be found, by the name that it is imported by: `a`, or `a.b`."""
    try:
        return importlib.util.find_spec(package) is not None
    except ModuleNotFoundError:  # of `a.b` there is no `a`
        return False


def named(spec: Spec) -> Iterator[tuple[str, str]]:
    """The classes that a spec names: kinds, as the registry has them, and names."""
    for kind, part in (("model", spec.models), ("adapter", spec.adapters), ("view", spec.views)):
        yield from ((kind, options.kind) for options in part.values())
    heads = (getattr(options, "head", None) for options in spec.models.values())
    yield from (("task", head.kind) for head in heads if head is not None)
    for stage in spec.stages.values():
        for term in (getattr(stage, "objective", None) or {}).values():
            yield "objective", term.kind
        for callback in (getattr(stage, "callbacks", None) or {}).values():
            yield "callback", callback.kind
        for option, kind in stage.of_kinds():
            yield from _of(kind, getattr(stage, option))
        yield from (("filter", rule.kind) for rule in getattr(stage, "rules", ()))
        engine = getattr(getattr(stage, "decode", None), "engine", None)
        yield from [("format", engine["format"])] if engine is not None else ()
        validate = getattr(stage, "validate_", None)
        yield from _of("decode", getattr(validate, "decode", None))
        yield from (("metric", name) for name in getattr(validate, "metrics", ()))
    yield from (("format", entry.format) for entry in spec.export)
    for entry in spec.evaluate:
        yield from (("metric", name) for name in entry.metrics if name != TEACHER_CHECK)
        for decode in (entry.decode, entry.against_decode):
            yield from _of("decode", decode)


def _of(kind: str, options: Any) -> Iterator[tuple[str, str]]:
    if options is not None:
        yield kind, options.kind
