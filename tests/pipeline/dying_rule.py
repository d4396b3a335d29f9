"""A rule that drops nothing; the process that judges a certain row dies the first time. As a plugin
it makes shards small, too."""

import os
import signal
from pathlib import Path
from typing import Literal

from tfkd.pipeline.stages import filter as filter_stage
from tfkd.spec.options.filters import FilterRuleOptions
from tfkd.spec.registry import register

filter_stage._ROWS = 40


class DyingOptions(FilterRuleOptions):
    """Rows at which a process dies, once."""

    kind: Literal["dying"] = "dying"


class Dying:
    def __init__(self, options):
        self._mark = Path(os.environ["DIED"])

    def drops(self, row):
        if row["source"].startswith("HIER") and not self._mark.exists():
            self._mark.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return False


register("filter", "dying", options=DyingOptions, target=f"{__name__}:Dying", summary="Dies")
