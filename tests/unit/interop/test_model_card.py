"""The card of a model: readable by machines and by people, whatever its classes are called."""

from __future__ import annotations

import dataclasses
import json

from epochal.core.landmark import Paper
from epochal.interop.model_card import Facts, model_card

FACTS = Facts(
    name="alexnet-small-cifar10",
    landmark="alexnet",
    idea="A large network sees better.",
    paper=Paper(
        title="ImageNet Classification",
        authors=("Alex Krizhevsky", "Geoffrey E. Hinton"),
        venue="NIPS",
        year=2012,
        url="https://example.org",
    ),
    recipe="small",
    changed=("lr=0.05",),
    data="cifar10",
    dataset="uoft-cs/cifar10",
    classes=("cat", "dog"),
    parameters=1234567,
    results={"top1": 0.8466, "loss": 0.45},
    steps=7800,
    preparation=("take the central square", "divide by 64"),
    command="epochal train alexnet --recipe small --data cifar10",
    began_with="",
    version="0.1.0",
)


def front(card: str) -> dict[str, object]:
    """The front matter: YAML whose every value is written as JSON."""
    opening, matter, _ = card.split("---\n", 2)
    assert opening == ""
    return {name: json.loads(value) for name, _, value in (line.partition(": ") for line in matter.splitlines())}


def test_the_front_matter_is_what_the_hub_reads() -> None:
    matter = front(model_card(FACTS))
    assert matter["library_name"] == "epochal"
    assert matter["pipeline_tag"] == "image-classification"
    assert matter["datasets"] == ["uoft-cs/cifar10"]
    (index,) = matter["model-index"]  # type: ignore[misc]
    (result,) = index["results"]
    assert result["metrics"][0] == {"type": "accuracy", "name": "top-1 accuracy", "value": 0.8466}


def test_the_page_says_what_a_person_needs() -> None:
    card = model_card(FACTS)
    for text in (
        "1,234,567 parameters",
        "| top-1 accuracy | 84.66% |",
        "epochal.from_pretrained(",
        "2. divide by 64",
        "`cat`, `dog`",
        "epochal train alexnet --recipe small --data cifar10",
        "`lr=0.05`.",
        "@inproceedings{krizhevsky2012alexnet,",
        "author = {Alex Krizhevsky and Geoffrey E. Hinton}",
    ):
        assert text in card


def test_own_pictures_have_no_place_on_the_hub() -> None:
    matter = front(model_card(dataclasses.replace(FACTS, data="imagefolder", dataset=None, results={})))
    assert "datasets" not in matter
    assert "model-index" not in matter


def test_names_out_of_data_cannot_write_into_the_card() -> None:
    evil = "`</code><img src=x onerror=alert(1)>\n---\n# owned\x1b[2J"
    card = model_card(dataclasses.replace(FACTS, name=evil, classes=(evil,), data=evil, dataset=None))
    assert "\x1b" not in card
    assert "\n# owned" not in card
    assert "\n---\n# owned" not in card
    assert card.count("\n---\n") == 1, "the front matter's end"
    title = next(line for line in card.splitlines() if line.startswith("# "))
    assert "\\<img" in title
    classes = card.partition("## Classes\n\n")[2].partition("\n")[0]
    assert classes.count("`") == 2


def test_a_thousand_classes_are_counted() -> None:
    card = model_card(dataclasses.replace(FACTS, classes=tuple(f"class {n}" for n in range(1000))))
    assert "1,000, among them `class 0`" in card
    assert "class 999" not in card


def test_weights_that_it_began_with_are_told() -> None:
    assert "It began with" not in model_card(FACTS)
    assert "weights of `alexnet.pth`, not with drawn ones" in model_card(
        dataclasses.replace(FACTS, began_with="alexnet.pth")
    )
