"""What the ResNet paper claims, and the experiments that put it to the test here. Written before the runs.

All are the paper's own experiments on CIFAR-10: its networks, its augmentation, its schedule. All but the table run on
10,000 of the pictures for 8 epochs, which is what the minutes of two cores allow, so they are called scaled, and share
their runs with the ablation. The table is the paper's in full, for a graphics card.
"""

from __future__ import annotations

from epochal.core.claim import Ablation, Arm, Claim, ErrorRate, Less, Measure
from epochal.landmarks.resnet.recipe import PAPER, PAPER_CIFAR, PAPER_CIFAR_110

# --- Section 4.2 at a budget: smaller batches for more steps, at a rate that goes with them.
BASE = PAPER_CIFAR.replace(
    pictures=10_000,
    batch_size=32,
    lr=0.05,
    epochs=8.0,
    drop_epochs=(6, 7),
    evaluate_epochs=4.0,
)
_BUDGET = "10,000 pictures of CIFAR-10, 8 epochs of 312 steps of 32 pictures, rate 0.05 divided by 10 after 6 and 7"
_SECONDS = {8: 90.0, 20: 225.0, 44: 490.0}


def _arm(name: str, depth: int = 20, **changes: object) -> Arm:
    return Arm(name=name, recipe=BASE.replace(depth=depth, **changes), seconds=_SECONDS[depth])


_PLAIN_20, _PLAIN_44 = _arm("plain 20", residual=False), _arm("plain 44", 44, residual=False)
_RESIDUAL_20, _RESIDUAL_44 = _arm("residual 20"), _arm("residual 44", 44)

DEGRADATION = Claim(
    name="degradation",
    says="a deeper plain network has a higher training error than a shallower one: it is not overfitting",
    source="Section 4.2, Figure 6, left",
    reported="curves only: plain networks of 20 to 56 layers in the order of their depth, 110 above 60 % error",
    label="S",
    metric=ErrorRate(split="train"),
    arms=(_PLAIN_20, _PLAIN_44),
    expectations=(Less(arm=_PLAIN_20.name, than=_PLAIN_44.name),),
    data="cifar10",
    seeds=(0, 1, 2),
    sd=2.0,
    budget=_BUDGET,
    notes=(
        "The paper trains 64,000 steps of 128 pictures and goes up to 56 layers; here it is early in the training, "
        "when depth hampers a plain network most.",
        "The training error is measured after the training, on the pictures that were learned from as they are; the "
        "paper's curves show it during the training, on augmented pictures.",
    ),
)

DEPTH = Claim(
    name="depth",
    says="with shortcuts the deeper network has the lower training error, lower than its plain twin too",
    source="Section 4.2, Figure 6, middle",
    reported="curves only: residual networks of 20 to 110 layers in the reversed order of their depth",
    label="S",
    metric=ErrorRate(split="train"),
    arms=(_RESIDUAL_20, _RESIDUAL_44, _PLAIN_44),
    expectations=(
        Less(arm=_RESIDUAL_44.name, than=_PLAIN_44.name),
        Less(arm=_RESIDUAL_44.name, than=_RESIDUAL_20.name),
    ),
    data="cifar10",
    seeds=(0, 1, 2),
    sd=2.0,
    budget=_BUDGET,
    notes=(
        "What a deeper residual network gains shows late in the paper's curves; 2,496 steps may be too few for it.",
        "The training error is measured as for `degradation`.",
    ),
)

RESPONSES = Claim(
    name="responses",
    says="layers of residual networks respond less than those of plain ones, and of the deeper one less still",
    source="Section 4.2, Figure 7",
    reported="curves only: standard deviations of each layer of plain 20 and 56 and residual 20, 56 and 110",
    label="S",
    metric=Measure(name="mean deviation of the layers' responses"),
    arms=(_RESIDUAL_20, _RESIDUAL_44, _PLAIN_20, _PLAIN_44),
    expectations=(
        Less(arm=_RESIDUAL_20.name, than=_PLAIN_20.name),
        Less(arm=_RESIDUAL_44.name, than=_PLAIN_44.name),
        Less(arm=_RESIDUAL_44.name, than=_RESIDUAL_20.name),
    ),
    data="cifar10",
    seeds=(0, 1, 2),
    sd=0.05,
    budget=_BUDGET,
    notes=(
        "A response is what a 3 x 3 layer answers after its normalisation, before rectifier or addition; its deviation "
        "is over 1,000 held-out pictures, and the layers count alike. The paper shows the layers and gives no mean.",
        "Deviations begin near 1, the scale that normalisations start with; a short training moves them little.",
    ),
)

# --- Table 6 as printed: for a graphics card. The seconds are those of a CPU core, reckoned from a few steps.
_DEPTHS = {20: 20_000.0, 32: 32_000.0, 44: 44_000.0, 56: 55_000.0, 110: 110_000.0}
_TABLE = tuple(
    Arm(
        name=f"{depth} layers",
        recipe=PAPER_CIFAR_110 if depth == 110 else PAPER_CIFAR.replace(depth=depth),
        seconds=seconds,
    )
    for depth, seconds in _DEPTHS.items()
)

