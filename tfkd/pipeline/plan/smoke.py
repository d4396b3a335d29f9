"""Any spec at tiny sizes on generated text: every stage runs, in a minute or two."""

from typing import Any

from tfkd.spec import Spec, load_spec, registry
from tfkd.spec.options.models.family import SMOKE_LENGTH
from tfkd.spec.options.soft_labels import LOGITS, PROBABILITIES
from tfkd.spec.stage_kinds import type_of

ROWS = 96
_CLASSIFIED = ("text", "text_b", "source", "target", "label", "mark", PROBABILITIES)


def smoke_spec(spec: Spec) -> Spec:
    """The same spec with every size cut down and every corpus replaced by generated text.

    Stages, terms, views, variants and evaluations stay as they are: what runs is the spec's own
    line. The name gets `-smoke`, so that the run folder of the real thing is left alone.
    """
    return load_spec(
        spec.path,
        variant=spec.variant,
        overrides=spec.overrides,
        plugins=spec.plugins,
        change=_shrink,
        seed=spec.seed,
        elsewhere=True,
    )


def _shrink(plain: dict[str, Any]) -> dict[str, Any]:
    plain["name"] = f"{plain['name']}-smoke"
    tags = any(_tags_words(plain.get(role) or {}) for role in ("teacher", "student"))
    for number, (name, corpus) in enumerate((plain.get("data") or {}).items()):
        plain["data"][name] = _corpus(corpus, number + 1, tags)
    # An mBART's two sides are one model; as learnt ones are that share a vocabulary.
    tokenizers = (plain.get("tokenizers") or {}).values()
    begun = {one.get("preset") for one in tokenizers if one.get("start")}
    for name, tokenizer in (plain.get("tokenizers") or {}).items():
        if tokenizer.get("preset") in begun - {None}:
            tokenizer["side"] = "target" if tokenizer.pop("start", None) else "source"
        if tokenizer.get("kind") == "byte_bpe" and tokenizer.get("preset") and _hides(plain, name):
            tokenizer["kind"] = "wordpiece"  # a RoBERTa's has a piece that hides, none learnt has
        for key in ("vocabulary", "merges", "preset", "keep"):
            tokenizer.pop(key, None)
        tokenizer["size"] = 300 if tokenizer.get("kind") == "byte_bpe" else 200
        if not tokenizer.get("learn_from"):
            tokenizer["learn_from"] = [next(iter(plain["data"]))]
    for role in ("teacher", "student"):
        model = plain.get(role)
        if model and "kind" in model:
            plain[role] = _model(model)
        else:
            plain |= {role: {name: _model(one) for name, one in model.items()}} if model else {}
    for adapter in (plain.get("adapters") or {}).values():
        if adapter:
            _adapter(adapter)
    for view in (plain.get("views") or {}).values():
        if _cuts(view):
            view["max_length"] = min(view.get("max_length") or SMOKE_LENGTH, SMOKE_LENGTH)
    for stage in (plain.get("stages") or {}).values():
        stage.pop("on_failed_check", None)  # a teacher of a few steps fails by chance
        if (kind := type_of(stage)) is not None:
            kind.smoke(stage)
    engines = ((one.get("decode") or {}) for one in (plain.get("stages") or {}).values())
    exports = [*(plain.get("export") or []), *(one.get("engine") for one in engines if one)]
    for entry in exports:
        if isinstance(entry, dict) and entry.get("format") in registry.names("format"):
            registry.lookup("format", entry["format"]).options.smoke(entry)
    for seeded in (plain, *(plain.get("stages") or {}).values()):
        if seeded.get("seeds"):
            seeded["seeds"] = seeded["seeds"][:2]
    for entry in plain.get("evaluate") or []:
        entry |= {"bootstrap": 20, "randomization": 100}
        if entry.get("choose"):
            entry["choose"] = {
                path: values[:2] if isinstance(values, list) else values
                for path, values in entry["choose"].items()
            }
        if entry.get("noise"):
            sigma = entry["noise"].get("sigma")
            small = sigma[:2] if isinstance(sigma, list) else sigma
            entry["noise"] |= {"sigma": small, "draws": 2}
        entry.pop("positive", None)  # generated classes have other names
        entry.pop("context", None)
    return plain


def _hides(plain: dict[str, Any], tokenizer: str) -> bool:
    """Whether a bidirectional encoder reads by this tokenizer."""
    for role in ("teacher", "student"):
        models = plain.get(role) or {}
        for model in [models] if "kind" in models else models.values():
            kind = model.get("kind")
            known = kind in registry.names("model")
            options = registry.lookup("model", kind).options if known else None
            encodes = known and options.single_sequence and not options.is_causal
            if encodes and model.get("tokenizer") == tokenizer:
                return True
    return False


def _cuts(view: dict[str, Any]) -> bool:
    """Whether a view has a max_length: one of two sides leaves that to the batch."""
    kind = "by_side" if {"source", "target"} & set(view) else view.get("kind", "")
    known = kind in registry.names("view")
    return known and "max_length" in registry.lookup("view", kind).options.model_fields


def _model(options: dict[str, Any]) -> dict[str, Any]:
    """A model's options at the sizes that its family has for this; a faulty kind's as they are."""
    kind = options.get("kind")
    known = kind in registry.names("model")
    for lead in ("source_lead", "target_lead"):
        options.pop(lead, None)  # a learnt vocabulary has no such piece
    return registry.lookup("model", kind).options.shrunk(options) if known else options


def _adapter(options: dict[str, Any]) -> None:
    for key, small in (("width", 8), ("heads", 2)):
        if key in options:
            options[key] = small
    if isinstance(options.get("feed_forward"), int):
        options["feed_forward"] = 8
    if isinstance(options.get("layers"), dict):
        options["layers"] = {"top": 1}
    elif isinstance(options.get("layers"), list):
        options["layers"] = [1]  # a small transformer's sides have no other


def _tags_words(model: dict[str, Any]) -> bool:
    """Whether a model, or one of several by name, has a head whose task labels each word."""
    if "kind" not in model:
        return any(_tags_words(one) for one in model.values())
    head = (model.get("head") or {}).get("kind")
    known = head in registry.names("task")
    return known and registry.lookup("task", head).options.each_word


def _corpus(corpus: dict[str, Any], seed: int, tags: bool) -> dict[str, Any]:
    """The same fields and transforms over generated rows; what would leave too few is dropped."""
    small: dict[str, Any] = {"generated": "german_english", "rows": ROWS, "seed": seed}
    fields = corpus.get("columns") or corpus.get("fields") or corpus.get("lines") or {}
    if corpus.get("generated") == "classes":
        return {**corpus, **small, "generated": "classes"}
    if corpus.get("generated") == "tags" or (tags and "label" in fields):
        return {"generated": "tags", "rows": ROWS, "seed": seed}
    fields = [PROBABILITIES if name == LOGITS else name for name in fields]
    known = [name for name in fields if name in _CLASSIFIED] or ["text"] * ("text" in corpus)
    if {"label", "text_b", PROBABILITIES} & set(known) or corpus.get("marked_by"):
        small["generated"] = "classes"
        small["fields"] = known + (["mark"] if corpus.get("marked_by") else [])
    elif "text" in corpus or ("text" in fields and "source" not in fields):
        small["only"] = "text"
    if corpus.get("generated") and corpus.get("only"):
        small["only"] = corpus["only"]
    for key in ("lower_case", "on_bad", "detokenize"):
        if key in corpus:
            small[key] = corpus[key]
    return small
