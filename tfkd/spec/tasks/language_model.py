"""Language models: how likely a text is, and how it goes on."""

from typing import ClassVar

from tfkd.spec.tasks.words import WordsOptions


class LanguageModelOptions(WordsOptions):
    """Each next word of a text: its head is the model's own."""

    of_checkpoints: ClassVar[bool] = True
