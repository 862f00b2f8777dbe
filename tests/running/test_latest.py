"""The latest request wins; what it overtakes is dropped, and no error is lost."""

from __future__ import annotations

import threading
from collections.abc import Generator

import pytest

from metaspine.errors import InputError
from metaspine.running import LatestRequest

ENOUGH_S = 30.0
Steps = Generator[str | None, None, None]


class Slow:
    """Work that goes one step further only when it is let."""

    def __init__(self, steps: int = 3) -> None:
        self.steps = steps
        self.started: list[str] = []
        self.closed: list[str] = []
        self.seen: list[str] = []
        self.failures: list[tuple[str, Exception]] = []
        self.begun = threading.Event()
        self.go = threading.Semaphore(0)

    def work(self, request: str) -> Steps:
        self.started.append(request)
        self.begun.set()
        try:
            for step in range(self.steps):
                assert self.go.acquire(timeout=ENOUGH_S)
                yield f"{request}{step}" if step != 1 else None
        finally:
            self.closed.append(request)

    def failed(self, request: str, error: Exception) -> None:
        self.failures.append((request, error))

    def following(self) -> LatestRequest[str, str]:
        return LatestRequest(self.work, self.seen.append, self.failed)

    def let(self, steps: int) -> None:
        for _ in range(steps):
            self.go.release()


def test_one_request_is_answered_update_by_update() -> None:
    slow = Slow()
    with slow.following() as following:
        following.ask("a")
        slow.let(3)
        assert following.wait(ENOUGH_S)
    assert slow.seen == ["a0", "a2"]
    assert slow.closed == ["a"]


def test_the_latest_request_wins_and_what_came_between_is_never_begun() -> None:
    slow = Slow()
    with slow.following() as following:
        following.ask("a")
        assert slow.begun.wait(ENOUGH_S)
        for request in ("b", "c", "d"):
            following.ask(request)
        slow.let(1 + 3)
        assert following.wait(ENOUGH_S)
    assert slow.started == ["a", "d"]
    assert slow.seen == ["a0", "d0", "d2"]
    assert slow.closed == ["a", "d"]


def test_work_is_dropped_where_it_has_nothing_to_show() -> None:
    slow, shown = Slow(), threading.Event()

    def receive(update: str) -> None:
        slow.seen.append(update)
        shown.set()

    with LatestRequest(slow.work, receive, slow.failed) as following:
        following.ask("a")
        slow.let(1)
        assert shown.wait(ENOUGH_S)
        following.ask("b")
        slow.let(1 + 3)
        assert following.wait(ENOUGH_S)
    assert slow.seen == ["a0", "b0", "b2"]


def test_waiting_too_short_is_said() -> None:
    slow = Slow()
    with slow.following() as following:
        following.ask("a")
        assert not following.wait(0.0)
        slow.let(3)
        assert following.wait(ENOUGH_S)


def test_closing_drops_what_is_under_way() -> None:
    begun, seen, ended = threading.Event(), [], []

    def work(request: str) -> Steps:
        begun.set()
        try:
            while True:
                yield None
        finally:
            ended.append(request)

    following: LatestRequest[str, str] = LatestRequest(work, seen.append, Slow().failed)
    following.ask("a")
    assert begun.wait(ENOUGH_S)
    following.close()
    assert (seen, ended) == ([], ["a"])
    with pytest.raises(InputError, match=r"a request after the end.*Start the work anew"):
        following.ask("b")


def test_errors_reach_the_caller_and_later_requests_are_answered() -> None:
    slow = Slow(steps=1)

    def work(request: str) -> Steps:
        if request == "bad":
            raise InputError("no such needle")
        yield from slow.work(request)

    with LatestRequest(work, slow.seen.append, slow.failed) as following:
        following.ask("bad")
        assert following.wait(ENOUGH_S)
        following.ask("good")
        slow.let(1)
        assert following.wait(ENOUGH_S)
    assert [(request, str(error)) for request, error in slow.failures] == [("bad", "no such needle")]
    assert slow.seen == ["good0"]


def test_an_error_of_the_receiver_reaches_the_caller() -> None:
    slow = Slow(steps=1)

    def receive(update: str) -> None:
        raise ZeroDivisionError(update)

    with LatestRequest(slow.work, receive, slow.failed) as following:
        following.ask("a")
        slow.let(1)
        assert following.wait(ENOUGH_S)
    assert [(request, str(error)) for request, error in slow.failures] == [("a", "a0")]
    assert slow.closed == ["a"]


def test_an_error_in_handling_errors_comes_out_of_the_next_call() -> None:
    def work(request: str) -> Steps:
        raise InputError(request)
        yield

    def failed(request: str, error: Exception) -> None:
        raise ZeroDivisionError(request)

    following: LatestRequest[str, str] = LatestRequest(work, [].append, failed)
    following.ask("a")
    with pytest.raises(ZeroDivisionError, match="a"):
        following.wait(ENOUGH_S)
    with pytest.raises(ZeroDivisionError, match="a"):
        following.ask("b")
    with pytest.raises(ZeroDivisionError, match="a"):
        following.close()
