"""The recipe: every number a training run depends on, typed, frozen, with its source in the paper."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, TypeVar, get_args, get_origin

import pydantic
from pydantic_core import PydanticUndefined

from epochal.core.fault import InputFault, nearest, printable
from epochal.core.report import counted

# Not typing.Self: the shape checks of the test suite look at methods one by one and do not know it.
R = TypeVar("R", bound="Recipe")


def setting(default: Any, meaning: str, source: str, **limits: Any) -> Any:
    """A recipe's field: its default, a one-line meaning, and where the number comes from.

    Args:
        default: the value a recipe has unless it says otherwise.
        meaning: one line, with the unit.
        source: "Section 4.2", "authors' code, layers.cfg" or "ours".
        limits: pydantic's constraints (`gt=0`, `le=1`, ...).
    """
    return pydantic.Field(default, description=meaning, json_schema_extra={"source": source}, **limits)


class Recipe(pydantic.BaseModel):
    """A frozen set of settings. Vary it by replacement: `recipe.replace(lr=0.02)`."""

    model_config = pydantic.ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, validate_default=True)

    def replace(self: R, **changes: Any) -> R:
        """The same recipe with some settings changed.

        Raises:
            InputFault: a name is unknown (the nearest is told) or a value is of the wrong kind.
        """
        return self.parse({**self.model_dump(), **changes})

    def override(self: R, assignments: list[str]) -> R:
        """The same recipe with `name=value` assignments from a command line applied.

        Raises:
            InputFault: an assignment has no `=`, a name is unknown, or a value is of the wrong kind.
        """
        changes: dict[str, Any] = {}
        for assignment in assignments:
            name, equals, value = assignment.partition("=")
            if not equals or not name.strip():
                raise InputFault(
                    f"--set {printable(assignment)!r} is no assignment",
                    expected="name=value",
                    remedy="for example --set lr=0.02",
                )
            changes[name.strip()] = self._read(name.strip(), value.strip())
        return self.replace(**changes)

    def lasting(self: R) -> R:
        """The same recipe, its paths such that they mean the same from another folder."""
        return self

    @classmethod
    def _read(cls, name: str, value: str) -> Any:
        """The text of a value as pydantic should see it: commas make a sequence, `none` makes None."""
        if name not in cls.model_fields:
            return value
        annotation = cls.model_fields[name].annotation
        kinds = [annotation, *get_args(annotation)]
        if type(None) in kinds and value.lower() in ("none", "null"):
            return None
        if get_origin(annotation) is tuple:
            return [part.strip() for part in value.strip("()[]").split(",") if part.strip()]
        # Pydantic takes "2" for an integer, but not for the literal 2.
        choices = {str(choice): choice for kind in kinds if get_origin(kind) is Literal for choice in get_args(kind)}
        return choices.get(value, value)

    @classmethod
    def parse(cls: type[R], values: Mapping[str, Any]) -> R:
        """A recipe from plain values, as found in a run's record.

        Raises:
            InputFault: a name is unknown or a value is of the wrong kind.
        """
        for name in values:
            if name not in cls.model_fields:
                raise InputFault(
                    f"no setting is called {printable(str(name))!r}",
                    expected=nearest(name, cls.model_fields),
                    remedy="`epochal show LANDMARK` lists every setting with its meaning and source",
                )
        try:
            return cls.model_validate(dict(values))
        except pydantic.ValidationError as error:
            raise cls._refusal(error, values) from None

    @classmethod
    def _refusal(cls, error: pydantic.ValidationError, values: Mapping[str, Any]) -> InputFault:
        problem = error.errors(include_url=False)[0]
        expected = problem["msg"].removeprefix("Input should be ").removeprefix("Value error, ")
        if not problem["loc"]:
            return InputFault("these settings do not fit together", expected=expected)
        name, *place = problem["loc"]
        value = values.get(str(name))
        if place and problem["type"] == "missing" and isinstance(value, list | tuple):
            expected = f"more values than {len(value)}, such as {cls._written(cls.model_fields[str(name)].default)}"
        elif place:
            expected = f"each value {expected}"
        elif problem["type"] == "too_short":
            expected = f"at least {counted(problem['ctx']['min_length'], 'value')}"
        elif problem["type"] == "too_long":
            expected = f"at most {counted(problem['ctx']['max_length'], 'value')}"
        return InputFault(f"setting {name} cannot be {printable(cls._written(value))!r}", expected=expected)

    @staticmethod
    def _written(value: Any) -> str:
        """A value as one would write it after `--set name=`."""
        if isinstance(value, list | tuple):
            return ",".join(map(Recipe._written, value))
        if value is None or isinstance(value, bool):
            return str(value).lower()
        return repr(value).removesuffix(".0") if isinstance(value, float) else str(value)

    def written(self, name: str) -> str:
        """A setting's value as one would write it after `--set name=`."""
        return self._written(getattr(self, name))

    @classmethod
    def settings(cls) -> list[dict[str, Any]]:
        """Every setting as a row: name, default, meaning, source."""
        rows = []
        for name, field in cls.model_fields.items():
            extra = field.json_schema_extra if isinstance(field.json_schema_extra, dict) else {}
            default = None if field.default is PydanticUndefined else field.default
            rows.append({"name": name, "default": default, "meaning": field.description, "source": extra.get("source")})
        return rows
