"""What a stage reads others for."""

from enum import StrEnum


class Role(StrEnum):
    """The role of a node's input, alone or with names behind it, as in `teacher.soft`.

    A kind of stage whose options name stages in places of their own has these places as roles; see
    `Stage.node`.
    """

    MODEL = "model"
    TEXT = "text"
    TOKENIZER = "tokenizer"
    CLASSES = "classes"
    TUNED = "tuned"
    EXPORT = "export"
    TEACHER = "teacher"
    FROM = "from"
    TRIAL = "trial"
    FOLD = "fold"
    PARTS = "parts"
    LINKS = "links"
    # What a model reads of a corpus is in two: the corpus, and each of its fields in ids.
    DATA = "data"
    VALIDATE = "validate"
    CORPUS = "corpus"
    IDS = "ids"
    # Rows of a corpus with noise, by variant: their texts and ids.
    NOISY = "noisy"

    def of(self, *names: str | int) -> str:
        """This role for one of several: of a term, a side, a part, the number of a trial."""
        return ".".join(map(str, (self, *names)))
