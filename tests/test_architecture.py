"""The import rules of the package, read from its source: inside functions and for types only as well.

    cli, console, studio -> epochal (the public API) -> lab -> verbs -> landmarks -> engine
        -> data, measure, view, interop -> core

A part may import what stands to the right of it, and itself. Data, measure, view and interop do not know one another.
Core knows the standard library and pydantic. A landmark knows another one only backward in time, only its model.
"""

from __future__ import annotations

import ast
import importlib
import subprocess
import sys
from functools import cache
from itertools import pairwise
from pathlib import Path

import pytest

import epochal
from epochal import landmarks as table

ROOT = Path(epochal.__file__).parent
FILES = sorted(ROOT.rglob("*.py"))
LEAVES = {"data", "measure", "view", "interop"}
BELOW = {
    "core": set(),
    **{leaf: {"core"} for leaf in LEAVES},
    "engine": LEAVES | {"core"},
    "landmarks": LEAVES | {"core", "engine"},
    "verbs": LEAVES | {"core", "engine", "landmarks"},
    "lab": LEAVES | {"core", "engine", "landmarks", "verbs"},
    "epochal": LEAVES | {"core", "engine", "landmarks", "verbs", "lab"},
    "console": {"epochal"},
    "cli": {"epochal", "console"},
    "__main__": {"cli"},
    "studio": {"epochal"},
}
NEVER = {"torchvision", "timm", "transformers", "lightning", "pytorch_lightning", "torchmetrics"}
# What a landmark is before it computes; the others of its files need torch.
LIGHT = ("__init__", "recipe", "claims")
# Names under which everything and nothing belongs.
FORBIDDEN = {"utils", "util", "helpers", "common", "misc", "base", "manager", "factory"}
LONGEST = 400


def module_name(path: Path) -> str:
    parts = path.relative_to(ROOT.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_name(path): path for path in FILES}


def part_of(module: str) -> str:
    """The part of the package that a module belongs to: its folder, or the file itself at the top."""
    names = module.split(".")
    return names[1] if len(names) > 1 else "epochal"


@cache
def imports(module: str, *, at_load: bool = False) -> frozenset[str]:
    """Every module that a module imports, by any kind of statement anywhere in it, or only those run when it loads."""
    tree = ast.parse(MODULES[module].read_text(encoding="utf-8"))
    found: set[str] = set()

    def visit(node: ast.AST) -> None:
        if at_load and (isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda) or _types_only(node)):
            return
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module} imports relatively"
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                found.add(inner if inner in MODULES else str(node.module))
        for child in ast.iter_child_nodes(node):
            visit(child)

    visit(tree)
    return frozenset(found)


