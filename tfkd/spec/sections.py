"""From a tree to typed options, section by section, gathering every fault."""

import re
from typing import Any

from tfkd.spec import registry
from tfkd.spec.faults import UNKNOWN_KEY, Faults
from tfkd.spec.foreign_keys import ours_for
from tfkd.spec.form import TOP
from tfkd.spec.options import CORPORA
from tfkd.spec.options.base import WORD, WORDS
from tfkd.spec.source.tree import Node
from tfkd.spec.wording import shown as in_short


def named(faults: Faults, tree: Node, key: str) -> dict[str, Any]:
    """A top-level mapping whose keys are names: of folders, in references, in dotted paths."""
    found = mapping(faults, tree, key)
    for name in found:
        check_name(faults, (key, name))
    return found


def check_name(faults: Faults, path: tuple[Any, ...]) -> None:
    """A fault where a path's last key can be no name."""
    if not WORD.match(path[-1]):
        faults.add(path, f"{in_short(path[-1])} is no name", WORDS)


def declared(tree: Node) -> dict[str, list[str]]:
    """The names that a spec has for its parts, whether or not the parts are right."""
    found = {}
    for key in ("data", "tokenizers", "views", "stages", "variants"):
        node = tree.value.get(key)
        found[key] = list(node.value) if node is not None and isinstance(node.value, dict) else []
    found["models"] = []
    for role in ("teacher", "student"):
        node = tree.value.get(role)
        if node is not None and node.value is not None:
            several = _several_models(node.plain())
            found["models"] += [f"{role}.{name}" for name in node.value] if several else [role]
    return found


def mapping(faults: Faults, tree: Node, key: str) -> dict[str, Any]:
    """A top-level mapping in plain values; {} where it is missing or wrong (a fault)."""
    node = tree.value.get(key)
    if node is None or node.value is None:
        return {}
    if not isinstance(node.value, dict):
        faults.add((key,), f"found {in_short(node.plain())}", TOP[key])
        return {}
    return node.plain()


def corpora(faults: Faults, tree: Node) -> dict[str, Any]:
    """`data:`."""
    found = {}
    for name, value in named(faults, tree, "data").items():
        path = ("data", name)
        if not isinstance(value, dict):
            faults.add(
                path, f"found {in_short(value)}", f"one of {', '.join(CORPORA)} with its files"
            )
            continue
        kinds = [kind for kind in registry.names("corpus") if kind in value]
        if len(kinds) != 1:
            known = registry.names("corpus")
            word = next(iter(value), "")
            faults.add(
                path, "two sources in one" if kinds else "no source",
                f"exactly one of {', '.join(known)}", known, str(word),
            )  # fmt: skip
            continue
        found[name] = faults.options(path, registry.lookup("corpus", kinds[0]).options, value)
    return {name: options for name, options in found.items() if options is not None}


def of_kind(
    faults: Faults, path: tuple[Any, ...], kind: str, value: Any, default: str | None = None
) -> Any:
    """Options of a registered class, chosen by the key `kind`."""
    known = ", ".join(registry.names(kind))
    if not isinstance(value, dict):
        faults.add(path, f"found {in_short(value)}", f"a mapping with kind: one of {known}")
        return None
    name = default if value.get("kind") is None else value["kind"]
    if name not in registry.names(kind):
        shown = "no kind" if name is None else f"{in_short(name)} is no {kind}"
        faults.add((*path, "kind"), shown, f"one of {known}", registry.names(kind), str(name))
        return None
    return faults.options(path, registry.lookup(kind, name).options, {**value, "kind": name})


def with_metric_options(
    faults: Faults, path: tuple[Any, ...], value: dict[str, Any], key: str = "metrics"
) -> dict[str, Any]:
    """What names metrics under a key, in plain values, with typed `metric_options:`."""
    given, metrics = value.get("metric_options"), value.get(key)
    _refuse_without_options(faults, path, value, given if isinstance(given, dict) else {}, key)
    if not isinstance(given, dict):
        return value
    known, found = registry.names("metric"), {}
    for name, options in given.items():
        place = (*path, "metric_options", name)
        if name not in known:
            faults.unknown(place, f"{in_short(name)} is no metric", known, name)
        elif name not in (metrics if isinstance(metrics, list) else [metrics]):
            wanted = f"[{name}, ...]" if key == "metrics" else name
            faults.add(place, f"{name} is not measured", f"{key}: {wanted} beside it")
        else:
            found[name] = faults.options(place, registry.lookup("metric", name).options, options)
    return {**value, "metric_options": found}


def _refuse_without_options(
    faults: Faults, path: tuple[Any, ...], value: dict[str, Any], given: dict[str, Any], key: str
) -> None:
    """Faults of metrics that need an option which nobody gives."""
    metrics = value.get(key)
    for name in metrics if isinstance(metrics, list) else [metrics]:
        if not isinstance(name, str) or name in given or name not in registry.names("metric"):
            continue
        fields = registry.lookup("metric", name).options.model_fields
        needed = [one for one, field in fields.items() if field.is_required() and one not in value]
        if needed:
            faults.add(
                (*path, key), f"{name} has no {' and no '.join(needed)}",
                f"metric_options: {{{name}: {{{needed[0]}: ...}}}} beside it",
            )  # fmt: skip


