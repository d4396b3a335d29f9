"""The README.md inside a SavedModel."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

CARD = "README.md"
_LOADING = """\
## Use

```python
import tensorflow as tf
import tensorflow_text  # the tokenizers' ops

model = tf.saved_model.load("{folder}")
answer = model.signatures["serving_default"]({call})
print({shown})
```

TensorFlow Serving serves the folder above this one as it is:

```
tensorflow_model_server --rest_api_port=8501 --model_name={name} --model_base_path=/path/to/{name}
curl -d '{{"instances": {instances}}}' http://localhost:8501/v1/models/{name}:predict
```
{answer}
"""
_ANSWER = """\

It answers

```json
{answer}
```
"""
# What the signature `ids` has beside it.
BESIDE = """\
The folder `ids/` has a SavedModel of its own for that signature, as its `serving_default`, which
Python loads without `tensorflow_text`, and each tokenizer's files.
"""
TEXT_SHOWN = 'answer["outputs"][0].numpy().decode(), answer["scores"][0].numpy()'
_USE = """\
Signature `serving_default`: `text`, strings `[batch]`, gives `outputs`, strings `[batch]`, and
`scores`, float32 `[batch]`. Signature `ids`: `source_ids`, int32 `[batch, length]`, bare ids padded
with {pad}, gives `output_ids`, int32 `[batch, length]`, `output_lengths`, int32 `[batch]`, and
`scores`. {beside}{options}
- A score is {score}, the end counted among the tokens.
- A line of more than {limit} tokens loses its end. An empty line has an empty output.
- Characters that the vocabulary lacks are read as an unknown piece; bytes that are not UTF-8 are
  read as U+FFFD.
- An output has at most min({most}, {factor} * source tokens + {plus}) tokens.
"""
_OPTIONS = """\
Signature `with_options`: `text`, and the int32 scalar{s} {names}, gives what `serving_default`
gives, with {names} as each call asks for; signature `options` gives what `serving_default` has.
"""


def model_card(
    card: Mapping[str, Any],
    *,
    example: Mapping[str, Any],
    search: Any,
    limit: int,
    pad: int,
    check: str,
    folder: str,
) -> str:
    """Writes a model card.

    Args:
        card: What the caller knows. `name` and `summary` head the page; every other entry becomes a
            section: text as it is, a mapping as a list, a sequence of mappings as a table.
        example: A source sentence, as `text`, with the `outputs` and `scores` that it has.
        search: The decoding.
        limit: The most source tokens.
        pad: The source's padding id.
        check: What the self-check found, in a sentence.
        folder: The version folder's name.

    Returns:
        Markdown.
    """
    length = search.max_length
    use = _USE.format(
        pad=pad,
        beside=BESIDE,
        limit=limit,
        options=options_of(search),
        score=search.score_in_words(),
        most=limit if length.most is None else min(length.most, limit),
        factor=length.factor,
        plus=length.plus,
    )
    return whole_card(card, *parted(example), TEXT_SHOWN, use, check, folder)


def parted(example: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """An example's row, and the answer to it."""
    return {"text": example.get("text", "")}, {k: v for k, v in example.items() if k != "text"}


def options_of(search: Any) -> str:
    """What a card says of the options that callers choose; "" where there are none."""
    names = [f"`{name}`" for name in search.serving_options()]
    return _OPTIONS.format(names=" and ".join(names), s="s"[: len(names) - 1]) if names else ""


def whole_card(
    card: Mapping[str, Any],
    example: Mapping[str, Any],
    answer: Mapping[str, Any],
    shown: str,
    use: str,
    check: str,
    folder: str,
) -> str:
    """A card of any kind of model.

    Args:
        card: See `model_card`.
        example: A row, by the names of what `serving_default` takes.
        answer: What is answered to it, by the names of outputs; {}: not said.
        shown: What the Python example prints of `answer`.
        use: What there is to know of the signatures.
        check: What the check found, in a sentence.
        folder: The version folder's name.
    """
    name = str(card.get("name", "model"))
    # A quotation mark of the shell's has no place in an example.
    row = {key: x.replace("'", "’") if isinstance(x, str) else x for key, x in example.items()}
    instance = row["text"] if row.keys() == {"text"} else row
    calls = (f"{key}=tf.constant([{_json(value)}])" for key, value in row.items())
    said = {"predictions": [_rounded(answer)]}
    loading = _LOADING.format(
        name=name,
        folder=folder,
        call=", ".join(calls),
        shown=shown,
        instances=_json([instance]),
        answer=_ANSWER.format(answer=_json(said)) if answer else "",
    )
    return card_of(card, loading + use, check)


def card_of(card: Mapping[str, Any], use: str, check: str) -> str:
    """A card of any format: what heads it, its sections on use and check, and all others.

    Args:
        card: See `model_card`.
        use: How it is run, with its heading.
        check: What the check found, in a sentence.
    """
    lines = [f"# {card.get('name', 'model')}", ""]
    if card.get("summary"):
        lines += [str(card["summary"]), ""]
    lines += [use, "## Check", "", check, ""]
    own = {key: value for key, value in card.items() if key not in ("name", "summary")}
    return "\n".join(lines + _sections(own)).rstrip() + "\n"


def with_warnings(card: str, warnings: Sequence[str]) -> str:
    """A card with a section of warnings before all others."""
    head, mark, rest = card.partition("\n## ")
    section = "\n".join(["## Warnings", "", *(f"- {_plain(one)}" for one in warnings), ""])
    return f"{head}\n{section}{mark}{rest}"


def with_sections(card: str, sections: Mapping[str, Any]) -> str:
    """A card with more sections, before what its check has found; see `model_card`."""
    head, mark, rest = card.partition("\n## Check\n")
    return head + "".join(f"\n{line}" for line in _sections(sections)) + mark + rest


def _sections(content: Mapping[str, Any]) -> list[str]:
    lines = []
    for key, value in content.items():
        if value not in (None, "", {}, []):
            title = str(key).replace("_", " ")
            lines += [f"## {title[:1].upper()}{title[1:]}", "", *_section(value), ""]
    return lines


def _rounded(value: Any) -> Any:
    """What JSON shows of an answer: floats to four places."""
    if isinstance(value, Mapping):
        return {key: _rounded(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_rounded(each) for each in value]
    return round(value, 4) if isinstance(value, float) else value


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _section(value: Any) -> list[str]:
    if isinstance(value, Mapping):
        return [f"- {key}: {_plain(each)}" for key, each in value.items()]
    if isinstance(value, Sequence) and not isinstance(value, str):
        if value and all(isinstance(each, Mapping) for each in value):
            columns = list(dict.fromkeys(key for each in value for key in each))
            rows = [[_cell(_plain(each.get(column, ""))) for column in columns] for each in value]
            return [
                f"| {' | '.join(map(str, columns))} |",
                f"|{' --- |' * len(columns)}",
                *(f"| {' | '.join(row)} |" for row in rows),
            ]
        return [f"- {_plain(each)}" for each in value]
    return [_plain(value)]


def _cell(text: str) -> str:
    """A cell of a table, which a bar or the end of a line would end."""
    return " ".join(text.replace("|", "\\|").split())


def _plain(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {_plain(each)}" for key, each in value.items())
    return str(value)
