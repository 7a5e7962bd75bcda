"""The bill of materials names what is installed, with hashes and licences, and is valid and the same each time."""

import json

import locked
import pytest
import sbom

from edge_assistant_models.errors import ModelMissing
from edge_assistant_models.portfolio import Portfolio

FEW = {"numpy", "onnxruntime", "pytest"}  # the schema is checked in time that grows with the packages


@pytest.fixture(scope="module")
def listed():
    """All packages of this environment."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SOURCE_DATE_EPOCH", "1700000000")
        return sbom.environment()


@pytest.fixture(scope="module")
def written(listed, store, tmp_path_factory):
    """What is written for a few packages and the models of tests, which is validated; it takes seconds, so once."""
    output = tmp_path_factory.mktemp("sbom") / "build" / "bom.json"
    few = [package for package in listed["components"] if package["name"] in FEW]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EDGE_ASSISTANT_MODELS", str(store))
        patch.setattr(sbom, "environment", lambda: {**listed, "components": few})
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


@pytest.mark.bench
def test_the_whole_one_is_valid(listed):
    assert sbom.problem(json.dumps({**listed, "components": list(sbom.packages(listed))})) == ""


def test_packages_are_the_locks_with_licence_and_hashes(listed, components):
    packages = {package["name"]: package for package in sbom.packages(listed)}
    assert {name: packages[name] for name in FEW - {"pytest"}}.items() <= components.items()
    wanted = {sbom.canonical(name) for name in locked.requirements(locked.DEMO)}
    assert {sbom.canonical(name) for name in packages} <= wanted
    assert {"numpy", "onnxruntime", "llama_cpp_python", "textual"} <= set(packages)
    assert "pytest" not in packages.keys() | components.keys()
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


def test_the_product_depends_on_its_packages_and_models(written, components):
    (edge,) = [edge for edge in json.loads(written)["dependencies"] if edge["ref"] == "root-component"]
    assert {components["numpy"]["bom-ref"], "model:silero-vad"} <= set(edge["dependsOn"])
    refs = {component["bom-ref"] for component in components.values()}
    assert set(edge["dependsOn"]) <= refs


def test_without_models_that_is_said(tmp_path, monkeypatch):
    monkeypatch.setenv("EDGE_ASSISTANT_MODELS", str(tmp_path))
    with pytest.raises(ModelMissing, match="no model of the profile starter"):
        sbom.models("starter")
