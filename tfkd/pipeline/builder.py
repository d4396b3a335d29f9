"""From a spec to the graph of its stages."""

from pathlib import Path
from typing import Any

from tfkd.data.corpora import source_hashes
from tfkd.data.files import sha256_of
from tfkd.data.transforms import text_fields
from tfkd.data.undone_tokenization import REVISION as DETOKENIZE_REVISION
from tfkd.pipeline.class_nodes import ClassNodes
from tfkd.pipeline.default_decode import default_decode
from tfkd.pipeline.graph import Node
from tfkd.pipeline.identity import (
    decode_identity,
    model_identity,
    origins,
    plain,
    raised,
    repeated,
    vocabulary_identity,
)
from tfkd.pipeline.letter_case import lower_cased
from tfkd.pipeline.products import CONTINUED, MASKED, PRODUCT
from tfkd.pipeline.published import checkpoint_files, checkpoint_folder
from tfkd.spec import Spec, registry
from tfkd.spec.errors import UserError
from tfkd.spec.options import classifier, reads_streams
from tfkd.spec.references import parse

# What changes how a training stage runs, not what comes out.
_NO_RESULT = {"log_every", "save_every", "runtime", "seeds", "choose"}
# K of an evaluation's coverage, unless the teacher that it is compared with stored another.
TOP_K = 8


def model_tokenizers(model: Any) -> dict[str, str]:
    """The tokenizers of a model's inputs: `{"source": T, "target": T}` or `{"text": T}`."""
    if model.tokenizer is None:
        raise UserError(f"a model of kind {model.kind} is made of models that the spec lacks")
    if isinstance(model.tokenizer, str):
        if reads_streams(model):
            return {"text": model.tokenizer}
        return {"source": model.tokenizer, "target": model.tokenizer}
    return {"source": model.tokenizer.source, "target": model.tokenizer.target}


def head_tokenizer(model: Any) -> str | None:
    """The tokenizer of a head with a vocabulary of its own; None where it is the input's."""
    head = getattr(model, "head", None)
    name = getattr(head, "tokenizer", None)
    return None if name == model.tokenizer else name


