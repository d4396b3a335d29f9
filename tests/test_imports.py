"""What the package imports: what setup.cfg asks for, and nothing of one operating system alone."""

import ast
import configparser
import re
import sys
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[1]
# Of the standard library, what Windows lacks.
UNIX = {"fcntl", "grp", "pwd", "resource", "termios", "tty"}
# By the name that they are imported by, where it is another.
NAMES = {"pyyaml": "yaml"}
# Asked for and not imported: the name that Keras's language models are known by, whose package is
# keras-hub; and what tensorflow-datasets imports and does not ask for.
FOR_OTHERS = {"keras_nlp", "importlib_resources"}
# What comes with tensorflow, rouge-score and pydantic, whose own it is to choose versions of.
WITH_OTHERS = {"google", "ml_dtypes", "nltk", "pydantic_core"}

# What extras ask for, and is imported where a spec names its format alone, or a file has it.
OF_EXTRAS = {"ai_edge_litert", "aiohttp", "backports", "ctranslate2", "fsspec", "onnx",
             "onnxruntime", "py3langid", "pyarrow", "ray", "rensa", "tf2onnx"}  # fmt: skip
# What Python has from 3.14 on.
LATER = {"compression"}


@cache
def imported():
    """The first names of all modules that the package imports, inside of functions too."""
    found = set()
    for path in (ROOT / "tfkd").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Import):
                found |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                found.add(node.module.partition(".")[0])
    return found


def required():
    """The requirements of setup.cfg, by the names that they are imported by."""
    settings = configparser.ConfigParser()
    settings.read(ROOT / "setup.cfg")
    for line in settings["options"]["install_requires"].split():
        name = re.match(r"[\w-]+", line)[0].lower()
        yield NAMES.get(name, name.replace("-", "_"))


def test_what_is_required_is_what_is_imported():
    found = imported() - {*sys.stdlib_module_names, "tfkd", *WITH_OTHERS, *OF_EXTRAS, *LATER}
    assert {*required()} == found | FOR_OTHERS


def test_nothing_is_imported_that_windows_lacks():
    assert not UNIX & imported()
