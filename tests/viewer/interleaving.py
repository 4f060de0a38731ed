"""Two threads in an order that the test decides, without sleeping."""

import threading


class Watched:
    """A condition that tells when somebody has to wait for it, and what is seen whenever it is let go."""

    def __init__(self, condition, stirred, let_go):
        self._condition, self._stirred, self._let_go = condition, stirred, let_go

    def __enter__(self):
        if not self._condition.acquire(blocking=False):
            self._stirred.set()
            self._condition.acquire()
        return self

    def __exit__(self, *error):
        self._let_go()
        self._condition.release()

    def __getattr__(self, name):
        return getattr(self._condition, name)


class Meanwhile:
    """Lets another thread act on a session in the midst of what this one does."""

    def __init__(self, session):
        self._stirred, self._threads = threading.Event(), []
        self.seen = []
        session.changed = Watched(
            session.changed, self._stirred, lambda: self.seen.append((session.staging, session.performances))
        )

    def run(self, action):
        """Start ``action`` elsewhere; goes on when it is done, or has to wait for what this thread holds."""
        thread = threading.Thread(target=lambda: (action(), self._stirred.set()), daemon=True)
        self._threads.append(thread)
        self._stirred.clear()
        thread.start()
        assert self._stirred.wait(30)

    def before(self, function, action):
        """``function``, in whose first call ``action`` is run just before it returns."""
        left = [action]

        def wrapped(*arguments, **options):
            result = function(*arguments, **options)
            if left:
                self.run(left.pop())
            return result

        return wrapped

    def join(self):
        for thread in self._threads:
            thread.join(30)
            assert not thread.is_alive()
