"""Writes a language model's SavedModel that continues as the model does, or none at all."""

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from tfkd.decoding.continuation import prompt_limit
from tfkd.decoding.search import Search
from tfkd.decoding.searches import build_search
from tfkd.serving.export import Checked, checked_figures, checked_sentence, write_version
from tfkd.serving.graphs.full_precision import in_float32
from tfkd.serving.graphs.served_language_model import ServedLanguageModel
from tfkd.serving.language_model_check import check_prompts
from tfkd.serving.model_card import BESIDE, TEXT_SHOWN, options_of, parted, whole_card

_USE = """\
Signature `serving_default`: `text`, strings `[batch]`, the prompts, gives `outputs`, strings
`[batch]`, what follows each prompt, without it; `scores`, float32 `[batch]`; `ended`, bool
`[batch]`. Signature `ids`: `prompt_ids`, int32 `[batch, length]`, bare ids, and `prompt_lengths`,
int32 `[batch]`, gives `output_ids`, int32 `[batch, length]`, `output_lengths`, `scores` and
`ended`. {beside}{options}
- It continues {search}.
- A score is log p of the continuation after the prompt, in nats, by the model as it is. Where the
  model ended it (`ended`), the end counts; where the limit of length did, it does not.
- A continuation has at most {most} tokens.
- Of a prompt of more than {prompt} tokens the last ones are read. An empty prompt is the start of a
  text. Bytes that are not UTF-8 are read as U+FFFD.
"""


def export_language_model(
    model: Any,
    tokenizer: Any,
    decode: Any,
    folder: str | Path,
    card: Mapping[str, Any],
    *,
    prompts: Sequence[str],
    version: int = 1,
    more_ops: Collection[str] | None = (),
) -> dict[str, Any]:
    """Writes `folder/VERSION/` as `export_saved_model` does: prompts in, continuations out.

    It is run in a fresh process on `prompts`, held against the float32 model without caches (see
    `check_prompts`), and only then put in its place.

    Args:
        model: A `Gpt2`, or a model like it.
        tokenizer: Of its text.
        decode: Decode options: beam, greedy or sample, or a plugin's.
        folder: The folder of versions.
        card: For the model card, see `tfkd.serving.model_card`.
        prompts: Real prompts for the check; 20 to 50 are enough.
        version: The version's number.
        more_ops: TensorFlow ops that the server at hand has beside the known ones; None: any.

    Returns:
        As `export_saved_model`.

    Raises:
        ExportRefusedError: The check does not hold; the message has the prompts that differ.
    """
    search = build_search(decode)
    model = in_float32(model)
    served = ServedLanguageModel(model, tokenizer, search)

    def checked(part: Path, final: Path) -> Checked:
        found = check_prompts(part, prompts, model, tokenizer, search)
        figures = checked_figures(final, found, "prompt")
        said = checked_sentence(found, "prompt", "the float32 model does, without caches")
        return _card(card, found.example, search, model, said, str(version)), figures

    return write_version(
        served,
        folder,
        checked,
        tokenizers={"text": tokenizer},
        version=version,
        more_ops=more_ops,
    )


def _card(
    card: Mapping[str, Any],
    example: Mapping[str, Any],
    search: Search,
    model: Any,
    check: str,
    folder: str,
) -> str:
    read = prompt_limit(model)
    room, length = model.max_length - read, search.max_length
    most = room if length.most is None else min(length.most, room)
    plus = f"{length.factor:g} * prompt tokens, the start counted, + {length.plus:g}"
    most = f"min({most}, {plus})" if length.factor else min(most, int(length.plus))
    use = _USE.format(
        beside=BESIDE,
        options=options_of(search),
        search=search.in_words(),
        most=most,
        prompt=read - 1,
    )
    return whole_card(card, *parted(example), TEXT_SHOWN, use, check, folder)
