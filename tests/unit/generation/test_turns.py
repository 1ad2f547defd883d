"""Slots go to the earlier item, and within one to the draw before its repairs."""

from __future__ import annotations

import asyncio

import pytest

from pytest_mcode.generation.turns import Turns, placed, sending


def served(slots: int, asked: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """(place, iteration) in the order in which they got a slot, all asked for at once."""

    async def story() -> list[tuple[int, int]]:
        turns, order = Turns(slots), []

        async def ask(place: int, iteration: int) -> None:
            async with turns.turn(iteration):
                order.append((place, iteration))
                await asyncio.sleep(0)

        tasks = []
        for place, iteration in asked:
            with placed(place):
                tasks.append(asyncio.create_task(ask(place, iteration)))
        await asyncio.gather(*tasks)
        return order

    return asyncio.run(story())


def test_repairs_of_an_item_go_before_draws_of_later_ones():
    """The first has the only slot; of those that wait the earliest item is next, draws first."""
    asked = [(1, 0), (3, 0), (2, 0), (1, 1), (3, 1), (1, 0)]
    assert served(1, asked) == [(1, 0), (1, 0), (1, 1), (2, 0), (3, 0), (3, 1)]


def test_never_more_than_the_slots():
    """Twelve ask for three slots: three at once, all of them in the end."""

    async def story() -> tuple[int, int]:
        turns, active, most, done = Turns(3), 0, 0, 0

        async def ask() -> None:
            nonlocal active, most, done
            async with turns.turn(0):
                active += 1
                most = max(most, active)
                await asyncio.sleep(0.001)
                active -= 1
                done += 1

        await asyncio.gather(*(ask() for _ in range(12)))
        return most, done

    assert asyncio.run(story()) == (3, 12)


@pytest.mark.parametrize("late", [False, True], ids=["waiting", "slot just given"])
def test_a_cancelled_waiter_takes_no_slot_away(late):
    """Whether it still waits or was given the slot in the same moment."""

    async def story() -> bool:
        turns, free = Turns(1), asyncio.Event()

        async def hold() -> None:
            async with turns.turn(0):
                await free.wait()

        holder = asyncio.create_task(hold())
        await asyncio.sleep(0)
        waiter = asyncio.create_task(hold())
        await asyncio.sleep(0)
        if late:
            turns._pass_on()
        waiter.cancel()
        await asyncio.gather(waiter, return_exceptions=True)
        free.set()
        await holder
        async with asyncio.timeout(1), turns.turn(0):
            return waiter.cancelled()

    assert asyncio.run(story())


def test_whoever_is_ready_is_sent_before_answers_are_read():
    """Two answers come at once: both that wait go out, and only then is any answer read."""

    async def story() -> list[str]:
        wires, answered, told = Turns(2), asyncio.Event(), []

        async def ask(name: str) -> None:
            with sending(lambda: told.append(f"{name} sent")):
                async with wires.wire():
                    await answered.wait()
            told.append(f"{name} read")

        asked = asyncio.gather(*(ask(name) for name in "abcd"))
        await asyncio.sleep(0)
        answered.set()
        await asked
        return told

    told = asyncio.run(story())
    assert told[:4] == ["a sent", "b sent", "c sent", "d sent"]
    assert sorted(told[4:]) == ["a read", "b read", "c read", "d read"]
