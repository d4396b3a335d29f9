"""The form of specs as a JSON schema, for editors that complete and check YAML."""

from typing import Any

from tfkd.spec import registry
from tfkd.spec.builtins import register_builtins
from tfkd.spec.options import CardOptions, EvaluateOptions, PaperOptions, RuntimeOptions
from tfkd.spec.sections import SIDES, TOP
from tfkd.spec.seeds import MOST as MOST_SEEDS
from tfkd.spec.stage_kinds import kinds

_HEAD = "ClassifierHeadOptions"
_NAME = r"^[A-Za-z0-9_][A-Za-z0-9_-]*$"


def json_schema() -> dict[str, Any]:
    """The schema of a whole spec file (JSON Schema, draft 2020-12).

    Kinds that plugins have registered are in it. What a schema cannot say (names that must exist,
    parts that must fit together) `tfkd validate` checks.
    """
    register_builtins()
    definitions: dict[str, Any] = {}

    def of(model: Any) -> dict[str, Any]:
        schema = model.model_json_schema(by_alias=True, ref_template="#/$defs/{model}")
        definitions.update(schema.pop("$defs", {}))
        return schema

    corpora = [of(registry.lookup("corpus", name).options) for name in registry.names("corpus")]
    definitions |= {
        "corpus": {"anyOf": corpora},
        "tokenizer": _of_kind(of, "tokenizer", default="wordpiece"),
        "model": _with_heads(of, _of_kind(of, "model")),
        "models": {
            "anyOf": [
                {"$ref": "#/$defs/model"},
                {**_by_name("model"), "not": {"required": ["kind"]}, "minProperties": 1},
            ]
        },
        "adapter": _of_kind(of, "adapter"),
        "view": _view(_of_kind(of, "view")),
        "optimizer": _of_kind(of, "optimizer", default="adam"),
        # The package's own have one set of options.
        "schedule": {
            "anyOf": [of(one) for one in {e.options: 0 for e in registry.entries("schedule")}]
        },
        "decode": _of_kind(of, "decode"),
        "filter": _or_word("filter", _of_kind(of, "filter")),
        "combiner": _combiner(of),
        "objective": _named(of, "objective"),
        "stage": {"anyOf": [_stage(of, options) for options in kinds().values()]},
        "evaluation": _evaluation(of, of(EvaluateOptions)),
    }
    validate = definitions["ValidateOptions"]["properties"]
    validate["decode"] = _optional("decode", validate["decode"])
    own = definitions["OnPolicyOptions"]["properties"]
    own["decode"] = _optional("decode", own["decode"])
    validate["metric_options"] = _metric_options(of, validate["metric_options"])
    for name, lists in {"NoiseOptions": ("sigma", "metrics"), _HEAD: ("classes",)}.items():
        definitions[name] = _several(definitions[name], *lists)
    properties = {
        "tfkd": {"const": 1},
        "name": {"type": "string", "pattern": r"^[A-Za-z0-9_][A-Za-z0-9_.-]*$"},
        "description": {"type": ["string", "null"]},
        "paper": _or_null(of(PaperOptions)),
        "card": _or_null(of(CardOptions)),
        "extends": {"type": ["string", "array"], "items": {"type": "string"}},
        "pages": _or_null(
            {
                "type": "object",
                "additionalProperties": {"type": "string", "pattern": r"^https?://\S{1,2000}$"},
            }
        ),
        "data": _or_null(_by_name("corpus")),
        "tokenizers": _or_null(_by_name("tokenizer")),
        "teacher": _or_null({"$ref": "#/$defs/models"}),
        "student": _or_null({"$ref": "#/$defs/models"}),
        "adapters": _or_null(
            {
                "type": "object",
                "properties": {side: _or_null({"$ref": "#/$defs/adapter"}) for side in SIDES},
                "additionalProperties": False,
            }
        ),
        "views": _or_null(_by_name("view")),
        "stages": _or_null(_by_name("stage")),
        "variants": _or_null(
            {
                "type": "object",
                "description": "Named changes: dotted paths and what each replaces, whole. null "
                "deletes a key, like {stages.student.from: null}.",
                "additionalProperties": {"type": "object"},
            }
        ),
        "evaluate": _or_null({"type": "array", "items": {"$ref": "#/$defs/evaluation"}}),
        "export": {
            "anyOf": [
                {"type": "string"},
                {"type": "array", "items": {"anyOf": [{"type": "string"}, *_exports(of)]}},
                {"type": "null"},
            ]
        },
        "seeds": _or_null(
            {
                "type": "array",
                "items": {"type": "integer", "minimum": 0, "exclusiveMaximum": 2**31},
                "minItems": 1,
                "maxItems": MOST_SEEDS,
            }
        ),
        "runtime": _or_null(of(RuntimeOptions)),
    }
    for key, schema in properties.items():
        schema["description"] = TOP[key]
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "tfkd spec",
        "type": "object",
        "properties": properties,
        "additionalProperties": False,
        # A spec with `extends:` may leave anything to the specs that it adds to.
        "anyOf": [{"required": ["tfkd", "name"]}, {"required": ["extends"]}],
        "$defs": definitions,
    }


def _exports(of: Any) -> list[dict[str, Any]]:
    """Stages with a format."""
    return [of(registry.lookup("format", name).options) for name in registry.names("format")]


def _by_name(definition: str) -> dict[str, Any]:
    return {
        "type": "object",
        "propertyNames": {"pattern": _NAME},
        # null takes away a part of the specs that one extends.
        "additionalProperties": _or_null({"$ref": f"#/$defs/{definition}"}),
    }


def _or_null(schema: dict[str, Any]) -> dict[str, Any]:
    return {"anyOf": [schema, {"type": "null"}]}


