"""The bill of materials of what `make demo` sets up, as CycloneDX JSON: packages and models, with hashes and licences.

Packages are those of the lock that are installed here, with the hashes of the files that the lock admits; models are
those of a profile that are installed, with the sums of their files. It is the same on every run; with SOURCE_DATE_EPOCH
set it has that time.

    python tools/sbom.py --profile starter --output build/sbom.cdx.json
"""

from __future__ import annotations

import argparse
import hashlib
import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from importlib.metadata import metadata
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))
import locked

from edge_assistant_models.entries import Entry
from edge_assistant_models.errors import EdgeAssistantError, ModelMissing
from edge_assistant_models.portfolio import Portfolio
from edge_assistant_models.store import ModelState

SPEC_VERSION = "1.6"
Component = dict[str, Any]


def environment() -> dict[str, Any]:
    """What the CycloneDX tool finds in this environment."""
    tool = str(Path(sys.executable).with_name("cyclonedx-py"))
    with tempfile.TemporaryDirectory() as work:
        output = Path(work) / "bom.json"
        command = [tool, "environment", "--output-reproducible", "--no-validate", "--spec-version", SPEC_VERSION]
        command += ["--pyproject", str(locked.PYPROJECT), "--output-file", str(output), sys.executable]
        subprocess.run(command, check=True, capture_output=True, text=True)  # it warns that it does not validate
        found: dict[str, Any] = json.loads(output.read_text("utf-8"))
    return found


def canonical(name: str) -> str:
    """A package's name as an index compares it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def packages(bom: dict[str, Any]) -> Iterator[Component]:
    """The components that the demo's lock names, with the hashes that pip compares."""
    wanted = {canonical(name): text for name, text in locked.requirements(locked.DEMO).items()}
    for component in bom["components"]:
        text = wanted.get(canonical(component["name"]), "")
        if f"=={component['version']} " not in text:
            continue
        hashes = [{"alg": "SHA-256", "content": found} for found in re.findall(r"sha256:([0-9a-f]{64})", text)]
        admitted = {
            "type": "distribution",
            "url": component["purl"],
            "comment": "the files that the lock admits",
            "hashes": sorted(hashes, key=lambda entry: entry["content"]),
        }
        references = [*component.get("externalReferences", ()), admitted]
        licences = component.get("licenses") or stated(component["name"])
        yield {**component, "externalReferences": references, "licenses": licences}


def stated(name: str) -> list[dict[str, Any]]:
    """The licence of a package that states it in words of its own."""
    words = (metadata(name)["License"] or "").partition("\n")[0]
    return [{"license": {"name": words, "acknowledgement": "declared"}}] if words else []


def model(portfolio: Portfolio, entry: Entry) -> Component:
    """A model of the catalog, with its files as they are in the store."""
    sums = portfolio.store.sums(entry)
    files = [
        {
            "type": "file",
            "bom-ref": f"model:{entry.name}/{file.path}",
            "name": file.path,
            "hashes": [{"alg": "SHA-256", "content": sums[file.key]}],
        }
        for file in entry.files
    ]
    return {
        "type": "machine-learning-model",
        "bom-ref": f"model:{entry.name}",
        "name": entry.name,
        "version": entry.sha256[:12],
        "description": entry.description,
        "hashes": [{"alg": "SHA-256", "content": joint(entry, sums)}],
        "licenses": [{"license": {"id": entry.licence, "url": entry.licence_url}}],
        "externalReferences": [{"type": "website", "url": entry.home}],
        "modelCard": {"modelParameters": {"task": entry.role}},
        "properties": [{"name": "edge-assistant:sha256", "value": entry.sha256}],  # as answers name it
        "components": files,
    }


def joint(entry: Entry, sums: Mapping[str, str]) -> str:
    """The sum of a model's file; of several, what `sha256sum FILE... | sha256sum` says of them by name."""
    if len(entry.files) == 1:
        return sums[entry.files[0].key]
    lines = sorted((file.path, f"{sums[file.key]}  {file.path}\n") for file in entry.files)
    return hashlib.sha256("".join(line for _, line in lines).encode()).hexdigest()


def models(profile: str) -> list[Component]:
    """The models of a profile that are installed here.

    Raises:
        ModelMissing: none is.
    """
    portfolio = Portfolio()
    names = [name for name in portfolio.resolve(profile).values() if portfolio.state(name) is ModelState.INSTALLED]
    if not names:
        pull = f"run 'edge-assistant models pull --profile {profile}'"
        raise ModelMissing(f"no model of the profile {profile} is in the store", pull)
    return [model(portfolio, portfolio.entry(name)) for name in sorted(names)]


def whole(profile: str) -> dict[str, Any]:
    """The bill of materials.

    Raises:
        ModelMissing: no model is installed.
        subprocess.CalledProcessError: the CycloneDX tool failed.
    """
    trained = models(profile)
    bom = environment()
    taken = list(packages(bom))
    return {**bom, "components": [*taken, *trained], "dependencies": list(edges(bom, taken, trained))}


def edges(bom: dict[str, Any], taken: list[Component], trained: list[Component]) -> Iterator[dict[str, Any]]:
    """What depends on what, among the packages that were taken; the product depends on the models too."""
    root = bom["metadata"]["component"]["bom-ref"]
    refs = {component["bom-ref"] for component in taken}
    for edge in bom["dependencies"]:
        wanted = [ref for ref in edge.get("dependsOn", ()) if ref in refs]
        if edge["ref"] == root:
            yield {"ref": root, "dependsOn": [*wanted, *(component["bom-ref"] for component in trained)]}
        elif edge["ref"] in refs:
            yield {"ref": edge["ref"], **({"dependsOn": wanted} if wanted else {})}


def problem(text: str) -> str:
    """What the schema says against a bill of materials; empty where nothing."""
    from cyclonedx.schema import SchemaVersion
    from cyclonedx.validation.json import JsonStrictValidator

    found = JsonStrictValidator(SchemaVersion.from_version(SPEC_VERSION)).validate_str(text)
    return "" if found is None else str(found)


def main() -> int:
    """Write the bill of materials, if it is valid."""
    parser = argparse.ArgumentParser(description="Write the bill of materials of what 'make demo' sets up.")
    parser.add_argument("--profile", default="starter")
    parser.add_argument("--output", type=Path, default=locked.ROOT / "build" / "sbom.cdx.json")
    args = parser.parse_args()
    if not locked.current():
        print("error: the locks are not of this pyproject.toml - run 'make lock'", file=sys.stderr)
        return 1
    try:
        bom = whole(args.profile)
    except EdgeAssistantError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_status
    except subprocess.CalledProcessError as error:
        print(f"{error.stderr}error: the packages cannot be listed - see above", file=sys.stderr)
        return error.returncode
    text = json.dumps(bom, indent=1, sort_keys=True) + "\n"
    if said := problem(text):
        print(f"error: the bill of materials breaks its schema ({said})", file=sys.stderr)
        return 1
    args.output.parent.mkdir(parents=True, exist_ok=True)
    args.output.write_text(text, "utf-8")
    kinds = [component["type"] for component in bom["components"]]
    print(f"{args.output}: {kinds.count('library')} packages, {kinds.count('machine-learning-model')} models")
    return 0


if __name__ == "__main__":
    sys.exit(main())