def _types_only(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"


def _ours(module: str, *, at_load: bool = False) -> set[str]:
    return {name for name in imports(module, at_load=at_load) if name.split(".")[0] == "epochal"}


def test_the_rules_see_every_kind_of_import() -> None:
    assert "epochal.core.recipe" in imports("epochal.verbs.train"), "at the top"
    assert "huggingface_hub" in imports("epochal.data.hub"), "inside a function"
    assert "huggingface_hub" not in imports("epochal.data.hub", at_load=True)
    assert "epochal.verbs.train" in imports("epochal"), "for types only"
    assert _ours("epochal", at_load=True) == set()
    assert "epochal.view.grid" in imports("epochal.verbs.data"), "a module from its package"


def test_every_import_goes_down() -> None:
    wrong = [
        f"{module} imports {target}"
        for module in MODULES
        for target in _ours(module)
        if part_of(target) != part_of(module) and part_of(target) not in BELOW[part_of(module)]
    ]
    assert not wrong


def test_every_part_of_the_package_has_a_place_in_the_order() -> None:
    assert {part_of(module) for module in MODULES} <= set(BELOW)


def test_modules_named_in_text_are_ours_and_only_the_table_and_the_verbs_do_so() -> None:
    """`import_module` hides an import from the rules above: it is for the public API, the table and the verbs."""
    users = {module for module, path in MODULES.items() if "import_module" in path.read_text(encoding="utf-8")}
    assert {part_of(user) for user in users} <= {"epochal", "landmarks", "verbs", "lab"}
    assert not [user for user in users if user.startswith("epochal.landmarks.")]


def test_core_needs_the_standard_library_and_pydantic_only() -> None:
    allowed = set(sys.stdlib_module_names) | {"pydantic", "pydantic_core", "epochal"}
    wrong = [
        f"{module} imports {name}"
        for module in MODULES
        if part_of(module) == "core"
        for name in imports(module)
        if name.split(".")[0] not in allowed
    ]
    assert not wrong


def test_the_command_line_knows_the_public_api_and_nothing_else_of_the_package() -> None:
    for module in (name for name in MODULES if part_of(name) in ("cli", "console")):
        assert {part_of(name) for name in _ours(module)} <= {"epochal", "console", "cli"}
        assert {name for name in _ours(module) if part_of(name) == "epochal"} <= {"epochal"}
        tree = ast.parse(MODULES[module].read_text(encoding="utf-8"))
        used = {
            node.attr
            for node in ast.walk(tree)
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "epochal"
        }
        assert used <= {*epochal.__all__, "__version__"}


def test_nothing_imports_a_package_whose_breakage_would_be_ours() -> None:
    wrong = [
        f"{module} imports {name}" for module in MODULES for name in imports(module) if name.split(".")[0] in NEVER
    ]
    assert not wrong


def test_a_landmark_imports_another_only_backward_in_time_only_its_model_and_says_so() -> None:
    wrong = []
    for module in MODULES:
        names = module.split(".")
        if part_of(module) != "landmarks" or len(names) < 3:
            continue
        own = names[2]
        for target in _ours(module):
            there = target.split(".")
            if part_of(target) != "landmarks" or there[2:3] == [own]:
                continue
            earlier = table.CHRONOLOGY[: table.CHRONOLOGY.index(own)]
            allowed = set(epochal.landmark(own).builds_on) & set(earlier)
            if len(there) != 4 or there[2] not in allowed or there[3] != "model":
                wrong.append(f"{module} imports {target}")
    assert not wrong


def test_every_landmark_has_its_place_in_the_chronology() -> None:
    folders = {path.name for path in (ROOT / "landmarks").iterdir() if (path / "__init__.py").is_file()}
    assert folders == set(table.CHRONOLOGY)


def _reached(module: str) -> set[str]:
    """Everything that loading a module loads, the packages around it included."""
    reached: set[str] = set()
    waiting = {module}
    while waiting:
        name = waiting.pop()
        if name in reached:
            continue
        reached.add(name)
        parents = {name.rpartition(".")[0]} if name in MODULES and "." in name else set()
        waiting |= parents | (set(imports(name, at_load=True)) if name in MODULES else set())
    return reached


@pytest.mark.parametrize("name", table.CHRONOLOGY)
def test_cards_recipes_and_claims_reach_no_torch(name: str) -> None:
    for light in LIGHT:
        module = f"epochal.landmarks.{name}" + ("" if light == "__init__" else f".{light}")
        if module in MODULES:
            assert not {reached.split(".")[0] for reached in _reached(module)} & {"torch", "numpy", "matplotlib"}, (
                module
            )


@pytest.mark.parametrize("name", table.CHRONOLOGY)
def test_a_card_is_loaded_without_torch(name: str) -> None:
    program = f"import sys, epochal.landmarks.{name} as x; x.CARD, x.RECIPES; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def _cycle(edges: dict[str, set[str]]) -> list[str]:
    """A cycle in the graph, or nothing."""
    done: set[str] = set()

    def walk(node: str, path: list[str]) -> list[str]:
        if node in path:
            return [*path[path.index(node) :], node]
        if node in done:
            return []
        for target in sorted(edges.get(node, ())):
            if found := walk(target, [*path, node]):
                return found
        done.add(node)
        return []

    return next((found for node in sorted(edges) if (found := walk(node, []))), [])


def test_a_cycle_would_be_found() -> None:
    assert _cycle({"a": {"b"}, "b": {"c"}, "c": {"b"}}) == ["b", "c", "b"]
    assert _cycle({"a": {"b", "c"}, "b": {"c"}}) == []


def test_no_module_imports_itself_by_a_detour() -> None:
    """Imports inside functions and for types count: a cycle hidden there is still one."""
    found = _cycle({module: _ours(module) - {module} for module in MODULES})
    assert not found, " -> ".join(found)


def test_no_part_imports_another_by_a_detour() -> None:
    edges: dict[str, set[str]] = {}
    for module in MODULES:
        edges.setdefault(part_of(module), set()).update({part_of(target) for target in _ours(module)})
    found = _cycle({part: targets - {part} for part, targets in edges.items()})
    assert not found, " -> ".join(found)


def test_the_order_itself_has_no_cycle() -> None:
    assert not _cycle({part: set(below) for part, below in BELOW.items()})
    chain = ("cli", "epochal", "lab", "verbs", "landmarks", "engine", "data", "core")
    assert all(lower in BELOW[upper] for upper, lower in pairwise(chain))


def test_no_file_is_called_by_a_name_that_says_nothing() -> None:
    names = {part for path in FILES for part in path.relative_to(ROOT).with_suffix("").parts}
    assert not names & FORBIDDEN


def test_no_file_is_too_long() -> None:
    long = {
        module: count for module, path in MODULES.items() if (count := len(path.read_bytes().splitlines())) > LONGEST
    }
    assert not long


def test_every_module_says_what_it_is() -> None:
    silent = [module for module, path in MODULES.items() if not ast.get_docstring(ast.parse(path.read_bytes()))]
    assert not silent


@pytest.mark.parametrize("module", sorted(MODULES))
def test_every_module_can_be_imported(module: str) -> None:
    assert importlib.import_module(module).__doc__
