"""How a card says that its model is called: Python that parses, and a request that is JSON."""

import ast
import json
import re

import pytest

from tfkd.serving.model_card import whole_card, with_sections

AWKWARD = 'a "quoted" back\\slash\tand 100 % of {braces}, ü'


@pytest.mark.parametrize(
    ("row", "instance"),
    [
        ({"text": AWKWARD}, AWKWARD),
        ({"text": AWKWARD, "text_b": "b"}, {"text": AWKWARD, "text_b": "b"}),
        ({"text": AWKWARD, "mark": 3}, {"text": AWKWARD, "mark": 3}),
        ({"text": "it's"}, "it’s"),  # the request stands between the shell's quotation marks
    ],
)
def test_the_example_is_the_row(row, instance):
    answer = {"outputs": "a b", "scores": -0.123456}
    own = {"name": "m", "summary": "S"}
    card = whole_card(own, row, answer, "answer", "What it does.\n", "ok.", "1")
    (answered,) = re.findall(r"```json\n(.*?)\n```", card)
    assert json.loads(answered) == {"predictions": [{"outputs": "a b", "scores": -0.1235}]}
    (request,) = re.findall(r"curl -d '([^']*)'", card)
    assert json.loads(request) == {"instances": [instance]}
    (program,) = re.findall(r"```python\n(.*?)```", card, re.DOTALL)
    (call,) = (
        node
        for node in ast.walk(ast.parse(program))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Subscript)
    )
    said = {key.arg: ast.literal_eval(key.value.args[0]) for key in call.keywords}
    assert said == {key: [instance[key] if isinstance(instance, dict) else instance] for key in row}
    assert card.index("## Use") < card.index("What it does.") < card.index("## Check")


def test_a_run_puts_its_sections_before_the_check():
    card = whole_card(
        {"name": "m", "model": {"width": 8}}, {"text": "a"}, {}, "x", "Use.\n", "ok", "1"
    )
    scores = [{"metric": "BLEU", "score": "54.05"}]
    more = with_sections(card, {"scores": scores, "licence": "MIT", "languages": ""})
    titles = re.findall(r"^## (.*)$", more, re.MULTILINE)
    assert titles == ["Use", "Scores", "Licence", "Check", "Model"]
    assert "## Scores\n\n| metric | score |\n| --- | --- |\n| BLEU | 54.05 |\n\n## Lic" in more
    assert with_sections(card, {}) == card


def test_a_cell_of_a_table_stays_one():
    card = with_sections(
        "# m\n\n## Check\n\nok.\n", {"data": [{"read from": "a|b\nc", "for": "x"}]}
    )
    assert "\n| a\\|b c | x |\n" in card
