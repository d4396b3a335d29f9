"""Results of other hosts, which a network file system may show some seconds late."""

from tfkd.pipeline.engine.stage_folder import StageFolder
from tfkd.training.awaited import awaited


def await_whole(folder: StageFolder) -> None:
    """Returns when a result that another host has made is seen here to be whole.

    Raises:
        UserError: It is still not to be seen after a minute.
    """

    def read() -> None:
        if not folder.done:
            raise OSError("it has no manifest")

    awaited(read, folder.path)
