"""The text that goes with a model: what it is, what it can, how to load it, whom to cite."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from epochal.core.fault import printable
from epochal.core.landmark import Paper

# More classes than this are counted, not listed.
_LISTED = 20
_METRICS = {"top1": "top-1 accuracy", "top5": "top-5 accuracy", "loss": "cross-entropy, nats"}


@dataclass(frozen=True)
class Facts:
    """What a card tells of a model.

    Attributes:
        name: what the model is called.
        landmark: the landmark's name.
        idea: the landmark's idea, in a sentence.
        paper: the paper it reproduces.
        recipe: the recipe's name.
        changed: the settings in which the recipe differs from the paper's, as `name=value`.
        data: what it learned from.
        dataset: the same data's name on the Hub, if it is there.
        classes: what it tells apart.
        parameters: how many numbers it has.
        results: what it reached on held-out data, by metric; fractions.
        steps: how many steps it learned.
        preparation: how a picture must be prepared, step by step, in words.
        command: the command that trains such a model.
        began_with: the weights that it began with, if they were not drawn.
        version: of epochal.
    """

    name: str
    landmark: str
    idea: str
    paper: Paper
    recipe: str
    changed: Sequence[str]
    data: str
    dataset: str | None
    classes: Sequence[str]
    parameters: int
    results: Mapping[str, float]
    steps: int
    preparation: Sequence[str]
    command: str
    began_with: str
    version: str


def model_card(facts: Facts) -> str:
    """README.md of a model: YAML for machines, then a page for people."""
    front = "\n".join(f"{name}: {_yaml(value)}" for name, value in _front(facts).items())
    return f"---\n{front}\n---\n\n{_page(facts)}"


def _front(facts: Facts) -> dict[str, Any]:
    metrics = [
        {"type": "accuracy" if name.startswith("top") else name, "name": _METRICS.get(name, name), "value": value}
        for name, value in facts.results.items()
    ]
    result = {
        "task": {"type": "image-classification"},
        "dataset": {"name": facts.data, "type": facts.dataset or facts.data},
        "metrics": metrics,
    }
    return {
        "library_name": "epochal",
        "pipeline_tag": "image-classification",
        "tags": ["epochal", facts.landmark, "image-classification", "reproduction"],
        **({"datasets": [facts.dataset]} if facts.dataset else {}),
        "metrics": ["accuracy"],
        **({"model-index": [{"name": facts.name, "results": [result]}]} if metrics else {}),
    }


def _yaml(value: Any) -> str:
    """JSON is YAML too, and quotes whatever a name may hold."""
    return json.dumps(value, ensure_ascii=True)


def _page(facts: Facts) -> str:
    paper = facts.paper
    return f"""# {_plain(facts.name)}

{_plain(facts.idea)}

A reproduction of *{_plain(paper.title)}* ({_plain(", ".join(paper.authors))}, {paper.venue} {paper.year}),
{paper.url}.

{facts.parameters:,} parameters; recipe `{_code(facts.recipe)}`, {facts.steps:,} steps on {_plain(facts.data)};
made with epochal {facts.version}.

## Results

On pictures that were held out:

| metric | value |
| --- | --- |
{_results(facts.results)}

## How to load it

```python
import epochal
import numpy
from PIL import Image

classifier = epochal.from_pretrained("PATH")  # this folder, or OWNER/NAME on the Hub
picture = numpy.asarray(Image.open("photo.jpg").convert("RGB"))
shares = classifier.answer([picture])[0]
print(classifier.classes[int(shares.argmax())], float(shares.max()))
```

`model.safetensors` holds the weights alone and opens in any reader of safetensors; `config.json` holds the recipe, the
classes and how a picture is prepared; `preprocessing.safetensors` holds the mean picture.

## How a picture is prepared

{_steps(facts.preparation)}

## Classes

{_classes(facts.classes)}

## How it was trained

```
{_code(facts.command)}
```

{_began(facts.began_with)}Settings that differ from the paper's: {_settings(facts.changed)}

## Whom to cite

```bibtex
{_citation(facts)}
```

The licence of these weights is for whoever trained them to choose; the terms of the data apply.
"""


def _results(results: Mapping[str, float]) -> str:
    rows = [
        f"| {_plain(_METRICS.get(name, name))} | {f'{value:.2%}' if name.startswith('top') else f'{value:.4f}'} |"
        for name, value in results.items()
    ]
    return "\n".join(rows or ["| none recorded | |"])


def _began(weights: str) -> str:
    return f"It began with the weights of `{_code(weights)}`, not with drawn ones.\n\n" if weights else ""


def _steps(steps: Sequence[str]) -> str:
    return "\n".join(f"{number}. {_plain(step)}" for number, step in enumerate(steps, 1))


def _classes(classes: Sequence[str]) -> str:
    listed = ", ".join(f"`{_code(name)}`" for name in classes[:_LISTED])
    return listed if len(classes) <= _LISTED else f"{len(classes):,}, among them {listed}"


def _settings(changed: Sequence[str]) -> str:
    return ", ".join(f"`{_code(one)}`" for one in changed) + "." if changed else "none."


def _citation(facts: Facts) -> str:
    paper = facts.paper
    key = f"{paper.authors[0].split()[-1].lower()}{paper.year}{facts.landmark}"
    fields = {
        "title": paper.title,
        "author": " and ".join(paper.authors),
        "booktitle": paper.venue,
        "year": str(paper.year),
        "url": paper.url,
    }
    lines = ",\n".join(f"  {name} = {{{value}}}" for name, value in fields.items())
    return f"@inproceedings{{{key},\n{lines}\n}}"


def _plain(text: str) -> str:
    """Text in which nothing is a mark: names come from data."""
    shown = printable(text, 2000)
    return "".join(f"\\{c}" if c in "\\`*_[]<>#|" else c for c in shown)


def _code(text: str) -> str:
    """Text between backticks, which cannot end them."""
    return printable(text, 300).replace("`", "'")
