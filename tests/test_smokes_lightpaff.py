"""LightPAFF's specs run whole at tiny sizes."""

import pytest
from smoke_runs import SPECS, TABLES, check_run, check_variants, smoke_runs

pytestmark = pytest.mark.tensorflow

LIGHTPAFF = [path for path in SPECS if path.stem.startswith("lightpaff_")]
WITH_ROWS = [path for path in LIGHTPAFF if path.stem in TABLES]


@pytest.mark.parametrize("path", smoke_runs(LIGHTPAFF))
def test_it_runs_at_tiny_sizes(path, tmp_path):
    check_run(path, tmp_path)


@pytest.mark.long
@pytest.mark.parametrize("path", WITH_ROWS, ids=lambda path: path.stem)
def test_the_six_rows_of_table_7_run_at_tiny_sizes(path, tmp_path):
    check_variants(path, tmp_path)
