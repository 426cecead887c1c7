"""The extra specs that mean something, and what their values may be.  Pure.

A name whose namespace is known must be in the vocabulary; others are free, for
operators keep their own notes in extra specs.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import NamedTuple

from welkin.core.errors import Invalid
from welkin.core.listing import truth
from welkin.services.compute.flavors.errors import BadExtraSpec

Check = Callable[[str], None]


class Word(NamedTuple):
    """A pattern of names, and the check that their values must pass."""

    name: re.Pattern[str]
    check: Check


def text(_value: str) -> None:
    """Take anything."""


def boolean(value: str) -> None:
    """Take a yes or a no.  Raises BadExtraSpec."""
    try:
        truth(value)
    except Invalid:
        raise BadExtraSpec(f"Validation failed; '{value}' is not a valid boolean-like value.") from None


def number(low: int | None = None, high: int | None = None) -> Check:
    """Return a check for a whole number within bounds."""

    def check(value: str) -> None:
        try:
            found = int(value)
        except ValueError:
            raise BadExtraSpec(f"Validation failed; '{value}' is not a valid integer value.") from None
        if high is not None and found > high:
            raise BadExtraSpec(f"Validation failed; '{found}' is greater than the max value of '{high}'.")
        if low is not None and found < low:
            raise BadExtraSpec(f"Validation failed; '{found}' is less than the min value of '{low}'.")

    return check


def one_of(*words: str) -> Check:
    """Return a check for one of some words."""

    def check(value: str) -> None:
        if value not in words:
            raise BadExtraSpec(f"Validation failed; '{value}' is not one of: {', '.join(words)}.")

    return check


def formed(pattern: str) -> Check:
    """Return a check for a text of a certain form."""
    compiled = re.compile(pattern)

    def check(value: str) -> None:
        if not compiled.fullmatch(value):
            raise BadExtraSpec(f"Validation failed; '{value}' is not of the format '{pattern}'.")

    return check


CPUS = r"\^?\d+((-\d+)?(,\^?\d+(-\d+)?)?)*"
"""Processors, such as `0-3,^2`."""
GROUP = r"([a-zA-Z0-9_-]{1,64})?"
"""The suffix of a group of requirements that one provider must meet together."""
COUNTED = (
    *("id", "uuid", "service_id", "host", "vcpus", "memory_mb", "local_gb", "vcpus_used", "memory_mb_used"),
    *("local_gb_used", "hypervisor_type", "hypervisor_version", "hypervisor_hostname", "free_ram_mb"),
    *("free_disk_gb", "current_workload", "running_vms", "disk_available_least", "host_ip", "mapped"),
    *("cpu_allocation_ratio", "ram_allocation_ratio", "disk_allocation_ratio", "total_usable_ram_mb"),
    *("total_usable_disk_gb", "disk_mb_used", "free_disk_mb", "vcpus_total", "num_instances", "num_io_ops"),
    *("failed_builds", "aggregates", "cell_uuid", "updated"),
)
NESTED = (
    *("cpu_info", "metrics", "stats", "numa_topology", "supported_hv_specs", "pci_device_pools", "nodename"),
    *("pci_stats", "supported_instances", "limits", "instances"),
)

NAMES: dict[str, Check] = {
    r"hw:cpu_realtime": boolean,
    r"hw:cpu_realtime_mask": formed(r"(\^)?\d+((-\d+)?(,\^?\d+(-\d+)?)?)*"),
    r"hw:hide_hypervisor_id": boolean,
    r"hw:cpu_policy": one_of("dedicated", "shared", "mixed"),
    r"hw:cpu_thread_policy": one_of("prefer", "isolate", "require"),
    r"hw:emulator_threads_policy": one_of("isolate", "share"),
    r"hw:cpu_dedicated_mask": formed(CPUS),
    r"hw:mem_page_size": formed(r"(large|small|any|\d+([kKMGT]i?)?(b|bit|B)?)"),
    r"hw:locked_memory": boolean,
    r"hw:numa_nodes": number(1),
    r"hw:numa_cpus\.\d+": formed(CPUS),
    r"hw:numa_mem\.\d+": number(1),
    r"hw:pci_numa_affinity_policy": one_of("required", "preferred", "legacy", "socket"),
    r"hw:cpu_(max_)?(sockets|cores|threads)": number(1),
    r"hw:(boot_menu|vif_multiqueue_enabled|mem_encryption|pmu|virtio_packed_ring)": boolean,
    r"hw:mem_encryption_model": one_of("amd-sev", "amd-sev-es", "amd-sev-snp"),
    r"hw:pmem": formed(r"([a-zA-Z0-9_]+(,)?)+"),
    r"hw:serial_port_count": number(0),
    r"hw:tpm_model": one_of("tpm-tis", "tpm-crb"),
    r"hw:tpm_version": one_of("1.2", "2.0"),
    r"hw:tpm_secret_security": one_of("user", "host", "deployment"),
    r"hw:watchdog_action": one_of("none", "pause", "poweroff", "reset", "disabled"),
    r"hw:viommu_model": one_of("intel", "smmuv3", "virtio", "auto"),
    r"hw:sound_model": one_of("sb16", "es1370", "pcspk", "ac97", "ich6", "ich9", "usb", "virtio"),
    r"hw:usb_model": one_of("none", "nec-xhci", "qemu-xhci"),
    r"hw:redirected_usb_ports": number(0, 15),
    r"hw:ephemeral_encryption": boolean,
    r"hw:ephemeral_encryption_format": one_of("plain", "luks", "luksv2"),
    r"hw_rng:allowed": boolean,
    r"hw_rng:rate_(bytes|period)": number(0),
    r"hw_video:ram_max_mb": number(0),
    r"os:secure_boot": one_of("disabled", "required"),
    rf"resources{GROUP}:[A-Z][A-Z0-9_]*": number(),
    rf"trait{GROUP}:[A-Z][A-Z0-9_]*": one_of("required", "forbidden"),
    r"vmware:(hw_version|storage_policy)": text,
    r"accel:device_profile": text,
    r"aggregate_instance_extra_specs:.+": text,
    rf"capabilities:({'|'.join(COUNTED)})": text,
    rf"capabilities:({'|'.join(NESTED)})(:\w+)*": text,
    r"hide_hypervisor_id": boolean,
    r"group_policy": one_of("isolate", "none"),
    r"pci_passthrough:alias": formed(r"[^:]+:\d+(?:\s*,\s*[^:]+:\d+)*"),
    r"quota:(cpu|memory|disk_io|vif)_limit": number(0),
    r"quota:(cpu|memory|disk_io|vif)_reservation": number(),
    r"quota:(cpu|memory|disk_io|vif)_shares_level": one_of("custom", "high", "normal", "low"),
    r"quota:(cpu|memory|disk_io|vif)_shares_share": number(0),
    r"quota:cpu_(shares|period)": number(0),
    r"quota:cpu_quota": number(),
    r"quota:disk_(read|write|total)_(bytes|iops)_sec": number(0),
    r"quota:vif_(inbound|outbound)_(average|peak|burst)": number(0),
}
WORDS = [Word(re.compile(name), check) for name, check in NAMES.items()]
NAMESPACES = re.compile(
    rf"hw|hw_rng|hw_video|os|accel|aggregate_instance_extra_specs|capabilities|pci_passthrough|quota|vmware"
    rf"|resources{GROUP}|trait{GROUP}"
)


def check_specs(specs: Mapping[str, str]) -> None:
    """Check every extra spec whose namespace is known.  Raises BadExtraSpec."""
    for name, value in specs.items():
        check_spec(name, value)


def check_spec(name: str, value: str) -> None:
    """Check one extra spec.  Raises BadExtraSpec."""
    for word in WORDS:
        if word.name.fullmatch(name):
            word.check(value)
            return
    namespace, colon, _ = name.partition(":")
    if colon and NAMESPACES.fullmatch(namespace):
        raise BadExtraSpec(f"Validation failed; extra spec '{name}' does not appear to be a valid extra spec.")
