"""Children outlive whoever starts them, are found again, and are never mistaken for others."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from welkin.tools import processes
from welkin.tools.processes import Child, Launch, ToolFailed


def launch(directory: Path, *argv: str, **more) -> Launch:
    return Launch(argv=argv, record=directory / "record", log=directory / "log", **more)


async def test_a_child_outlives_its_starter_and_is_found_again(tmp_path: Path) -> None:
    program = (
        "import asyncio, sys; from pathlib import Path; from welkin.tools.processes import Launch, start; "
        "d = Path(sys.argv[1]); "
        "asyncio.run(start(Launch(argv=['sleep', '1000'], record=d / 'record', log=d / 'log')))"
    )
    await asyncio.to_thread(subprocess.run, [sys.executable, "-c", program, str(tmp_path)], check=True)
    child = processes.find(tmp_path / "record")
    assert child is not None
    assert os.getsid(child.pid) == child.pid
    assert await processes.start(launch(tmp_path, "sleep", "1000")) == child, "it was started twice"
    await processes.stop(child)
    assert processes.find(tmp_path / "record") is None
    await processes.stop(child)  # twice is as once


async def test_a_process_with_the_same_number_is_not_the_child(tmp_path: Path) -> None:
    child = await processes.start(launch(tmp_path, "sleep", "1000"))
    try:
        for other in (
            msgspec.structs.replace(child, start_ticks=child.start_ticks - 1),
            msgspec.structs.replace(child, boot_id="another boot"),
        ):
            (tmp_path / "record").write_bytes(msgspec.json.encode(other))
            assert processes.find(tmp_path / "record") is None
            await processes.stop(other)
            assert processes.is_alive(child), "somebody else's process was ended"
    finally:
        await processes.stop(child, grace_s=0)
    assert not processes.is_alive(child)


async def test_a_child_that_does_not_listen_is_ended(tmp_path: Path) -> None:
    child = await processes.start(launch(tmp_path, "sh", "-c", "trap '' TERM; echo deaf; while :; do sleep 0.1; done"))
    async with asyncio.timeout(10):
        while "deaf" not in processes.tail(tmp_path / "log"):
            await asyncio.sleep(0.01)
    await processes.stop(child, grace_s=0.2)
    assert not processes.is_alive(child)


async def test_descriptors_are_kept_and_no_others(tmp_path: Path) -> None:
    kept, other = os.pipe()
    os.set_inheritable(other, True)
    try:
        child = await processes.start(launch(tmp_path, "sleep", "1000", keep_fds=(kept,)))
        async with asyncio.timeout(10):
            while Path(f"/proc/{child.pid}/comm").read_text() != "sleep\n":
                await asyncio.sleep(0.01)
        assert {int(path.name) for path in Path(f"/proc/{child.pid}/fd").iterdir()} == {0, 1, 2, kept}
        await processes.stop(child)
    finally:
        os.close(kept)
        os.close(other)


@pytest.mark.root
async def test_an_own_user_has_no_rights(tmp_path: Path) -> None:
    child = await processes.start(launch(tmp_path, "sleep", "1000", uid=54321))
    async with asyncio.timeout(10):
        while Path(f"/proc/{child.pid}/comm").read_text() != "sleep\n":
            await asyncio.sleep(0.01)
    status = Path(f"/proc/{child.pid}/status").read_text()
    assert "Uid:\t54321\t54321\t54321\t54321" in status
    assert "CapEff:\t0000000000000000" in status and "NoNewPrivs:\t1" in status
    await processes.stop(child)


async def test_a_program_that_is_not_there_leaves_words(tmp_path: Path) -> None:
    child = await processes.start(launch(tmp_path, "/no/such/program"))
    async with asyncio.timeout(10):
        while processes.is_alive(child):
            await asyncio.sleep(0.01)
    assert "not found" in processes.tail(tmp_path / "log")


async def test_a_record_that_cannot_be_written_is_a_failure(tmp_path: Path) -> None:
    with pytest.raises(ToolFailed):
        await processes.start(
            Launch(argv=["sleep", "1000"], record=tmp_path / "missing" / "record", log=tmp_path / "log")
        )


async def test_run_tells_what_went_wrong() -> None:
    assert await processes.run(["cat"], stdin=b"words") == b"words"
    with pytest.raises(ToolFailed, match="ended with 3: words"):
        await processes.run(["sh", "-c", "echo words >&2; exit 3"])
    with pytest.raises(ToolFailed, match=r"longer than 0\.1 s"):
        await processes.run(["sleep", "1000"], timeout_s=0.1)
    with pytest.raises(ToolFailed, match="could not be started"):
        await processes.run(["/no/such/program"])


def test_garbage_is_no_record(tmp_path: Path) -> None:
    (tmp_path / "record").write_text("{}")
    assert processes.find(tmp_path / "record") is None
    assert processes.find(tmp_path / "nothing") is None
    assert not processes.is_alive(Child(pid=2**22 + 1, start_ticks=1, boot_id=processes.BOOT_ID.read_text().strip()))
