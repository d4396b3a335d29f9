"""From a tree to typed options, section by section, gathering every fault."""

from collections.abc import Iterable
from typing import Any

from pydantic import BaseModel, ValidationError

from tfkd.spec import registry
from tfkd.spec.errors import SpecError, nearest
from tfkd.spec.options import CORPORA
from tfkd.spec.tree import Node

TOP = {
    "tfkd": "the schema's version, 1",
    "name": "the run's name",
    "description": "a sentence on what it is",
    "paper": "the paper it follows",
    "extends": "other specs that it adds to",
    "data": "corpora by name",
    "tokenizers": "tokenizers by name",
    "teacher": "a model, or models by name",
    "student": "a model, or models by name",
    "views": "views by name",
    "stages": "stages by name",
    "variants": "named changes",
    "evaluate": "a list of evaluations",
    "export": "stages to export",
    "runtime": "where it runs",
}


class Faults:
    """Gathers faults with the place that each points at."""

    def __init__(self, tree: Node):
        self._tree = tree
        self.errors: list[SpecError] = []

    def add(
        self, path: tuple[Any, ...], message: str, expected: str = "", among: Iterable[str] = (),
        word: str | None = None,
    ) -> None:  # fmt: skip
        """One fault at a path; `word` is what was written, `among` the names it may have meant."""
        node = self._tree.nearest(path)
        near = nearest(word, among) if word is not None else ""
        dotted = ".".join(str(key) for key in path)
        self.errors.append(SpecError(node.file, node.line, dotted, message, expected, near))

    def options(self, path: tuple[Any, ...], model: type[BaseModel], value: Any) -> Any:
        """The value as options, or None when it has faults."""
        try:
            return model.model_validate(value)
        except ValidationError as error:
            for fault in error.errors(include_url=False):
                self._translate(path, model, fault)
            return None

    def _translate(self, path: tuple[Any, ...], model: type[BaseModel], fault: Any) -> None:
        # pydantic names the branches of a union in a location; keep what stands in the file.
        place, node = list(path), self._tree.nearest(path)
        for key in fault["loc"]:
            child = node.child(key)
            if child is not None:
                place.append(key)
                node = child
        kind, written = fault["type"], fault.get("input")
        missing = fault["loc"][-1] if fault["loc"] else ""
        if kind == "extra_forbidden":
            names = _keys(model, fault["loc"][:-1])
            self.add(tuple(place), "unknown key", f"one of {', '.join(names)}", names, str(missing))
        elif kind == "missing":
            self.add((*place, missing), "missing", _described(model, fault["loc"]))
        else:
            message = fault["msg"].removeprefix("Value error, ")
            message = message[0].lower() + message[1:]
            shown = "" if isinstance(written, dict | list) else f" (found {written!r})"[:80]
            expected = fault.get("ctx", {}).get("expected", "")
            word = written if isinstance(written, str) else None
            among = [part.strip(" '") for part in str(expected).replace(" or ", ",").split(",")]
            self.add(tuple(place), f"{message}{shown}", "", among, word)


def _keys(model: type[BaseModel], location: tuple[Any, ...]) -> list[str]:
    """The keys of the options at a location, as far as the annotations tell."""
    current: Any = model
    for key in location:
        field = current.model_fields.get(key) if hasattr(current, "model_fields") else None
        if field is None:
            continue
        candidates = [field.annotation, *getattr(field.annotation, "__args__", ())]
        found = [c for c in candidates if isinstance(c, type) and issubclass(c, BaseModel)]
        current = found[0] if found else current
    return [field.alias or name for name, field in current.model_fields.items()]


def _described(model: type[BaseModel], location: tuple[Any, ...]) -> str:
    for name, field in model.model_fields.items():
        if (field.alias or name) == location[-1] and field.description:
            return field.description.rstrip(".")
    return ""


def mapping(faults: Faults, tree: Node, key: str) -> dict[str, Any]:
    """A top-level mapping in plain values; {} where it is missing or wrong (a fault)."""
    node = tree.value.get(key)
    if node is None or node.value is None:
        return {}
    if not isinstance(node.value, dict):
        faults.add((key,), "no mapping", TOP[key])
        return {}
    return node.plain()


def corpora(faults: Faults, tree: Node) -> dict[str, Any]:
    """`data:`."""
    found = {}
    for name, value in mapping(faults, tree, "data").items():
        path = ("data", name)
        if not isinstance(value, dict):
            faults.add(path, "no mapping", f"one of {', '.join(CORPORA)} with its files")
            continue
        kinds = [kind for kind in registry.names("corpus") if kind in value]
        if len(kinds) != 1:
            known = registry.names("corpus")
            word = next(iter(value), "")
            faults.add(
                path, f"{len(kinds) or 'no'} sources", f"exactly one of {', '.join(known)}",
                known, str(word),
            )  # fmt: skip
            continue
        found[name] = faults.options(path, registry.lookup("corpus", kinds[0]).options, value)
    return {name: options for name, options in found.items() if options is not None}


def of_kind(
    faults: Faults, path: tuple[Any, ...], kind: str, value: Any, default: str | None = None
) -> Any:
    """Options of a registered class, chosen by the key `kind`."""
    if not isinstance(value, dict):
        faults.add(path, "no mapping", f"a {kind}: {{kind: ...}}")
        return None
    name = value.get("kind", default)
    known = registry.names(kind)
    if name not in known:
        shown = "no kind" if name is None else f"{name!r} is no {kind}"
        faults.add((*path, "kind"), shown, f"one of {', '.join(known)}", known, str(name))
        return None
    return faults.options(path, registry.lookup(kind, name).options, {"kind": name, **value})


def models(faults: Faults, tree: Node) -> dict[str, Any]:
    """`teacher:` and `student:`, each one model or several by name."""
    found = {}
    for role in ("teacher", "student"):
        node = tree.value.get(role)
        if node is None or node.value is None:
            continue
        value = node.plain()
        if (
            isinstance(value, dict)
            and "kind" not in value
            and value
            and all(isinstance(one, dict) for one in value.values())
        ):
            for name, one in value.items():
                found[f"{role}.{name}"] = of_kind(faults, (role, name), "model", one)
        else:
            found[role] = of_kind(faults, (role,), "model", value)
    return {name: options for name, options in found.items() if options is not None}
