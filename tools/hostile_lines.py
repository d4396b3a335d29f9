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
