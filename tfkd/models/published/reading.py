"""How a family of models reads published checkpoints, without TensorFlow until one is loaded."""

from pathlib import Path
from typing import Any

from tfkd.models.published.architecture import PublishedModel
from tfkd.models.published.architectures import known_types, open_published, published_class
from tfkd.spec.errors import UserError


class Reader:
    """What a family has at `ModelOptions.published`.

    Args:
        kind: The family.
    """

    def __init__(self, kind: str):
        self.kind = kind

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

    def load(self, published: PublishedModel, heads: tuple[str, ...]) -> Any:
        """The model with these heads."""
        from tfkd.models.published.loading import load_model

        return load_model(published, heads)


ENCODERS = Reader("bert")
DECODERS = Reader("gpt2")
TRANSLATORS = Reader("transformer")
