"""Work whose question keeps changing: the latest request wins, what it overtakes is dropped."""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator
from contextlib import closing
from typing import Generic, TypeVar

from metaspine.errors import InputError

Request = TypeVar("Request")
Update = TypeVar("Update")


class LatestRequest(Generic[Request, Update]):
    """A thread that answers the latest request, update by update.

    Work is a generator. Wherever it yields, a newer request takes its place: the generator is closed there, so that a
    ``finally`` in it runs. It yields None where it has nothing to show but may be dropped.

    Parameters
    ----------
    work
        From a request to its updates, coarse to fine.
    receive
        Told every update, on the thread: also the one that was being made when its request was overtaken, so that
        something is seen while requests come faster than answers. Nothing more of that request follows.
    failed
        Told every error of ``work`` or ``receive`` and the request it belongs to, on the thread. Later requests are
        answered all the same. An error that ``failed`` itself raises ends the thread, and comes out of the next
        :meth:`ask`, :meth:`wait` or :meth:`close`.
    """

    def __init__(
        self,
        work: Callable[[Request], Generator[Update | None, None, None]],
        receive: Callable[[Update], None],
        failed: Callable[[Request, Exception], None],
    ) -> None:
        self._work, self._receive, self._failed = work, receive, failed
        self._changed = threading.Condition()
        self._waiting: list[Request] = []
        self._busy = False
        self._closed = False
        self._broken: Exception | None = None
        self._thread = threading.Thread(target=self._run, name="latest request", daemon=True)
        self._thread.start()

    def ask(self, request: Request) -> None:
        """Ask for something else from now on.

        Raises
        ------
        InputError
            When it was closed.
        """
        with self._changed:
            self._refuse_broken()
            if self._closed:
                raise InputError("a request after the end", where="live work", remedy="Start the work anew")
            self._waiting[:] = [request]
            self._changed.notify_all()

    def wait(self, timeout_s: float | None = None) -> bool:
        """Wait until the latest request is answered to its end; return False where the time was too short."""
        with self._changed:
            done = self._changed.wait_for(lambda: not self._busy and not self._waiting, timeout_s)
            self._refuse_broken()
            return done

    def close(self) -> None:
        """Drop what is under way at its next yield, and end the thread."""
        with self._changed:
            self._closed = True
            self._waiting.clear()
            self._changed.notify_all()
        self._thread.join()
        self._refuse_broken()

    def __enter__(self) -> LatestRequest[Request, Update]:
        """Return the work itself, for ``with``."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close it."""
        self.close()

    def _refuse_broken(self) -> None:
        if self._broken is not None:
            raise self._broken

    def _overtaken(self) -> bool:
        with self._changed:
            return self._closed or bool(self._waiting)

    def _next(self) -> Request | None:
        with self._changed:
            self._busy = False
            self._changed.notify_all()
            self._changed.wait_for(lambda: self._closed or self._waiting)
            if self._closed:
                return None
            self._busy = True
            return self._waiting.pop()

    def _run(self) -> None:
        try:
            while (request := self._next()) is not None:
                self._answer(request)
        except Exception as error:  # noqa: BLE001 - kept, and raised where the caller asks next
            with self._changed:
                self._broken, self._closed, self._busy = error, True, False
                self._waiting.clear()
                self._changed.notify_all()

    def _answer(self, request: Request) -> None:
        try:
            with closing(self._work(request)) as updates:
                for update in updates:
                    if update is not None and not self._closed:
                        self._receive(update)
                    if self._overtaken():
                        return
        except Exception as error:  # noqa: BLE001 - handed to the caller, whatever it is
            self._failed(request, error)
