"""A rule of one's own for filter stages: texts that are mostly in capitals.

Joined by `--plugin shouted`, a filter stage has a rule more:

    clean: {filter: web, rules: [{kind: shouted, most: 0.3}]}
"""

from typing import Annotated, Literal

from pydantic import Field

from tfkd.data.filters.texts import Row, texts_of
from tfkd.spec.options.filters import FilterRuleOptions
from tfkd.spec.registry import register


class ShoutedOptions(FilterRuleOptions):
    """Texts of which most letters are capitals."""

    kind: Literal["shouted"] = Field("shouted", description="The rule.")
    most: Annotated[float, Field(ge=0, lt=1)] = Field(
        0.5,
        description="The most of a text's letters that are capitals.",
        json_schema_extra={"unit": "share, 0 to 1"},
    )


class Shouted:
    """Drops a row with a text of n letters of which more than most · n are capitals."""

    def __init__(self, options: ShoutedOptions):
        self._most = options.most

    def drops(self, row: Row) -> bool:
        for text in texts_of(row, None):
            letters = [one for one in text if one.isalpha()]
            if sum(map(str.isupper, letters)) > self._most * len(letters):
                return True
        return False


register(
    "filter", "shouted", options=ShoutedOptions, target=f"{__name__}:Shouted",
    summary="Texts that are mostly in capitals",
)  # fmt: skip
