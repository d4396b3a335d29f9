"""The floors of the package: each imports only floors below it, inside of functions too."""

import ast
from functools import cache
from pathlib import Path

from tfkd.spec import registry
from tfkd.spec.builtins import register_builtins

PACKAGE = Path(__file__).parents[1] / "tfkd"
# From the ground up. The modules beside the folders (cli, api, ...) stand on all of them, but for
# the ground itself.
GROUND = {"__version__", "lazy", "quiet"}
FLOORS = (
    "outside",
    "spec",
    "reference",
    "data",
    "layers",
    "models",
    "objectives",
    "targets",
    "decoding",
    "training",
    "evaluation",
    "serving",
    "pipeline",
    "report",
    "starters",
    "commands",
)
# Rooms that stand beside each other: neither knows of the other.
BESIDE = {
    ("report", "pipeline"),
    ("evaluation", "training"),
    ("serving", "training"),
    ("starters", "report"),
    ("commands", "report"),
    ("commands", "starters"),
}


@cache
def imported(path):
    """What a file imports of the package, in functions and for its annotations, too: names like
    `data.files.write_atomically`."""
    names = []
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.ImportFrom):
            assert not node.level, f"{path}: a relative import"
            names += [f"{node.module}.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
    return [name.removeprefix("tfkd.") for name in names if name.startswith("tfkd.")]


def test_every_folder_is_a_floor():
    folders = {path.name for path in PACKAGE.iterdir() if (path / "__init__.py").exists()}
    assert folders == set(FLOORS)


def test_a_floor_imports_only_floors_below_it():
    wrong = []
    for number, floor in enumerate(FLOORS):
        for path in sorted((PACKAGE / floor).rglob("*.py")):
            allowed = {*FLOORS[: number + 1]} - {there for here, there in BESIDE if here == floor}
            found = {name.split(".")[0] for name in imported(path)} - allowed
            found -= GROUND
            wrong += [f"{path.relative_to(PACKAGE)} imports {name}" for name in sorted(found)]
    assert not wrong, "\n".join(wrong)


def modules():
    """The package's modules, like `data.files`, a folder by its own name."""
    for path in PACKAGE.rglob("*.py"):
        parts = path.relative_to(PACKAGE).with_suffix("").parts
        yield ".".join(parts[:-1] if parts[-1] == "__init__" else parts), path


def test_no_two_modules_import_each_other():
    """What both need stands below them, or is handed over."""
    places, found = dict(modules()), {}
    for name, path in places.items():
        whole = ((one, one.rpartition(".")[0]) for one in imported(path))
        found[name] = {one if one in places else parent for one, parent in whole} - {name}
    pairs = [f"{a} and {b}" for a in found for b in found[a] if a < b and a in found.get(b, ())]
    assert not pairs, "\n".join(pairs)


def test_no_file_is_longer_than_can_be_read_at_once():
    lengths = {name: path.read_text("utf-8").count("\n") for name, path in modules()}
    assert not {name: length for name, length in lengths.items() if length > 330}


# A family's options, its line in the registry, and its layers; and the models themselves.
FAMILIES = {
    *(
        f"spec/options/models/{name}.py"
        for name in ("bert", "bert_fused", "gpt2", "llama", "transformer", "rnn", "t5", "ab_net")
    ),
    "spec/builtins.py",
    "spec/options/__init__.py",
    "layers/adapters/bert_fusion.py",
}


def test_only_its_family_names_a_kind_of_model():
    """Everything else asks a model's options what it is, so that a plugin's is asked, too."""
    register_builtins()
    kinds, wrong = set(registry.names("model")), []
    for path in sorted(PACKAGE.rglob("*.py")):
        place = path.relative_to(PACKAGE)
        if place.as_posix() in FAMILIES or place.parts[0] == "models":
            continue
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Constant) and node.value in kinds:
                wrong.append(f"{place}:{node.lineno} names {node.value}")
    assert not wrong, "\n".join(wrong)


def test_inputs_of_a_node_are_asked_for_by_role():
    """A role that is misspelt is an error when the module is read, not when its stage runs."""
    wrong = []
    for path in sorted((PACKAGE / "pipeline").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            match node:
                case ast.Subscript(value=of, slice=key):
                    named = getattr(of, "attr", getattr(of, "id", "")) == "inputs"
                case ast.Call(func=ast.Attribute(attr=name, value=of), args=[key, *_]):
                    named = name == "inputs_of" or (
                        name == "get" and getattr(of, "attr", "") == "inputs"
                    )
                case _:
                    continue
            first = key.values[0] if isinstance(key, ast.JoinedStr) else key
            if named and isinstance(first, ast.Constant):
                wrong.append(f"{path.relative_to(PACKAGE)}:{node.lineno}")
    assert not wrong, wrong
