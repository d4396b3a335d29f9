"""`choose:` of an evaluation: what resolves, and what is refused."""

import pytest
from spec_files import SMALL, faults, line_of, loaded, replaced

from tfkd.spec import dump_yaml

TUNED = replaced(
    "    on: [valid]\n    metrics: [bleu]\n    decode: {kind: beam}\n",
    "    on: [test]\n    metrics: [bleu, loss]\n    decode: {kind: beam, length_penalty: 0.2}\n"
    "    choose: {decode.length_penalty: [0.6, 1.0], by: valid.bleu}\n"
    '    against: "student#baseline"\n',
    replaced(
        "  text: {text", "  test: {parallel: [t.de, t.en]}\n  again: {parallel: [t.de, t.en]}\n"
        "  same: {parallel: [train.de, train.en]}\n  text: {text", SMALL,
    ),
)  # fmt: skip
CHOOSE = "choose: {decode.length_penalty: [0.6, 1.0], by: valid.bleu}"


def chosen(folder, choose, text=TUNED):
    return loaded(folder, replaced(CHOOSE, choose, text)).evaluate[1].choose


def test_each_setting_changes_the_decoding_and_the_spec_resolves_to_itself(tmp_path):
    choose = chosen(tmp_path, f"{CHOOSE[:-1]}, decode.max_length.factor: [1, 2]}}")
    assert (choose.corpus, choose.metric) == ("valid", "bleu")
    found = [(one.length_penalty, one.max_length.factor) for _, one in choose.trials]
    assert found == [(0.6, 1), (0.6, 2), (1.0, 1), (1.0, 2)]
    spec = loaded(tmp_path, TUNED)
    again = loaded(tmp_path, dump_yaml(spec.resolved()))
    assert again.resolved() == spec.resolved()
    assert again.evaluate[1].choose.trials == spec.evaluate[1].choose.trials


@pytest.mark.parametrize(
    ("choose", "messages"),
    [
        ("{decode.lenght_penalty: [1], by: valid.bleu}", ["did you mean decode.length_penalty?"]),
        ("{length_penalty: [1], by: valid.bleu}", ["did you mean decode.length_penalty?"]),
        ("{decode.kind: [greedy], by: valid.bleu}", ["beam has no 'kind' to try"]),
        ("{decode.length_penalty: 1, by: valid.bleu}", ["expected a list of values"]),
        ("{decode.length_penalty: [], by: valid.bleu}", ["expected a list of values"]),
        ("{decode.length_penalty: [1, 1], by: valid.bleu}", ["each value once"]),
        ("{decode.length_penalty: [1, 0.6, 1.0], by: valid.bleu}", ["each value once"]),
        ("{decode.length_penalty: [a], by: valid.bleu}", ["with decode.length_penalty 'a': 'a'"]),
        # Told once, by however many settings it shows.
        ("{decode.beam: [0], decode.length_penalty: [1, 2], by: valid.bleu}", ["0 is too small"]),
        ("{decode.n_best: [4, 5], by: valid.bleu}", ["n_best (5) is more than beam (4)"]),
        (f"{{decode.length_penalty: {list(range(65))}, by: valid.bleu}}", ["at most 64"]),
        ("{by: valid.bleu}", ["settings and what they are judged by"]),
        ("{decode.length_penalty: [1]}", ["settings and what they are judged by"]),
        ("{decode.length_penalty: [1], by: valid.blue}", ["did you mean bleu?"]),
        ("{decode.length_penalty: [1], by: valid.loss}", ["judged by outputs"]),
        ("{decode.length_penalty: [1], by: valid}", ["expected CORPUS.METRIC"]),
        ("{decode.length_penalty: [1], by: vald.bleu}", ["did you mean valid?"]),
        ("{decode.length_penalty: [1], by: text.bleu}", ["text has text, and no references"]),
        ("{decode.length_penalty: [1], by: test.bleu}", ["on the rows that are scored"]),
        ("{decode.length_penalty: [1], by: again.bleu}", ["the same rows as test"]),
        ("{decode.length_penalty: [1], by: train.bleu}", ["student is trained on train"]),
        ("{decode.length_penalty: [1], by: same.bleu}", ["student is trained on same"]),
        ("{decode.length_penalty: [1], by: test.loss}", ["judged by outputs", "rows that are sco"]),
    ],
)
def test_what_cannot_be_tried_or_judged_is_refused(tmp_path, choose, messages):
    text = replaced(CHOOSE, f"choose: {choose}", TUNED)
    found = faults(tmp_path, text)
    assert len(found) == len(messages)
    for message in messages:
        assert any(message in line for line in found), (message, found)
    place = f"small.yaml:{line_of('choose: {', text)}: evaluate.1.choose"
    assert all(line.startswith(place) for line in found)


GREEDY = "decode: {kind: beam, length_penalty: 0.2}"


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("[bleu, loss]", "[loss]", "nothing of loss is decoded"),
        (f"    {GREEDY}\n", "", "no decode beside it"),
        (GREEDY, "decode: {kind: greedy}", "greedy has no 'length_penalty' to try"),
        (GREEDY, f"{GREEDY}\n    against_decode: {{kind: greedy}}", "not both"),
        ("of: student\n", "of: finetune\n", "bleu of a bert, which has no references"),
        (GREEDY, "decode: {kind: bem}", "did you mean beam?"),
    ],
)
def test_what_it_stands_beside_must_fit(tmp_path, old, new, message):
    found = faults(tmp_path, replaced(old, new, TUNED))
    assert any(message in line for line in found), found


def test_a_teacher_check_decodes_nothing(tmp_path):
    check = 'teacher_check, against: "student#baseline"}'
    text = replaced(check, f"teacher_check, decode: {{kind: beam}}, {CHOOSE}}}", SMALL)
    assert "nothing of teacher_check is decoded" in faults(tmp_path, text)[0]
