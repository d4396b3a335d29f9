"""What the graph has for classifiers, and for stages that are the best of several."""

import re
from collections.abc import Callable
from typing import Any

from tfkd.pipeline.graph import Node, seed_of
from tfkd.pipeline.products import CLASSES
from tfkd.spec import Spec
from tfkd.spec.errors import UserError
from tfkd.spec.options import heads_needed


def said_setting(setting: dict[str, Any]) -> str:
    """A setting of `choose:` in a label, which names a folder's link."""
    said = ", ".join(f"{path}={value}" for path, value in setting.items())
    return re.sub(r"[^\w.=, -]", "_", said)[:100]


class ClassNodes:
    """The part of `GraphBuilder` that knows labels, marks and trials."""

    corpus: Callable[[Spec, str], Node]
    fields: Callable[[Spec, str], tuple[str, ...]]
    tokenizer: Callable[[Spec, str], Node]
    _once: Callable[[tuple, Callable[[], Node]], Node]
    _own: Callable[[Spec, str], str]
    _label: Callable[[Spec, str, int | None], str]
    _train: Callable[..., Node]

    def classes(self, spec: Spec, options: Any) -> Node | None:
        """The classes of a training stage whose model has a head over them; None for any other.

        Raises:
            UserError: None of its corpora has labels.
        """
        model = spec.models[options.train]
        if "classifier" not in heads_needed(model, options, spec.views):
            return None
        names = model.head.classes or [
            part.of for part in options.data if "label" in self.fields(spec, part.of)
        ]
        if not names:
            raise UserError(
                f"a classifier learns its classes from labels, and {options.data[0].of} has "
                f"{', '.join(self.fields(spec, options.data[0].of))}; expected a corpus with a "
                "field `label`"
            )
        names = list(dict.fromkeys(names))

        def make() -> Node:
            inputs = {f"text.{i}": self.corpus(spec, name) for i, name in enumerate(names)}
            return Node("classes", self._own(spec, " and ".join(names)), spec, None, inputs, {})

        return self._once((id(spec), "classes", *names), make)

    def classified(
        self, spec: Spec, role: str, corpus: str, model: Any, classes: Node
    ) -> dict[str, Node]:
        """What a classifier reads of a corpus beside its texts, by role: labels, where it has
        some, and marks; the marked text in place of the text."""
        fields, name = self.fields(spec, corpus), model.tokenizer
        text = self.corpus(spec, corpus)
        found = {}
        if "label" in fields:
            label = self._own(spec, f"{corpus}.label.classes")
            found[f"{role}.ids.label"] = self._once(
                (id(spec), "labels", corpus, classes.key),
                lambda: Node(
                    "ids", label, spec, None, {"text": text, "tokenizer": classes},
                    {"field": "label"},
                ),
            )  # fmt: skip
        for field in ("text", "mark") if model.head.read == "mark" else ():
            found[f"{role}.ids.{field}"] = self._marked(spec, corpus, field, name)
        return found

    def _marked(self, spec: Spec, corpus: str, field: str, tokenizer: str) -> Node:
        def make() -> Node:
            if not {"text", "mark"} <= set(self.fields(spec, corpus)):
                raise UserError(
                    f"data.{corpus}: a head that reads the mark needs the fields text and mark; "
                    f"this corpus has {', '.join(self.fields(spec, corpus))}"
                )
            inputs = {
                "text": self.corpus(spec, corpus),
                "tokenizer": self.tokenizer(spec, tokenizer),
            }
            label = self._own(spec, f"{corpus}.{field}.{tokenizer}")
            return Node("ids", label, spec, None, inputs, {"field": field, "cut": "mark"})

        return self._once((id(spec), "marked", corpus, field, tokenizer), make)

    def _class_evaluation(
        self, spec: Spec, trained: Node, corpus: str, inputs: dict[str, Node]
    ) -> Node:
        """A classifier's predictions on a corpus."""
        if "data.ids.label" not in inputs:
            raise UserError(
                f"data.{corpus}: the predictions of {trained.label} are held against labels; this "
                f"corpus has {', '.join(self.fields(spec, corpus))}"
            )
        options = {"corpus": corpus, "products": (CLASSES,), "decode": None}
        label = f"{trained.label} on {corpus}"
        return Node("evaluate", label, spec, options, inputs, {"products": [CLASSES]})

    def _chosen(self, spec: Spec, name: str, options: Any) -> Node:
        """The best of a stage's trials, each a training of its own, which other stages share."""
        trials = [
            self._train(spec, name, trial, f"[{said_setting(setting)}]")
            for setting, trial in options.choose.trials
        ]
        inputs = {**trials[0].inputs}
        inputs |= {f"trial.{i}": node for i, node in enumerate(trials)}
        identity = {"choose": options.choose.metric}
        label = self._label(spec, name, seed_of(inputs))
        return Node("train", label, spec, options, inputs, identity)
