"""What published encoders share, whatever they are called: they become a `Bert`."""

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from tfkd.models.published.architecture import (
    CLASSIFIER,
    MASKED_LM,
    Place,
    PublishedModel,
    place_in,
)
from tfkd.spec.errors import UserError

SEQUENCES, TOKENS = "ForSequenceClassification", "ForTokenClassification"
TOKEN_HEAD = {"classifier/matrix": "classifier.weight", "classifier/bias": "classifier.bias"}


class PublishedEncoder(PublishedModel):
    """A bidirectional encoder with a head over words, over classes, or none.

    Attributes:
        prefix: What the names of its body begin with, and bare encoders leave out.
        bodies: How those of bare encoders begin.
        sequence_head: `parts` of a head over the classes of a text.
        pooled: What that head makes of the first state: tanh, gelu or relu.
        words_bias: The tensor that every head over words has.
    """

    cuts: ClassVar[bool] = True
    kind: ClassVar[str] = "bert"
    prefix: ClassVar[str]
    bodies: ClassVar[tuple[str, ...]] = ("embeddings.", "encoder.", "pooler.")
    sequence_head: ClassVar[Mapping[str, str]]
    pooled: ClassVar[str] = "tanh"
    words_bias: ClassVar[str]
    plain: ClassVar[Mapping[str, Any]] = {
        "position_embedding_type": "absolute",
        "is_decoder": False,
        "add_cross_attention": False,
    }

    def options(self) -> dict[str, Any]:
        return {
            **self.whole_numbers(),
            "dropout": self.config.get("hidden_dropout_prob", 0.1),
            "attention_dropout": self.config.get("attention_probs_dropout_prob", 0.1),
            "activation": self.activation("hidden_act", "gelu"),
            "norm_epsilon": self.config.get("layer_norm_eps", 1e-12),
            "positions": "sequence",
        }

    def place(self, path: str) -> Place:
        if path.startswith("classifier/"):
            head = self.sequence_head if self.classes_of() == SEQUENCES else TOKEN_HEAD
            found = place_in(head, path, self.kernels_transposed)
            return found or self.usual_place(path)
        return self.usual_place(path)

    def spelled(self, name: str) -> str | None:
        """Gamma and beta are checkpoints' that came from TensorFlow 1. Where a decoder has a bias
        of its own, it is the one that transformers adds: a tied head repeats the other there, an
        untied one leaves that unused."""
        if name.endswith(self.unread):
            return None
        name = name.replace("LayerNorm.gamma", "LayerNorm.weight")
        name = name.replace("LayerNorm.beta", "LayerNorm.bias")
        name = f"{self.prefix}{name}" if name.startswith(self.bodies) else name
        stem, ending, _ = self.words_bias.rpartition(".bias")
        return self.words_bias if name == f"{stem}.decoder{ending}" else name

    def heads(self) -> tuple[str, ...]:
        words = (MASKED_LM,) if self.words_bias in self.tensors else ()
        return words + ((CLASSIFIER,) if self.classes_of() else ())

    def classes_of(self) -> str | None:
        """What its head over classes reads, `SEQUENCES` or `TOKENS`; None without one."""
        said = self.architecture()
        if not said:  # none says so: a head over a text's classes has a layer before its matrix
            transformed = self._names("classifier/transform/kernel", self.sequence_head)
            said = SEQUENCES if transformed else TOKENS
        for kind, head in ((SEQUENCES, self.sequence_head), (TOKENS, TOKEN_HEAD)):
            if said.endswith(kind) and self._names("classifier/matrix", head):
                return kind
        return None

    def _names(self, path: str, head: Mapping[str, str]) -> bool:
        place = place_in({**self.parts, **head}, path, True)
        return place is not None and set(place.names) <= self.tensors.keys()

    def head_options(self, kind: str) -> dict[str, Any]:
        if kind == MASKED_LM:
            return {} if self.config.get("tie_word_embeddings", True) else {"tied": False}
        self.refuse_other_problems()
        pooled = self.head_activation()
        more = {} if pooled == "tanh" else {"activation": pooled}
        return {"classes": len(self.labels() or ()), **more}

    def labels(self) -> list[str] | None:
        if self.classes_of() is None:
            return None
        shape = self.shape(self.place("classifier/matrix").names[0])
        return self.id_labels(0 if shape is None else shape[0])

    def of_texts(self) -> bool:
        return self.classes_of() == SEQUENCES

    def head_activation(self) -> str:
        return self.pooled if self.of_texts() else "none"

    def refuse_other_problems(self) -> None:
        """Raises where the head over classes is none for one class of several.

        Raises:
            UserError: It gives numbers, or any of the classes at once.
        """
        problem, labels = self.config.get("problem_type"), self.labels() or []
        if problem in (None, "single_label_classification") and len(labels) > 1:
            return
        said = f"problem_type is {problem!r}" if problem else f"it has {len(labels)} class"
        raise self.wrong(
            f"{said}: its head gives numbers or several classes at once; expected a classifier of "
            "two classes or more, of which one is right."
        )

    def refuse_lacking(self, kind: str) -> None:
        """Raises where a head is asked for that is not there: it would come out at random.

        Raises:
            UserError: It is not there.
        """
        if kind in self.heads():
            return
        has = ", ".join(self.heads()) or "no head at all"
        if kind == MASKED_LM:
            stem = self.words_bias.removesuffix(".bias")
            raise UserError(
                f"{self.folder}: this checkpoint has no word-prediction head ({stem}); it has "
                f"{has}. Models such as SpanBERT were published without theirs: load it without, "
                "and train a head."
            )
        matrix = self.sequence_head["classifier/matrix"]
        raise UserError(
            f"{self.folder}: this checkpoint has no head over classes ({matrix}, of a class that "
            f"ends with {SEQUENCES}); it is {self.architecture() or 'of no class that is said'}, "
            f"and has {has}."
        )

    def build(self, heads: tuple[str, ...], **more: Any) -> Any:
        from tfkd.models.bert import Bert

        output_heads = {kind: self.head_options(kind) for kind in heads}
        return Bert(**{**self.options(), **more}, output_heads=output_heads)

    def facts(self) -> Iterator[str]:
        if self.architecture().endswith(("ForMultipleChoice", "ForQuestionAnswering")):
            yield f"Its head is that of {self.architecture()}, which nothing here reads."


def bert_parts(prefix: str) -> dict[str, str | tuple[str, ...]]:
    """`parts` of a body whose tensors are called as BERT's are."""
    layer = f"{prefix}encoder.layer.{{}}."
    return {
        "embedding/tokens": f"{prefix}embeddings.word_embeddings",
        "embedding/types": f"{prefix}embeddings.token_type_embeddings",
        "embedding/positions": f"{prefix}embeddings.position_embeddings",
        "embedding/norm": f"{prefix}embeddings.LayerNorm",
        "pooler": f"{prefix}pooler.dense",
        "encoder/{}/self_attention/query_key_value": tuple(
            f"{layer}attention.self.{one}" for one in ("query", "key", "value")
        ),
        "encoder/{}/self_attention/output_projection": f"{layer}attention.output.dense",
        "encoder/{}/self_attention_norm": f"{layer}attention.output.LayerNorm",
        "encoder/{}/feed_forward/inner": f"{layer}intermediate.dense",
        "encoder/{}/feed_forward/outer": f"{layer}output.dense",
        "encoder/{}/feed_forward_norm": f"{layer}output.LayerNorm",
    }
