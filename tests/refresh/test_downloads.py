"""Downloads from a folder instead of the registries."""

import json
import shutil
from zipfile import ZipFile

import pytest

from refresh.downloads import Registries
from refresh.source import Package, UnreachableError


@pytest.fixture
def registries(tmp_path, monkeypatch):
    """Downloads, with a folder of wheels instead of an index."""
    for folder in ("wheels", "downloaded"):
        (tmp_path / folder).mkdir()
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "wheels"))
    return Registries(tmp_path / "downloaded")


def make_wheel(folder, name, version):
    with ZipFile(folder / f"{name}-{version}-py3-none-any.whl", "w") as wheel:
        wheel.writestr(f"{name}/data/one.json", f'"{version}"')
        wheel.writestr(f"{name}/__init__.py", "raise SystemExit('code of a package has run')")
        wheel.writestr(
            f"{name}-{version}.dist-info/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
        )
        wheel.writestr(f"{name}-{version}.dist-info/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")


def test_newest_wheel_is_read(registries, tmp_path):
    for version in ("0.1.9", "0.1.10"):
        make_wheel(tmp_path / "wheels", "weather", version)

    assert registries.wheel("weather", "weather/data/*.json") == Package(
        "weather", "0.1.10", {"weather/data/one.json": '"0.1.10"'}
    )


def test_missing_wheel_is_unreachable(registries):
    with pytest.raises(UnreachableError, match=r"^weather cannot be downloaded: ERROR: No matching distribution"):
        registries.wheel("weather", "*")


def test_page_is_read(registries, tmp_path):
    (tmp_path / "page.md").write_text("São Paulo", encoding="utf-8")

    assert registries.page((tmp_path / "page.md").as_uri()) == "São Paulo"


def test_missing_page_is_unreachable(registries, tmp_path):
    url = (tmp_path / "page.md").as_uri()

    with pytest.raises(UnreachableError, match=f"^{url} cannot be read: "):
        registries.page(url)


@pytest.mark.skipif(not shutil.which("npm"), reason="needs npm")
def test_npm_package_is_read(registries, tmp_path):
    """The command npm packs a folder as it packs a package of its registry."""
    folder = tmp_path / "weather"
    (folder / "lib").mkdir(parents=True)
    (folder / "package.json").write_text(json.dumps({"name": "weather", "version": "2.3.4"}))
    (folder / "lib" / "data.js").write_text("exports = 1")

    package = registries.npm(str(folder), "lib/*.js")

    assert (package.version, package.files) == ("2.3.4", {"lib/data.js": "exports = 1"})


def test_missing_npm_is_unreachable(registries, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(UnreachableError, match=r"^weather cannot be downloaded: npm is not installed\.$"):
        registries.npm("weather", "*")
