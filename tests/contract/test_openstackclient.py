"""The unmodified `openstack` command does what its users do, each thing as the role that may."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tests.contract.conftest import Site
from tests.contract.waiting import until

pytestmark = [pytest.mark.client]


def test_the_program_itself_runs(memory_site: Site) -> None:
    program = memory_site.client.bin / "openstack"
    done = subprocess.run(
        [str(program), "token", "issue", "-f", "value", "-c", "id"],
        env=memory_site.member.environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.startswith("gAAAA")


def test_tokens_and_the_catalog(memory_site: Site) -> None:
    member, admin = memory_site.member, memory_site.admin
    issued = member.get("token issue")
    assert issued["project_id"] == admin.get("project show demo")["id"]
    admin.do(f"token revoke {issued['id']}")
    types = {each["Type"] for each in member.get("catalog list")}
    assert types == {"identity", "image", "placement", "network", "compute"}
    assert "compute" in member.do("catalog show nova")
    assert {each["Service Type"] for each in admin.get("endpoint list")} == types


def test_projects_users_roles_and_assignments(memory_site: Site) -> None:
    admin = memory_site.admin
    project = admin.get("project create --description before --tag blue lab")
    admin.do("project set --description after --tag green lab")
    assert admin.get("project show lab")["description"] == "after"
    assert "lab" in {each["Name"] for each in admin.get("project list")}
    user = admin.get("user create --project lab --password secret --email ann@example.org ann")
    admin.do("user set --email ann@example.com ann")
    assert admin.get("user show ann")["email"] == "ann@example.com"
    assert user["id"] in {each["ID"] for each in admin.get("user list --long")}
    role = admin.get("role create cook")
    admin.do("role set --name chef cook")
    assert admin.get("role show chef")["id"] == role["id"]
    admin.do("role add --user ann --project lab member")
    admin.do("role add --user ann --project lab chef")
    given = admin.get("role assignment list --user ann --project lab --names")
    assert {(each["Role"], each["User"], each["Project"]) for each in given} == {
        ("member", "ann@Default", "lab@Default"),
        ("chef", "ann@Default", "lab@Default"),
    }
    effective = admin.get("role assignment list --user ann --project lab --effective --names")
    assert {each["Role"] for each in effective} == {"member", "reader", "chef"}
    ann = "--os-username ann --os-password secret --os-project-name lab"
    assert memory_site.member.get(f"{ann} token issue")["project_id"] == project["id"]
    assert "403" in memory_site.member.refused(f"{ann} user list")
    admin.do("role remove --user ann --project lab member")
    admin.do("role delete chef")
    admin.do("user delete ann")
    admin.do("project delete lab")
    assert "lab" not in {each["Name"] for each in admin.get("project list")}
    assert "403" in memory_site.member.refused("project create mine")


def test_domains_groups_and_application_credentials(memory_site: Site) -> None:
    member, admin = memory_site.member, memory_site.admin
    admin.do("domain create lab-domain")
    admin.do("group create --domain lab-domain crew")
    admin.do("group add user --group-domain lab-domain crew demo")
    assert [each["Name"] for each in admin.get("user list --group crew")] == ["demo"]
    admin.do("group remove user --group-domain lab-domain crew demo")
    admin.do("domain set --disable lab-domain")
    admin.do("domain delete lab-domain")
    member.do("application credential create --role reader robot")
    assert "robot" in {each["Name"] for each in member.get("application credential list")}
    member.do("application credential delete robot")
    access = member.get("ec2 credentials create")["access"]
    assert access in {each["Access"] for each in member.get("ec2 credentials list")}
    member.do(f"ec2 credentials delete {access}")


@pytest.mark.parametrize("disk_format", ["qcow2", "raw"])
def test_an_image_comes_back_as_it_went(memory_site: Site, tmp_path: Path, disk_format: str) -> None:
    member, admin = memory_site.member, memory_site.admin
    source, back = tmp_path / "source", tmp_path / "back"
    source.write_bytes(os.urandom(3 << 20))
    if disk_format == "qcow2":
        raw = source.rename(tmp_path / "raw")
        subprocess.run(["qemu-img", "convert", "-O", "qcow2", str(raw), str(source)], check=True)
    name = f"an-image-{disk_format}"
    member.do(f"image create --disk-format {disk_format} --container-format bare --file {source} --tag t {name}")
    shown = member.get(f"image show {name}")
    assert (shown["status"], shown["size"], shown["disk_format"]) == ("active", source.stat().st_size, disk_format)
    member.do(f"image save --file {back} {name}")
    assert back.read_bytes() == source.read_bytes()
    member.do(f"image set --property os_distro=debian --min-ram 64 --tag u {name}")
    member.do(f"image unset --tag t {name}")
    shown = member.get(f"image show {name}")
    assert (shown["min_ram"], shown["tags"], shown["properties"]["os_distro"]) == (64, ["u"], "debian")
    admin.do(f"image add project {name} admin")
    admin.do(f"image set --deactivate {name}")
    assert member.get(f"image show {name}")["status"] == "deactivated"
    member.do(f"image delete {name}")
    assert name not in {each["Name"] for each in member.get("image list")}


def test_flavors_and_key_pairs(memory_site: Site, tmp_path: Path) -> None:
    member, admin = memory_site.member, memory_site.admin
    admin.do("flavor create --ram 256 --disk 1 --vcpus 1 --private --property hw:cpu_policy=shared secret")
    assert "secret" not in {each["Name"] for each in member.get("flavor list --all")}
    admin.do("flavor set --project demo --property trait:X=required --description ours secret")
    admin.do("flavor unset --property trait:X secret")
    shown = member.get("flavor show secret")
    assert (shown["ram"], shown["description"], shown["properties"]) == (256, "ours", {"hw:cpu_policy": "shared"})
    assert "403" in member.refused("flavor create --ram 1 --disk 1 --vcpus 1 mine")
    admin.do("flavor delete secret")

    private = tmp_path / "private"
    member.do(f"keypair create --private-key {private} made")
    assert "PRIVATE KEY" in private.read_text()
    public = member.do("keypair show --public-key made").strip()
    (tmp_path / "public").write_text(public)
    member.do(f"keypair create --public-key {tmp_path / 'public'} brought")
    keypairs = {each["Name"]: each["Fingerprint"] for each in member.get("keypair list")}
    assert keypairs["made"] == keypairs["brought"]
    member.do("keypair delete made brought")


def test_networks_subnets_ports_and_routers(memory_site: Site) -> None:
    member = memory_site.member
    member.do("network create --description d --mtu 1400 blue")
    member.do("network set --name green blue")
    assert member.get("network show green")["mtu"] == 1400
    subnet = "--network green --subnet-range 10.5.0.0/24 --dns-nameserver 10.5.0.2"
    member.do(f"subnet create {subnet} --allocation-pool start=10.5.0.10,end=10.5.0.99 four")
    member.do("subnet create --network green --ip-version 6 --ipv6-address-mode slaac --ipv6-ra-mode slaac "
              "--subnet-range fd00:5::/64 six")  # fmt: skip
    member.do("subnet set --no-dns-nameservers --dns-nameserver 10.5.0.3 --host-route "
              "destination=10.6.0.0/24,gateway=10.5.0.4 four")  # fmt: skip
    member.do("subnet unset --host-route destination=10.6.0.0/24,gateway=10.5.0.4 four")
    shown = member.get("subnet show four")
    assert (shown["dns_nameservers"], shown["host_routes"]) == (["10.5.0.3"], [])
    assert {each["Name"] for each in member.get("subnet list --network green")} == {"four", "six"}

    member.do("port create --network green --fixed-ip subnet=four,ip-address=10.5.0.44 plug")
    member.do("port set --name socket --allowed-address ip-address=10.5.0.200 --description d plug")
    member.do("port set --no-allowed-address socket")
    shown = member.get("port show socket")
    assert {each["ip_address"] for each in shown["fixed_ips"]} >= {"10.5.0.44"} and not shown["allowed_address_pairs"]
    assert "socket" in {each["Name"] for each in member.get("port list --network green")}
    assert "409" in member.refused("network delete green")

    member.do("router create way")
    member.do("router set --external-gateway public --name road way")
    member.do("router add subnet road four")
    member.do("router set --route destination=10.9.0.0/24,gateway=10.5.0.44 road")
    shown = member.get("router show road")
    assert [each["nexthop"] for each in shown["routes"]] == ["10.5.0.44"]
    assert "road" in {each["Name"] for each in member.get("router list")}
    member.do("router unset --route destination=10.9.0.0/24,gateway=10.5.0.44 road")
    member.do("router remove subnet road four")
    member.do("router unset --external-gateway road")
    member.do("router delete road")
    member.do("port delete socket")
    member.do("subnet delete four six")
    member.do("network delete green")
    assert {each["Name"] for each in member.get("network list")} == {"private", "public"}


def test_floating_ips_and_security_groups(memory_site: Site) -> None:
    member = memory_site.member
    made = member.get("floating ip create --description d --tag t public")
    member.do(f"floating ip set --description e {made['id']}")
    assert member.get(f"floating ip show {made['floating_ip_address']}")["description"] == "e"
    assert made["id"] in {each["ID"] for each in member.get("floating ip list")}
    member.do(f"floating ip delete {made['floating_ip_address']}")

    member.do("security group create --description d web")
    member.do("security group set --name site web")
    rule = member.get("security group rule create --protocol tcp --dst-port 80:81 --remote-ip 10.0.0.0/8 site")
    member.do("security group rule create --protocol icmp --remote-group site site")
    member.do("security group rule create --egress --ethertype IPv6 --protocol udp site")
    rules = member.get("security group rule list site")
    assert len(rules) == 5
    assert member.get(f"security group rule show {rule['id']}")["port_range_max"] == 81
    assert "409" in member.refused(
        "security group rule create --protocol tcp --dst-port 80:81 --remote-ip 10.0.0.0/8 site"
    )
    member.do(f"security group rule delete {rule['id']}")
    assert "site" in {each["Name"] for each in member.get("security group list")}
    member.do("security group delete site")


def test_quotas_limits_and_usage(memory_site: Site) -> None:
    member, admin = memory_site.member, memory_site.admin
    assert {each["Resource"]: each["Limit"] for each in member.get("quota show")}["instances"] == 10
    admin.do("quota set --instances 11 --cores 33 --networks 7 demo")
    changed = {each["Resource"]: each["Limit"] for each in member.get("quota show")}
    assert (changed["instances"], changed["cores"], changed["networks"]) == (11, 33, 7)
    assert "403" in member.refused("quota set --instances 100 demo")
    limits = {each["Name"]: each["Value"] for each in member.get("limits show --absolute")}
    assert limits["instances"] == 11
    assert admin.get("quota list --compute")[0]["Instances"] == 11
    admin.do("quota delete demo")
    assert {each["Resource"]: each["Limit"] for each in member.get("quota show")}["instances"] == 10
    assert "Project" in member.get("usage show")
    assert isinstance(admin.get("usage list"), list)


def test_what_operators_look_at(memory_site: Site) -> None:
    member, admin = memory_site.member, memory_site.admin
    (hypervisor,) = admin.get("hypervisor list")
    assert hypervisor["State"] == "up"
    host = hypervisor["Hypervisor Hostname"]
    assert admin.get(f"hypervisor show {host}")["status"] == "enabled"
    assert admin.get("hypervisor stats show")["count"] == 1
    services = {each["Binary"]: each for each in admin.get("compute service list")}
    assert services["nova-compute"]["State"] == "up"
    admin.do(f"compute service set --disable --disable-reason maintenance {host} nova-compute")
    (service,) = admin.get("compute service list --service nova-compute --long")
    assert (service["Status"], service["Disabled Reason"]) == ("disabled", "maintenance")
    admin.do(f"compute service set --enable {host} nova-compute")
    agents = admin.get("network agent list")
    assert agents and all(each["Alive"] for each in agents)
    assert "nova" in {each["Zone Name"] for each in member.get("availability zone list")}
    for command in ("hypervisor list", "compute service list"):
        assert "403" in member.refused(command)
    assert member.get("network agent list") == []


def test_server_groups_and_aggregates(memory_site: Site) -> None:
    member, admin = memory_site.member, memory_site.admin
    made = member.get("server group create --policy anti-affinity apart")
    assert member.get("server group show apart")["policy"] == "anti-affinity"
    assert made["id"] in {each["ID"] for each in member.get("server group list")}
    member.do("server group delete apart")
    (hypervisor,) = admin.get("hypervisor list")
    admin.do("aggregate create --zone west fast")
    admin.do("aggregate set --property ssd=true --name faster fast")
    admin.do(f"aggregate add host faster {hypervisor['Hypervisor Hostname']}")
    shown = admin.get("aggregate show faster")
    assert shown["hosts"] == [hypervisor["Hypervisor Hostname"]] and shown["properties"] == {"ssd": "true"}
    assert "west" in {each["Zone Name"] for each in member.get("availability zone list --compute")}
    admin.do(f"aggregate remove host faster {hypervisor['Hypervisor Hostname']}")
    admin.do("aggregate unset --property ssd faster")
    assert [each["Name"] for each in admin.get("aggregate list")] == ["faster"]
    admin.do("aggregate delete faster")


def test_nothing_fits(memory_site: Site) -> None:
    member, admin = memory_site.member, memory_site.admin
    admin.do("flavor create --ram 10000000 --disk 1 --vcpus 1 vast")
    admin.do("quota set --ram -1 demo")
    member.do("server create --image tiny --flavor vast --network private hopeless")
    shown = until(lambda: _in(memory_site, "hopeless", "ERROR"), "the server is in ERROR")
    assert "No valid host" in shown["fault"]["message"]
    member.do("server delete hopeless")
    admin.do("flavor delete vast")


def _in(site: Site, server: str, status: str) -> dict[str, object]:
    shown = site.member.get(f"server show {server}")
    return shown if shown["status"] == status else {}
