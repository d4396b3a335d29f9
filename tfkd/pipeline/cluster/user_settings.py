"""What a user has chosen for all commands on a machine, in a file of their own: the cluster.

Nothing of it is in a spec, and nothing of it in a stage's key.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

from pydantic import Field

from tfkd.pipeline.cluster.asked import EXPECTED, SLURM, names_a_cluster
from tfkd.spec.errors import SpecError, SpecErrors
from tfkd.spec.faults import Faults
from tfkd.spec.options.base import Count, Options
from tfkd.spec.source.yaml_reader import read_any

VARIABLE = "TFKD_SETTINGS"


class ClusterSettings(Options):
    """The cluster that `tfkd run`, `tfkd plan` and `tfkd doctor` use, as their options name it."""

    address: Annotated[str, Field(min_length=1, max_length=1000)] = Field(
        description="local, auto, slurm, or ray://HOST:PORT."
    )
    workers: Count | None = Field(None, description="How many processes make shards.")
    cpus_per_worker: Count | None = Field(None, description="Processors that each takes.")
    retries: Annotated[int, Field(ge=0, le=10_000)] | None = Field(
        None, description="How often work goes on after a loss of its workers."
    )


class UserSettings(Options):
    """The settings file."""

    cluster: ClusterSettings | None = Field(None, description="The cluster that commands use.")


def settings_path(environment: Mapping[str, str] = os.environ) -> Path | None:
    """Where settings are looked for: what TFKD_SETTINGS names, and where it is not set
    `tfkd/settings.yaml` in XDG_CONFIG_HOME, or in `~/.config`. None: nowhere, as with an empty
    TFKD_SETTINGS."""
    named = environment.get(VARIABLE)
    if named is not None:
        return Path(named) if named else None
    folder = environment.get("XDG_CONFIG_HOME")
    try:
        home = Path(folder) if folder and os.path.isabs(folder) else Path.home() / ".config"
    except RuntimeError:  # a user without a home, as in a container
        return None
    return home / "tfkd" / "settings.yaml"


def user_settings(path: Path | None) -> UserSettings:
    """The settings in a file; the defaults where there is none, or nothing in it but comments.

    Args:
        path: See `settings_path`.

    Raises:
        SpecErrors: It cannot be read, or has faults, all of which are named; or it is not there,
            though TFKD_SETTINGS names it.
    """
    if path is None or not (os.path.lexists(path) or os.environ.get(VARIABLE)):
        return UserSettings()
    tree = read_any(path)
    if tree.value is None:
        return UserSettings()
    if not tree.is_mapping:
        expected = "`cluster: {address: ...}`"
        raise SpecErrors([SpecError(str(path), tree.line, "", "no mapping at the top", expected)])
    faults = Faults(tree)
    found = faults.options((), UserSettings, tree.plain())
    if found is not None and found.cluster is not None:
        _check_address(faults, found.cluster)
    if faults.errors:
        raise SpecErrors(faults.errors)
    return found


def _check_address(faults: Faults, cluster: ClusterSettings) -> None:
    if not names_a_cluster(cluster.address):
        faults.add(("cluster", "address"), f"{cluster.address!r} names no cluster", EXPECTED)
    if cluster.address == SLURM:
        for name in ("workers", "cpus_per_worker", "retries"):
            if getattr(cluster, name) is not None:
                faults.add(("cluster", name), "of a cluster of Ray, and this is slurm", "none")
