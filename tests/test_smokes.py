"""The specs of translators and summarisers run whole at tiny sizes."""

import pytest
from smoke_runs import SPECS, TABLES, check_run, check_variants, smoke_runs

pytestmark = [pytest.mark.tensorflow, pytest.mark.untraced]

OTHERS = [path for path in SPECS if not path.stem.startswith("lightpaff_")]
WITH_ROWS = [path for path in OTHERS if path.stem in TABLES]


@pytest.mark.parametrize("path", smoke_runs(OTHERS))
def test_it_runs_at_tiny_sizes(path, tmp_path):
    check_run(path, tmp_path)


@pytest.mark.long
@pytest.mark.parametrize("path", WITH_ROWS, ids=lambda path: path.stem)
def test_every_row_of_a_papers_tables_runs_at_tiny_sizes(path, tmp_path):
    check_variants(path, tmp_path)
