"""LightPAFF's specs run whole at tiny sizes."""

import pytest
from smoke_runs import SPECS, check_run, smoke_runs

LIGHTPAFF = [path for path in SPECS if path.stem.startswith("lightpaff_")]


@pytest.mark.parametrize("path", smoke_runs(LIGHTPAFF))
def test_it_runs_at_tiny_sizes(path, tmp_path):
    check_run(path, tmp_path)
