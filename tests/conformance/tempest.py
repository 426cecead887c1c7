"""Tempest in an environment of its own: install it, tell it about the cloud, run a list, read the results."""

from __future__ import annotations

import csv
import io
import os
import shutil
import string
import subprocess
from dataclasses import dataclass
from pathlib import Path

from tests.conformance.cloud import IMAGE_ALT, Cloud
from tests.environment import Environment
from welkin import starter

LOCK = Path("requirements/tempest.txt")
TEMPLATE = Path(__file__).with_name("tempest.conf")


@dataclass(frozen=True)
class Result:
    """What came of one test: success, fail, skip, xfail or uxsuccess."""

    test: str
    status: str


class Tempest:
    """The suite below one folder."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.venv, self.workspace = folder, folder / "venv", folder / "workspace"

    def install(self) -> None:
        """Install what the lock says, once."""
        Environment(self.venv, LOCK).install()

    def configure(self, cloud: Cloud) -> None:
        """Write the configuration for this cloud."""
        shutil.rmtree(self.workspace, ignore_errors=True)
        self._run("init", str(self.workspace), cwd=self.folder)
        api = cloud.admin()
        images = {name: starter.named(api, "/image/v2/images", "images", name) for name in (starter.IMAGE, IMAGE_ALT)}
        public = starter.named(api, "/network/v2.0/networks", "networks", "public")
        assert public is not None
        extensions = api.get("/network/v2.0/extensions")["extensions"]
        facts = {
            "folder": self.workspace,
            "url": cloud.url,
            "admin_password": api.password,
            "image_id": (images[starter.IMAGE] or {})["id"],
            "image_alt_id": (images[IMAGE_ALT] or {})["id"],
            "public_network_id": public["id"],
            "extensions": ",".join(extension["alias"] for extension in extensions),
            "real": cloud.driver == "qemu",
            "enforcement": cloud.strict_images,
            "image_file": cloud.image_file,
            "fixtures": cloud.fixtures,
        }
        text = string.Template(TEMPLATE.read_text()).substitute({name: str(fact) for name, fact in facts.items()})
        (self.workspace / "etc" / "tempest.conf").write_text(text)

    def run_list(self, file: Path, workers: int) -> list[Result]:
        """Run the tests that a file names; a chosen test that did not run at all counts as missing."""
        chosen = [line for line in file.read_text().splitlines() if line and not line.startswith("#")]
        plain = self.workspace / "chosen.txt"
        plain.write_text("\n".join(chosen) + "\n")
        self._run("run", "--load-list", str(plain), "--concurrency", str(workers), check=False)
        results = self.results()
        ran = {result.test for result in results}
        return results + [Result(name(test), "missing") for test in chosen if name(test) not in ran]

    def run_regex(self, regex: str, workers: int) -> list[Result]:
        """Run every test that matches."""
        self._run("run", "--regex", regex, "--concurrency", str(workers), check=False)
        return self.results()

    def results(self) -> list[Result]:
        """Return the results of the last run.  A class that was skipped whole is one result by its name."""
        bin = self.venv / "bin"
        last = subprocess.run(
            [str(bin / "stestr"), "last", "--subunit"], cwd=self.workspace, stdout=subprocess.PIPE, check=False
        )
        table = subprocess.run([str(bin / "subunit2csv")], input=last.stdout, stdout=subprocess.PIPE, check=False)
        rows = csv.DictReader(io.StringIO(table.stdout.decode()))
        return [Result(name(row["test"]), row["status"]) for row in rows]

    def _run(self, *words: str, cwd: Path | None = None, check: bool = True) -> None:
        command = [str(self.venv / "bin" / "tempest"), *words]
        environment = {**os.environ, "HOME": str(self.workspace.with_name("home-of-tempest"))}
        shutil.rmtree(self.workspace.with_name("home-of-tempest"), ignore_errors=True)  # it remembers workspaces there
        subprocess.run(command, cwd=cwd or self.workspace, check=check, env=environment)


def name(test: str) -> str:
    """Return a test's name without its tags."""
    return test.partition("[")[0]
