"""Rows of the ladder on planted worlds, in which the order of the paper has a reason to appear: docs/results.md.

python -m tests.references.planted_worlds [--seeds 5] [--steps 400]

A scene is a street of one dimension: 512 places in a row, cut into segments of one class each. What a place looks like
is its class's code, a code of its segment (what tells one stretch of road from the next) and noise. The heads, losses,
projector and probe are those of the package; the encoder is two convolutions with 16 channels out, so that whatever it
tells apart costs it something else.
"""

import argparse
import copy
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from itertools import product
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from tqdm import tqdm

import dos_mm3d  # noqa: F401  registers the heads
from dos_mm3d.engine.launch import run_tool
from dos_mm3d.files import write_json
from dos_mm3d.functional.ema import ema_update_
from dos_mm3d.functional.logistic_regression import ProbeRecipe, fit_linear
from dos_mm3d.functional.schedules import cosine_ramp
from dos_mm3d.models.heads import (
    ClusteringHead,
    Projector,
    PrototypeHead,
    RegressionHead,
    SoftmapHead,
    ZipfSinkhornHead,
)
from dos_mm3d.studies.runner import describe_machine

RECORD = Path(__file__).resolve().parents[2] / 'docs' / 'results' / 'planted_worlds.json'
CLASSES, PLACES, CONTENT, WAVES = 12, 512, 12, 6
FEATURES, PROJECTED, PROTOTYPES = 16, 32, 32
BLOCK, HIDDEN_SHARE = 8, 0.6
GROUPS = {'head': slice(0, 2), 'common': slice(2, 6), 'tail': slice(6, CLASSES)}
_prototypes = dict(
    channels=PROJECTED, num_prototypes=PROTOTYPES, teacher_temperature=(0.05, 0.05), student_temperature=0.1
)
METHODS = {
    'naive': ('mask tokens, clustering', lambda: ClusteringHead(n_iters=3, **_prototypes)),
    'clustering': ('observable, clustering', lambda: ClusteringHead(n_iters=3, **_prototypes)),
    'regression': ('observable, feature regression', lambda: RegressionHead(channels=PROJECTED, hidden_channels=64)),
    'softmap': ('softmap without Sinkhorn', lambda: SoftmapHead(**_prototypes)),
    'uniform': ('softmap, uniform Sinkhorn', lambda: ZipfSinkhornHead(alpha=0.0, **_prototypes)),
    'zipf_1p3': ('softmap, Zipf alpha 1.3', lambda: ZipfSinkhornHead(alpha=1.3, **_prototypes)),
    'auto': ("softmap, Zipf alpha 'auto'", lambda: ZipfSinkhornHead(alpha='auto', **_prototypes)),
}


@dataclass(frozen=True)
class World:
    """What is planted.

    Args:
        imbalance: class c = 1, 2, ... has the share c ** -imbalance of the segments.
        segment: places of a segment; 1: no place says anything about its neighbours.
        texture: sd of a segment's own code, where that of a class's code is 1.
        shared_positions: both views count their places alike, so that a place is an answer of its own.
    """

    imbalance: float
    segment: int = 8
    texture: float = 0.3
    shared_positions: bool = False

    def codes(self) -> Tensor:
        """(CLASSES, CONTENT), the same for all seeds."""
        return torch.randn(CLASSES, CONTENT, generator=torch.Generator().manual_seed(1))

    def scene(self, draw: torch.Generator) -> tuple[Tensor, Tensor]:
        """Class (PLACES,) and look (PLACES, CONTENT) of every place."""
        shares = torch.arange(1, CLASSES + 1).double() ** -self.imbalance
        count = PLACES // self.segment
        classes = torch.multinomial(shares, count, replacement=True, generator=draw)
        look = self.codes()[classes] + self.texture * torch.randn(count, CONTENT, generator=draw)
        return classes.repeat_interleave(self.segment), look.repeat_interleave(self.segment, 0)


WORLDS = (
    World(0.0),
    World(1.0),
    World(2.0),
    World(2.0, texture=1.0),
    World(1.0, segment=1),
    World(1.0, shared_positions=True),
)


class Encoder(nn.Sequential):
    """(B, PLACES, channels) -> (B, PLACES, FEATURES)."""

    def __init__(self) -> None:
        super().__init__(
            nn.Conv1d(CONTENT + 2 * WAVES + 1, 64, 5, padding=2), nn.GELU(), nn.Conv1d(64, FEATURES, 5, padding=2)
        )

    def forward(self, places: Tensor) -> Tensor:
        return super().forward(places.transpose(1, 2)).transpose(1, 2)


def seen(look: Tensor, shift: int, hidden: Tensor | None = None, *, tokens: bool = False) -> Tensor:
    """What an encoder is given of (B, PLACES, CONTENT): look, position, and 1 where there is a mask token.

    shift: of the positions, in places.  hidden: (PLACES,) bool; such places have no look, nor, but for tokens, a
    position.
    """
    place = (torch.arange(PLACES) + shift)[:, None] * 0.5 ** torch.arange(1, WAVES + 1)
    position = torch.cat((place.sin(), place.cos()), 1)
    token = torch.zeros(PLACES, 1)
    if hidden is not None:
        look = look * ~hidden[:, None]
        position, token = (position, hidden[:, None].float()) if tokens else (position * ~hidden[:, None], token)
    return torch.cat((look, torch.cat((position, token), 1).expand(len(look), -1, -1)), 2)


