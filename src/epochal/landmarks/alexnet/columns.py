"""The two columns on two devices, as the paper trained them on two GPUs (Section 3.2).

Each device holds half of the maps of every convolution and half of the units of the hidden dense layers, with their
weights. conv1, conv2, conv4 and conv5 stay within a column. conv3 and the dense layers see both columns, so the devices
exchange their maps there, and response normalisation fetches the two maps beyond the border where it runs over all
maps. The last dense layer stands on the first device, where the loss is taken. Every number is that of the network on
one device, dropout's masks included, up to the rounding of sums; the `state_dict` is the same.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812
from torch.nn.utils import skip_init

from epochal.core.fault import InputFault
from epochal.engine.device import placed
from epochal.engine.image_size import check_image
from epochal.engine.pieces import Pieces
from epochal.landmarks.alexnet.lrn import LocalResponseNorm
from epochal.landmarks.alexnet.model import PIXELS, AlexNet
from epochal.landmarks.alexnet.scaled import ScaledAlexNet
from epochal.landmarks.alexnet.source import PIXELS as SOURCE_PIXELS
from epochal.landmarks.alexnet.source import SourceAlexNet
from epochal.landmarks.dropout.model import Dropout

# What the two columns know of the same pictures, each on its own device.
Pair = tuple[Tensor, Tensor]
Devices = tuple[torch.device, torch.device]

_PIXELS = {AlexNet: PIXELS, SourceAlexNet: SOURCE_PIXELS}


class TwoColumnAlexNet(nn.Module):
    """A network of two columns, one on each of two devices.

    Args:
        model: the network on one device, whose weights are taken over; it need not be kept.
        devices: where the columns go; the first takes the pictures and gives the scores. The same one twice works.

    Raises:
        InputFault: the network has no two columns, or a layer that cannot be halved.
    """

    def __init__(self, model: nn.Module, devices: Devices) -> None:
        super().__init__()
        # Not a subclass: it may have layers that lead elsewhere.
        if type(model) not in (AlexNet, ScaledAlexNet, SourceAlexNet) or model.get_submodule("conv2").groups != 2:
            raise InputFault(
                f"a {type(model).__name__} without two columns cannot be put on two devices",
                expected="--set network=paper, source or scaled with --set columns=2",
            )
        self.devices = devices
        self._pixels = model.pixels if isinstance(model, ScaledAlexNet) else _PIXELS[type(model)]
        # The 2012 code reads three pixels of zeros beyond the picture.
        self._beyond = 3 if isinstance(model, SourceAlexNet) else 0
        for name, layer in model.named_children():
            self.add_module(name, _in_columns(name, layer, devices))

    def forward(self, image: Float[Tensor, "B rgb H W"]) -> Float[Tensor, "B classes"]:
        """The scores of the classes, before the softmax, on the first device.

        Raises:
            InputFault: the images are of another size than the network was made for.
        """
        check_image(image, self._pixels)
        image = F.pad(image, (0, self._beyond, 0, self._beyond)) if self._beyond else image
        first, second = self.devices
        pair = image.to(first), image.to(second, non_blocking=True)
        for name, layer in self.named_children():
            if name == "fc6":
                pair = pair[0].flatten(1), pair[1].flatten(1)
            if name == "fc8":
                return layer(_seen_from(pair, first))  # type: ignore[no-any-return]
            pair = layer(pair)
        raise AssertionError("the layers of a network are listed in the order in which they run; fc8 is the last")


def _in_columns(name: str, layer: nn.Module, devices: Devices) -> nn.Module:
    """What takes the place of a layer of the network on one device."""
    match layer:
        case nn.Conv2d():
            halves = [_convolution(layer, rows, device) for rows, device in _halves(layer, devices)]
            return _OwnColumn(halves) if layer.groups == 2 or name == "conv1" else _BothColumns(halves)
        case nn.Linear() if name == "fc8":
            return _linear(layer, slice(None), devices[0])
        case nn.Linear():
            return _BothColumns([_linear(layer, rows, device) for rows, device in _halves(layer, devices)])
        case LocalResponseNorm(columns=1):
            return _NormAcrossTheBorder(layer)
        case LocalResponseNorm():
            return _Alike(LocalResponseNorm(layer.size, alpha=layer.alpha, beta=layer.beta, k=layer.k))
        case Dropout():
            return _OneMask(layer)
        case _ if not list(layer.parameters()):
            return _Alike(layer)
    raise InputFault(f"the layer {name} cannot be put on two devices")


# --- layers with weights: half of the maps or units on each device ---


class _OwnColumn(Pieces):
    """A convolution that sees its own column only."""

    def forward(self, pair: Pair) -> Pair:
        first, second = self
        return first(pair[0]), second(pair[1])


class _BothColumns(Pieces):
    """A layer that sees both columns: here the devices exchange what they have."""

    def forward(self, pair: Pair) -> Pair:
        first, second = self
        return first(_seen_from(pair, pair[0].device)), second(_seen_from(pair, pair[1].device))


def _seen_from(pair: Pair, device: torch.device) -> Tensor:
    """The maps or units of both columns, on one device."""
    return torch.cat([one.to(device, non_blocking=True) for one in pair], dim=1)


def _halves(layer: nn.Conv2d | nn.Linear, devices: Devices) -> list[tuple[slice, torch.device]]:
    """The rows of a layer's weights for each device."""
    rows = len(layer.weight)
    if rows < 2:
        raise InputFault("a layer of one unit cannot be put on two devices", expected="at least one for each")
    return [(slice(0, rows // 2), devices[0]), (slice(rows // 2, rows), devices[1])]


def _convolution(whole: nn.Conv2d, rows: slice, device: torch.device) -> nn.Module:
    """A layer with some of the whole layer's maps."""
    weight = whole.weight[rows]
    part = skip_init(  # its own first weights would move the global generator
        nn.Conv2d,
        weight.shape[1],
        len(weight),
        whole.kernel_size,
        stride=whole.stride,
        padding=whole.padding,
        bias=whole.bias is not None,
    )
    return _with_rows(part, whole, rows, device)


def _linear(whole: nn.Linear, rows: slice, device: torch.device) -> nn.Module:
    """A layer with some of the whole layer's units."""
    weight = whole.weight[rows]
    part = skip_init(nn.Linear, weight.shape[1], len(weight), bias=whole.bias is not None)
    return _with_rows(part, whole, rows, device)


@torch.no_grad()
def _with_rows(part: nn.Module, whole: nn.Module, rows: slice, device: torch.device) -> nn.Module:
    part.to(next(whole.parameters()).dtype)
    for name, parameter in whole.named_parameters():
        part.get_parameter(name).copy_(parameter[rows])
    return placed(part, device)


# --- layers without weights ---


class _Alike(nn.Module):
    """The same in each column: pooling, rectifiers, normalisation within a column or a map."""

    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, pair: Pair) -> Pair:
        return self.layer(pair[0]), self.layer(pair[1])


class _NormAcrossTheBorder(nn.Module):
    """Response normalisation over all maps: each column borrows its neighbour's maps next to the border."""

    def __init__(self, norm: LocalResponseNorm) -> None:
        super().__init__()
        self.norm = norm

    def forward(self, pair: Pair) -> Pair:
        first, second = pair
        reach = self.norm.size // 2
        after = second[:, :reach].to(first.device, non_blocking=True)
        before = first[:, max(0, first.shape[1] - reach) :].to(second.device, non_blocking=True)
        # What comes out for the borrowed maps is dropped: their own column makes it.
        return (
            self.norm(torch.cat([first, after], dim=1))[:, : first.shape[1]],
            self.norm(torch.cat([before, second], dim=1))[:, before.shape[1] :],
        )


class _OneMask(nn.Module):
    """Dropout with the masks of the network on one device: drawn for both columns at once, on the first device."""

    def __init__(self, dropout: Dropout) -> None:
        super().__init__()
        self.dropout = dropout

    def forward(self, pair: Pair) -> Pair:
        first, second = pair
        units = first.shape[1], second.shape[1]
        kept = self.dropout(torch.ones(len(first), sum(units), dtype=first.dtype, device=first.device))
        mask, other = kept.split(units, dim=1)
        return first * mask, second * other.to(second.device, non_blocking=True)
