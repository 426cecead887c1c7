"""Read the operations of OpenStack's API references into `src/welkin/core/operations.json`.

The references are reStructuredText beside the code of each service. Only facts are
taken: the method, the path, the short name of the section, the key of an action, the
microversions that have it, and whether upstream itself has removed the operation. Run it again when upstream moves:

    git clone --depth 1 https://opendev.org/openstack/keystone   # and glance, nova,
    git clone --depth 1 https://opendev.org/openstack/placement  # neutron-lib
    python docs/upstream/extract.py --identity keystone --image glance --compute nova \
        --placement placement --network neutron-lib

then `make docs`, and read what the diff of docs/compatibility.md says.
"""

import argparse
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

TARGET = Path(__file__).parents[2] / "src" / "welkin" / "core" / "operations.json"


@dataclass(frozen=True)
class Reference:
    """Where a service's reference starts, and what its paths leave out."""

    indexes: tuple[str, ...]  # the pages that include all others, under api-ref/source
    prefix: str = ""  # put before a path that has no version in it


REFERENCES = {
    "identity": Reference(("v3/index.rst", "v3-ext/index.rst")),
    "image": Reference(("versions/index.rst", "v2/index.rst", "v2/metadefs-index.rst")),
    "compute": Reference(("index.rst",), prefix="/v2.1"),
    "placement": Reference(("index.rst",)),
    "network": Reference(("v2/index.rst",)),
}
INCLUDE = re.compile(r"^\.\. include::\s*(\S+\.inc)\s*$")
METHOD = re.compile(r"^\s*\.\. rest_method::\s*(\S*)\s*(\S*)\s*$")
UNDERLINE = re.compile(r"^([=\-~^*#`'\"+.])\1{2,}\s*$")
ACTION = re.compile(r"\(\s*([A-Za-z_-]+)\s+Action\s*\)", re.IGNORECASE)
REMARK = re.compile(r"\s*\((?:deprecated|obsolete|[^()]*\bAction)\s*\)", re.IGNORECASE)
ARGUMENT = re.compile(r"^\s+- ([A-Za-z_-]+): \S+\s*$")
PATH_ARGUMENT = re.compile(r"\{([^}]*)\}")
SINCE = re.compile(
    r"\(New in version (2\.\d+)\)\.|^\.\. versionadded:: (2\.\d+)|Microversion (2\.\d+) or greater is required",
    re.MULTILINE,
)
UNTIL = re.compile(r"will\s+fail\s+with\s+(?:a|HTTP)\s+404\s+starting\s+(?:from|with)\s+microversion\s+2\.(\d+)")
REMOVED = re.compile(r"removed\s+in\s+(?:the\s+)?\d+\.0\.0")
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"})
NAME_LENGTH_MAX = 70

Operation = dict[str, str | bool]


def pages(index: Path, *, gone: bool = False) -> Iterator[tuple[Path, bool]]:
    """Yield every page that `index` includes, and whether it stands under "Obsolete APIs"."""
    lines = index.read_text().splitlines()
    for number, line in enumerate(lines):
        following = lines[number + 1] if number + 1 < len(lines) else ""
        if UNDERLINE.match(following) and line.strip():
            gone = line.strip() == "Obsolete APIs"
        if match := INCLUDE.match(line):
            page = index.parent / match[1]
            yield page, gone
            yield from pages(page, gone=gone)


def action_key(heading: str, path: str, following: list[str]) -> str | None:
    """Return the key under which an action's arguments stand in its body.

    Most headings name it; otherwise it is the first argument that is not in the path.
    """
    if not path.endswith("/action"):
        return None
    if match := ACTION.search(heading):
        return match[1]
    in_path = set(PATH_ARGUMENT.findall(path))
    for line in following:
        if METHOD.match(line) or line.strip() == "Response":
            return None
        if (match := ARGUMENT.match(line)) and match[1] not in in_path:
            return match[1]
    return None


