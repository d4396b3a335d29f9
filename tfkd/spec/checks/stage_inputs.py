"""What the parts of a spec read of each other, as it is written."""

from collections.abc import Iterable, Mapping
from typing import Any

from tfkd.spec import registry
from tfkd.spec.stage_kinds import type_of

DATA, TOKENIZERS = "data", "tokenizers"


def inputs_of(spec: Mapping[str, Any], part: str) -> list[str]:
    """What a stage, a corpus or a tokenizer reads.

    A corpus may be what a stage writes, so that the way from a stage to another leads
    over corpora and tokenizers too.

    Args:
        spec: A spec in plain values, right or wrong: what cannot be read is passed over.
        part: A stage's name, `data.NAME` or `tokenizers.NAME`.

    Returns:
        Stages, as references; and `data.NAME` and `tokenizers.NAME`.
    """
    section, dot, name = part.partition(".")
    if dot:
        options = _mapping(_mapping(spec.get(section)).get(name))
        if section == DATA:
            return _corpora(spec, _listed(options.get("drop_overlap")))
        seen_in = _mapping(options.get("keep")).get("seen_in")
        return _corpora(spec, _listed(options.get("learn_from")) + _listed(seen_in))
    stage = _mapping(_mapping(spec.get("stages")).get(part))
    kind = type_of(stage)
    named = [] if kind is None else kind.named(stage)
    return [
        *dict.fromkeys(one.name for one in named if one.to not in ("corpus", "declared")),
        *(name for one in named if one.to == "declared" for name in _tokenizers(spec, one.name)),
        *_corpora(spec, [one.name for one in named if one.to == "corpus"]),
    ]


def _corpora(spec: Mapping[str, Any], places: Iterable[Any]) -> list[str]:
    """What `CORPUS` and `CORPUS.FIELD` lead to: `data.NAME`, or the stage that writes it."""
    own, stages = _mapping(spec.get(DATA)), _mapping(spec.get("stages"))
    found: dict[str, None] = {}
    for place in _words(places):
        name = place.partition(".")[0]
        if name in own:
            found[f"{DATA}.{name}"] = None
        elif "corpus" in getattr(type_of(stages.get(name)), "gives", ()):
            found[name] = None
    return list(found)


def _tokenizers(spec: Mapping[str, Any], model: Any) -> list[str]:
    """The tokenizers of a model and of its head."""
    role, _, part = model.partition(".") if isinstance(model, str) else ("", "", "")
    options = _mapping(spec.get(role))
    options = _mapping(options.get(part)) if part else options
    named = options.get("tokenizer")
    names = list(named.values()) if isinstance(named, dict) else [named]
    names += [_mapping(options.get(key)).get("tokenizer") for key in ("head", "decoder")]
    known = _mapping(spec.get(TOKENIZERS))
    found = [f"{TOKENIZERS}.{name}" for name in dict.fromkeys(_words(names)) if name in known]
    # A model that is made of others reads their pieces.
    kind = options.get("kind")
    known = isinstance(kind, str) and kind in registry.names("model")
    for key in registry.lookup("model", kind).options.made_of if known else ():
        if options.get(key) != model and isinstance(options.get(key), str):
            found += _tokenizers(spec, options[key])
    return list(dict.fromkeys(found))


def _mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _words(values: Iterable[Any]) -> list[str]:
    return [value for value in values if isinstance(value, str) and value]
