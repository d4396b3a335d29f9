"""Names of metrics in options: which there are the registry says, not a list."""

from collections.abc import Callable, Sequence
from typing import Annotated, Any

from pydantic_core import PydanticKnownError, core_schema

from tfkd.spec import metrics as known
from tfkd.spec.errors import nearest
from tfkd.spec.wording import NOTE


class OneOf:
    """A name that is one of those that `known` returns when it is read: of given names, or all."""

    def __init__(self, known: Callable[[Sequence[str] | None], Sequence[str]]):
        self._known = known

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> Any:
        return core_schema.no_info_plain_validator_function(self._checked)

    def __get_pydantic_json_schema__(self, schema: Any, handler: Any) -> dict[str, Any]:
        return {"type": "string", "enum": list(self._known(None))}

    def _checked(self, name: Any) -> str:
        # What is no text is told the names, too.
        if not isinstance(name, str) or name not in self._known([name]):
            words = [repr(one) for one in self._known(None)]
            expected = " or ".join(filter(None, [", ".join(words[:-1]), words[-1]]))
            if isinstance(name, str) and not nearest(name, self._known(None)):
                expected += f"{NOTE}a plugin's is known with --plugin MODULE"
            raise PydanticKnownError("literal_error", {"expected": expected})
        return name


EvaluationMetric = Annotated[str, OneOf(lambda among: [*known.metrics(among), known.TEACHER_CHECK])]
ValidationMetric = Annotated[str, OneOf(known.in_training)]
