"""Work handed over is done in its order, all of it before the block ends; its error comes out and ends it."""

from __future__ import annotations

import threading

import pytest

from metaspine.running import InTurn


def test_work_is_done_in_order_on_another_thread_and_all_of_it() -> None:
    done: list[tuple[int, int]] = []
    with InTurn(lambda number: done.append((number, threading.get_ident())), most_waiting=3) as taking:
        for number in range(50):
            taking.hand(number)
    assert [number for number, _ in done] == list(range(50))
    assert {thread for _, thread in done}.isdisjoint({threading.get_ident()})


def test_handing_over_waits_where_too_much_waits_already() -> None:
    handed, go_on = threading.Event(), threading.Event()

    def hand_three() -> None:
        with InTurn(lambda _: go_on.wait(), most_waiting=2) as taking:
            for number in range(3):
                taking.hand(number)
            handed.set()

    handing = threading.Thread(target=hand_three)
    handing.start()
    assert not handed.wait(0.1)
    go_on.set()
    handing.join()
    assert handed.is_set()


def handed_before_the_error(count: int, most_waiting: int) -> int:
    """How many were handed over until the error of the fourth came out."""
    handed = 0

    def work(number: int) -> None:
        if number == 3:
            raise ValueError("three")

    def hand_all() -> None:
        nonlocal handed
        with InTurn(work, most_waiting=most_waiting) as taking:
            for number in range(count):
                taking.hand(number)
                handed += 1

    with pytest.raises(ValueError, match="three"):
        hand_all()
    return handed


def test_an_error_of_the_work_comes_out_at_the_end_of_the_block_or_before() -> None:
    assert handed_before_the_error(4, most_waiting=8) == 4
    assert handed_before_the_error(100, most_waiting=1) < 10


def test_an_error_of_the_block_ends_the_work_and_is_the_one_that_comes_out() -> None:
    done: list[int] = []
    go_on = threading.Event()

    def work(number: int) -> None:
        go_on.wait()
        done.append(number)

    def stop_in_the_middle() -> None:
        with InTurn(work) as taking:
            for number in range(5):
                taking.hand(number)
            go_on.set()
            raise KeyError("stopped")

    with pytest.raises(KeyError, match="stopped"):
        stop_in_the_middle()
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("in turn")]
