"""Names of metrics in options: which there are the registry says, not a list."""

from collections.abc import Callable, Sequence
from typing import Annotated, Any

from pydantic_core import PydanticKnownError, core_schema

from tfkd.spec import metrics as known


class OneOf:
    """A name that is one of those that `known` returns when it is read."""

    def __init__(self, known: Callable[[], Sequence[str]]):
        self._known = known

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> Any:
        return core_schema.no_info_after_validator_function(self._checked, handler(source))

    def __get_pydantic_json_schema__(self, schema: Any, handler: Any) -> dict[str, Any]:
        return {"type": "string", "enum": list(self._known())}

    def _checked(self, name: str) -> str:
        names = self._known()
        if name not in names:
            words = [repr(one) for one in names]
            expected = " or ".join(filter(None, [", ".join(words[:-1]), words[-1]]))
            raise PydanticKnownError("literal_error", {"expected": expected})
        return name


EvaluationMetric = Annotated[str, OneOf(lambda: [*known.metrics(), known.GATE])]
ValidationMetric = Annotated[str, OneOf(lambda: known.in_training())]
