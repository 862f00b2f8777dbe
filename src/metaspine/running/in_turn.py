"""Work that follows other work: arithmetic on what was read, while the next is being read."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Generic, ParamSpec

Given = ParamSpec("Given")


class InTurn(Generic[Given]):
    """A thread that does work in the order in which it is handed over; all of it is done at the end of the block.

    It helps where the work frees the interpreter's lock, as arithmetic on arrays does. An error of the work comes out
    of a later :meth:`hand` or of the end of the block; what still waits then is dropped.

    Parameters
    ----------
    work
        What is done with each that is handed over.
    most_waiting
        How many may wait before handing over another waits too, so that what is read does not fill the memory.
    """

    def __init__(self, work: Callable[Given, None], *, most_waiting: int = 8) -> None:
        self._work, self._most_waiting = work, most_waiting
        self._waiting: deque[Future[None]] = deque()

    def __enter__(self) -> InTurn[Given]:
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="in turn")
        return self

    def hand(self, *arguments: Given.args, **named: Given.kwargs) -> None:
        """Hand over the next piece of work."""
        if len(self._waiting) == self._most_waiting:
            self._waiting.popleft().result()
        self._waiting.append(self._thread.submit(self._work, *arguments, **named))

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        try:
            while kind is None and self._waiting:
                self._waiting.popleft().result()
        finally:
            self._thread.shutdown(cancel_futures=True)
