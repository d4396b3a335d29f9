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

"""
TEXT_SHOWN = 'answer["outputs"][0].numpy().decode(), answer["scores"][0].numpy()'
_USE = """\
Signature `serving_default`: `text`, strings `[batch]`, gives `outputs`, strings `[batch]`, and
`scores`, float32 `[batch]`. Signature `ids`: `source_ids`, int32 `[batch, length]`, bare ids padded
with {pad}, gives `output_ids`, int32 `[batch, length]`, `output_lengths`, int32 `[batch]`, and
`scores`.
{options}
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
    example: str,
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
        example: A source sentence.
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
        limit=limit,
        options=options_of(search),
        score=search.score_in_words(),
        most=limit if length.most is None else min(length.most, limit),
        factor=length.factor,
        plus=length.plus,
    )
    return whole_card(card, {"text": example}, TEXT_SHOWN, use, check, folder)


def options_of(search: Any) -> str:
    """What a card says of the options that callers choose; "" where there are none."""
    names = [f"`{name}`" for name in search.serving_options()]
    return _OPTIONS.format(names=" and ".join(names), s="s"[: len(names) - 1]) if names else ""


def whole_card(
    card: Mapping[str, Any],
    example: Mapping[str, Any],
    shown: str,
    use: str,
    check: str,
    folder: str,
) -> str:
    """A card of any kind of model.

    Args:
        card: See `model_card`.
        example: A row, by the names of what `serving_default` takes.
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
    loading = _LOADING.format(
        name=name, folder=folder, call=", ".join(calls), shown=shown, instances=_json([instance])
    )
    lines = [f"# {name}", ""]
    if card.get("summary"):
        lines += [str(card["summary"]), ""]
    lines += [loading + use, "## Check", "", check, ""]
    for key, value in card.items():
        if key not in ("name", "summary") and value not in (None, "", {}, []):
            title = str(key).replace("_", " ")
            lines += [f"## {title[:1].upper()}{title[1:]}", "", *_section(value), ""]
    return "\n".join(lines).rstrip() + "\n"


def with_warnings(card: str, warnings: Sequence[str]) -> str:
    """A card with a section of warnings before all others."""
    head, mark, rest = card.partition("\n## ")
    section = "\n".join(["## Warnings", "", *(f"- {_plain(one)}" for one in warnings), ""])
    return f"{head}\n{section}{mark}{rest}"


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _section(value: Any) -> list[str]:
    if isinstance(value, Mapping):
        return [f"- {key}: {_plain(each)}" for key, each in value.items()]
    if isinstance(value, Sequence) and not isinstance(value, str):
        if value and all(isinstance(each, Mapping) for each in value):
            columns = list(dict.fromkeys(key for each in value for key in each))
            rows = [[_plain(each.get(column, "")) for column in columns] for each in value]
            return [
                f"| {' | '.join(map(str, columns))} |",
                f"|{' --- |' * len(columns)}",
                *(f"| {' | '.join(row)} |" for row in rows),
            ]
        return [f"- {_plain(each)}" for each in value]
    return [_plain(value)]


def _plain(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {_plain(each)}" for key, each in value.items())
    return str(value)