CIFAR = Claim(
    name="cifar",
    says="residual networks err less on CIFAR-10 the deeper they are, up to 110 layers",
    source="Section 4.2, Table 6",
    reported="8.75, 7.51, 7.17, 6.97, 6.43 % for 20, 32, 44, 56, 110 layers (110: 6.61 ± 0.16 in five runs)",
    label="N",
    metric=ErrorRate(),
    arms=_TABLE,
    expectations=(
        Less(arm="32 layers", than="20 layers"),
        Less(arm="44 layers", than="20 layers"),
        Less(arm="56 layers", than="32 layers"),
        Less(arm="110 layers", than="56 layers"),
    ),
    data="cifar10",
    seeds=(0, 1, 2, 3, 4),
    sd=0.2,
    budget="none less: 64,000 steps of 128 pictures, all 50,000 of them; for a graphics card",
    notes=(
        "The error is that of the last step, not the best one on the test set, which looks 0.3 to 0.5 points better.",
        "One GPU normalises over 128 pictures where the paper's two normalised over 64 each.",
    ),
)

# --- Section 4.1, Table 3, on small pictures: what goes around a block where sizes change.
_OPTION_B, _OPTION_C = _arm("option B", shortcut="B"), _arm("option C", shortcut="C")
_OPTION_A = Arm(name="option A", recipe=_RESIDUAL_20.recipe, seconds=_RESIDUAL_20.seconds)
_NONE = Arm(name="plain", recipe=_PLAIN_20.recipe, seconds=_PLAIN_20.seconds)
_REPORTED = "34 layers, ImageNet, ten crops: plain 28.54, A 25.03, B 24.52, C 24.19 % top-1 error"

SHORTCUTS = Claim(
    name="shortcuts",
    says="with shortcuts of any of the three kinds the error is lower than with none",
    source="Section 4.1, Table 3",
    reported=_REPORTED,
    label="S",
    metric=ErrorRate(),
    arms=(_NONE, _OPTION_A, _OPTION_B, _OPTION_C),
    expectations=tuple(Less(arm=one.name, than=_NONE.name) for one in (_OPTION_A, _OPTION_B, _OPTION_C)),
    data="cifar10",
    seeds=(0, 1, 2),
    sd=1.0,
    budget=f"20 layers; {_BUDGET}",
    notes=("The paper tries B and C on ImageNet only.",),
)

PROJECTIONS = Claim(
    name="projections",
    says="projections have slightly less error than zero padding: B less than A, C less than B",
    source="Section 4.1, Table 3",
    reported=_REPORTED,
    label="S",
    metric=ErrorRate(),
    arms=(_OPTION_A, _OPTION_B, _OPTION_C),
    expectations=(
        Less(arm=_OPTION_B.name, than=_OPTION_A.name),
        Less(arm=_OPTION_C.name, than=_OPTION_B.name),
    ),
    data="cifar10",
    seeds=(0, 1, 2, 3, 4),
    sd=0.8,
    budget=f"20 layers; {_BUDGET}",
    notes=("The paper calls the differences small; a few seeds of a short training may not tell them from chance.",),
)


def _imagenet(depth: int, **changes: object) -> Arm:
    name = f"{'residual' if changes.get('residual', True) else 'plain'} {depth}"
    return Arm(name=name, recipe=PAPER.replace(depth=depth, **changes))


IMAGENET = Claim(
    name="imagenet",
    says="on ImageNet a plain network errs more than its residual twin, and residual ones err less with depth",
    source="Section 4.1, Tables 2 to 4",
    reported="top-1, ten crops: plain 34 28.54, residual 34 24.52 (B), 50 22.85, 101 21.75, 152 21.43 %",
    label="X",
    metric=ErrorRate(crops=10),
    arms=(_imagenet(34, residual=False), *(_imagenet(depth) for depth in (34, 50, 101, 152))),
    expectations=(
        Less(arm="residual 34", than="plain 34"),
        Less(arm="residual 50", than="residual 34"),
        Less(arm="residual 101", than="residual 50"),
        Less(arm="residual 152", than="residual 101"),
    ),
    data="imagefolder:imagenet",
    seeds=(0,),
    sd=0.2,
    budget="none: 600,000 steps of 256 pictures; `epochal train resnet --recipe paper --set depth=50` is the recipe",
)

CLAIMS = (DEGRADATION, DEPTH, RESPONSES, CIFAR, SHORTCUTS, PROJECTIONS, IMAGENET)

ABLATION = Ablation(
    base=_RESIDUAL_20,
    removals=(
        _arm("no shortcuts", residual=False),
        _arm("no augmentation", random_crop=False, mirror=False),
        _arm("no weight decay", weight_decay=0.0),
        _arm("no momentum", momentum=0.0),
    ),
    additions=(
        _arm("projections where sizes change (B)", shortcut="B"),
        _arm("projections everywhere (C)", shortcut="C"),
        _arm("decay on normalisations too", decay_norms=True),
        _arm("cosine", schedule="cosine", drop_epochs=()),
        _arm("linear warm-up", warmup_epochs=1.0),
        _arm("label smoothing", label_smoothing=0.1),
        _arm("mixup", mixup=0.2),
        _arm("CutMix", cutmix=1.0),
    ),
    baselines=(_arm("8 layers", 8), _arm("8 layers, plain", 8, residual=False)),
    metric=ErrorRate(),
    data="cifar10",
    seeds=(0, 1, 2),
    sd=1.0,
    budget=_BUDGET,
)
