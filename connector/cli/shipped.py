"""Where the mappings lie that come with the connector, and what stands beside mappings."""

from importlib.metadata import PackageNotFoundError, files
from pathlib import Path

from connector.errors import ConfigError


def shipped_mappings() -> Path:
    """The folder of shipped mappings: beside the package in a checkout, else where the installation put them.

    Raises ConfigError when neither is there.
    """
    checkout = Path(__file__).parents[2] / "mappings"
    if (checkout.parent / "pyproject.toml").exists() and checkout.is_dir():
        return checkout
    try:
        installed = [file for file in files("connector") or () if file.match("share/connector/mappings/*.yml")]
    except PackageNotFoundError:
        installed = []
    if not installed:
        raise ConfigError("the shipped mappings are not installed", "install the connector again with pip")
    return Path(str(installed[0].locate())).resolve().parent


def write_schema(folder: Path) -> None:
    """Put the JSON Schema of mappings, as this version knows it, where their first line leads editors to."""
    from connector.mapping.schema import FILE_NAME, schema_text

    (folder / FILE_NAME).write_text(schema_text(), encoding="utf-8")
