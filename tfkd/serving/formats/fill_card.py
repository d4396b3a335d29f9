"""What a model card says of a folder of graphs that fill in words, with the loop around them."""

from collections.abc import Mapping
from typing import Any

from tfkd.serving.formats.card_reading import ENGINES, Reading, head, package_of
from tfkd.serving.formats.ctranslate2_card import ASKED, WRITTEN
from tfkd.serving.formats.format import Held

_USE = """\
## Use

After `pip install {packages}` this program, `answer.py`, answers lines:
`python answer.py FOLDER < lines.txt`. Neither tfkd nor TensorFlow is needed.

```python
{program}```

Of `{text}` it makes `{outputs}`.

- `encoder{suffix}` takes int32 arrays, `ids`, a source with its end, and `valid` (1: a token, 0:
  padding at the end), each `[{batch}, length]`. It gives `length_logits`, float32
  `[{batch}, lengths]`, of the target's length with its end, and `state_0`, `state_1`, ...
- `decoder{suffix}` takes these, `ids` and `valid` of targets, and `places`, int32
  `[{batch}, words]`, the positions whose words are asked for, from 0; it gives `logits`, float32
  `[{batch}, words, vocabulary]`. A hidden word is the id `mask` of `export.json`.
- Mask-Predict: {passes} passes over {candidates} lengths, of which the best by {score} is taken.
- A line of more than {limit} tokens loses its end.
- Weights are stored in {quantize}.
- Characters that the vocabulary lacks are read as an unknown piece.
"""
_OPENED = {
    "litert": """\
models = {name: Interpreter(f"{folder}/{name}.tflite").get_signature_runner()
          for name in ("encoder", "decoder")}


def run(name, **given):
    return models[name](**{one: given[one] for one in about["takes"][name]})


""",
    "onnx": """\
models = {name: onnxruntime.InferenceSession(f"{folder}/{name}.onnx")
          for name in ("encoder", "decoder")}


def run(name, **given):
    gives = [one.name for one in models[name].get_outputs()]
    asked = {one: given[one] for one in about["takes"][name]}
    return dict(zip(gives, models[name].run(gives, asked)))


""",
}
_LOOP = """\
def answer(line):
    ids = read(line)[: about["limit"]]
    most = numpy.float32(len(ids)) * numpy.float32(about["max_length"]["factor"])
    most = min(about["most"], int(most + numpy.float32(about["max_length"]["plus"])))
    if not ids or most < 1:
        return ""
    source = numpy.array([[*ids, about["source_end"]]], "int32")
    state = run("encoder", ids=source, valid=0 * source + 1)
    logits = state.pop("length_logits")[0][1 : most + 2]
    lengths = 1 + (-logits).argsort(kind="stable")[: about["length_candidates"]]
    found, total = [], about["iterations"]
    for length in dict.fromkeys(max(int(one), 2) for one in lengths):
        tokens, sure = numpy.zeros([1, length], "int32"), numpy.zeros(length)
        for number in range(about["passes"]):
            hidden = sure.argsort(kind="stable")[: max(1, length * max(total - number, 0) // total)]
            before, tokens[0, hidden] = tokens.copy(), about["mask"]
            logits = run("decoder", ids=tokens, valid=0 * tokens + 1,
                         places=hidden[None].astype("int32"), **state)["logits"][0]
            logits = logits.astype("float64")
            logits[:, about["forbidden"]] = -numpy.inf
            tokens[0, hidden], best = logits.argmax(1), logits.max(1)
            sure[hidden] = -numpy.log(numpy.exp(logits - best[:, None]).sum(1))
            if about["stop_when_stable"] and (tokens == before).all():
                break
        alpha = about["length_penalty"]
        score = sure.sum() / (length if alpha is None else ((5 + length) / 6) ** alpha)
        found.append((score, tokens[0].tolist()))
    best = max(found, key=lambda one: one[0])[1]
    ends = [at for at, one in enumerate(best) if one in (about["end"], about["start"])]
    words = [names[one] for one in best[: min(ends, default=None)]]
    words = [one for one in words if one not in written["special"]]
"""
_WRITER = {
    "sentencepiece": "writer = sentencepiece.SentencePieceProcessor(model_file="
    'folder + "/target/sentencepiece.model")\n',
    "tokenizers": "",
}


def use(about: Mapping[str, Any], held: Held) -> str:
    """The section on use.

    Args:
        about: The folder's `export.json`.
        held: Has an example.
    """
    alpha = about["length_penalty"]
    score = f"log p over ((5 + length) / 6)^{alpha:g}"
    return _USE.format(
        packages=" ".join(packages(about)),
        program=program(about),
        text=held.example["text"],
        outputs=held.example["outputs"],
        suffix=".tflite" if about["format"] == "litert" else ".onnx",
        batch="1" if about["format"] == "litert" else "batch",
        passes=about["passes"],
        candidates=about["length_candidates"],
        score="the mean of log p" if alpha is None else score,
        limit=about["limit"],
        quantize=about["quantize"],
    )


def program(about: Mapping[str, Any]) -> str:
    """A program that answers lines by the engine, numpy and the tokenizers' own packages.

    Args:
        about: The folder's `export.json`.
    """
    reading, written = Reading(about, "source"), about["tokenizers"]["target"]
    more = {"re"} if "detokenize" in written else set()
    return "".join(
        [
            head(about["format"], reading, more, package_of(written)),
            'written = about["tokenizers"]["target"]\n',
            'names = json.load(open(folder + "/target/vocabulary.json", encoding="utf-8"))\n',
            reading.opened,
            _WRITER[package_of(written)],
            _OPENED[about["format"]],
            reading.function,
            _LOOP,
            WRITTEN[written["kind"]],
            ASKED,
        ]
    )


def packages(about: Mapping[str, Any]) -> list[str]:
    """What the program needs, as `pip` knows it."""
    said = about["tokenizers"].values()
    return [ENGINES[about["format"]][0], "numpy", *sorted({package_of(one) for one in said})]
