"""What is said of a run that has no scores."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tfkd.outside.printable import one_line
from tfkd.spec.registry import UNNAMED_STAGES


def made_instead(results: Mapping[str, Any], folder: Path) -> str:
    """What a run without evaluations has made, where it lies, and what to do next.

    Args:
        results: Its results.json.
        folder: The run folder.
    """
    names = [
        f"{stage['kind']} {stage.get('label', name)}"
        for name, stage in results["stages"].items()
        if stage["kind"] not in UNNAMED_STAGES  # the others have a link in the run folder
    ]
    what = f"{', '.join(names)} in {folder}"
    but = "nothing but teachers" if results["teacher_checks"] else "nothing"
    score = "name a stage, a corpus and metrics under `evaluate:`, and run the same command"
    if results["exports"]:
        place = folder / results["exports"][0]["folder"]
        # Of several exports, the folder of one has to be named.
        model = folder if len(results["exports"]) == 1 else place.parent
        score = f"tfkd generate {model}; to score it, {score}"
    said = (f"{results['name']}: {but} was scored. Made: {what}", f"next: {score}")
    return "\n".join(map(one_line, said))
