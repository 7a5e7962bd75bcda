"""The bill of materials names what is installed, with hashes and licences, and is valid and the same each time."""

import json

import locked
import pytest
import sbom

from edge_assistant_models.portfolio import Portfolio

pytestmark = pytest.mark.bench  # the tool that lists the packages of this environment takes half a minute


@pytest.fixture(scope="module")
def written(store, tmp_path_factory):
    """What is written for the models of tests, which is validated; it takes seconds, so once."""
    output = tmp_path_factory.mktemp("sbom") / "build" / "bom.json"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EDGE_ASSISTANT_MODELS", str(store))
        patch.setenv("SOURCE_DATE_EPOCH", "1700000000")
        patch.setattr(locked, "current", lambda: True)
        patch.setattr("sys.argv", ["sbom", "--profile", "test", "--output", str(output)])
        assert sbom.main() == 0
    return output.read_text("utf-8")


@pytest.fixture(scope="module")
def components(written):
    return {component["name"]: component for component in json.loads(written)["components"]}


def test_it_is_valid_and_has_nothing_of_this_machine_or_moment(written):
    bom = json.loads(written)
    assert (bom["bomFormat"], bom["specVersion"]) == ("CycloneDX", sbom.SPEC_VERSION)
    assert "serialNumber" not in bom
    assert bom["metadata"]["timestamp"].startswith("2023-11-14T22:13:20")
    assert str(locked.ROOT) not in written
    assert bom["metadata"]["component"]["name"] == "edge-assistant-offline"


def test_a_broken_one_is_not_written(written, store, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("EDGE_ASSISTANT_MODELS", str(store))
    monkeypatch.setattr(locked, "current", lambda: True)
    monkeypatch.setattr(sbom, "whole", lambda profile: {**json.loads(written), "specVersion": 7})
    monkeypatch.setattr("sys.argv", ["sbom", "--output", str(tmp_path / "bom.json")])
    assert sbom.main() == 1
    assert "breaks its schema" in capsys.readouterr().err
    assert not (tmp_path / "bom.json").exists()


def test_packages_are_the_locks_with_licence_and_hashes(components):
    packages = {name: found for name, found in components.items() if found["type"] == "library"}
    wanted = {sbom.canonical(name) for name in locked.requirements(locked.DEMO)}
    assert {sbom.canonical(name) for name in packages} <= wanted
    assert {"numpy", "onnxruntime", "llama_cpp_python", "textual"} <= set(packages)
    assert "pytest" not in packages
    for name, package in packages.items():
        assert package["licenses"], name
        assert package["externalReferences"][-1]["hashes"], name
        assert package["purl"].endswith(f"@{package['version']}")


def test_models_are_the_profiles_with_licence_and_sums(components, store):
    portfolio = Portfolio(store)
    models = {name: found for name, found in components.items() if found["type"] == "machine-learning-model"}
    assert set(models) == set(portfolio.resolve("test").values())
    for name, found in models.items():
        entry = portfolio.entry(name)
        sums = portfolio.store.sums(entry)
        assert [file["hashes"][0]["content"] for file in found["components"]] == [sums[f.key] for f in entry.files]
        assert found["licenses"][0]["license"] == {"id": entry.licence, "url": entry.licence_url}
        assert found["hashes"]
        assert found["properties"][0]["value"] == entry.sha256