class GraphBuilder(ClassNodes):
    """Builds nodes, each once, from specs and their variants.

    Args:
        data_dir: The folder that data paths are relative to.
        home: The spec that is run; labels of what other specs lend start with their names.
    """

    def __init__(self, data_dir: Path, home: Spec | None = None):
        self._data_dir = data_dir
        self._home = home
        self._made: dict[tuple, Node] = {}
        self._under_way: set[tuple] = set()
        self._hashes: dict[str, str] = {}
        self._specs: dict[tuple[Path, str | None], Spec] = {}

    def _once(self, key: tuple, make) -> Node:
        if key not in self._made:
            if key in self._under_way:  # over tokenizers of a teacher from another variant
                raise UserError(f"a circle of stages leads back to the {key[1]} {key[2]}")
            self._under_way.add(key)
            self._made[key] = make()
            self._under_way.discard(key)
        return self._made[key]

    def _own(self, spec: Spec, name: str) -> str:
        lent = self._home is not None and Path(spec.path) != Path(self._home.path)
        return f"{spec.name}:{name}" if lent else name

    # ------------------------------------------------------------------ text and ids

    def corpus(self, spec: Spec, name: str) -> Node:
        """A corpus's text: read, checked and transformed, or what a translate stage writes."""
        if name in spec.stages:
            return self.stage(spec, name)
        return self._once((id(spec), "corpus", name), lambda: self._corpus(spec, name))

    def _corpus(self, spec: Spec, name: str) -> Node:
        options = spec.data[name]
        others = {
            other: self.corpus(spec, other.partition(".")[0]) for other in options.drop_overlap
        }
        identity = plain(options, without={"drop_overlap"})
        identity |= raised("corpus", options.kind)
        if options.detokenize is not None:
            identity["detokenize_revision"] = DETOKENIZE_REVISION
        identity["overlap"] = [other.partition(".")[2] for other in others]
        hashes = source_hashes(options, self._data_dir)
        identity["sources"] = list(hashes.values())
        for paths in ("text", "parallel", "tsv", "jsonl"):
            if paths in identity:
                # The bytes count, not where they lie; a file that is read twice counts twice.
                places = repeated(identity[paths], list(hashes), self._data_dir)
                identity[paths] = places or True
        if "lines" in identity:
            files = identity["lines"]
            places = repeated(list(files.values()), list(hashes), self._data_dir)
            identity["lines"] = [list(files), places or True]
        inputs = {f"overlap.{i}": node for i, node in enumerate(others.values())}
        return Node("corpus", self._own(spec, name), spec, options, inputs, identity)

    def fields(self, spec: Spec, name: str) -> tuple[str, ...]:
        """A corpus's fields."""
        return (spec.stages if name in spec.stages else spec.data)[name].field_names

    def texts(self, spec: Spec, name: str) -> list[str]:
        """Those of a corpus's fields that hold text."""
        fields = self.fields(spec, name)
        return [fields[index] for index in text_fields(fields)]

    def tokenizer(self, spec: Spec, name: str) -> Node:
        """A tokenizer: learnt, or read from a file or preset."""
        return self._once((id(spec), "tokenizer", name), lambda: self._tokenizer(spec, name))

    def _tokenizer(self, spec: Spec, name: str) -> Node:
        options = spec.tokenizers[name]
        identity = plain(options, without={"learn_from", "vocabulary", "merges", "preset", "keep"})
        identity["revision"] = registry.lookup("tokenizer", options.kind).revision
        inputs, identity["fields"] = {}, []
        # The text to learn from, or that a vocabulary is cut down to.
        keep = getattr(options, "keep", None)
        seen_in = keep.seen_in if keep else []
        for i, reference in enumerate(options.learn_from or seen_in):
            corpus, _, field = reference.partition(".")
            inputs[f"text.{i}"] = self.corpus(spec, corpus)
            identity["fields"].append(field or self.texts(spec, corpus))
        if not options.learn_from:
            identity["origin"] = vocabulary_identity(name, options, self._data_dir)
        return Node("tokenizer", self._own(spec, name), spec, options, inputs, identity)

    def ids(self, spec: Spec, corpus: str, field: str, tokenizer: str) -> Node:
        """One field of a corpus in one tokenizer's ids."""

        def make() -> Node:
            inputs = {
                "text": self.corpus(spec, corpus),
                "tokenizer": self.tokenizer(spec, tokenizer),
            }
            label = self._own(spec, f"{corpus}.{field}.{tokenizer}")
            return Node("ids", label, spec, None, inputs, {"field": field})

        return self._once((id(spec), "ids", corpus, field, tokenizer), make)

    def encoded(
        self, spec: Spec, corpus: str, model: Any, swap: bool = False
    ) -> dict[tuple[str, str], Node]:
        """All ids of a corpus that a model reads, by field and tokenizer."""
        sides = model_tokenizers(model)
        fields = self.fields(spec, corpus)
        if "text" in sides:
            wanted = [(field, sides["text"]) for field in self.texts(spec, corpus)]
        elif not {"source", "target"} <= set(fields):
            if "text" not in fields or len({*sides.values()}) > 1:
                raise UserError(
                    f"data.{corpus}: an encoder-decoder needs the fields source and target; "
                    f"this corpus has {', '.join(fields)}"
                )
            wanted = [("text", sides["source"])]  # both sides read it, in a view of one text
        else:
            turned = {"source": "target", "target": "source"} if swap else {}
            wanted = [(turned.get(side, side), sides[side]) for side in ("source", "target")]
        return {(field, name): self.ids(spec, corpus, field, name) for field, name in wanted}

    # ------------------------------------------------------------------ stages of the spec

    def resolve(self, spec: Spec, reference: str) -> tuple[Spec, str]:
        """The spec (with its variant) and the stage that a reference names."""
        parsed = parse(reference)
        if parsed.spec is None and parsed.variant is None:
            return spec, parsed.stage
        path = spec.path if parsed.spec is None else Path(spec.path).parent / parsed.spec
        key = (Path(path), parsed.variant)
        if key not in self._specs:
            if parsed.spec is None:
                self._specs[key] = spec.with_variant(parsed.variant)
            else:
                from tfkd.spec import load_spec

                # --smoke shrinks what other specs lend as well.
                self._specs[key] = load_spec(
                    path, variant=parsed.variant, plugins=spec.plugins, change=spec.change
                )
        return self._specs[key], parsed.stage

    def stage(self, spec: Spec, reference: str) -> Node:
        """A stage by its reference, `STAGE[#VARIANT]` or `SPEC:STAGE[#VARIANT]`."""
        spec, name = self.resolve(spec, reference)
        options = spec.stages[name]
        make = {
            "train": self._train,
            "score": self._score,
            "load": self._load,
            "translate": self._translate,
        }[options.kind]
        return self._once((id(spec), "stage", name), lambda: make(spec, name, options))

    def _translate(self, spec: Spec, name: str, options: Any) -> Node:
        trained = self.stage(spec, options.translate)
        inputs, fields = {"model": trained}, []
        for i, part in enumerate(options.data):
            inputs[f"data.{i}.corpus"] = self.corpus(spec, part.of)
            fields.append(options.read_field(self.fields(spec, part.of), part.swap))
        identity = plain(options, without={"translate", "data", "decode"})
        model = trained.spec.models[trained.options.train]
        decode = options.decode or default_decode(model)
        identity |= {"fields": fields, **decode_identity(decode)}
        if spec.change is not None:  # --smoke
            identity["filled"] = True
        return Node("translate", self._label(spec, name), spec, options, inputs, identity)

    def _label(self, spec: Spec, name: str) -> str:
        return self._own(spec, f"{name}#{spec.variant}" if spec.variant else name)

    def _train(self, spec: Spec, name: str, options: Any, label: str | None = None) -> Node:
        if options.choose is not None:
            return self._chosen(spec, name, options)
        label = label or self._label(spec, name)
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
            entry = plain(term_options, without={"view", "teacher"})
            entry["revision"] = registry.lookup("objective", term_options.kind).revision
            if term_options.view is not None:
                view = spec.views[term_options.view]
                entry["view"] = plain(view)
                entry["view_revision"] = registry.lookup("view", view.kind).revision
                for side in ("source", "target"):
                    inner = getattr(view, side, None)
                    entry |= {f"{side}_{key}": one for key, one in raised(
                        "view", inner and inner.kind).items()}  # fmt: skip
            teacher = getattr(term_options, "teacher", None)
            if teacher is not None:
                inputs[f"teacher.{term}"] = self.stage(spec, teacher)
            identity["objective"][term] = entry
        return Node("train", label, spec, options, inputs, identity)

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
            folder = checkpoint_folder(options.load, self._data_dir)
            identity["files"] = [sha256_of(path) for path in checkpoint_files(folder)]
        return Node("load", self._label(spec, name), spec, options, inputs, identity)

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

    def _score(self, spec: Spec, name: str, options: Any, on: str | None = None) -> Node:
        teacher = self.stage(spec, options.score)
        teacher_options = teacher.spec.models[teacher.options.train]
        corpora = [on] if on else [part.of for part in options.data]
        inputs = {"model": teacher}
        for i, corpus in enumerate(corpora):
            inputs |= self._part(
                spec, f"data.{i}", corpus, teacher_options, False, teacher.inputs.get("classes")
            )
        identity = plain(options, without={"score", "data", "batch_tokens"})
        if "classes" in teacher.inputs:
            identity = {"read": "classes"}
        elif options.read != "masked":
            identity.pop("passes", None)
        label = self._label(spec, name) + (f" on {on}" if on else "")
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

    # ------------------------------------------------------------------ what comes of models

    def evaluation(
        self,
        spec: Spec,
        reference: str,
        corpus: str,
        metrics: tuple[str, ...],
        decode: Any,
        top_k: int = TOP_K,
        context: int | None = None,
    ) -> Node:
        """A model's outputs and teacher-forced figures (coverage by `top_k`) on a corpus."""
        trained = self.stage(spec, reference)
        model = trained.spec.models[trained.options.train]
        inputs = {"model": trained, "text": self.corpus(spec, corpus)}
        classes = trained.inputs.get("classes")
        inputs |= self._part(spec, "data", corpus, model, False, classes)
        if classes is not None:
            return self._class_evaluation(spec, trained, corpus, inputs)
        wanted = tuple(sorted({PRODUCT[metric] for metric in metrics}))
        identity: dict[str, Any] = {"products": wanted}
        if {"outputs", CONTINUED} & set(wanted):
            identity |= decode_identity(decode)
        if {"figures", MASKED} & set(wanted) and top_k != TOP_K:
            identity["top_k"] = top_k
        if "words" in wanted and context is not None:
            identity["context"] = context
        options = {
            "corpus": corpus,
            "products": wanted,
            "decode": decode,
            "top_k": top_k,
            "context": context,
        }
        label = f"{trained.label} on {corpus}"
        return Node("evaluate", label, spec, options, inputs, identity)

    def noise(self, spec: Spec, reference: str, corpus: str, entry: Any, decode: Any) -> Node:
        """An evaluation's figures on a corpus while the model's parameters have noise on them.

        Args:
            spec: The spec.
            reference: The model's stage.
            corpus: The corpus.
            entry: The evaluation's options.
            decode: How outputs are made, for metrics that need them.
        """
        trained = self.stage(spec, reference)
        model = trained.spec.models[trained.options.train]
        inputs = {"model": trained, "text": self.corpus(spec, corpus)}
        classes = trained.inputs.get("classes")
        inputs |= self._part(spec, "data", corpus, model, False, classes)
        metrics = entry.noise.measured(entry.metrics)
        identity: dict[str, Any] = {
            "sigma": sorted({*entry.noise.sigma} - {0.0}),
            "draws": entry.noise.draws,
            "seed": entry.noise.seed,
            "metrics": list(metrics),
        }
        if "f1" in metrics and entry.positive is not None:
            identity["positive"] = entry.positive
        options = {"corpus": corpus, "decode": decode, **identity}
        texts = {"tokenize": entry.tokenize, "lower_case": entry.lower_case}
        if "outputs" in {PRODUCT[metric] for metric in metrics}:
            identity |= decode_identity(decode) | texts
        label = f"{trained.label} on {corpus}"
        return Node("noise", label, spec, options | texts, inputs, identity)

    def export(self, spec: Spec, reference: str, decode: Any) -> Node:
        """A model's SavedModel."""
        trained = self.stage(spec, reference)
        corpus = trained.inputs.get("validate", trained.inputs["data.0.corpus"])
        inputs = {"model": trained, "text": corpus}
        identity = {} if "classes" in trained.inputs else decode_identity(decode)
        if lower_cased(trained):
            identity["lower_case"] = True
        return Node("export", trained.label, spec, {"decode": decode}, inputs, identity)
