"""What the graph has for the spec's stages, each by its kind."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from tfkd.pipeline.data_folder import DataFolder
from tfkd.pipeline.default_decode import default_decode
from tfkd.pipeline.graph import Node, seed_of
from tfkd.pipeline.identity import (
    between_newlines,
    decode_identity,
    model_identity,
    origins,
    plain,
    raised,
)
from tfkd.pipeline.model_tokenizers import head_tokenizer, model_tokenizers
from tfkd.spec import Spec, registry
from tfkd.spec.options import classifier

# What changes how a training stage runs, not what comes out.
_NO_RESULT = {"log_every", "save_every", "runtime", "seeds", "choose", "on_failed_check"}


class StageNodes:
    """The part of `GraphBuilder` that knows what a stage's result depends on."""

    _data_dir: Path
    _files: DataFolder
    classes: Callable[[Spec, Any], Node | None]
    classified: Callable[..., dict[str, Node]]
    corpus: Callable[[Spec, str], Node]
    encoded: Callable[..., dict[tuple[str, str], Node]]
    fields: Callable[[Spec, str], tuple[str, ...]]
    resolve: Callable[[Spec, str], tuple[Spec, str]]
    stage: Callable[[Spec, str], Node]
    tokenizer: Callable[[Spec, str], Node]
    _chosen: Callable[[Spec, str, Any], Node]
    _label: Callable[[Spec, str, int | None], str]
    _once: Callable[[tuple, Callable[[], Node]], Node]

    def _train(self, spec: Spec, name: str, options: Any, setting: str = "") -> Node:
        if options.choose is not None:
            return self._chosen(spec, name, options)
        model = spec.models[options.train]
        inputs: dict[str, Node] = {
            f"tokenizer.{side}": self.tokenizer(spec, tokenizer)
            for side, tokenizer in model_tokenizers(model).items()
        }
        head = head_tokenizer(model)
        if head is not None:
            inputs["tokenizer.head"] = self.tokenizer(spec, head)
        classes = self.classes(spec, options)
        if classes is not None:
            inputs["classes"] = classes
        identity = plain(options, without=_NO_RESULT | {"train", "from_", "from", "objective"})
        identity["model"] = model_identity(model)
        if classifier(model) is not None and classes is None:
            # In pre-training its head is over words, whatever it is tuned to later.
            identity["model"].pop("head")
        if getattr(getattr(model, "head", None), "tied", True) is False:
            # A matrix of its own: 2 starts it from embeddings that came by parts, too.
            identity["head_revision"] = 2
        for i, part in enumerate(options.data):
            inputs |= self._part(spec, f"data.{i}", part.of, model, part.swap, classes)
            identity["data"][i].pop("of")
        if options.validate_ is not None:
            inputs["validate"] = self.corpus(spec, options.validate_.on)
            inputs |= self._part(spec, "validate", options.validate_.on, model, False, classes)
            identity["validate"] = plain(options.validate_, without={"on"})
            identity.pop("validate_", None)
            decode = options.validate_.decode
            identity |= raised("decode", decode and decode.kind)
        if options.reads_rows:
            identity |= between_newlines(model, options)
        for part, reference in origins(options.from_).items():
            inputs[f"from.{part}"] = self.stage(spec, reference)
        identity |= raised("optimizer", options.optimizer and options.optimizer.kind)
        identity |= raised("combiner", options.gradients and options.gradients.kind)
        identity["objective"] = {}
        if len({term.view for term in options.objective.values()}) > 1:
            # Validation measures the first term's view; equal views of two names run twice.
            order = list(dict.fromkeys(term.view for term in options.objective.values()))
            identity["views"] = {
                name: order.index(term.view) for name, term in options.objective.items()
            }
        for term, term_options in options.objective.items():
            teacher = getattr(term_options, "teacher", None)
            if teacher is not None:
                inputs[f"teacher.{term}"] = self.stage(spec, teacher)
            identity["objective"][term] = _term_identity(spec, term_options)
        seed = spec.seed if name in spec.seeded_stages else None
        label = self._label(spec, name, seed if seed is not None else seed_of(inputs))
        return Node("train", f"{label}{setting}", spec, options, inputs, identity, seed)

    def _load(self, spec: Spec, name: str, options: Any) -> Node:
        model = spec.models[options.train]
        inputs = {
            f"tokenizer.{side}": self.tokenizer(spec, tokenizer)
            for side, tokenizer in model_tokenizers(model).items()
        }
        # 2 compares more than sizes; the head is the checkpoint's, whatever the model's is.
        identity: dict[str, Any] = {"model": model_identity(model), "load_revision": 2}
        identity["model"].pop("head", None)
        if options.head != "published":
            identity["head"] = options.head
        if spec.change is not None:  # --smoke: a tiny model has no published weights
            identity["random"] = True
        else:
            identity["files"] = self._files.checkpoint(spec, name, self._data_dir)
        label = self._label(spec, name, seed_of(inputs))
        return Node("load", label, spec, options, inputs, identity)

    def _translate(self, spec: Spec, name: str, options: Any) -> Node:
        trained = self.stage(spec, options.translate)
        inputs, fields = {"model": trained}, []
        for i, part in enumerate(options.data):
            inputs[f"data.{i}.corpus"] = self.corpus(spec, part.of)
            fields.append(options.read_field(self.fields(spec, part.of), part.swap))
        identity = plain(options, without={"translate", "data", "decode", "on_failed_check"})
        model = trained.spec.models[trained.options.train]
        decode = options.decode or default_decode(model)
        identity |= {"fields": fields, **decode_identity(decode)}
        if spec.change is not None:  # --smoke
            identity["filled"] = True
        label = self._label(spec, name, seed_of(inputs))
        return Node("translate", label, spec, options, inputs, identity)

    def _score(self, spec: Spec, name: str, options: Any, on: str | None = None) -> Node:
        teacher = self.stage(spec, options.score)
        teacher_options = teacher.spec.models[teacher.options.train]
        corpora = [on] if on else [part.of for part in options.data]
        inputs = {"model": teacher}
        for i, corpus in enumerate(corpora):
            inputs |= self._part(
                spec, f"data.{i}", corpus, teacher_options, False, teacher.inputs.get("classes")
            )
        identity = plain(options, without={"score", "data", "batch_tokens", "on_failed_check"})
        if "classes" in teacher.inputs:
            identity = {"read": "classes"}
        elif options.read != "masked":
            identity.pop("passes", None)
        label = self._label(spec, name, seed_of(inputs)) + (f" on {on}" if on else "")
        node_options = options if on is None else options.on_corpora([on])
        return Node("score", label, spec, node_options, inputs, identity)

    def score_on(self, spec: Spec, reference: str, corpus: str) -> Node:
        """A scoring stage's teacher at the same work on another corpus (the teacher gate)."""
        spec, name = self.resolve(spec, reference)
        options = spec.stages[name]
        if [part.of for part in options.data] == [corpus]:
            return self.stage(spec, name)
        return self._once(
            (id(spec), "score", name, corpus), lambda: self._score(spec, name, options, corpus)
        )

    def _part(
        self,
        spec: Spec,
        role: str,
        corpus: str,
        model: Any,
        swap: bool,
        classes: Node | None = None,
    ) -> dict[str, Node]:
        """A corpus's ids, and the corpus itself, which tells what a store's rows belong to."""
        found = {
            f"{role}.ids.{field}.{i}": node
            for i, ((field, _), node) in enumerate(self.encoded(spec, corpus, model, swap).items())
        }
        if classes is not None:
            own = self.classified(spec, role, corpus, model, classes)
            # The marked text stands for the text.
            keys = {key.rpartition(".")[0] for key in found}
            replaced = keys & own.keys()
            found = {k: n for k, n in found.items() if k.rpartition(".")[0] not in replaced} | own
        return {**found, f"{role}.corpus": self.corpus(spec, corpus)}


def _term_identity(spec: Spec, options: Any) -> dict[str, Any]:
    """What a term computes, on which view, by which revisions."""
    entry = plain(options, without={"view", "teacher"})
    entry["revision"] = registry.lookup("objective", options.kind).revision
    if options.view is not None:
        view = spec.views[options.view]
        entry["view"] = plain(view)
        entry["view_revision"] = registry.lookup("view", view.kind).revision
        for side in ("source", "target"):
            inner = getattr(view, side, None)
            revision = raised("view", inner and inner.kind)
            entry |= {f"{side}_{key}": number for key, number in revision.items()}
    return entry
