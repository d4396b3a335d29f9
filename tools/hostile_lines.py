"""Lines that are hard to cut, and the text that small vocabularies are learnt from."""

import random

TEXT = [
    "The quick brown fox jumps over the lazy dog, don't it?", "Ein naïves Café in der Straße 12.",
    "Ça coûte 3,50 € l'unité, n'est-ce pas?", "我们在北京的饭馆吃饭。", "これはテストです。",
    "안녕하세요 세계", "Привет, мир! Как дела?", "مرحبا بالعالم", "שלום עולם", "नमस्ते दुनिया",
    "ภาษาไทย",
    "a b c d e f g h i j k l m n o p q r s t u v w x y z A B C D E F G H I J K L M N O P Q R S T U",
    "0 1 2 3 4 5 6 7 8 9 . , ; : ! ? ( ) [ ] { } < > / \\ | @ # $ % ^ & * - _ + = ~ ` ' \"",
]  # fmt: skip
# Accents and their NFD, CJK, emoji with joiners, zero width, control characters, right to left,
# full width, unassigned, private use. No ellipsis: it is three points, which can be cut in two ways
# of the same score, and the two libraries choose differently.
MARKS = [
    "é", "e\u0301", "n\u0303", "\ufb01", "ẞ", "ß", "İ", "ı", "Å", "A\u030a", "中", "字", "日本",
    "한", "각", "😀", "👩\u200d👩\u200d👧", "🇩🇪", "❤\ufe0f", "\u200b", "\u200d", "\ufeff",
    "\u00ad", "\u00a0", "\u3000", "\t", "\u0007", "\u007f", "\u200e", "\u202e", "\u05d0",
    "\u0627\u0644", "\uff41", "\uff3a", "\uff11", "①", "½", "—", "“", "”", "``", "''", "a", "B",
    "the", "12", ",", ".", "'", "\ue000", "\u0e01\u0e33", "\u2028",
]  # fmt: skip


# What tokenizers of bytes, and those that leave white space as it is, are asked beside marks.
SPACES = [
    " ",
    "  ",
    "\n",
    "\r\n",
    " \n ",
    "\t",
    "\u00a0",
    "\u3000",
    "1234567",
    "don't",
    "I'LL",
    "'",
    "'",
]


def hostile_with_spaces(count=500, more=()):
    """Lines of marks, words, numbers and white space, in any order, behind those of `more`."""
    drawn = random.Random(9)
    lines = [*TEXT, *more]
    while len(lines) < count:
        lines.append("".join(drawn.choices([*MARKS, *SPACES], k=drawn.randint(1, 14))))
    return lines


def hostile(count=500):
    """Lines of marks and words; none starts or ends with a space."""
    drawn = random.Random(5)
    lines = list(TEXT)
    while len(lines) < count:
        parts = drawn.choices(MARKS, k=drawn.randint(1, 12))
        spaced = [one + drawn.choice(["", "", " "]) for one in parts]
        line = "".join(spaced).strip()
        if line:
            lines.append(line)
    return lines


# Text that spells what tokenizers have for something else than text.
SPELLED = [
    "[MASK]", "[CLS]", "[SEP]", "[PAD]", "[UNK]", "</s>", "<s>", "<pad>", "<unk>", "<|endoftext|>",
    ">>fra<<", ">>", "<<", "▁", "##a", "##", "Ġ", "Ċ", "<0x0A>", "\\n", "{source}", "%s", "${x}",
]  # fmt: skip
# Beside marks: NUL and other control characters, half a pair, unassigned, the last of all.
WILD = ["\0", "\x1b[31m", "\x85", "\ufffd", "\ufffe", "\ud800", "\U000e0001", "\U0010ffff", "\x0b",
        "\u202d", "\u2066", "\u0300" * 9, "\u0e4d", "ǅ", "ﬃ", "\U0001d54f", "\u1160"]  # fmt: skip


def hostile_strings(count=10_000, longest=10_000):
    """Strings of up to `longest` characters, the empty one first, as many short as long by their
    logarithm: marks, spelled pieces, wild characters, words, spaces, one kind alone or all mixed.
    """
    drawn = random.Random(11)
    mixed = [MARKS, SPACES, SPELLED, WILD, TEXT]
    strings = ["", " ", "\n", *SPELLED, *WILD, "a" * longest, "日" * longest, "\u0301" * longest]
    while len(strings) < count:
        size = round(longest ** drawn.random())
        kinds = mixed if drawn.random() < 0.6 else [drawn.choice(mixed)]
        apart = drawn.choice(["", " "])
        line = ""
        while len(line) < size:
            line += drawn.choice(drawn.choice(kinds)) + apart
        strings.append(line[:size])
    return strings[:count]
