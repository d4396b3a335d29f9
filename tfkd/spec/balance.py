"""`balance:` of a training stage: the shares of some terms, and what is left for the others."""

from collections.abc import Collection, Mapping
from typing import Any

from tfkd.spec.faults import Faults


def outweighed(names: Collection[str], balance: Any) -> set[str]:
    """The terms that a balance gives the weight 0, as it is written; they leave the graph.

    Args:
        names: The objective's terms.
        balance: Shares by term, right or wrong: what is no such mapping takes none out.
    """
    shares = balance if isinstance(balance, Mapping) else {}
    numbers = {name: one for name, one in shares.items() if isinstance(one, int | float)}
    gone = {name for name in names if numbers.get(name) == 0}
    # As `balanced_weights` has it, what is named alone counts where the shares add up to 1.
    all_taken = bool(numbers) and sum(numbers.values()) >= 1
    return gone | ({name for name in names if name not in numbers} if all_taken else set())


def check_balance(faults: Faults, path: tuple, balance: Any, terms: Mapping[str, Any]) -> None:
    """A fault for each share of no term, and for shares of more than the whole.

    Args:
        faults: Takes the faults.
        path: The balance's path.
        balance: Shares by term, as written.
        terms: The objective, as written.
    """
    if not isinstance(balance, Mapping):
        return  # a fault of its own
    for name, share in balance.items():
        term = terms.get(name)
        if name not in terms:
            expected = f"one of {', '.join(terms)}"
            faults.add((*path, name), f"there is no term {name}", expected, terms, str(name))
        elif share != 0 and isinstance(term, Mapping) and term.get("weight") == 0:
            faults.add((*path, name), f"{share}, and {name} has weight: 0", "one of the two")
    shares = [one for one in balance.values() if isinstance(one, int | float)]
    if sum(shares) > 1 + 1e-9:
        faults.add(path, f"shares that add up to {sum(shares):g}", "at most 1")