def _optional(definition: str, field: dict[str, Any]) -> dict[str, Any]:
    said = {key: field[key] for key in ("description", "default") if key in field}
    return {**_or_null({"$ref": f"#/$defs/{definition}"}), **said}


def _of_kind(of: Any, kind: str, default: str | None = None) -> dict[str, Any]:
    """Any class of a kind, told apart by the key `kind`."""
    choices = []
    for name in registry.names(kind):
        schema = of(registry.lookup(kind, name).options)
        lists = [key for key in ("learn_from", "main", "auxiliary") if key in schema["properties"]]
        schema = _several(schema, *lists)
        if name != default:
            schema["required"] = ["kind", *schema.get("required", [])]
        choices.append(schema)
    return {"anyOf": choices}


def _or_word(kind: str, schema: dict[str, Any]) -> dict[str, Any]:
    """Any class of a kind; one that has no options that it needs may stand as its name alone."""
    words = [
        one["properties"]["kind"]["const"]
        for one in schema["anyOf"]
        if set(one["required"]) == {"kind"}
    ]
    return {"anyOf": [*schema["anyOf"], {"enum": words}]}


def _with_heads(of: Any, models: dict[str, Any]) -> dict[str, Any]:
    """Models whose head may be of any task that has one: those of plugins, too."""
    own = [one for one in registry.entries("task") if one.name not in ("classifier", "masked_lm")]
    more = [of(one.options) for one in own if "kind" in one.options.model_fields]
    more = [_several(one, "classes") if "classes" in one["properties"] else one for one in more]
    for model in models["anyOf"] if more else ():
        head = model["properties"].get("head", {})
        for choice in head.get("anyOf", ()):
            # Of those whose head is one of several kinds.
            choice.get("oneOf", []).extend(more)
    return models


def _view(schema: dict[str, Any]) -> dict[str, Any]:
    """Any view; one that names a side may leave out its kind, and its sides are views."""
    for choice in schema["anyOf"]:
        if choice["properties"]["kind"]["const"] != "by_side":
            continue
        choice["required"] = [key for key in choice["required"] if key != "kind"]
        choice["anyOf"] = [{"required": [key]} for key in ("kind", "source", "target")]
        for side in ("source", "target"):
            choice["properties"][side] = _optional("view", choice["properties"][side])
    return schema


def _named(of: Any, kind: str) -> dict[str, Any]:
    """Classes of a kind by name; one whose name is its kind need not say it again."""
    named = {}
    choices = []
    for name in registry.names(kind):
        schema = of(registry.lookup(kind, name).options)
        choices.append({**schema, "required": ["kind", *schema.get("required", [])]})
        named[name] = {"anyOf": [schema, *([] if schema.get("required") else [{"type": "null"}])]}
    for name, schema in named.items():
        # `words: {kind: ...}` may also be called by another kind's name.
        schema["anyOf"] += [one for one in choices if one["properties"]["kind"]["const"] != name]
    return {
        "type": "object",
        "minProperties": 1,
        "properties": named,
        "additionalProperties": {"anyOf": choices} if choices else False,
    }


def _combiner(of: Any) -> dict[str, Any]:
    """A combiner by its name as the only key, or by the key `kind`."""
    named = [
        {
            "type": "object",
            "required": [name],
            "additionalProperties": False,
            "properties": {
                name: _several(of(registry.lookup("combiner", name).options), "main", "auxiliary")
            },
        }
        for name in registry.names("combiner")
    ]
    return {"anyOf": [*named, _of_kind(of, "combiner")]}


def _several(schema: dict[str, Any], *keys: str) -> dict[str, Any]:
    """Lists that may be given as their only entry; data parts, as their corpus's name."""
    properties = dict(schema["properties"])
    for key in keys:
        field = dict(properties[key])
        choices = field.pop("anyOf", [])  # a list, or null
        field |= next((one for one in choices if "items" in one), {})
        others = [one for one in choices if "items" not in one]
        item = field.pop("items")
        if "$ref" in item:
            item = {"anyOf": [{"type": "string", "minLength": 1}, item]}
        description = field.pop("description")
        field.pop("title", None)
        said = {"description": description}
        if "default" in field:
            said["default"] = field.pop("default")
        properties[key] = {"anyOf": [item, {**field, "items": item}, *others], **said}
    return {**schema, "properties": properties}


def _stage(of: Any, options: Any) -> dict[str, Any]:
    """A stage; what is marked as a class of the registry is one."""
    schema = of(options)
    if "data" in schema["properties"]:
        schema = _several(schema, "data")
    properties = schema["properties"]
    for name, kind in options.of_kinds():
        properties[name] = _optional(kind, properties[name])
    if "objective" in properties:
        said = properties["objective"]["description"]
        properties["objective"] = {"$ref": "#/$defs/objective", "description": said}
    if "rules" in properties:
        properties["rules"] = {**properties["rules"], "items": {"$ref": "#/$defs/filter"}}
    if "callbacks" in properties:
        said = properties["callbacks"]["description"]
        properties["callbacks"] = {**_or_null(_named(of, "callback")), "description": said}
    return schema


def _metric_options(of: Any, field: dict[str, Any]) -> dict[str, Any]:
    """Options of metrics by name, of those that have any."""
    options = {entry.name: entry.options for entry in registry.entries("metric")}
    properties = {name: of(model) for name, model in options.items() if model.model_fields}
    return {**field, "properties": properties, "additionalProperties": False}


def _evaluation(of: Any, schema: dict[str, Any]) -> dict[str, Any]:
    schema = _several(schema, "on", "metrics")
    own = schema["properties"]["metric_options"]
    schema["properties"]["metric_options"] = _metric_options(of, own)
    for key in ("decode", "against_decode"):
        schema["properties"][key] = _optional("decode", schema["properties"][key])
    return schema
