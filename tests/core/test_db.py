"""The database's verbs, the same on both kinds."""

from __future__ import annotations

import asyncio

import msgspec
import pytest

from welkin.core.db import Database, UniqueViolation, columns
from welkin.core.wake import Wakeups

PETS = """
    CREATE TABLE pets (
        id TEXT PRIMARY KEY,
        tame BOOLEAN NOT NULL,
        born DOUBLE PRECISION NOT NULL,
        legs BIGINT,
        traits TEXT NOT NULL
    );
    CREATE INDEX pets_by_birth ON pets (born);
"""


class Pet(msgspec.Struct):
    id: str
    tame: bool
    born: float
    legs: int | None
    traits: list[str]


@pytest.fixture
async def pets(database: Database) -> Database:
    await database.migrate({"pets": (PETS,)})
    async with database.tx() as tx:
        await tx.insert("pets", Pet("cat", True, 1.5, 4, ["soft"]))
    return database


async def test_what_goes_in_comes_out(pets: Database) -> None:
    cat = await pets.one(Pet, f"SELECT {columns(Pet)} FROM pets WHERE id = $1", "cat")
    assert cat == Pet("cat", True, 1.5, 4, ["soft"])
    assert cat is not None and cat.tame is True
    assert await pets.one(Pet, f"SELECT {columns(Pet)} FROM pets WHERE id = $1", "dog") is None
    assert await pets.value("SELECT COUNT(*) FROM pets") == 1


async def test_a_transaction_happens_whole_or_not_at_all(pets: Database) -> None:
    with pytest.raises(RuntimeError):
        async with pets.tx() as tx:
            await tx.update("pets", {"id": "cat"}, {"legs": 3, "traits": ["brave"]})
            assert await tx.value("SELECT legs FROM pets WHERE id = $1", "cat") == 3
            raise RuntimeError
    assert await pets.values("SELECT legs FROM pets") == [4]


async def test_counts_and_uniqueness(pets: Database) -> None:
    async with pets.tx() as tx:
        assert await tx.update("pets", {"id": "cat", "legs": 4}, {"tame": False}) == 1
        assert await tx.update("pets", {"id": "dog"}, {"tame": False}) == 0
    with pytest.raises(UniqueViolation):
        async with pets.tx() as tx:
            await tx.insert("pets", Pet("cat", True, 1.5, None, []))
    async with pets.tx() as tx:
        assert await tx.delete("pets", {"id": "cat"}) == 1


async def test_migrations_run_once_and_in_order(pets: Database) -> None:
    more = (PETS, "ALTER TABLE pets ADD COLUMN name TEXT;\nUPDATE pets SET name = 'Tom';")
    for _ in range(2):
        await pets.migrate({"pets": more})
    assert await pets.values("SELECT name FROM pets") == ["Tom"]


async def test_writers_wait_for_each_other(pets: Database) -> None:
    async def add() -> None:
        async with pets.tx() as tx:
            await tx.lock("legs")
            legs = await tx.value("SELECT legs FROM pets WHERE id = $1", "cat")
            await tx.update("pets", {"id": "cat"}, {"legs": legs + 1})

    await asyncio.gather(*(add() for _ in range(20)))
    assert await pets.value("SELECT legs FROM pets") == 24


async def test_a_hint_follows_the_commit_and_only_the_commit(pets: Database, wakeups: Wakeups) -> None:
    signal = wakeups.listen("pets")
    with pytest.raises(RuntimeError):
        async with pets.tx() as tx:
            tx.wake("pets")
            raise RuntimeError
    assert not await signal.wait(0)
    async with pets.tx() as tx:
        tx.wake("pets")
        assert not await signal.wait(0)
    assert await signal.wait(1)
