"""Each file of a finished run, damaged: the right results, or a message that names the file."""

import random

import pytest
from damage import DAMAGES, damage, files, follow_advice, kind_of, kinds, names_file
from drills import finished_copy, is_whole, same_results, stage_of
from small_line import arguments, stage_folders

from tfkd import cli

# What reads files of the run folder itself, beside `tfkd run`.
READERS = {
    "small/results.json": ("report", "compare", "evaluate"),
    "small/evaluation": ("compare",),
    "small/export": ("generate",),
    "small/origin.json": ("evaluate",),
    "small/spec.yaml": (),
}
# Of stages' files these are mended; of the others the message is read.
MENDED = ("stages/ids/ids.bin", "stages/score/store-0/manifest.json")


def _say(verb, runs, place, capsys):
    """Exit code, what a verb said, and what it made."""
    run, made = runs / "small", place / "made"
    sentences = place / "sentences"
    sentences.write_text("der mann sieht den hund.\n\ndie frau schläft.\n", "utf-8")
    words = {
        "report": ["report", str(run), "--output", str(made)],
        "compare": ["compare", str(run), str(run), "--samples", "10"],
        "generate": ["generate", str(run), "--input", str(sentences), "--output", str(made)],
        "evaluate": ["evaluate", str(run)],
    }
    made.unlink(missing_ok=True)
    capsys.readouterr()
    code = cli.main(words[verb])
    said = capsys.readouterr()
    text = made.read_text("utf-8") if made.exists() else said.out.replace(str(run), "RUN")
    return code, text, said.err


@pytest.fixture(scope="module")
def answers():
    """What the verbs answer on the undamaged run, by verb."""
    return {}


def _drill(line, tmp_path, path, how, capsys, answers, whole):
    runs = finished_copy(line, tmp_path)
    path = runs / path.relative_to(line.runs)
    kind = kind_of(path, runs)
    verbs = next((verbs for start, verbs in READERS.items() if kind.startswith(start)), ())
    for verb in verbs:
        if verb not in answers:
            answers[verb] = _say(verb, runs, tmp_path, capsys)
            assert answers[verb][0] == cli.DONE
    damage(path, how, random.Random(f"{kind} {how}"))
    for verb in verbs:
        code, text, errors = _say(verb, runs, tmp_path, capsys)
        assert "Traceback" not in errors
        if code == cli.DONE:
            assert text == answers[verb][1], f"{verb} answers otherwise"
        else:
            assert code == cli.WRONG_INPUT
            assert names_file(errors, path) or path.name in errors, errors
    code = cli.main(arguments(line.spec, runs))
    errors = capsys.readouterr().err
    assert "Traceback" not in errors
    if code == cli.WRONG_INPUT:
        assert names_file(errors, path), errors
        if not whole:
            return
        follow_advice(errors)
        code = cli.main(arguments(line.spec, runs))
    assert code == cli.DONE, errors
    assert same_results(line, runs)
    assert is_whole(line, runs)


@pytest.mark.parametrize("which", ["few", pytest.param("half", marks=pytest.mark.long)])
def test_kinds_of_files_damaged_in_one_way(line, tmp_path, capsys, answers, which):
    """Few: one that a verb reads. Stages' files are damaged in every way in `test_toy_line`, a
    SavedModel in `test_trust`; values are changed below."""
    found = kinds(line.runs, line.runs)
    assert len(found) > 30
    read = [kind for kind in found if kind.startswith(tuple(READERS))]
    few = {next(kind for kind in read if kind.startswith("small/evaluation"))}
    for number, (kind, paths) in enumerate(found.items()):
        if kind not in few and (which == "few" or (kind not in MENDED and number % 2)):
            continue
        how = DAMAGES[number // 2 % len(DAMAGES)]
        if kind.startswith(tuple(READERS)):
            how = "flipped"
        if how == "deleted" and kind.endswith("/manifest.json"):
            how = "flipped"  # without it the stage is made anew
        place = tmp_path / str(number)
        place.mkdir()
        _drill(line, place, paths[0], how, capsys, answers, whole=kind in MENDED)


@pytest.mark.parametrize(
    ("name", "found", "changed", "verb"),
    [
        ("results.json", '"rows": 300', '"rows": 900', "report"),
        ("results.json", '"rows": 300', '"rows": 900', "compare"),
        ("origin.json", '"overrides": []', '"overrides": ["evaluate.1.seed=2"]', "evaluate"),
    ],
)
def test_a_value_that_is_another_one(line, tmp_path, capsys, name, found, changed, verb):
    """No syntax tells that a digit was changed."""
    runs = finished_copy(line, tmp_path)
    path = runs / "small" / name
    text = path.read_text("utf-8")
    assert found in text
    path.write_text(text.replace(found, changed, 1), "utf-8")
    code, _, errors = _say(verb, runs, tmp_path, capsys)
    assert code == cli.WRONG_INPUT
    assert name in errors
    assert "it has other bytes than were written" in errors
    assert f"tfkd run SPEC writes {name if name == 'origin.json' else 'it'} anew" in errors


@pytest.mark.parametrize(
    ("name", "verbs"),
    [
        ("small/results.json", ("report", "compare", "generate")),
        ("small/origin.json", ("evaluate",)),
        ("evaluate/manifest.json", ("run", "plan", "evaluate")),
        ("ids train.source.joint/meta.json", ("run", "plan")),
    ],
)
def test_json_without_an_end_is_refused_by_every_verb(line, tmp_path, capsys, name, verbs):
    """Deeper than Python reads: no error of its own, and the file is named."""
    runs = finished_copy(line, tmp_path)
    if "ids" in name:  # what is still to be trained is planned by its ids
        for folder in stage_folders(runs, "train"):
            (folder / "manifest.json").unlink()
    place, _, file = name.partition("/")
    path = (runs / place if place == "small" else stage_of(runs, place)) / file
    path.write_bytes(b"[" * 100_000)
    for verb in verbs:
        if verb in ("run", "plan"):
            assert cli.main([verb, *arguments(line.spec, runs)[1:]]) == cli.WRONG_INPUT
            errors = capsys.readouterr().err
        else:
            code, _, errors = _say(verb, runs, tmp_path, capsys)
            assert code == cli.WRONG_INPUT
        assert path.name in errors
        assert str(path.parent) in errors
        assert "nested deeper than 100 levels" in errors or "has 100000 bytes" in errors


@pytest.mark.long
@pytest.mark.parametrize("how", DAMAGES)
@pytest.mark.parametrize("part", ["small", "stages"])
def test_every_file_damaged_in_every_way(line, tmp_path, capsys, answers, part, how):
    for number, path in enumerate(files(line.runs / part)):
        place = tmp_path / str(number)
        place.mkdir()
        _drill(line, place, path, how, capsys, answers, whole=True)
