"""The Debian packages that this machine needs, and what each is needed for.

The installer reads this list; `welkin doctor` says what is missing and why it matters.
"""

from __future__ import annotations

SYSTEM_PACKAGES: dict[str, str] = {
    # Guests.
    "qemu-system-x86": "runs the guests",
    "qemu-utils": "qemu-img makes, inspects and converts disks",
    "genisoimage": "writes config drives",
    "dosfstools": "formats disks for guests, and the tiny guest's boot partition",
    "e2fsprogs": "formats ephemeral disks and the tiny guest's root",
    "util-linux": "setpriv, setsid, prlimit, nsenter start guests and servers; lsblk and blkid go into the tiny guest",
    # The tiny guest image.
    "busybox-static": "almost all of the tiny guest",
    "curl": "asks for metadata in the tiny guest",
    "dropbear-bin": "the tiny guest's SSH server",
    "iputils-ping": "ping in the tiny guest",
    "socat": "nc with UDP in the tiny guest",
    "qemu-guest-agent": "answers the host from within the tiny guest",
    "bash": "the tiny guest's login shell",
    "binutils": "objcopy makes the tiny guest's kernel modules small",
    "cpio": "packs the tiny guest's initrd",
    "fdisk": "sfdisk writes the tiny guest's partition table",
    "kmod": "loads br_netfilter where the kernel has it apart; finds what the tiny guest's modules depend on",
    "mtools": "fills the tiny guest's boot partition without mounting it",
    "syslinux": "boots the tiny guest",
    "syslinux-common": "boots the tiny guest",
    "zstd": "compresses the tiny guest's initrd",
    # Networks.
    "dnsmasq-base": "DHCP, router advertisements and names for tenant networks",
    "iproute2": "lets people look at links and namespaces; Welkin itself speaks netlink",
    "nftables": "security groups, anti-spoofing and NAT",
    "conntrack": "ends connections that a security group no longer allows",
    # Consoles.
    "novnc": "the console page in the browser",
    # People.
    "openssh-client": "ssh and ssh-keygen, to reach guests",
}
