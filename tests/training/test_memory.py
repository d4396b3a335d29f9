"""Memory does not grow with the number of steps."""

import pytest


@pytest.mark.long
@pytest.mark.parametrize("steps_per_execution", [1, 4])
def test_ten_thousand_steps_need_no_more_memory_than_some(run_script, steps_per_execution):
    done = run_script("many_steps.py", steps_per_execution, timeout=600)
    assert done.returncode == 0, done.stderr[-2000:]
    found = [float(line.split()[1]) for line in done.stdout.splitlines() if "memory" in line]
    assert len(found) == 10
    # The first thousands fill caches: shapes, checkpoints, the allocator's own.
    assert found[-1] - found[3] < 8, found
