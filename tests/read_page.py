"""A page as tests ask about it, and a text that attacks it."""

from html.parser import HTMLParser

VOID = {"meta", "br", "link", "img", "hr", "wbr", "input"}
EVIL = (
    "</title></style></script><script>alert(1)</script><img src=x onerror=alert(2)>\"'&{{7*7}}$x$"
)


class Page(HTMLParser):
    """Checks the nesting of tags and gathers what the tests ask about."""

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.open, self.tags, self.text = [], [], []
        self.feed(text)
        self.close()
        assert self.open == [], f"never closed: {self.open}"

    def handle_starttag(self, tag, attributes):
        names = [name for name, _ in attributes]
        assert len(names) == len(set(names)), f"attribute given twice in {tag}: {names}"
        self.tags.append((tag, dict(attributes)))
        if tag in ("td", "th", "div", "p", "li", "dt", "dd", "text"):
            self.text.append(" ")
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))

    def handle_endtag(self, tag):
        assert self.open, f"{tag} closed but never opened, line {self.getpos()[0]}"
        assert self.open.pop() == tag, f"{tag} closed in wrong order, line {self.getpos()[0]}"

    def handle_data(self, data):
        if "style" not in self.open:
            self.text.append(data)

    def all(self, tag):
        return [attributes for name, attributes in self.tags if name == tag]

    @property
    def words(self):
        return " ".join("".join(self.text).split())
