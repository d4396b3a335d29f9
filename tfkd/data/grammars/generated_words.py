"""The words of the generated German-English corpus, with the forms that the grammar asks for."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Noun:
    """A noun. `oblique` is the accusative and dative singular of weak nouns (den Jungen);
    `pronoun` the English pronoun that stands for one of them."""

    german: str
    plural: str
    gender: str
    english: str
    english_plural: str
    pronoun: str = "it"
    oblique: str = ""


@dataclass(frozen=True)
class Verb:
    """A verb: German infinitive, the forms of `ich` and `er`, participle (without the separable
    prefix); English base, third person, past, and what follows the verb (`picks` ... `up`).

    `takes` names its objects: each a case (a accusative, d dative) and a class of nouns.
    """

    infinitive: str
    first: str
    third: str
    participle: str
    english: str
    english_third: str
    english_past: str
    takes: tuple[tuple[str, str], ...] = ()
    prefix: str = ""
    perfect_with: str = "haben"
    particle: str = ""


PEOPLE = (
    Noun("Mann", "Männer", "m", "man", "men", "he"),
    Noun("Frau", "Frauen", "f", "woman", "women", "she"),
    Noun("Kind", "Kinder", "n", "child", "children"),
    Noun("Mädchen", "Mädchen", "n", "girl", "girls", "she"),
    Noun("Junge", "Jungen", "m", "boy", "boys", "he", "Jungen"),
    Noun("Lehrerin", "Lehrerinnen", "f", "teacher", "teachers", "she"),
    Noun("Arzt", "Ärzte", "m", "doctor", "doctors", "he"),
    Noun("Bäuerin", "Bäuerinnen", "f", "farmer", "farmers", "she"),
    Noun("Nachbar", "Nachbarn", "m", "neighbour", "neighbours", "he", "Nachbarn"),
    Noun("Freundin", "Freundinnen", "f", "friend", "friends", "she"),
    Noun("Bruder", "Brüder", "m", "brother", "brothers", "he"),
    Noun("Schwester", "Schwestern", "f", "sister", "sisters", "she"),
    Noun("König", "Könige", "m", "king", "kings", "he"),
    Noun("Königin", "Königinnen", "f", "queen", "queens", "she"),
    Noun("Student", "Studenten", "m", "student", "students", "he", "Studenten"),
    Noun("Koch", "Köche", "m", "cook", "cooks", "he"),
)
ANIMALS = (
    Noun("Hund", "Hunde", "m", "dog", "dogs"),
    Noun("Katze", "Katzen", "f", "cat", "cats"),
    Noun("Pferd", "Pferde", "n", "horse", "horses"),
    Noun("Vogel", "Vögel", "m", "bird", "birds"),
    Noun("Kuh", "Kühe", "f", "cow", "cows"),
    Noun("Bär", "Bären", "m", "bear", "bears", "it", "Bären"),
    Noun("Ziege", "Ziegen", "f", "goat", "goats"),
    Noun("Schwein", "Schweine", "n", "pig", "pigs"),
)
THINGS = (
    Noun("Buch", "Bücher", "n", "book", "books"),
    Noun("Brief", "Briefe", "m", "letter", "letters"),
    Noun("Zeitung", "Zeitungen", "f", "newspaper", "newspapers"),
    Noun("Tisch", "Tische", "m", "table", "tables"),
    Noun("Lampe", "Lampen", "f", "lamp", "lamps"),
    Noun("Fahrrad", "Fahrräder", "n", "bicycle", "bicycles"),
    Noun("Ball", "Bälle", "m", "ball", "balls"),
    Noun("Tasche", "Taschen", "f", "bag", "bags"),
    Noun("Messer", "Messer", "n", "knife", "knives"),
    Noun("Schlüssel", "Schlüssel", "m", "key", "keys"),
    Noun("Uhr", "Uhren", "f", "clock", "clocks"),
    Noun("Hemd", "Hemden", "n", "shirt", "shirts"),
)
FOOD = (
    Noun("Apfel", "Äpfel", "m", "apple", "apples"),
    Noun("Kuchen", "Kuchen", "m", "cake", "cakes"),
    Noun("Suppe", "Suppen", "f", "soup", "soups"),
    Noun("Brot", "Brote", "n", "loaf", "loaves"),
    Noun("Birne", "Birnen", "f", "pear", "pears"),
    Noun("Ei", "Eier", "n", "egg", "eggs"),
)
READABLE = THINGS[:3]
OPENABLE = (
    Noun("Tür", "Türen", "f", "door", "doors"),
    Noun("Fenster", "Fenster", "n", "window", "windows"),
    Noun("Koffer", "Koffer", "m", "suitcase", "suitcases"),
)
CLASSES = {
    "person": PEOPLE,
    "animal": ANIMALS,
    "living": PEOPLE + ANIMALS,
    "thing": THINGS,
    "food": FOOD,
    "readable": READABLE,
    "openable": OPENABLE,
    "any": PEOPLE + ANIMALS + THINGS + FOOD,
    "goods": THINGS + FOOD,
}
# Preposition with the dative, place, English preposition.
PLACES = (
    ("in", Noun("Garten", "Gärten", "m", "garden", "gardens"), "in"),
    ("in", Noun("Küche", "Küchen", "f", "kitchen", "kitchens"), "in"),
    ("in", Noun("Haus", "Häuser", "n", "house", "houses"), "in"),
    ("in", Noun("Stadt", "Städte", "f", "town", "towns"), "in"),
    ("in", Noun("Wald", "Wälder", "m", "forest", "forests"), "in"),
    ("auf", Noun("Markt", "Märkte", "m", "market", "markets"), "at"),
    ("auf", Noun("Straße", "Straßen", "f", "street", "streets"), "on"),
    ("auf", Noun("Feld", "Felder", "n", "field", "fields"), "on"),
    ("vor", Noun("Schule", "Schulen", "f", "school", "schools"), "in front of"),
    ("hinter", Noun("Kirche", "Kirchen", "f", "church", "churches"), "behind"),
    ("neben", Noun("Fluss", "Flüsse", "m", "river", "rivers"), "beside"),
    ("an", Noun("See", "Seen", "m", "lake", "lakes"), "at"),
)
TRANSITIVE = (
    Verb("sehen", "sehe", "sieht", "gesehen", "see", "sees", "saw", (("a", "any"),)),
    Verb("suchen", "suche", "sucht", "gesucht", "seek", "seeks", "sought", (("a", "any"),)),
    Verb("finden", "finde", "findet", "gefunden", "find", "finds", "found", (("a", "any"),)),
    Verb("lieben", "liebe", "liebt", "geliebt", "love", "loves", "loved", (("a", "living"),)),
    Verb(
        "besuchen", "besuche", "besucht", "besucht", "visit", "visits", "visited",
        (("a", "person"),),
    ),
    Verb("kaufen", "kaufe", "kauft", "gekauft", "buy", "buys", "bought", (("a", "goods"),)),
    Verb("tragen", "trage", "trägt", "getragen", "carry", "carries", "carried", (("a", "goods"),)),
    Verb("essen", "esse", "isst", "gegessen", "eat", "eats", "ate", (("a", "food"),)),
    Verb("lesen", "lese", "liest", "gelesen", "read", "reads", "read", (("a", "readable"),)),
    Verb(
        "verkaufen", "verkaufe", "verkauft", "verkauft", "sell", "sells", "sold", (("a", "goods"),),
    ),
    Verb("füttern", "füttere", "füttert", "gefüttert", "feed", "feeds", "fed", (("a", "animal"),)),
    Verb("helfen", "helfe", "hilft", "geholfen", "help", "helps", "helped", (("d", "person"),)),
    Verb("danken", "danke", "dankt", "gedankt", "thank", "thanks", "thanked", (("d", "person"),)),
    Verb(
        "folgen", "folge", "folgt", "gefolgt", "follow", "follows", "followed", (("d", "living"),),
        perfect_with="sein",
    ),
    Verb(
        "machen", "mache", "macht", "gemacht", "open", "opens", "opened", (("a", "openable"),),
        prefix="auf",
    ),
    Verb("rufen", "rufe", "ruft", "gerufen", "call", "calls", "called", (("a", "person"),), "an"),
    Verb(
        "laden", "lade", "lädt", "geladen", "invite", "invites", "invited",
        (("a", "person"),), "ein",
    ),
    Verb(
        "holen", "hole", "holt", "geholt", "pick", "picks", "picked", (("a", "person"),), "ab",
        particle="up",
    ),
)  # fmt: skip
DITRANSITIVE = (
    Verb(
        "geben", "gebe", "gibt", "gegeben", "give", "gives", "gave",
        (("d", "person"), ("a", "goods")),
    ),
    Verb(
        "zeigen", "zeige", "zeigt", "gezeigt", "show", "shows", "showed",
        (("d", "person"), ("a", "any")),
    ),
    Verb(
        "schicken", "schicke", "schickt", "geschickt", "send", "sends", "sent",
        (("d", "person"), ("a", "thing")),
    ),
)  # fmt: skip
INTRANSITIVE = (
    Verb("schlafen", "schlafe", "schläft", "geschlafen", "sleep", "sleeps", "slept"),
    Verb("warten", "warte", "wartet", "gewartet", "wait", "waits", "waited"),
    Verb("laufen", "laufe", "läuft", "gelaufen", "run", "runs", "ran", perfect_with="sein"),
    Verb("spielen", "spiele", "spielt", "gespielt", "play", "plays", "played"),
    Verb("sitzen", "sitze", "sitzt", "gesessen", "sit", "sits", "sat"),
    Verb("fallen", "falle", "fällt", "gefallen", "fall", "falls", "fell", perfect_with="sein"),
    Verb(
        "stehen", "stehe", "steht", "gestanden", "get", "gets", "got",
        prefix="auf", perfect_with="sein", particle="up",
    ),
    Verb("arbeiten", "arbeite", "arbeitet", "gearbeitet", "work", "works", "worked"),
)  # fmt: skip
# Stem of the inflected form, uninflected form, English.
ADJECTIVES = (
    ("groß", "groß", "big"),
    ("klein", "klein", "small"),
    ("alt", "alt", "old"),
    ("jung", "jung", "young"),
    ("müd", "müde", "tired"),
    ("schön", "schön", "beautiful"),
    ("hungrig", "hungrig", "hungry"),
    ("stark", "stark", "strong"),
    ("arm", "arm", "poor"),
    ("reich", "reich", "rich"),
    ("klug", "klug", "clever"),
    ("traurig", "traurig", "sad"),
)
THING_ADJECTIVES = (
    ("groß", "groß", "big"),
    ("klein", "klein", "small"),
    ("alt", "alt", "old"),
    ("neu", "neu", "new"),
    ("schön", "schön", "beautiful"),
    ("rot", "rot", "red"),
    ("grün", "grün", "green"),
    ("teur", "teuer", "expensive"),
    ("schwer", "schwer", "heavy"),
)
# `first`, `third` and plural forms; English: base and third person, and what joins the verb.
MODALS = (
    ("will", "will", "wollen", "want", "wants", "to "),
    ("kann", "kann", "können", "can", "can", ""),
    ("muss", "muss", "müssen", "must", "must", ""),
)
PRESENT_TIMES = (
    ("heute", "today"),
    ("jetzt", "now"),
    ("morgens", "in the morning"),
    ("oft", "often"),
    ("am Sonntag", "on Sunday"),
)
PAST_TIMES = (
    ("gestern", "yesterday"),
    ("letzte Woche", "last week"),
    ("am Montag", "on Monday"),
    ("vor drei Tagen", "three days ago"),
)
CONJUNCTIONS = (("weil", "because"), ("wenn", "when"), ("obwohl", "although"), ("bevor", "before"))
SAYING = (
    ("sage", "sagt", "sagen", "say", "says"),
    ("glaube", "glaubt", "glauben", "believe", "believes"),
    ("weiß", "weiß", "wissen", "know", "knows"),
    ("hoffe", "hofft", "hoffen", "hope", "hopes"),
)
NUMBERS = (("zwei", "two"), ("drei", "three"), ("vier", "four"), ("fünf", "five"), ("zehn", "ten"))