SIDES = ("encoder", "decoder")


def adapters(faults: Faults, tree: Node) -> dict[str, Any]:
    """`adapters:`, by side; a side of null has none."""
    found = {}
    for side, value in mapping(faults, tree, "adapters").items():
        if side not in SIDES:
            faults.unknown(("adapters", side), UNKNOWN_KEY, SIDES, side)
        elif value is not None:
            found[side] = of_kind(faults, ("adapters", side), "adapter", value)
    return {side: options for side, options in found.items() if options is not None}


def linked(models: dict[str, Any], adapters: dict[str, Any]) -> dict[str, Any]:
    """The models with those that they are made of; the students with their adapters."""
    known = dict(models)
    for name in sorted(models, key=lambda name: len(getattr(models[name], "named_models", dict)())):
        options = known[name]
        if hasattr(options, "linked"):
            own = adapters if name.partition(".")[0] == "student" else {}
            known[name] = options.linked(known, own)
    return known


def models(faults: Faults, tree: Node) -> dict[str, Any]:
    """`teacher:` and `student:`, each one model or several by name."""
    found = {}
    for role in ("teacher", "student"):
        node = tree.value.get(role)
        if node is None or node.value is None:
            continue
        value = node.plain()
        if _several_models(value):
            for name, one in value.items():
                check_name(faults, (role, name))
                found[f"{role}.{name}"] = of_kind(faults, (role, name), "model", one)
        else:
            found[role] = of_kind(faults, (role,), "model", value)
    return {name: options for name, options in found.items() if options is not None}


def _several_models(value: Any) -> bool:
    if not isinstance(value, dict) or "kind" in value or not value:
        return False
    return all(isinstance(one, dict) for one in value.values())


def views(faults: Faults, tree: Node) -> dict[str, Any]:
    """`views:`; one with a side, `source` or `target`, and no kind is of the kind by_side."""
    found = {}
    for name, value in named(faults, tree, "views").items():
        path = ("views", name)
        if isinstance(value, dict) and "kind" not in value and {"source", "target"} & set(value):
            value = {"kind": "by_side", **value}
        if not isinstance(value, dict) or value.get("kind") != "by_side":
            found[name] = of_kind(faults, path, "view", value)
            continue
        sides = {
            side: of_kind(faults, (*path, side), "view", value[side])
            for side in ("source", "target")
            if value.get(side) is not None
        }
        if None not in sides.values():
            found[name] = of_kind(faults, path, "view", {**value, **sides})
    return {name: options for name, options in found.items() if options is not None}


def each(faults: Faults, tree: Node, key: str, kind: str, default: str | None) -> dict[str, Any]:
    """A section of named parts of one kind."""
    found = {
        name: of_kind(faults, (key, name), kind, value, default)
        for name, value in named(faults, tree, key).items()
    }
    return {name: options for name, options in found.items() if options is not None}


def version(faults: Faults, tree: Node) -> None:
    """`tfkd:`, and keys that no spec has."""
    for key in tree.value:
        if key not in TOP:
            meant = ours_for(key, TOP, within=None)
            faults.add((key,), UNKNOWN_KEY, f"one of {', '.join(TOP)}", TOP, key, meant)
    node = tree.value.get("tfkd")
    if node is None:
        faults.add(("tfkd",), "missing", "tfkd: 1, the version of the spec's form")
    elif node.value != 1 or isinstance(node.value, bool):
        faults.add(("tfkd",), f"version {in_short(node.plain())} is not known", "1")


_FOLDER = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}\Z")


def run_name(faults: Faults, tree: Node) -> str:
    """`name:`, which names the run's folder."""
    node = tree.value.get("name")
    name = node.plain() if node is not None else None
    if not isinstance(name, str) or not _FOLDER.match(name):
        shown = "missing" if name is None else f"{in_short(name)} is no name for a folder"
        faults.add(
            ("name",), shown, "letters, digits, _, - and dots inside, at most 100 characters"
        )
        return "unnamed"
    return name


def description(faults: Faults, tree: Node) -> str | None:
    """`description:`."""
    node = tree.value.get("description")
    if node is None or node.value is None:
        return None
    if not isinstance(node.value, str):
        faults.add(("description",), f"found {in_short(node.plain())}", "text")
        return None
    return node.value


_PAGE = re.compile(r"https?://\S{1,2000}\Z")


def pages(faults: Faults, tree: Node) -> dict[str, str]:
    """`pages:`: files, folders and data sets with the web pages that have them."""
    found = {}
    for name, value in mapping(faults, tree, "pages").items():
        if isinstance(value, str) and _PAGE.match(value):
            found[name] = value
        else:
            faults.add(("pages", name), f"found {in_short(value)}", "a page, https://...")
    return found


def section(faults: Faults, tree: Node, key: str, model: Any, default: Any = None) -> Any:
    """A section that is one set of options; the default where it is not there."""
    node = tree.value.get(key)
    if node is None or node.value is None:
        return default
    return faults.options((key,), model, node.plain())