def views(world: World, scenes: Tensor, draw: torch.Generator) -> Iterator[tuple[Tensor, int, Tensor]]:
    """Two noisy looks at the same scenes, each with the shift of its positions and with places to hide."""
    for _ in range(2):
        noisy = scenes + 0.5 * torch.randn(scenes.shape, generator=draw)
        hidden = torch.rand(PLACES // BLOCK, generator=draw) < HIDDEN_SHARE
        shift = 0 if world.shared_positions else int(torch.randint(64, (1,), generator=draw))
        yield noisy, shift, hidden.repeat_interleave(BLOCK)


def pretrained(world: World, method: str, seed: int, steps: int) -> tuple[nn.Module, nn.Module, nn.Module]:
    """Teacher's encoder and projector, and the head, after so many steps of four scenes."""
    torch.manual_seed(seed)
    draw = torch.Generator().manual_seed(100 + seed)
    student = nn.Sequential(Encoder(), Projector(FEATURES, 64, PROJECTED))
    teacher, head = copy.deepcopy(student).requires_grad_(False), METHODS[method][1]()
    optimizer = torch.optim.AdamW([*student.parameters(), *head.parameters()], lr=2e-3, weight_decay=0.02)
    tokens = method == 'naive'
    for step in range(steps):
        head.set_step(step, steps)
        both = list(views(world, torch.stack([world.scene(draw)[1] for _ in range(4)]), draw))
        answers = [teacher(seen(look, shift)) for look, shift, _ in both]
        loss = 0.0
        for number, (look, shift, hidden) in enumerate(both):
            given = student(seen(look, shift, hidden, tokens=tokens))
            for other in answers[number], answers[1 - number]:  # same view, other view
                for rows in (~hidden, hidden) if tokens else (~hidden,):
                    wanted = other[:, rows].flatten(0, 1)
                    head.observe(wanted)
                    part = head(given[:, rows].flatten(0, 1), wanted, torch.zeros(len(wanted), dtype=torch.long))
                    loss = loss + part / (4 if tokens else 2)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        with torch.no_grad():
            momentum = cosine_ramp(step, steps, 0.98, 0.998)
            ema_update_(list(teacher.parameters()), list(student.parameters()), momentum=momentum)
            head.update_teacher(momentum)
    return *teacher, head


@torch.no_grad()
def judged(world: World, encoder: nn.Module, projector: nn.Module, head: nn.Module | None) -> dict[str, float]:
    """Linear probe of 16 labelled scenes on 32 others: mIoU of all classes and of groups; and of how many prototypes
    the largest class is what they are nearest to."""
    draw = torch.Generator().manual_seed(7)
    labelled, scored = ([world.scene(draw) for _ in range(count)] for count in (16, 32))
    features, labels = features_of(encoder, labelled)
    with torch.enable_grad():
        layer = fit_linear(features, labels, torch.ones(len(labels)), n_classes=CLASSES, recipe=ProbeRecipe())
    features, labels = features_of(encoder, scored)
    found = (features @ layer.weight + layer.bias).argmax(1)
    both = torch.bincount(labels * CLASSES + found, minlength=CLASSES**2).view(CLASSES, CLASSES).double()
    iou = 100 * both.diag() / (both.sum(0) + both.sum(1) - both.diag()).clamp_min(1)
    result = {'miou': float(iou.mean()), **{name: float(iou[part].mean()) for name, part in GROUPS.items()}}
    if isinstance(head, PrototypeHead):
        nearest = head.teacher_cosines(projector(features)).argmax(1)
        of_prototype = torch.zeros(PROTOTYPES, CLASSES).index_put_((nearest, labels), torch.ones(()), accumulate=True)
        used = of_prototype.sum(1) > 0
        result['on_largest'] = float((of_prototype.argmax(1)[used] == 0).sum())
        result['used'] = float(used.sum())
    return result


def features_of(encoder: nn.Module, scenes: list[tuple[Tensor, Tensor]]) -> tuple[Tensor, Tensor]:
    """(n, FEATURES) of whole scenes, and their labels (n,)."""
    labels, looks = (torch.stack(part) for part in zip(*scenes))
    return encoder(seen(looks, 0)).flatten(0, 1), labels.flatten()


def random_encoder(world: World, seed: int) -> dict[str, float]:
    """Of the same form, without pretraining."""
    torch.manual_seed(seed)
    return judged(world, Encoder(), nn.Identity(), None)


def run(seeds: int, steps: int) -> dict[str, Any]:
    """World by world: method -> one result for each seed."""
    torch.set_num_threads(1)
    worlds = []
    for world in WORLDS:
        results: dict[str, list[dict[str, float]]] = {'random': [random_encoder(world, seed) for seed in range(seeds)]}
        for method, seed in tqdm(list(product(METHODS, range(seeds))), desc=str(world)):
            results.setdefault(method, []).append(judged(world, *pretrained(world, method, seed, steps)))
        worlds.append({**asdict(world), 'results': results})
    return {
        'steps': steps,
        'seeds': seeds,
        'titles': {name: title for name, (title, _) in METHODS.items()},
        'worlds': worlds,
    }


def main() -> None:
    """Write the record."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--seeds', type=int, default=5)
    parser.add_argument('--steps', type=int, default=400)
    parser.add_argument('--record', type=Path, default=RECORD)
    args = parser.parse_args()
    facts = describe_machine()
    write_json(args.record, {**run(args.seeds, args.steps), **facts})


if __name__ == '__main__':
    run_tool(main)
