"""What reports and deadlines mean: properties that hold for every server and every report."""

from __future__ import annotations

from typing import Any, get_args

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from welkin.services.compute.host.wanted import Progress, SeenPower, ServerSeen, SnapshotSeen, WantedPower
from welkin.services.compute.servers import schedule, states
from welkin.services.compute.servers.plan import Verdict, expire, judge
from welkin.services.compute.servers.schedule import Group, HostState, Wish, choose
from welkin.services.compute.servers.tables import FlavorCopy, ImageCopy, ServerRow, SnapshotWanted

FLAVOR = FlavorCopy(id="1", name="small", vcpus=1, ram_mib=512, disk_gib=1)
IMAGE = ImageCopy(id="i", format="raw", size_bytes=1)
TASKS = [
    None,
    "scheduling",
    "spawning",
    "powering-off",
    "powering-on",
    "rebooting",
    "rebooting_hard",
    "pausing",
    "suspending",
    "rescuing",
    "rebuilding",
    "resize_prep",
    "resize_reverting",
    "shelving",
    "shelving_offloading",
    "image_snapshot_pending",
    "soft-deleting",
    "deleting",
    "unshelving",
]
counters = st.integers(0, 2)


@st.composite
def servers(draw: st.DrawFn) -> ServerRow:
    """Return any server that a host has."""
    rescued = draw(st.booleans())
    return ServerRow(
        id="s",
        reservation_id="r",
        launch_index=0,
        project_id="p",
        user_id="u",
        created_at=0.0,
        updated_at=0.0,
        name="one",
        hostname="one",
        flavor_id="1",
        flavor=FLAVOR,
        vcpus=1,
        ram_mib=512,
        power=draw(st.sampled_from(get_args(WantedPower))),
        present=draw(st.booleans()),
        disk_epoch=draw(st.integers(1, 2)),
        boot_epoch=draw(counters),
        soft_reboots=draw(counters),
        rescue_epoch=1 if rescued else 0,
        rescue_image=IMAGE if rescued else None,
        snapshots=draw(st.sampled_from([[], [SnapshotWanted(image_id="x")]])),
        host="h",
        vm_state=draw(st.sampled_from(sorted(states.STATUSES))),
        task_state=draw(st.sampled_from(TASKS)),
    )


@st.composite
def reports(draw: st.DrawFn) -> ServerSeen:
    """Return anything that a host could see."""
    taken = draw(st.sampled_from(["taken", "sent", "failed"]))
    return ServerSeen(
        id="s",
        power=draw(st.sampled_from(get_args(SeenPower))),
        progress=draw(st.sampled_from(get_args(Progress))),
        settled=draw(st.booleans()),
        powered_off_by_guest=draw(st.booleans()),
        disk_epoch=draw(counters),
        boot_epoch=draw(counters),
        soft_reboots=draw(counters),
        rescue_epoch=draw(counters),
        vcpus=draw(st.sampled_from([0, 1, 2])),
        ram_mib=draw(st.sampled_from([0, 512])),
        disk_gib=draw(counters),
        snapshots=draw(st.sampled_from([(), (SnapshotSeen(image_id="x", state=taken),)])),  # type: ignore[arg-type]
        error=draw(st.sampled_from(["", "It is broken."])),
        error_is_final=draw(st.booleans()),
    )


@given(servers(), reports())
def test_a_server_is_gone_only_where_nothing_is_left_and_nothing_shall_be(server: ServerRow, seen: ServerSeen) -> None:
    verdict = judge(server, seen)
    assert verdict.gone == (not server.present and seen.power == "absent" and seen.settled)
    if not server.present:
        assert verdict == Verdict(gone=verdict.gone)


@given(servers(), reports())
def test_running_is_said_only_of_what_was_seen_running(server: ServerRow, seen: ServerSeen) -> None:
    verdict = judge(server, seen)
    if verdict.done and verdict.vm_state == "active" and not seen.powered_off_by_guest:
        assert seen.power == "running"
        assert (seen.disk_epoch, seen.boot_epoch) == (server.disk_epoch, server.boot_epoch)
        assert seen.soft_reboots == server.soft_reboots
    if verdict.done and verdict.vm_state in ("paused", "suspended"):
        assert seen.power == verdict.vm_state


@given(servers(), reports())
def test_what_is_over_was_under_way(server: ServerRow, seen: ServerSeen) -> None:
    verdict = judge(server, seen)
    if verdict.done:
        assert server.task_state is not None or server.snapshots
    if verdict.task_state is not None:
        assert not verdict.done
    assert verdict.vm_state is None or verdict.vm_state in states.STATUSES
    if verdict.vm_state == "error":
        assert verdict.error


