"""What holds for every page that we write."""

from html.parser import HTMLParser

VOID = {"meta", "link", "br", "img"}


class Checker(HTMLParser):
    """Balanced tags, unique ids, every link and label on the page, nothing fetched."""

    def __init__(self, page):
        super().__init__()
        self.stack, self.ids, self.wanted, self.fetched, self.tags = [], [], set(), [], []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        attributes = dict(attrs)
        self.tags.append(tag)
        if tag not in VOID:
            self.stack.append(tag)
        if "id" in attributes:
            self.ids.append(attributes["id"])
        self.wanted |= set((attributes.get("aria-labelledby") or "").split())
        for name in ("href", "src"):
            target = attributes.get(name) or ""
            if target.startswith("#"):
                self.wanted.add(target[1:])
            elif target and not target.startswith("data:"):
                self.fetched.append(target)

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.stack.pop()

    def handle_endtag(self, tag):
        assert self.stack.pop() == tag
