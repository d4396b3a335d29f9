"""Results as every reader of JSON takes them."""

import math
from collections.abc import Mapping
from typing import Any


def plain_json(value: Any) -> Any:
    """What every reader of JSON understands: no infinity and no NaN, no half characters."""
    if isinstance(value, Mapping):
        return {plain_json(key): plain_json(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain_json(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode("utf-8")
    return value