@given(servers())
def test_a_deadline_ends_every_task(server: ServerRow) -> None:
    verdict = expire(server)
    if server.task_state is not None:
        assert verdict.done or verdict.gone
        assert verdict.task_state is None


@given(servers(), reports())
def test_the_same_report_twice_says_no_more(server: ServerRow, seen: ServerSeen) -> None:
    first = judge(server, seen)
    if first.done and not first.snapshots_done and not first.snapshots_failed:
        after = msgspec.structs.replace(server, vm_state=first.vm_state or server.vm_state, task_state=None)
        again = judge(after, seen)
        assert not again.done
        assert again.vm_state in (None, "stopped", "error")


hosts = st.builds(
    HostState,
    name=st.sampled_from("abc"),
    up=st.booleans(),
    enabled=st.booleans(),
    zone=st.sampled_from(["nova", "mars"]),
    free=st.fixed_dictionaries({"VCPU": st.integers(0, 4), "MEMORY_MB": st.integers(0, 1024), "DISK_GB": st.just(10)}),
    servers=st.frozensets(st.sampled_from(["x", "y"])),
    count=st.integers(0, 3),
)
wishes = st.builds(
    Wish,
    resources=st.just(schedule.resources_of(FLAVOR)),
    zone=st.sampled_from([None, "nova", "mars"]),
    host=st.sampled_from([None, "a"]),
    same_host=st.sampled_from([frozenset[str](), frozenset({"x"})]),
    different_host=st.sampled_from([frozenset[str](), frozenset({"y"})]),
    group=st.sampled_from(
        [
            None,
            Group(policy="anti-affinity", hosts={"a": 1}),
            Group(policy="affinity", hosts={"b": 1}),
            Group(policy="soft-anti-affinity", hosts={"a": 1}),
        ]
    ),
)


@given(st.lists(hosts, max_size=4, unique_by=lambda host: host.name), wishes)
def test_only_hosts_that_do_are_chosen(found: list[HostState], wish: Wish) -> None:
    choice = choose(wish, found)
    by_name = {host.name: host for host in found}
    for name in choice.hosts:
        host = by_name[name]
        assert host.up
        assert host.enabled
        assert wish.zone in (None, host.zone)
        assert wish.host in (None, name)
        assert all(host.free[each] >= amount for each, amount in wish.resources.items())
        assert not host.servers & wish.different_host
        assert not wish.same_host or host.servers & wish.same_host
    fits = [host for host in found if fits_by_hand(host, wish)]
    assert sorted(choice.hosts) == sorted(host.name for host in fits)
    counted = [(each.before, each.after) for each in choice.counts]
    assert all(before >= after for before, after in counted)
    if not choice.hosts:
        assert schedule.explain(choice).startswith("No valid host was found. ")


def fits_by_hand(host: HostState, wish: Wish) -> bool:
    """Judge a host without the filters."""
    group: Any = wish.group
    apart = group is not None and group.policy == "anti-affinity" and group.hosts.get(host.name, 0) >= 1
    away = group is not None and group.policy == "affinity" and host.name not in group.hosts
    place = (wish.zone in (None, host.zone)) and (wish.host in (None, host.name))
    room = host.free["VCPU"] >= 1 and host.free["MEMORY_MB"] >= 512
    same = not wish.same_host or bool(host.servers & wish.same_host)
    return (
        host.up
        and host.enabled
        and place
        and room
        and same
        and not (apart or away or host.servers & wish.different_host)
    )


def test_the_emptiest_host_is_best() -> None:
    full = HostState(name="a", free={"VCPU": 4, "MEMORY_MB": 600, "DISK_GB": 10})
    empty = HostState(name="b", free={"VCPU": 4, "MEMORY_MB": 900, "DISK_GB": 10})
    wish = Wish(resources=schedule.resources_of(FLAVOR))
    assert choose(wish, [full, empty]).hosts == ("b", "a")
    together = msgspec.structs.replace(wish, group=Group(policy="soft-affinity", hosts={"a": 1}))
    assert choose(together, [full, empty]).hosts == ("a", "b")


def test_advice_names_what_is_missing() -> None:
    small = HostState(name="a", free={"VCPU": 4, "MEMORY_MB": 500, "DISK_GB": 10})
    text = schedule.explain(choose(Wish(resources=schedule.resources_of(FLAVOR)), [small]))
    assert text.endswith("With 12 MiB of memory less it would fit.")
    off = msgspec.structs.replace(small, enabled=False, free={"VCPU": 4, "MEMORY_MB": 512, "DISK_GB": 1})
    text = schedule.explain(choose(Wish(resources=schedule.resources_of(FLAVOR)), [off]))
    assert text.endswith("A host would do but for Enabled.")
    text = schedule.explain(choose(Wish(resources={}), []))
    assert text == "No valid host was found. Up left 0 of 0. No compute host has joined yet."