def sections(page: Path) -> Iterator[tuple[str, str, str, str | None]]:
    """Yield the heading, the method, the path and the action's key of every operation of a page."""
    heading = ""
    lines = page.read_text().splitlines()
    for number, line in enumerate(lines):
        following = lines[number + 1] if number + 1 < len(lines) else ""
        if UNDERLINE.match(following) and line.strip() and not UNDERLINE.match(line):
            heading = line.strip()
        if match := METHOD.match(line):
            method, path = match[1], match[2]
            if not method:  # the argument may stand on the next line
                method, _, path = following.strip().partition(" ")
            path = path.strip()
            yield heading, method, path, action_key(heading, path, lines[number + 1 :])


def bounds(text: str) -> Operation:
    """Return what a part of a page says of the microversions that have an operation; several say nothing certain."""
    found: Operation = {}
    first = {next(filter(None, match.groups())) for match in SINCE.finditer(text)}
    after = {int(match[1]) for match in UNTIL.finditer(text)}
    if len(first) == 1:
        found["since"] = first.pop()
    if len(after) == 1:
        found["until"] = f"2.{after.pop() - 1}"
    return found


def remarks(page: Path) -> Iterator[Operation]:
    """Yield the bounds of every operation of a page: those of its section, or those that stand before the first."""
    preface = ""
    for section in re.split(r"^(?=\S.*\n={3,}$)", page.read_text(), flags=re.MULTILINE):
        count = len(re.findall(r"^\s*\.\. rest_method::", section, flags=re.MULTILINE))
        head = section.partition("\nRequest\n")[0]
        preface += "" if count else section
        yield from [bounds(preface) | bounds(head) | ({"gone": True} if REMOVED.search(head) else {})] * count


def operation(heading: str, method: str, path: str, *, prefix: str) -> Operation:
    """Make one entry out of what a section says."""
    path = path.split("?")[0].replace("/{api_version}", prefix)
    path = re.sub(r"\{(\w+)/\w+\}", r"{\1}", path)  # "an id or a name" is one argument all the same
    if prefix and path != "/" and not path.startswith(prefix):
        path = prefix + path
    found: Operation = {"method": method, "path": path if path == "/" else path.rstrip("/")}
    name = REMARK.sub("", heading).strip().removesuffix(".")
    if len(name) <= NAME_LENGTH_MAX:
        found["name"] = name
    return found


def extract(checkout: Path, reference: Reference) -> list[Operation]:
    """Return the operations of one service in the order of its reference, each once."""
    found: dict[tuple[object, ...], Operation] = {}
    for index in reference.indexes:
        for page, gone in pages(checkout / "api-ref" / "source" / index):
            for (heading, method, path, action), said in zip(sections(page), remarks(page), strict=True):
                if method not in METHODS or not path.startswith("/"):
                    raise SystemExit(f"{page}: cannot read the operation {method!r} {path!r} of {heading!r}")
                entry = operation(heading, method, path, prefix=reference.prefix)
                entry |= {"action": action} if action else {}
                entry |= {"gone": True} if gone else said
                key: tuple[object, ...] = (method, PATH_ARGUMENT.sub("{}", str(entry["path"])), action)
                if path.endswith("/action") and not action:
                    key = (*key, heading)
                found.setdefault(key, entry)
    return list(found.values())


def write(operations: dict[str, list[Operation]], target: Path) -> None:
    """Write one line for each operation, so that a diff reads well."""
    services = []
    for service, entries in sorted(operations.items()):
        lines = ",\n".join("  " + json.dumps(entry, sort_keys=False) for entry in entries)
        services.append(f" {json.dumps(service)}: [\n{lines}\n ]")
    target.write_text("{\n" + ",\n".join(services) + "\n}\n")


def main() -> None:
    """Read the given checkouts; a service that is not given keeps what it has."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for service in REFERENCES:
        parser.add_argument(f"--{service}", type=Path, metavar="CHECKOUT", help="path of the service's checkout")
    given = vars(parser.parse_args())
    operations: dict[str, list[Operation]] = json.loads(TARGET.read_text()) if TARGET.exists() else {}
    for service, reference in REFERENCES.items():
        if given[service]:
            operations[service] = extract(given[service], reference)
            print(f"{service}: {len(operations[service])} operations")
    write(operations, TARGET)


if __name__ == "__main__":
    main()
