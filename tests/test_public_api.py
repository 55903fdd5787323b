"""What `import epochal` offers: these names and no others, loaded when they are first used."""

from __future__ import annotations

import inspect
import subprocess
import sys

import pytest

import epochal

# Heavy, or needed by one command only.
LATER = ("torch", "numpy", "matplotlib", "sklearn", "pydantic", "PIL", "pyarrow", "typer", "rich")


def test_the_list_of_names_is_the_lazy_table_sorted() -> None:
    assert list(epochal.__all__) == sorted(epochal._HOME)
    assert list(epochal._HOME) == sorted(epochal._HOME)


@pytest.mark.parametrize("name", epochal.__all__)
def test_every_name_is_there_and_says_what_it_does(name: str) -> None:
    value = getattr(epochal, name)
    assert callable(value)
    assert inspect.getdoc(value)
    assert value.__module__ == f"epochal.{epochal._HOME[name]}", "listed where it is defined"
    assert value is getattr(epochal, name)


@pytest.mark.parametrize("name", [name for name in epochal.__all__ if name[0].islower()])
def test_every_function_annotates_its_arguments_and_result(name: str) -> None:
    signature = inspect.signature(getattr(epochal, name))
    assert signature.return_annotation is not inspect.Signature.empty
    for parameter in signature.parameters.values():
        assert parameter.annotation is not inspect.Parameter.empty, parameter.name


def test_dir_lists_the_public_names() -> None:
    assert dir(epochal) == sorted([*epochal.__all__, "__version__"])


def test_an_unknown_attribute_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="'epochal' has no attribute 'trane'"):
        _ = epochal.trane
    assert not hasattr(epochal, "torch")


def test_the_names_for_the_type_checker_are_the_same() -> None:
    source = inspect.getsource(epochal)
    block = source.partition("if TYPE_CHECKING:")[2].partition("__version__")[0]
    named = {
        name.strip()
        for line in block.splitlines()
        if " import " in line
        for name in line.partition(" import ")[2].split(",")
    }
    assert named == set(epochal.__all__)


def test_the_version_is_that_of_the_distribution() -> None:
    from importlib.metadata import version

    assert epochal.__version__ == version("epochal")


def test_importing_the_package_imports_nothing_heavy() -> None:
    program = f"import sys, epochal; print([name for name in {LATER!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
