"""How a family of models reads published checkpoints, without TensorFlow until one is loaded."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tfkd.models.published.architecture import PublishedModel
from tfkd.models.published.architectures import known_types, open_published, published_class
from tfkd.spec import registry
from tfkd.spec.errors import UserError


class Reader:
    """What a family has at `ModelOptions.published`.

    Args:
        kind: The family.
        writer: What writes such a model, `MODULE:FUNCTION`; see `write`. None: nothing does.
    """

    def __init__(self, kind: str, writer: str | None = None):
        self.kind, self.writer = kind, writer

    def open(self, folder: Path) -> PublishedModel:
        """What lies in a folder.

        Raises:
            UserError: Nothing that becomes a model of this family.
        """
        found = open_published(folder, self.kind if self.kind in known_types() else None)
        if found.kind != self.kind:
            mine = [one for one in known_types() if published_class(one).kind == self.kind]
            raise UserError(
                f"{found.checkpoint.config_file}: {found.title} (model_type {found.model_type}), "
                f"which is read into a model of kind {found.kind}; into one of kind {self.kind} "
                f"go {', '.join(mine)}."
            )
        return found

    def load(self, published: PublishedModel, heads: tuple[str, ...], **more: Any) -> Any:
        """The model with these heads; `more` as of `load_model`."""
        from tfkd.models.published.loading import load_model

        return load_model(published, heads, **more)

    def write(
        self, model: Any, folder: Path, tokenizers: Mapping[str, Any],
        labels: Sequence[str] | None = None,
    ) -> None:  # fmt: skip
        """Writes a model as a published folder, with its tokenizers.

        Args:
            model: The model.
            folder: Made where it is not there.
            tokenizers: By side, `text`, or `source` and `target`.
            labels: The names of its classes, in the order of its head.

        Raises:
            ValueError: It is none that such a folder can say; nothing is written then.
        """
        if self.writer is None:
            raise UserError(f"a model of kind {self.kind} is not written as a published folder yet")
        registry.load_target(self.writer)(model, folder, tokenizers, labels)


ENCODERS = Reader("bert", "tfkd.models.published.saving:write_encoder")
DECODERS = Reader("gpt2", "tfkd.models.published.saving:write_decoder")
ROTARY_DECODERS = Reader("llama", "tfkd.models.published.saving_rotary:write_rotary_decoder")
TRANSLATORS = Reader("transformer", "tfkd.models.published.saving_marian:write_translator")
T5S = Reader("t5")
