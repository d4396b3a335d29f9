"""What a spec may say, told to people and editors: JSON schema, keys with units, lists of names."""

from tfkd.lazy import lazy

_PLACES = {
    "json_schema": "schema",
    "listing": "listings",
}
__getattr__, __dir__, __all__ = lazy(__name__, _PLACES)
