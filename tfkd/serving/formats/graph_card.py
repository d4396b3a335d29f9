"""What a model card says of a folder of graphs, with a program that needs the engine alone."""

from collections.abc import Mapping
from typing import Any

from tfkd.serving.formats.card_reading import ENGINES, Reading, head
from tfkd.serving.formats.ctranslate2_card import ASKED
from tfkd.serving.formats.format import Held

_USE = """\
## Use

After `pip install {packages}` this program, `answer.py`, {does}:
`python answer.py FOLDER < lines.txt`. Neither tfkd nor TensorFlow is needed.

```python
{program}```
{example}
- `{file}` takes int32 arrays: `ids`, `types` (0, and 1 in the second text of a pair) and `valid`
  (1: a token, 0: padding at the end), each `[{batch}, length]`, and `places` `[{batch}, labels]`,
  the positions whose labels are asked for, from 0. It gives `logits`, float32
  `[{batch}, labels, {count}]`, in the order of `classes` in `export.json`{more}.{dropped}
- A sequence has at most {limit} tokens, those around the text counted.
- Weights are stored in {quantize}.
- Characters that the vocabulary lacks are read as an unknown piece.
"""
_DOES = "answers lines{fields} with the classes of their texts"
_STATES = "answers lines with the mean of their states, a list of numbers a line"
_IDS = "answers lines of JSON, `[[ids], [places]]`, with the classes at these places"
_FIELDS = {
    "text_b": ", whose two texts are apart by a tab,",
    "mark": " of a text, a tab and the place of the marked character, from 0,",
}
# What opens the file, and what asks it.
_OPENED = {
    "litert": (
        'model = Interpreter(folder + "/model.tflite").get_signature_runner()',
        'model(**asked)["{what}"]',
    ),
    "onnx": (
        'model = onnxruntime.InferenceSession(folder + "/model.onnx")',
        'model.run(["{what}"], asked)[0]',
    ),
}
_SINGLE = """\
def answer(line):
    ids = read(line)[: about["limit"] - 2]
    ids, second, places = [about["start"], *ids, about["end"]], 0, [0]
"""
_PAIR = """\
def answer(line):
    a, b = map(read, line.split("\\t"))
    room = about["limit"] - 2 - about["separators"]
    b = b[: min(len(b), max(room // 2, room - len(a)))]
    a = [about["start"], *a[: room - len(b)], about["end"]]
    ids, second = [*a, *[about["end"]] * (about["separators"] - 1), *b, about["end"]], len(b) + 1
    places = [0]
"""
_MARK = """\
def answer(line):
    text, mark = line.split("\\t")
    before, rest = read(text[: int(mark)]), read(text[int(mark) :])
    kept = min(about["limit"] - 2, len(before) + len(rest))
    first = min(max(len(before) - kept // 2, 0), len(before) + len(rest) - kept)
    first = 0 if len(before) < kept else first
    ids = [about["start"], *[*before, *rest][first : first + kept], about["end"]]
    second, places = 0, [1 + min(max(len(before) - first, 0), max(kept - 1, 0))]
"""
_WORDS = """\
def answer(line):
    words = re.findall(r"[^ \\t\\n\\r\\f\\v]+", line)
    words = [read(about["before_word"] + word) or [about["unknown"]] for word in words]
    firsts = itertools.accumulate([1] + [len(word) for word in words[:-1]])
    ids = [one for word in words for one in word][: about["limit"] - 2]
    places = [place for place in firsts if place <= len(ids)]
    ids, second = [about["start"], *ids, about["end"]], 0
"""
_GIVEN_IDS = """\
def answer(line):
    (ids, places), second = json.loads(line), 0
"""
_ASKED = """\
    types = [0] * (len(ids) - second) + [1] * second
    given = {"ids": ids, "types": types, "valid": [1] * len(ids), "places": places}
    asked = {name: numpy.array([given[name]], "int32") for name in about["takes"]["model"]}
    found = {call}[0]
"""
_LABELS = '    return " ".join(about["classes"][best] for best in found.argmax(-1))\n'
_MEAN = "    return json.dumps(found.mean(0).tolist())\n"
_NOTHING = {
    "cls": "    if not line.strip():\n",
    "text_b": '    if not all(text.strip() for text in line.split("\\t")):\n',
    "mark": '    if not line.split("\\t")[0].strip():\n',
    "words": "    if not places:\n",
    None: "    if not places:\n",
}
_NONE = '        return ""\n'
_BODIES = {"cls": _SINGLE, "text_b": _PAIR, "mark": _MARK, "words": _WORDS, None: _GIVEN_IDS}


def use(about: Mapping[str, Any], held: Held) -> str:
    """The section on use.

    Args:
        about: The folder's `export.json`.
        held: Its example, if it has one, is shown.
    """
    fields = "".join(_FIELDS.get(name, "") for name in about["inputs"])
    example = ""
    if held.example:
        example = f"\nOf `{held.example['text']}` it makes `{held.example['outputs']}`.\n"
    left_out = [name for name in ("types",) if name not in about["takes"]["model"]]
    return _USE.format(
        packages=" ".join(packages(about)),
        does=_STATES if about["encodes"] else _DOES.format(fields=fields) if _kind(about) else _IDS,
        program=program(about),
        example=example,
        file="model.tflite" if about["format"] == "litert" else "model.onnx",
        batch="1" if about["format"] == "litert" else "batch",
        count=len(about["classes"]),
        more=", and `hidden`, the states of all positions" if about["encodes"] else "",
        dropped=f" This one takes no `{left_out[0]}`." if left_out else "",
        limit=about["limit"],
        quantize=about["quantize"],
    )


def program(about: Mapping[str, Any]) -> str:
    """A program that labels lines by the engine, numpy and the tokenizer's own package.

    Args:
        about: The folder's `export.json`.
    """
    kind, encodes = _kind(about), about["encodes"]
    reading = None if kind is None else Reading(about, "text")
    more = {"itertools", "re"} if kind == "words" else set()
    opening, call = _OPENED[about["format"]]
    return "".join(
        [
            head(about["format"], reading, more),
            reading.opened if reading else "",
            f"{opening}\n\n\n",
            reading.function if reading else "",
            _loop(kind),
            _ASKED.replace("{call}", call.format(what="hidden" if encodes else "logits")),
            _MEAN if encodes else _LABELS,
            ASKED,
        ]
    )


def _loop(kind: str | None) -> str:
    """Over the lines, one without a text answered with an empty one."""
    nothing = _NOTHING[kind] + _NONE
    head, first, body = _BODIES[kind].partition("\n")
    found = body + nothing if kind in ("words", None) else nothing + body
    return f"{head}{first}{found}"


def _kind(about: Mapping[str, Any]) -> str | None:
    if about["encodes"]:
        return "cls"
    return "text_b" if "text_b" in about["inputs"] else about["places"]


def packages(about: Mapping[str, Any]) -> list[str]:
    """What the program needs, as `pip` knows it."""
    reads = [] if _kind(about) is None else [Reading(about, "text").package]
    return [ENGINES[about["format"]][0], "numpy", *reads]
