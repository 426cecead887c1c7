"""As many guests boot at once as there are cores, first come, first served."""

from __future__ import annotations

from tests.compute.test_plan import QuickWorld
from welkin.services.compute.drivers.qemu.boots import FORGOTTEN_AFTER_S, BootQueue


def test_turns_go_in_the_order_of_asking() -> None:
    queue = BootQueue(1, QuickWorld())
    assert queue.take("a") and queue.take("a")
    assert not queue.take("b") and not queue.take("c")
    queue.leave("a")
    assert not queue.take("c"), "b asked first"
    assert queue.take("b") and not queue.take("c")


def test_the_queue_is_as_wide_as_it_is_told() -> None:
    queue = BootQueue(2, QuickWorld())
    assert [queue.take(name) for name in "abc"] == [True, True, False]


def test_who_has_given_up_holds_nobody_up() -> None:
    world = QuickWorld()
    queue = BootQueue(1, world)
    assert queue.take("a") and not queue.take("b")
    world.time += FORGOTTEN_AFTER_S + 1
    assert not queue.take("c")
    queue.leave("a")
    assert queue.take("c")
