"""Higher imports lower, never the other way: read from the source of every module."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import connector

ROOT = Path(connector.__file__).parent

LEVELS = (
    "errors",
    "masking login_choice shapes",
    "spans refusals spools",
    "bodies",
    "windows rhythm",
    "ledger following lateness genesys.queries genesys.job_queries genesys.judge genesys.chain genesys.newest_first "
    "genesys.parts genesys.templates genesys.facts genesys.flatten genesys.mentions genesys.regions genesys.redaction",
    "mapping connection",
    "transport config orders",
    "pace state",
    "genesys salesforce",
    "lanes job_files comparing preflight",
    "sifting choosing missing",
    "delivery job_passes open_passes fates disagreements planning owing snapshots verdicts",
    "readings verifying replay_passes keeping",
    "pulling",
    "schedules",
    "sync",
    "assemble",
    "advice arrivals",
    "window_advice",
    "report forecast gaps stories triage",
    "cli",
    "__main__",
)
"""Lowest first. A package stands for all of its modules that are not named themselves; `sandbox` stands apart."""

LEVEL = {name: level for level, names in enumerate(LEVELS) for name in names.split()}
PURE = (
    "genesys.queries",
    "genesys.job_queries",
    "genesys.judge",
    "genesys.chain",
    "genesys.newest_first",
    "genesys.parts",
    "genesys.templates",
    "genesys.facts",
    "genesys.flatten",
    "genesys.mentions",
    "genesys.regions",
    "genesys.redaction",
)


def name_of(path: Path) -> str:
    """`genesys.client` for connector/genesys/client.py, `genesys` for its __init__, "" for connector itself."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(part for part in parts if part != "__init__")


def imported(tree: ast.AST) -> Iterator[str]:
    """Every module named in an import, wherever it stands."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (each.name for each in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are written out in full"
            yield node.module or ""
            yield from (f"{node.module}.{each.name}" for each in node.names)


TREES = {name_of(path): ast.parse(path.read_text(encoding="utf-8")) for path in sorted(ROOT.rglob("*.py"))}
IMPORTS = {
    name: {one.removeprefix("connector.") for one in imported(tree) if one.startswith("connector.")} & TREES.keys()
    for name, tree in TREES.items()
}
"""Module -> modules of the package it imports."""


def place(name: str) -> str:
    """The entry of LEVELS a module belongs to."""
    return name if name in LEVEL else name.partition(".")[0]


def package(name: str) -> str:
    return name.partition(".")[0]


def arrows(source: str, *targets: str) -> list[str]:
    return [
        f"{name} -> {one}"
        for name, found in IMPORTS.items()
        for one in sorted(found)
        if package(name) == source and package(one) in targets
    ]


def test_every_module_has_its_level():
    known = {*LEVEL, "sandbox", ""}
    assert [name for name in TREES if place(name) not in known] == []


def test_higher_imports_lower_only():
    wrong = [
        f"{name} -> {one}"
        for name, found in IMPORTS.items()
        for one in sorted(found)
        if name
        and package(name) != "sandbox"
        and package(one) != "sandbox"
        and package(name) != package(one)
        and LEVEL[place(name)] <= LEVEL[place(one)]
    ]
    assert wrong == []


def test_the_pure_modules_of_genesys_import_none_of_the_others():
    wrong = [f"{name} -> {one}" for name in PURE for one in IMPORTS[name] if LEVEL[place(one)] > LEVEL[name]]
    assert wrong == []


def test_genesys_and_salesforce_know_neither_each_other_nor_the_state():
    assert arrows("genesys", "salesforce", "state") + arrows("salesforce", "genesys", "state") == []


def test_the_sandbox_imports_nothing_of_the_rest():
    assert arrows("sandbox", *(package(name) for name in TREES if package(name) not in ("", "sandbox"))) == []


def test_only_the_command_line_imports_the_sandbox():
    assert {name for name, found in IMPORTS.items() if any(package(one) == "sandbox" for one in found)} <= {
        name for name in TREES if package(name) in ("cli", "sandbox")
    }


def test_only_assemble_and_the_command_line_know_how_things_are_put_together():
    users = {package(name) for name, found in IMPORTS.items() if "assemble" in found}
    assert users <= {"cli", "report", "schedule", "notify", "metrics", "page"}


def test_no_module_leads_back_to_itself():
    """A package's __init__ only gathers names: who imports a name of it needs the module that has it."""
    done: set[str] = set()

    def walk(name: str, way: tuple[str, ...]) -> None:
        assert name not in way, " -> ".join([*way, name])
        if name in done:
            return
        for one in IMPORTS[name] - {package(name)}:
            walk(one, (*way, name))
        done.add(name)

    for name in TREES:
        walk(name, ())


def test_simple_salesforce_is_imported_inside_functions_only():
    at_once = [
        name
        for name, tree in TREES.items()
        for node in _outside_functions(tree)
        if any(one.startswith("simple_salesforce") for one in imported(node))
    ]
    assert at_once == []


def _outside_functions(node: ast.AST) -> Iterator[ast.AST]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Import | ast.ImportFrom):
            yield child
        elif not isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            yield from _outside_functions(child)


@pytest.mark.parametrize("heavy", ["simple_salesforce", "connector.sandbox"])
def test_putting_everything_together_loads_nothing_that_is_slow(heavy: str):
    asked = f"import sys, connector.assemble; print(any(one.startswith({heavy!r}) for one in sys.modules))"
    done = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
