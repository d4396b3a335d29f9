"""Which class reads which `model_type` of `config.json`: the one place that knows."""

import importlib
from os import PathLike

from tfkd.models.published.architecture import PublishedModel
from tfkd.models.published.checkpoint import Checkpoint
from tfkd.spec.errors import UserError

_SHOWN = 8
_CLASSES = {
    "albert": "albert:PublishedAlbert",
    "bart": "bart:PublishedBart",
    "bert": "bert:PublishedBert",
    "distilbert": "distilbert:PublishedDistilBert",
    "electra": "electra:PublishedElectra",
    "gemma": "gemma:PublishedGemma",
    "gemma2": "gemma:PublishedGemma2",
    "gemma3_text": "gemma:PublishedGemma3",
    "gpt2": "gpt2:PublishedGpt2",
    "llama": "llama:PublishedLlama",
    "marian": "marian:PublishedMarian",
    "mbart": "bart:PublishedMbart",
    "mistral": "llama:PublishedMistral",
    "mt5": "t5:PublishedMt5",
    "qwen2": "llama:PublishedQwen2",
    "qwen3": "llama:PublishedQwen3",
    "roberta": "roberta:PublishedRoberta",
    "smollm3": "llama:PublishedSmolLm3",
    "t5": "t5:PublishedT5",
    "xlm-roberta": "roberta:PublishedXlmRoberta",
}


def known_types() -> tuple[str, ...]:
    """The values of `model_type` that can be read."""
    return tuple(sorted(_CLASSES))


def published_class(model_type: str) -> type[PublishedModel]:
    """The class that reads a `model_type`."""
    module, _, name = _CLASSES[model_type].partition(":")
    return getattr(importlib.import_module(f"tfkd.models.published.{module}"), name)


def open_published(folder: str | PathLike, default: str | None = None) -> PublishedModel:
    """What a published folder holds.

    Args:
        folder: The folder.
        default: The `model_type` where `config.json` says none.

    Raises:
        UserError: There is no `config.json`, or no architecture in it that is known.
    """
    checkpoint = Checkpoint(folder)
    found = checkpoint.config.get("model_type", default)
    if not isinstance(found, str) or found not in _CLASSES:
        raise UserError(
            f"{checkpoint.config_file}: model_type is {found!r}; expected one of "
            f"{', '.join(known_types())}. No other architecture is read yet. {_beside(checkpoint)}"
        )
    return published_class(found)(checkpoint)


def _beside(checkpoint: Checkpoint) -> str:
    """What else is to be seen of a folder of no known kind."""
    written = checkpoint.config.get("architectures")
    named = str(written[0]) if isinstance(written, list) and written else "no class that is said"
    files = sorted(path.name for path in checkpoint.folder.iterdir() if path.is_file())
    more = f" and {len(files) - _SHOWN} more" if len(files) > _SHOWN else ""
    return f"It is written as {named}; the folder has {', '.join(files[:_SHOWN])}{more}."
