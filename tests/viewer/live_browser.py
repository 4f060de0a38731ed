"""A fake browser on the page of a training run: enters, sees pictures, leaves."""

from __future__ import annotations

from types import SimpleNamespace

from fake_browser import FakeClient


class Widget:
    """Any viser widget: takes every property and remembers its callbacks."""

    def __init__(self, *args, **options):
        self.args, self.removed = args, False
        self.content = args[0] if args else ""
        first = args[1] if len(args) > 1 else None
        self.value = options.get("initial_value", first[0] if isinstance(first, tuple) else first)
        self.visible = options.get("visible", True)
        self._impl = SimpleNamespace(uuid="widget")
        self.callbacks = []

    def _register(self, callback):
        self.callbacks.append(callback)
        return callback

    on_update = on_click = on_upload = on_trigger = _register

    def press(self):
        for callback in self.callbacks:
            callback(SimpleNamespace(client_id=1, target=self))

    def add_tab(self, *args, **options):
        return Widget(*args, **options)

    def remove(self):
        self.removed = True

    def __enter__(self):
        return self

    def __exit__(self, *error):
        pass


class Gui:
    """Answers every ``add_…`` with a Widget, in order of appearance."""

    def __init__(self, field):
        self._field, self.widgets = field, []

    def add_text(self, label, **options):
        return self._field if label == "player" else self._add(label, **options)

    def __getattr__(self, name):
        if not name.startswith("add_"):
            raise AttributeError(name)
        return self._add

    def _add(self, *args, **options):
        self.widgets.append(Widget(*args, **options))
        return self.widgets[-1]


class LiveBrowser:
    """A context: inside it the browser is connected."""

    def __init__(self, live):
        self._live = live
        self.client = FakeClient()
        self.client.gui = Gui(self.client.field)
        self.client.camera.on_update = lambda callback: callback

    def __enter__(self):
        self._live._enter(self.client)
        return self

    def __exit__(self, *error):
        self._live._leave(self.client)

    @property
    def images(self):
        return self.client.images

    @property
    def session(self):
        return next((s for s in self._live.sessions if s.client is self.client), None)

    def refresh(self):
        """What the page's own thread does now and then."""
        for onlooker in self._live._guests.all:
            self._live._refresh_page(onlooker)

    def wait_for(self, condition, seconds=30.0):
        self.client.wait_for(condition, seconds)

    def text(self):
        """Everything written on the page."""
        return "\n".join(w.content for w in self.client.gui.widgets if isinstance(w.content, str) and not w.removed)
