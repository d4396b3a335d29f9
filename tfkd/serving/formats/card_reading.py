"""How programs of model cards read text, by the tokenizers' own packages; and their first lines."""

from collections.abc import Collection, Mapping
from typing import Any

# By format: the engine as `pip` knows it, and what imports it.
ENGINES = {
    "litert": ("ai-edge-litert", "from ai_edge_litert.interpreter import Interpreter"),
    "onnx": ("onnxruntime", "import onnxruntime"),
}
_READERS = {
    "tokenizers": 'reader = tokenizers.Tokenizer.from_file(folder + "/{side}/tokenizer.json")\n',
    "sentencepiece": """\
reader = sentencepiece.SentencePieceProcessor(model_file=folder + "/{side}/sentencepiece.model")
pieces = json.load(open(folder + "/{side}/vocabulary.json", encoding="utf-8"))
known = {piece: place for place, piece in enumerate(pieces)}
for piece in about["tokenizers"]["{side}"]["special"]:
    del known[piece]
""",
}
# ALBERT's reading, as `tfkd.serving.formats.text_files` has it.
_PLAIN = """\
    text = unicodedata.normalize("NFKD", re.sub("``|''", '"', text))
    text = "".join(one for one in text if not unicodedata.category(one).startswith("M"))
"""
_READ = {
    "tokenizers": "    return reader.encode({text}).ids\n",
    "sentencepiece": '    return [known.get(one, about["unknown"]) for one in '
    "reader.encode({text}, out_type=str)]\n",
}


class Reading:
    """How a program reads the texts of a side.

    Args:
        about: The folder's `export.json`.
        side: The tokenizer's: `text` or `source`.

    Attributes:
        package: What is imported.
        opened: Lines that open the tokenizer, as `reader`.
        function: The function `read`, from a text to its ids.
        modules: Of the standard library, what that needs.
    """

    def __init__(self, about: Mapping[str, Any], side: str):
        said = about["tokenizers"][side]
        strips = said.get("strip_accents", False)
        self.package = package_of(said)
        self.opened = _READERS[self.package].replace("{side}", side)
        text = "text.lower()" if said["lower_case"] else "text"
        plain = _PLAIN if strips else ""
        self.function = f"def read(text):\n{plain}{_READ[self.package].format(text=text)}\n\n"
        self.modules = {"re", "unicodedata"} if strips else set()


def package_of(said: Mapping[str, Any]) -> str:
    """The package of a tokenizer, by what is said of it."""
    return "sentencepiece" if said["kind"] == "sentencepiece" else "tokenizers"


def head(name: str, reading: Reading | None, more: Collection[str], *packages: str) -> str:
    """Imports, `folder` and `about`.

    Args:
        name: The format.
        reading: How text is read; None: it is not.
        more: Modules of the standard library that the rest needs.
        packages: Those for tokenizers that the rest needs.
    """
    modules = {"json", "sys", *more} | (reading.modules if reading else set())
    read = sorted({*packages, *([reading.package] if reading else [])})
    return (
        f"import {', '.join(sorted(modules))}\n"
        f"import {', '.join(['numpy', *read])}\n{ENGINES[name][1]}\n\n"
        "folder = sys.argv[1]\n"
        'about = json.load(open(folder + "/export.json", encoding="utf-8"))\n'
    )
