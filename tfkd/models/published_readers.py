"""How each family's published checkpoints are read, without TensorFlow until one is loaded."""

from collections.abc import Collection
from pathlib import Path
from typing import Any

from tfkd.models.published_config import bert_config, gpt2_config, refuse_headless


class PublishedBert:
    """How published BERTs are read; see `ModelOptions.published`."""

    config = staticmethod(bert_config)

    @staticmethod
    def check_head(folder: Path, names: Collection[str]) -> None:
        refuse_headless(folder, names)

    @staticmethod
    def load(folder: Path, heads: Collection[str]) -> Any:
        from tfkd.models.published import load_published

        return load_published(folder, masked_lm=bool(heads))


class PublishedGpt2:
    """How published GPT-2s are read, whose head is their embedding."""

    config = staticmethod(gpt2_config)

    @staticmethod
    def check_head(folder: Path, names: Collection[str]) -> None:
        """There is nothing to lack."""

    @staticmethod
    def load(folder: Path, heads: Collection[str]) -> Any:
        from tfkd.models.published_gpt2 import load_published_gpt2

        return load_published_gpt2(folder)
