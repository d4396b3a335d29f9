"""What a model card says of a folder of CTranslate2, with a program that needs nothing else."""

from collections.abc import Mapping
from typing import Any

from tfkd.serving.formats.format import Held

_USE = """\
## Use

After `pip install ctranslate2 {package}` this program, `answer.py`, answers lines:
`python answer.py FOLDER < lines.txt`. Neither tfkd nor TensorFlow is needed.

```python
{program}```

Of `{text}` it makes `{outputs}`.

- `export.json` has how the model is asked: beam search with {beam} prefixes (1: the likeliest token
  at each place), length penalty {alpha:g}; at most {limit} tokens in, and out at most
  min({most}, {factor:g} * tokens in + {plus:g}).
- Weights are stored in {quantize}. A processor that cannot compute in that computes in float32.
- Characters that the vocabulary lacks are read as an unknown piece.
"""
# ALBERT's reading, as `tfkd.serving.formats.text_files` has it.
_PLAIN = """\
def plain(line):
    line = unicodedata.normalize("NFKD", re.sub("``|''", '"', line))
    return "".join(one for one in line if not unicodedata.category(one).startswith("M"))


"""
_OPENED = {
    "tokenizers": '{name} = tokenizers.Tokenizer.from_file(folder + "/{side}/tokenizer.json")',
    "sentencepiece": "{name} = sentencepiece.SentencePieceProcessor(model_file="
    'folder + "/{side}/sentencepiece.model")',
}
_PIECES = {"tokenizers": "reader.encode({line}).tokens", "sentencepiece": "read({line})"}
# A special piece that a line spells is text, which the vocabulary lacks.
_READ = """\
def read(line):
    said, cut = about["tokenizers"]["{side}"], reader.encode(line, out_type=str)
    return [said["unknown"] if one in said["special"] else one for one in cut]


"""
# In float32, as tfkd has it.
_MOST = """\
    most = numpy.float32(len(pieces)) * numpy.float32(length["factor"])
    most = min(about["most"], int(most + numpy.float32(length["plus"])))
    if not pieces or most < 1:
        return ""
    least = min(search["min_length"], most)
"""
_TRANSLATED = """\
    pieces = {pieces}[: about["limit"]]
{most}    found = model.translate_batch(
        [about["lead"] + pieces], max_decoding_length=most, min_decoding_length=least,
        **about["options"])[0]
    outputs = zip(found.scores, found.hypotheses)
"""
# Of a model whose targets begin with a piece of their own: what is put there comes out again.
_BEGUN = """\
    pieces = {pieces}[: about["limit"]]
{most}    begun = about["prefix"]
    found = model.translate_batch(
        [about["lead"] + pieces], [begun], max_decoding_length=most + len(begun),
        min_decoding_length=least + len(begun), **about["options"])[0]
    outputs = zip(found.scores, [one[len(begun) :] for one in found.hypotheses])
"""
_CONTINUED = """\
    pieces = [about["start"], *{pieces}[1 - about["limit"] :]]
{most}    found = model.generate_batch(
        [pieces], max_length=most, min_length=least, include_prompt_in_result=False,
        **about["options"])[0]
    outputs = zip(found.scores, found.sequences)
"""
_BEST = """\
    penalty = search["length_penalty"]
    best = max(outputs, key=lambda one: one[0] / ((5 + len(one[1])) / 6) ** penalty)[1]
    words = [piece for piece in best if piece not in [about["end"], *written["special"]]]
"""
# What writes the text of `words`, pieces, where `written` is what is said of the tokenizer.
WRITTEN = {
    "wordpiece": """\
    text = "".join(one[2:] if one.startswith("##") else " " + one for one in words)
    text = f" {text.strip()} "
    for pattern, replacement in written["detokenize"]:
        text = re.sub(pattern, replacement, text)
    return text.strip()
""",
    "byte_bpe": '    return tokenizers.decoders.ByteLevel().decode(words).replace("\\n", " ")\n',
    "sentencepiece": "    return writer.decode(words)\n",
}
# What asks `answer` of a program for each line.
ASKED = """

if __name__ == "__main__":
    for line in sys.stdin:
        print(answer(line.rstrip("\\n")))
"""


def use(about: Mapping[str, Any], held: Held) -> str:
    """The section on use.

    Args:
        about: The folder's `export.json`.
        held: Has an example.
    """
    search = about["search"]
    return _USE.format(
        package=" ".join(_packages(about)),
        program=program(about),
        text=held.example["text"],
        outputs=held.example["outputs"],
        beam=search["beam"],
        alpha=search["length_penalty"],
        limit=about["limit"],
        most=about["most"],
        factor=search["max_length"]["factor"],
        plus=search["max_length"]["plus"],
        quantize=about["quantize"],
    )


def program(about: Mapping[str, Any]) -> str:
    """A program that answers lines by ctranslate2 and the tokenizers' own packages.

    Args:
        about: The folder's `export.json`.
    """
    continues = "text" in about["tokenizers"]
    reads, writes = ("text", "text") if continues else ("source", "target")
    read, written = about["tokenizers"][reads], about["tokenizers"][writes]
    strips = read.get("strip_accents", False)
    used = {"json": True, "re": strips or "detokenize" in written, "sys": True,
            "unicodedata": strips}  # fmt: skip
    lines = [
        f"import {', '.join(name for name, needed in used.items() if needed)}",
        f"import ctranslate2, {', '.join(_packages(about))}",
        "",
        "folder = sys.argv[1]",
        'about = json.load(open(folder + "/export.json", encoding="utf-8"))',
        'search, length = about["search"], about["search"]["max_length"]',
        f'written = about["tokenizers"]["{writes}"]',
        _OPENED[_package(read)].format(name="reader", side=reads),
    ]
    if written["kind"] == "sentencepiece":
        lines.append(_OPENED["sentencepiece"].format(name="writer", side=writes))
    lines += [f"model = ctranslate2.{'Generator' if continues else 'Translator'}(folder)", "", ""]
    if strips:
        lines.append(_PLAIN)
    if read["kind"] == "sentencepiece":
        lines.append(_READ.replace("{side}", reads))
    line = ("plain(line)" if strips else "line") + (".lower()" if read["lower_case"] else "")
    pieces = _PIECES[_package(read)].format(line=line)
    translated = _BEGUN if about.get("prefix") else _TRANSLATED
    body = _CONTINUED if continues else translated
    body = body.replace("{pieces}", pieces).replace("{most}", _MOST)
    head = "\n".join([*lines, "def answer(line):"])
    return f"{head}\n{body}{_BEST}{WRITTEN[written['kind']]}{ASKED}"


def _package(said: Mapping[str, Any]) -> str:
    return "sentencepiece" if said["kind"] == "sentencepiece" else "tokenizers"


def _packages(about: Mapping[str, Any]) -> list[str]:
    return sorted({"numpy", *(_package(said) for said in about["tokenizers"].values())})
