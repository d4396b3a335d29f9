"""Two tiny lines of classifiers: opinions of sentences, and readings of marked words."""

from pathlib import Path

OPINIONS = """\
tfkd: 1
name: opinions
data:
  text: {text: extra.txt}
  train: {tsv: train.tsv, columns: {text: 0, label: 1}}
  extra: {text: extra.txt, drop_overlap: [valid, test]}
  valid: {tsv: valid.tsv, columns: {text: 0, label: 1}}
  test: {tsv: test.tsv, columns: {text: 0, label: 1}}
tokenizers: {joint: {kind: wordpiece, size: 150, learn_from: [train]}}
teacher: {kind: bert, layers: 1, width: 16, heads: 2, max_length: 64, tokenizer: joint,
  initializer_range: 0.2, head: {kind: classifier, read: cls}}
student: {kind: bert, layers: 1, width: 8, heads: 2, max_length: 64, tokenizer: joint,
  initializer_range: 0.3, head: {kind: classifier}}
views: {mlm: {kind: mlm, max_length: 64}}
stages:
  teacher_pretrain:
    train: teacher
    data: text
    steps: 4
    objective: {masked_lm: {view: mlm}}
    batch: {size: 512, unit: joint_tokens}
  teacher_finetune:
    train: teacher
    from: teacher_pretrain
    data: train
    steps: 60
    objective: {cross_entropy: {}}
    batch: {size: 24, unit: sentences}
    schedule: {kind: linear, rate: 1e-2}
  student_pretrain:
    train: student
    data: text
    steps: 4
    balance: {soft: 1.0}
    objective:
      masked_lm: {view: mlm}
      soft: {kind: soft_targets, view: mlm, teacher: teacher_pretrain}
    batch: {size: 512, unit: joint_tokens}
  labels: {score: teacher_finetune, data: [train, extra]}
  student_finetune:
    train: student
    from: student_pretrain
    data: [train, extra]
    steps: 30
    choose: {balance.soft: [0.3, 1.0], by: valid.accuracy}
    objective: {cross_entropy: {divide_by: rows}, soft: {kind: soft_targets, teacher: labels}}
    batch: {size: 24, unit: sentences}
    schedule: {kind: linear, rate: 1e-2}
    log_every: 10
    validate:
      {on: valid, every: 10, metrics: [accuracy, f1, matthews, loss], keep: {best: accuracy}}
variants:
  baseline:
    stages.student_finetune.objective: {cross_entropy: {}}
    stages.student_finetune.choose: null
evaluate:
  - {of: labels, on: [valid], metrics: [teacher_check], against: "student_finetune#baseline"}
  - of: student_finetune
    on: [test]
    metrics: [accuracy, f1, matthews, loss]
    against: "student_finetune#baseline"
    bootstrap: 50
export: [student_finetune, teacher_finetune]
"""

READINGS = """\
tfkd: 1
name: readings
data:
  train: {lines: {text: train.sent, label: train.lb}, marked_by: "_"}
  valid: {lines: {text: valid.sent, label: valid.lb}, marked_by: "_"}
tokenizers: {joint: {kind: wordpiece, size: 150, learn_from: [train]}}
teacher: {kind: bert, layers: 1, width: 16, heads: 2, max_length: 32, tokenizer: joint,
  initializer_range: 0.2, head: {kind: classifier, read: mark}}
student: {kind: bert, layers: 1, width: 8, heads: 2, max_length: 32, tokenizer: joint,
  head: {kind: classifier, read: mark, classes: train}}
views: {short: {kind: classify, max_length: 24}}
stages:
  teach:
    train: teacher
    data: train
    steps: 80
    objective: {cross_entropy: {}}
    batch: {size: 24, unit: sentences}
    schedule: {kind: linear, rate: 1e-2}
  learn:
    train: student
    data: train
    steps: 6
    balance: {soft: 0.5}
    objective:
      cross_entropy: {view: short}
      soft: {kind: soft_targets, view: short, teacher: teach}
    batch: {size: 24, unit: sentences}
    validate: {on: valid, every: 3, metrics: [f1], keep: {best: f1}}
evaluate:
  - {of: teach, on: [valid], metrics: [teacher_check], against: learn}
  - {of: teach, on: [valid], metrics: [accuracy, f1], bootstrap: 20, noise: {sigma: 1.5, draws: 2}}
  - {of: learn, on: [valid], metrics: [accuracy], bootstrap: 20}
export: [teach]
"""
_WORDS = ("the", "film", "plot", "it", "was", "an", "actor", "then")
_GOOD, _BAD = ("good", "fine", "great"), ("bad", "poor", "awful")


def write_opinions(folder: Path) -> Path:
    """Writes data and spec; one label of the test set is of no class."""
    folder.mkdir(parents=True, exist_ok=True)
    number = 0
    for name, rows in (("train", 96), ("valid", 24), ("test", 40), ("extra", 60)):
        lines = []
        for row in range(rows):
            number += 1
            label = ("pos", "neg")[number % 2]
            word = (_GOOD if number % 2 == 0 else _BAD)[number % 3]
            text = [_WORDS[(number * k) % len(_WORDS)] for k in range(1, 2 + number % 5)]
            text.insert(number % (len(text) + 1), word)
            text.append(str(number % 89))
            label = "odd" if name == "test" and row == 3 else label
            lines.append(" ".join(text) + ("" if name == "extra" else f"\t{label}"))
        ending = "txt" if name == "extra" else "tsv"
        (folder / f"{name}.{ending}").write_text("".join(f"{one}\n" for one in lines), "utf-8")
    return _spec(folder, "opinions", OPINIONS)


def write_readings(folder: Path) -> Path:
    """Writes data and spec: the reading of a marked word is that of the word before it."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, rows in (("train", 96), ("valid", 30)):
        texts, labels = [], []
        for number in range(rows):
            before, label = (("a", "noun"), ("they", "verb"))[number % 2]
            word = ("lead", "tear", "wind")[number % 3]
            filler = " ".join(_WORDS[(number * k + 1) % len(_WORDS)] for k in range(number % 40))
            texts.append(f"{filler} {before} _{word}_ {_WORDS[number % 7]}".strip())
            labels.append(label)
        (folder / f"{name}.sent").write_text("".join(f"{one}\n" for one in texts), "utf-8")
        (folder / f"{name}.lb").write_text("".join(f"{one}\n" for one in labels), "utf-8")
    return _spec(folder, "readings", READINGS)


def _spec(folder: Path, name: str, text: str) -> Path:
    path = folder / f"{name}.yaml"
    path.write_text(text, "utf-8")
    return path
