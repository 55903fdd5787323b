"""Look inside a trained run: pictures of what it has learned."""

from __future__ import annotations

import os
from collections.abc import Container, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from epochal import landmarks as table
from epochal.core.fault import InputFault, nearest, printable
from epochal.core.run import Run
from epochal.engine import signal_view
from epochal.verbs import catalogue
from epochal.verbs.scene import scene_of
from epochal.verbs.vectors import ON_CPU, load_vectors
from epochal.view.save import save

if TYPE_CHECKING:
    from matplotlib.figure import Figure


# The landmark whose views are those of word vectors.
_OF_VECTORS = "word2vec"
# What the runs of every landmark with layers can show, whatever their own views.
OF_NETWORKS = {
    "signal": "how responses and gradients are distributed in every layer, or in one (--layer), over the training"
}


@dataclass(frozen=True)
class Look:
    """A picture of a run.

    Attributes:
        view: its name.
        figure: the matplotlib figure.
        path: the PNG it was written to.
    """

    view: str
    figure: Figure
    path: Path


def views(landmark: str) -> dict[str, str]:
    """What there is to see in a landmark's runs: names and one-line descriptions."""
    module = _look_module(landmark)
    known: dict[str, str] = module.VIEWS
    return known | _of_networks(module)


def look(
    run: Run | Path | str,
    view: str | None = None,
    *,
    images: Sequence[Path | str] = (),
    words: Sequence[str] = (),
    layer: str | None = None,
    out: Path | str | None = None,
    device: str = "auto",
    offline: bool = False,
) -> list[Look]:
    """Draw one view of a run, or all of them, and write PNG files.

    Args:
        run: its path, its name in the runs folder, or `latest`; or a file of word vectors, as `evaluate` takes them.
        view: a name that `views` lists; all that the run's network has if None, or, with `images` or `layer`, all
            those that show them.
        images: pictures to look at; some of the run's held-out pictures if empty.
        layer: the layer to show, for `features`, `patches` and `signal`.
        words: for word vectors: the words to show; the view's own choice if empty.
        out: a PNG file for a single view, or a folder; if None the run's `figures`, for a file `figures` and its name
            in the current folder.
        device: where to compute.
        offline: never download.

    Raises:
        InputFault: the run, view, layer or a picture cannot be used, or the network has no such view.
        DiskFault: the picture cannot be written.
    """
    if not isinstance(run, Run) and os.path.isfile(run):
        _refuse_device(device, "word vectors")
        return _at_file(Path(run), view, images=images, words=words, layer=layer, out=out)
    found = catalogue.find_run(run)
    record = found.record()
    module, card = _look_module(record["landmark"]), catalogue.landmark(record["landmark"])
    _refuse_device(device, card.gives)
    names = _named(module, card.gives, view, layer=layer, images=images, words=words)
    places = {name: _place(found.figures, name, layer, out, single=view is not None) for name in names}
    scene = scene_of(found, images=images, words=words, device=device, offline=offline)
    recipe = table.load(record["landmark"]).RECIPE.parse(record["recipe"])
    shown = {*module.shown(scene), *_of_networks(module)}
    looks = []
    for name in _drawn(names, view, shown):
        if name in OF_NETWORKS:
            figure = signal_view.signal(scene, found.metrics(), layer)
        else:
            figure = module.look(name, scene, recipe, found.metrics(), layer)
        looks.append(Look(name, figure, save(figure, places[name])))
    return looks


def _at_file(
    path: Path,
    view: str | None,
    *,
    images: Sequence[Path | str],
    words: Sequence[str],
    layer: str | None,
    out: Path | str | None,
) -> list[Look]:
    """The views of words, of vectors that no run here has learned."""
    module = _look_module(_OF_VECTORS)
    if view in set(module.VIEWS).difference(module.OF_WORDS):
        raise InputFault(
            f"the view {view!r} is of a training, and {printable(str(path))} is a file of vectors",
            expected=f"one of {', '.join(module.OF_WORDS)}",
        )
    named = _named(module, "word vectors", view, layer=layer, images=images, words=words)
    names = [name for name in named if name in module.OF_WORDS]
    places = {name: _place(Path("figures") / path.stem, name, layer, out, single=view is not None) for name in names}
    scene = module.scene(load_vectors(path), words)
    looks = []
    for name in _drawn(names, view, module.shown(scene)):
        figure = module.look(name, scene, None, [])
        looks.append(Look(name, figure, save(figure, places[name])))
    return looks


def _refuse_device(device: str, gives: str) -> None:
    if device not in ON_CPU and gives == "word vectors":
        raise InputFault("--device says nothing of word vectors", expected="no --device: it is for networks")


def _drawn(names: Sequence[str], view: str | None, shown: Container[str]) -> list[str]:
    """The one view asked for, or those of all that there are here."""
    return [name for name in names if view is not None or name in shown]


def _look_module(landmark: str) -> Any:
    table.load(landmark)
    return import_module(f"epochal.landmarks.{landmark}.look")


def _of_networks(module: Any) -> dict[str, str]:
    return OF_NETWORKS if module.OF_A_LAYER else {}


def _named(
    module: Any, gives: str, view: str | None, *, layer: str | None, images: Sequence[Path | str], words: Sequence[str]
) -> list[str]:
    """The views asked for.

    Raises:
        InputFault: there is no such view, or it shows no layer, or no picture or words of one's own.
    """
    known = [*module.VIEWS, *_of_networks(module)]
    # The signal is that of layers with weights: it is left out where a layer is named and no view.
    of_a_layer = (*module.OF_A_LAYER, *(_of_networks(module) if view is not None else ()))
    if view is not None and view not in known:
        raise InputFault(f"there is no view called {printable(view)!r}", expected=nearest(view, known))
    fitting = [name for name in known if layer is None or name in of_a_layer]
    if view is not None and view not in fitting:
        raise InputFault(f"the view {view!r} shows no layer", expected=_instead("--layer", of_a_layer))
    fitting = [name for name in fitting if not images or name in module.OF_PICTURES]
    if view is not None and view not in fitting:
        raise InputFault(
            f"the view {view!r} shows no picture of your own", expected=_instead("--image", module.OF_PICTURES)
        )
    of_words = module.OF_WORDS if gives == "word vectors" else ()
    fitting = [name for name in fitting if not words or name in of_words]
    if words and (not fitting or (view is not None and view not in fitting)):
        told = "no view of this run" if view is None else f"the view {view!r} is none that"
        raise InputFault(f"{told} shows words of your own", expected=_instead("--word", of_words))
    if view is None and not fitting:
        raise InputFault(
            f"no view here shows {'a layer' if layer is not None else 'a picture of your own'}",
            expected=f"no {'--layer' if layer is not None else '--image'}: one of {', '.join(known)}",
        )
    return fitting if view is None else [view]


def _instead(option: str, names: Sequence[str]) -> str:
    return f"no {option}, or one of the views {', '.join(names)}"


def _place(figures: Path, view: str, layer: str | None, out: Path | str | None, *, single: bool) -> Path:
    stem = view if layer is None else f"{view}-{layer}"
    if out is None:
        return figures / f"{stem}.png"
    path = Path(out)
    if path.suffix.lower() == ".png" and single:
        return path
    if path.suffix and not path.is_dir():
        raise InputFault(
            f"pictures cannot be written to {printable(str(path))}",
            expected="a file ending in .png for one view, or a folder",
        )
    return path / f"{stem}.png"
